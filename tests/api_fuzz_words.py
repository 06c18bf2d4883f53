"""What parameters of generated requests may be, besides what Schemathesis makes up.

Names, ids and queries that lead somewhere: without them nothing is tried but refusals.
"""

import json
from collections.abc import Mapping, Sequence

import httpx

from tests.served import Served

Words = Mapping[str, Sequence[str | int]]
PURCHASES = "eCommerce_eCommercePurchases"
ENTITIES = ("Customer", "UnifiedActivity", PURCHASES)
OFTEN, AT_TIMES = 0.85, 0.5
"""How often such a word is taken in a path, and in what may be left out."""
QUERIES: Words = {
    "query.$filter": (
        "City eq 'Akron' or RewardPoints gt 100",
        "contains(FullName,'a') and not (LoyaltyTier in ('high','low'))",
        "year(DateOfBirth) lt 1980",
        "IsMemberOfSegment('x')",
        "CustomerId ne null",
    ),
    "query.$select": ("CustomerId", "CustomerId,FullName", "*"),
    "query.$expand": ("UnifiedActivity($top=2)", "UnifiedActivity"),
    "query.$orderby": ("CustomerId desc", "FullName,CustomerId"),
    "query.$search": ("Moss", '"Abbie Moss"', "a OR b"),
    "query.asOf": ("2099-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
    "query.knownAt": ("2099-01-01T00:00:00Z",),
    "query.validUntil": ("2h", "30d"),
    "query.eventTime": ("2024-01-01T00:00:00Z",),
    "query.timeZone": ("Europe/Berlin",),
    "query.timezoneId": ("W. Europe Standard Time", "Europe/Berlin"),
    "query.cronSchedules": ("0 5 * * *",),
    "query.groupBy": ("operation,status", "hour"),
    "query.from": ("7d",),
    "query.dataSourceName": ("eCommerce",),
    "query.key": ("CNTID_1000",),
    "query.entityName": ("eCommerceContacts",),
    "query.operationType": ("all",),
    "header.Accept": ("application/json", "text/csv", "*/*"),
    "body.sql": ("SELECT count(*) FROM Customer", "SELECT * FROM Customer_live LIMIT 3"),
    "body.lasting": ("30m", "1s"),
    "body.role": ("Viewer", "Contributor"),
    "body.cronSchedules[*]": ("0 5 * * *",),
}


SCHEDULE = {
    "operationType": "all",
    "isActive": True,
    "timezoneId": "W. Europe Standard Time",
    "cronSchedules": ["30 2 * * MON-FRI"],
}
PURCHASE = {"PurchaseId": "1", "ContactId": "CNTID_1001", "PurchasedOn": "11/28/2026"}
ROOT = "/instances/{instanceId}"
RIGHT = {
    f"POST {ROOT}/data/{{entityName}}": ({"entityName": PURCHASES}, PURCHASE),
    f"POST {ROOT}/data/{{entityName}}/batch": ({"entityName": PURCHASES}, [PURCHASE]),
    f"PATCH {ROOT}/data/{{entityName}}/{{entityId}}": (
        {"entityName": "Customer"},
        {"City": "Oslo"},
    ),
    f"POST {ROOT}/data/Customer('{{entityId}}')/embed": ({}, {"lasting": "30m"}),
    f"POST {ROOT}/workflows/{{workflowName}}/schedules": ({}, SCHEDULE),
    f"POST {ROOT}/workflows/{{workflowName}}/schedules/batch": ({}, [SCHEDULE]),
}
"""Of operations whose bodies nobody makes up: parts of a path and a body that are right."""


def words_of(served: Served) -> Words:
    """Return words by parameter: what there is in a service, made where it is not there yet."""
    with served.client() as client:
        asked = {"dataSourceName": "eCommerce", "entityName": "eCommerceContacts"}
        ring = client.get("/profile/keyring", params={**asked, "key": "CNTID_1000"}).json()
        relationships = client.get("/manage/relationships").json()
        sources = client.get("/manage/datasources").json()
        links = client.get("/data/Customer", params={"proxy": "true"}).json()["httpRequests"]
        paths = {
            "instanceId": [served.instance],
            "entityId": [ring["customerId"]],
            "entityName": ENTITIES,
            "qualifiedEntityName": ("Customer", "eCommerce_eCommerceContacts"),
            "attributeName": ("FullName", "City", "EMail"),
            "field": ("FullName", "LoyaltyTier", "City"),
            "relationshipName": [one["name"] for one in relationships],
            "dataSourceId": [one["dataSourceMetadata"]["dataSourceId"] for one in sources],
            "workflowName": ("main",),
            "jobId": [_made(client, "/jobs", params={"operationType": "all"})["jobId"]],
            "scheduleId": [_made(client, "/schedules", json=SCHEDULE)["scheduleId"]],
            "keyName": ("primary", "secondary"),
            "run": ["1"],
        }
    queries = {
        **QUERIES,
        "query.link": [links[0]["uri"].partition("link=")[2]],
        "query.customerId": [ring["customerId"]],
    }
    return {**{f"path.{name}": found for name, found in paths.items()}, **queries}


def settings_of(words: Words) -> str:
    """Return them as tables of Schemathesis's settings."""
    names = {parameter: f"words{number}" for number, parameter in enumerate(words)}
    lines = ["[dictionaries]"]
    lines += [f"{names[one]} = {{values = {json.dumps(list(words[one]))}}}" for one in words]
    lines.append("[parameters]")
    for one, name in names.items():
        share = OFTEN if one.startswith("path.") else AT_TIMES
        lines.append(
            f"{json.dumps(one)} = {{dictionary = {json.dumps(name)}, probability = {share}}}"
        )
    return "\n".join(lines) + "\n"


def _made(client: httpx.Client, path: str, **sent: object) -> dict[str, str]:
    """Make something of the workflow, and return it."""
    made = client.post(f"/workflows/main{path}", **sent).raise_for_status().json()
    return dict(made)
