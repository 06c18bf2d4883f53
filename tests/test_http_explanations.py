"""Why a customer shows what it does, over HTTP: decisions, links, held activities, filters."""

import datetime as dt
import json
import time
from collections import Counter
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import httpx
import pytest

CONTACTS, LOYALTY = "eCommerce_eCommerceContacts", "LoyaltyScheme_loyCustomers"


@pytest.fixture(scope="module")
def client(contoso_served) -> Iterator[httpx.Client]:
    with contoso_served.client() as found:
        yield found


@pytest.fixture(scope="module")
def maria(client) -> str:
    """A customer whom no other test looks at."""
    return of_contact(client, "CNTID_1040")


def of_contact(client: httpx.Client, key: str) -> str:
    asked = {"dataSourceName": "eCommerce", "entityName": CONTACTS, "key": key}
    return client.get("/profile/keyring", params=asked).json()["customerId"]


def test_a_decision_names_the_winner_every_loser_and_what_comes_next(client, maria):
    path = f"/data/Customer/{maria}"
    base = client.get(f"/data/Customer('{maria}')").json()["Telephone"]
    client.patch(path, json={"Telephone": "1"}, params={"validUntil": "1h", "caller": "a"})
    client.patch(path, json={"Telephone": "2"}, params={"validUntil": "2h", "caller": "b"})
    client.delete(f"{path}/overrides/Telephone")
    client.patch(path, json={"Telephone": "3"}, params={"validUntil": "4h", "caller": "c"})
    client.patch(path, json={"Telephone": "4"}, params={"validUntil": "3h", "caller": "d"})
    found = client.get(f"/data/Customer('{maria}')/explanation/Telephone").json()
    assert (found["value"], found["baseValue"]) == ("4", base)
    assert (found["winner"]["caller"], found["winner"]["value"]) == ("d", "4")
    assert [(one["caller"], one["reason"]) for one in found["losers"]] == [
        ("c", "older"),
        ("b", "withdrawn"),
        ("a", "withdrawn"),
    ]
    assert (found["changesAt"], found["changesTo"]) == (found["winner"]["validUntil"], "3")
    last = {"asOf": next(one["validUntil"] for one in found["losers"] if one["caller"] == "c")}
    ended = client.get(f"/data/Customer('{maria}')/explanation/Telephone", params=last).json()
    assert (ended["value"], ended["winner"], ended["changesAt"]) == (base, None, None)


def test_a_field_that_is_none_has_no_decision(client, maria):
    answer = client.get(f"/data/Customer('{maria}')/explanation/Telefone")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "unknown_field")
    nobody = client.get("/data/Customer('nobody')/explanation/Telephone")
    assert (nobody.status_code, nobody.json()["errorCode"]) == (404, "customer_not_found")


def test_the_records_of_a_customer_tell_what_joined_them(client, maria):
    found = client.get(f"/data/Customer('{maria}')/records").json()
    assert found["customerId"] == maria
    assert {one["entity"] for one in found["records"]} == {CONTACTS, LOYALTY}
    (link,) = found["links"]
    assert (link["kind"], link["entity"], link["matchedEntity"]) == ("match", CONTACTS, LOYALTY)
    assert link["rule"] in ("FullName, Email", "LastName, Email")
    assert 80 <= link["score"] <= 100


def month_in(zone: str, instant: str) -> str:
    return dt.datetime.fromisoformat(instant).astimezone(ZoneInfo(zone)).isoformat()[:7]


def test_activities_are_asked_for_by_type_and_time(client):
    asked = "/data/Customer?$filter=UnifiedActivity/$count gt 5&$top=1&$select=CustomerId"
    busy = client.get(asked)
    customer = (
        busy.json()["value"][0]["CustomerId"]
        if busy.status_code == 200
        else of_contact(client, "CNTID_1001")
    )
    path = f"/data/Customer('{customer}')/UnifiedActivity"
    everything = client.get(path, params={"$count": "true"}).json()
    rows = everything["value"]
    middle = rows[len(rows) // 2]["ActivityTime"]
    later = client.get(path, params={"since": middle}).json()["value"]
    earlier = client.get(path, params={"before": middle}).json()["value"]
    assert (later + earlier, later[-1]["ActivityTime"]) == (rows, middle)
    kind = rows[0]["ActivityType"]
    of_kind = client.get(path, params={"activityType": kind, "$count": "true"}).json()
    assert of_kind["value"] == [one for one in rows if one["ActivityType"] == kind]
    counts = client.get(
        "/profile/activityresponsemetadata", params={"customerId": customer, "since": middle}
    ).json()
    assert counts["totalCount"] == len(later)
    assert "months" not in counts
    asked = {"customerId": customer, "timeZone": "Pacific/Auckland"}
    counts = client.get("/profile/activityresponsemetadata", params=asked).json()
    by_month = Counter(month_in("Pacific/Auckland", one["ActivityTime"]) for one in rows)
    assert {one["month"]: one["count"] for one in counts["months"]} == by_month
    assert [one["month"] for one in counts["months"]] == sorted(by_month, reverse=True)
    nowhere = client.get(
        "/profile/activityresponsemetadata", params=asked | {"timeZone": "Nowhere"}
    )
    assert (nowhere.status_code, nowhere.json()["name"]) == (400, "timeZone")
    for place, one in enumerate(rows):
        behind = client.get(path, params={"after": f"{one['ActivityTime']},{one['ActivityId']}"})
        assert behind.json()["value"] == rows[place + 1 :]
    wrong = client.get(path, params={"since": "yesterday"})
    assert (wrong.status_code, wrong.json()["target"]) == (400, "since")


def test_held_activities_are_listed_before_and_after_the_stream_carried_them(client):
    for number in range(2):
        record = {
            "PurchaseId": f"held-{number}",
            "ContactId": "NOBODY",
            "PurchasedOn": "01/02/2026",
        }
        posted = client.post("/data/eCommerce_eCommercePurchases", json=record)
        assert posted.status_code == 202, posted.text
    known = {"PurchaseId": "not-held", "ContactId": "CNTID_1002", "PurchasedOn": "01/02/2026"}
    assert client.post("/data/eCommerce_eCommercePurchases", json=known).status_code == 201

    def listed() -> list[str]:
        found = client.get("/manage/heldactivities").json()
        assert found["count"] >= len(found["value"])
        return [one["SourceActivityId"] for one in found["value"] if one["key"] == "NOBODY"]

    expected = ["held-1", "held-0"]
    assert listed() == expected
    until = time.monotonic() + 120
    while not carried(client):
        assert time.monotonic() < until, "the stream carries nothing"
        time.sleep(0.2)
    assert listed() == expected
    assert client.get("/manage/heldactivities?$top=1").json()["count"] >= 2  # others hold some too


def carried(client: httpx.Client) -> bool:
    """Say whether the lake has the activities that were posted."""
    statement = "SELECT count(*) FROM realtime_activities WHERE PrimaryKey = 'NOBODY'"
    found = client.post("/sql", json={"sql": statement}).raise_for_status().json()
    return found["rows"] == [[2]]


def test_who_watches_may_be_told_of_activities_too(contoso_served, client, maria):
    path = f"/data/Customer('{maria}')/live"
    with (
        contoso_served.client() as other,
        other.stream("GET", path, params={"activities": "true"}) as response,
    ):
        events = told(response)
        assert next(events)[0] == "card"
        kind, first = next(events)
        assert kind == "activities"
        record = {"PurchaseId": "watched", "ContactId": "CNTID_1040", "PurchasedOn": "01/02/2026"}
        client.post("/data/eCommerce_eCommercePurchases", json=record).raise_for_status()
        kind, second = next(events)
        assert (kind, second != first) == ("activities", True)


def told(response: httpx.Response) -> Iterator[tuple[str, object]]:
    """Give the kind and the data of the events of a stream."""
    kind = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        if line.startswith("data: "):
            yield kind, json.loads(line.removeprefix("data: "))
