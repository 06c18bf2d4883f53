"""Tables over HTTP as OData: what is shown, page by page, and what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from tests import shop
from tests.command_line import call
from tests.served import Served, serving

PEOPLE = 12
ODD_KEY = "Ü?a+b&c'd/%2F#|"
"""That of the first person's duplicate."""
ORDER = {"AccountId": "1", "PlacedAt": "2024-03-01T10:00:00Z", "Item": "Cup", "Amount": "3.50"}


def records() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give a contact and an account of each person; the first has a duplicate and two orders."""
    for number in range(1, PEOPLE + 1):
        person = {"EMail": f"p{number}@x", "FullName": f"Person {number % 4}"}
        yield shop.CONTACTS, str(number), {**person, "Points": number, "Since": "2024-05-01"}
        yield shop.ACCOUNTS, str(number), {**person, "Spent": f"{number}.50", "Member": True}
    yield shop.CONTACTS, ODD_KEY, {"EMail": "p1@x", "FullName": "Double"}
    yield shop.CONTACTS, "C", {"EMail": "c@x", "Points": "many"}
    yield shop.ORDERS, "1", ORDER
    yield shop.ORDERS, "2", {**ORDER, "Item": "Pan", "PlacedAt": "2024-04-01T10:00:00Z"}


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    project: Path = tmp_path_factory.mktemp("odata")
    (project / "overtide.yaml").write_text(json.dumps(shop.configuration()))
    shop.write_sources(project, shop.sources(*records()))
    assert call("-q", "-C", project, "refresh").code == 0
    with serving(project, shop.INSTANCE, "--only", "api") as found:
        yield found


@pytest.fixture(scope="module")
def client(served) -> Iterator[httpx.Client]:
    with served.client() as found:
        yield found


@pytest.fixture(scope="module")
def first(client) -> str:
    """The id of the first person."""
    return str(rows(client, "Customer?$filter=EMail eq 'p1@x'")[0]["CustomerId"])


def document(client: httpx.Client, path: str, **options: Any) -> dict[str, Any]:
    answer = client.get(f"/data/{path}", **options)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def rows(client: httpx.Client, path: str, **options: Any) -> list[dict[str, Any]]:
    """Return the rows of all pages."""
    page = document(client, path, **options)
    found = list(page["value"])
    while "@odata.nextLink" in page:
        page = client.get(page["@odata.nextLink"], **options).json()
        found += page["value"]
    return found


SETS = [
    ("Customer", PEOPLE + 3),
    ("UnifiedActivity", 2),
    ("AlternateKey", 2 * PEOPLE + 4),
    ("VanishedKey", 0),
    ("RelatedKey", 0),
    ("IdentityAlias", 0),
    ("ConflationMatchPairs", PEOPLE),
    ("DeduplicationPairs", 1),
    ("oversized_blocks", 0),
    ("ignored_values", 0),
    ("Crm_Contacts", PEOPLE + 3),
    ("Crm_Contacts_corrupt", 1),
    ("Deduplication_Crm_Contacts", 2),
    ("Shop_Orders", 3),
    ("realtime_quarantine", 0),
]


@pytest.mark.parametrize(("name", "least"), SETS)
def test_every_table_can_be_read_page_by_page(client, name, least):
    whole = rows(client, f"{name}?$top=10000")
    assert len(whole) >= least > -1
    assert rows(client, name, headers={"Prefer": "odata.maxpagesize=3"}) == whole
    assert int(client.get(f"/data/{name}/$count").text) == len(whole)


def test_all_sets_are_in_the_service_document_and_can_be_read(client):
    for path in ("", "/"):
        found = client.get(f"/data{path}").json()
        names = {one["name"] for one in found["value"]}
    assert names >= {name for name, _ in SETS}
    for name in names:
        assert client.get(f"/data/{name}?$top=1&$count=true").status_code == 200


def test_a_page_has_a_hundred_rows_or_as_many_as_asked_for(client):
    assert "@odata.nextLink" not in document(client, "Customer?$top=2")
    page = document(client, "Customer?$top=5&$count=true", headers={"Prefer": "maxpagesize=2"})
    assert (len(page["value"]), page["@odata.count"] >= PEOPLE) == (2, True)
    assert len(rows(client, "Customer?$top=5", headers={"Prefer": "odata.maxpagesize=2"})) == 5
    assert len(rows(client, "Customer?$top=5&$skip=10")) <= 5
    whole = rows(client, "Customer?$select=CustomerId")
    skipped = "Customer?$select=CustomerId&$skip=3"
    assert rows(client, skipped, headers={"Prefer": "odata.maxpagesize=4"}) == whole[3:]


def test_values_are_as_everywhere_and_numbers_for_clients_of_odata(client):
    path = "Customer?$filter=EMail eq 'p2@x'&$select=Spent,Points,Since,Member"
    assert document(client, path)["value"] == [
        {"Points": 2, "Since": "2024-05-01", "Spent": "2.50", "Member": True}
    ]
    exact = client.get(f"/data/{path}", headers={"Accept": "application/json;odata.metadata=none"})
    assert '"Spent":2.50' in exact.text
    assert "@odata" not in exact.text
    texts = client.get(
        f"/data/{path}", headers={"Accept": "application/json;IEEE754Compatible=true"}
    )
    assert texts.json()["value"][0] | {"Since": 0} == {
        "Points": "2",
        "Since": 0,
        "Spent": "2.50",
        "Member": True,
    }
    assert "IEEE754Compatible=true" in texts.headers["Content-Type"]


def test_what_was_accepted_is_in_the_very_next_read(client, first):
    for points in (101, 102):
        client.patch(f"/data/Customer/{first}", json={"Points": points}).raise_for_status()
        for condition in (f"Points eq {points}", f"CustomerId eq '{first}'"):
            found = rows(client, f"Customer?$filter={condition}")
            assert [one["Points"] for one in found] == [points]
    assert rows(client, f"Customer?base=true&$filter=CustomerId eq '{first}'")[0]["Points"] == 1
    assert rows(client, "Customer?base=true&$filter=Points gt 100") == []
    client.delete(f"/data/Customer/{first}/overrides").raise_for_status()
    assert rows(client, "Customer?$filter=Points gt 100") == []
    posted = client.post(f"/data/{shop.ORDERS}", json={**ORDER, "OrderId": "live", "Item": "Wok"})
    assert posted.status_code == 201
    assert [
        one["CustomerId"] for one in rows(client, "UnifiedActivity?$filter=Title eq 'Wok'")
    ] == [first]
    assert rows(client, "UnifiedActivity?base=true&$filter=Title eq 'Wok'") == []


def test_an_instant_shows_what_was_true_then(client, first):
    before = client.get(f"/data/Customer('{first}')").headers["Overtide-As-Of"]
    client.patch(f"/data/Customer/{first}", json={"Points": 500}).raise_for_status()
    moment = {"asOf": before, "knownAt": before}
    assert rows(client, "Customer?$filter=Points eq 500", params=None) != []
    query = f"Customer?$filter=Points eq 500&asOf={quote(before)}&knownAt={quote(before)}"
    assert rows(client, query) == []
    assert moment["asOf"] == before
    client.delete(f"/data/Customer/{first}/overrides").raise_for_status()


def test_next_links_stay_right_while_data_changes(client, first):
    path = "Customer?$orderby=Points desc&$select=CustomerId,Points&$count=true"
    whole = rows(client, path)
    page = document(client, path, headers={"Prefer": "odata.maxpagesize=4"})
    found = list(page["value"])
    points = 1000
    while "@odata.nextLink" in page:
        client.patch(f"/data/Customer/{first}", json={"Points": points}).raise_for_status()
        points -= 990
        page = client.get(page["@odata.nextLink"], headers={"Prefer": "odata.maxpagesize=4"}).json()
        found += page["value"]
    assert found == whole
    client.delete(f"/data/Customer/{first}/overrides").raise_for_status()


def test_customers_are_found_by_their_keys(client, first):
    for condition in (
        "Crm_Contacts_ContactId eq '1'",
        f"CustomerId eq '{first}'",
        f"CustomerId in ('{first}','nobody')",
        "Crm_Contacts_ContactId in ('1','1','zz')",
        "Shop_Accounts_AccountId eq '1' and Points ge 0",
    ):
        assert [one["CustomerId"] for one in rows(client, f"Customer?$filter={condition}")] == [
            first
        ]
    assert rows(client, "Customer?$filter=Crm_Contacts_ContactId eq 'zz'") == []
    double = quote(ODD_KEY.replace("'", "''"), safe="")
    assert rows(client, f"Customer?$filter=Crm_Contacts_ContactId eq '{double}'") == []
    assert rows(client, "Customer?$filter=Crm_Contacts_ContactId eq null") != []
    two = rows(client, "Customer?$filter=Crm_Contacts_ContactId in ('2','3')&$orderby=Points desc")
    assert [one["Points"] for one in two] == [3, 2]


def test_one_key_is_asked_for_after_the_other(client):
    for number in (1, 2, 1):
        (found,) = rows(client, f"Customer?$filter=Crm_Contacts_ContactId eq '{number}'")
        assert found["Crm_Contacts_ContactId"] == str(number)
    assert rows(client, "Customer?$filter=Crm_Contacts_ContactId eq 'O''Neil'") == []
    counted = document(client, "Customer?$filter=Crm_Contacts_ContactId eq '2'&$count=true")
    assert counted["@odata.count"] == 1
    named = rows(client, "Customer?$filter=FullName eq 'Person 2'")
    assert {one["FullName"] for one in named} == {"Person 2"}


def test_activities_of_a_customer_are_filtered_and_ordered(client, first):
    own = (
        f"UnifiedActivity?$filter=CustomerId eq '{first}' and ActivityTime gt 2024-03-15T00:00:00Z"
    )
    found = rows(client, f"{own} and Title ne 'Wok'&$orderby=ActivityTime asc&$select=Title")
    assert found == [{"Title": "Pan"}]
    assert rows(client, "UnifiedActivity?$filter=CustomerId eq 'nobody'") == []


def test_activities_are_expanded_with_options_of_their_own(client, first):
    inner = (
        "UnifiedActivity($filter=Title ne 'Wok';$orderby=Title;$top=1;$count=true;$select=Title)"
    )
    for condition in (f"CustomerId eq '{first}'", "EMail eq 'p1@x'"):
        (found,) = rows(client, f"Customer?$filter={condition}&$expand={inner}&$select=EMail")
        assert found == {
            "EMail": "p1@x",
            "UnifiedActivity@odata.count": 2,
            "UnifiedActivity": [{"Title": "Cup"}],
        }
    others = rows(client, "Customer?$filter=EMail ne 'p1@x'&$expand=UnifiedActivity")
    assert {len(one["UnifiedActivity"]) for one in others} == {0}
    some = rows(client, "Customer?$filter=UnifiedActivity/any(a: a/Title eq 'Pan')&$select=EMail")
    assert some == [{"EMail": "p1@x"}]
    assert rows(client, "Customer?$filter=UnifiedActivity/$count ge 2&$select=EMail") == some
    all_pans = "UnifiedActivity/all(a: a/Title eq 'Pan') and EMail eq 'p1@x'"
    assert rows(client, f"Customer?$filter={all_pans}") == []


def test_a_query_may_stand_encoded_within_the_path(client, first):
    for name in ("$filter", "filter"):
        path = quote(f"Customer?{name}=CustomerId eq '{first}'&$select=EMail", safe="")
        assert rows(client, path) == [{"EMail": "p1@x"}]
    assert rows(client, "Customer?%24filter=EMail%20eq%20'p1%40x'&%24select=EMail") == [
        {"EMail": "p1@x"}
    ]


def test_one_row_is_read_by_its_key(client, first):
    assert document(client, f"Customer(CustomerId='{first}')")["EMail"] == "p1@x"
    assert document(client, "Crm_Contacts('2')")["EMail"] == "p2@x"
    double = quote(ODD_KEY.replace("'", "''"), safe="")
    assert document(client, f"Crm_Contacts('{double}')")["FullName"] == "Double"
    named = f"AlternateKey(EntityName='Crm_Contacts',PrimaryKey='{double}')"
    assert document(client, named)["PrimaryKey"] == ODD_KEY
    key = "AlternateKey(EntityName='Crm_Contacts',PrimaryKey='2')"
    assert document(client, key)["IsWinner"] is True
    assert document(client, "Crm_Contacts_corrupt(1)")["PrimaryKey"] == "C"


def test_metadata_says_which_version_and_form_it_is(client):
    plain = client.get("/data/$metadata")
    assert plain.headers["Content-Type"] == "application/xml"
    assert 'Version="4.01"' in plain.text
    old = client.get("/data/$metadata", headers={"OData-MaxVersion": "4.0"})
    assert 'Version="4.0"' in old.text
    assert old.headers["OData-Version"] == "4.0"
    power_bi = "application/json;odata.metadata=minimal;q=1.0,application/xml;q=0.7"
    headers = {"OData-MaxVersion": "4.0", "Accept": power_bi}
    assert client.get("/data/$metadata", headers=headers).text == old.text
    assert client.get("/data/Customer/$count", headers=headers).text.isdigit()
    found = client.get("/data/$metadata?$format=json").json()["Overtide"]["Customer"]
    assert found["Spent"] == {
        "$Type": "Edm.Decimal",
        "$Nullable": True,
        "$Precision": 9,
        "$Scale": 2,
    }


def test_full_metadata_names_types_and_addresses(client, first):
    headers = {"Accept": "application/json;odata.metadata=full"}
    (found,) = document(client, "Customer?$filter=EMail eq 'p1@x'", headers=headers)["value"]
    assert found["@odata.type"] == "#Overtide.Customer"
    assert found["@odata.id"].endswith(f"/data/Customer('{first}')")
    assert found["Since@odata.type"] == "#Date"
    assert client.get(found["@odata.id"]).status_code == 200


REFUSED = [
    ("Nope", 404, "unknown_entity"),
    ("serving_meta", 404, "unknown_entity"),
    ("Customer_history", 404, "unknown_entity"),
    ("Customer?$filter=Nope eq 1", 400, "invalid_query"),
    ("Customer?$filter=IsMemberOfSegment('x')", 400, "query_not_supported"),
    ("Customer?$select=Nope", 400, "invalid_query"),
    ("Customer?$orderby=Nope", 400, "invalid_query"),
    ("Customer?$expand=Customer_Measure", 400, "invalid_query"),
    ("Customer?$expand=UnifiedActivity($levels=2)", 400, "query_not_supported"),
    ("Customer?$expand=UnifiedActivity&$search=x", 400, "query_not_supported"),
    ("Customer?$apply=aggregate(Points with sum as p)", 400, "unknown_parameter"),
    ("Customer?$top=x", 400, "invalid_query"),
    ("Customer?$top=-1", 400, "invalid_query"),
    ("Customer?$skip=-1", 400, "invalid_query"),
    ("Customer?$count=maybe", 400, "invalid_query"),
    ("Customer?filter=1", 400, "unknown_parameter"),
    ("Customer%3Fnope%3D1", 400, "unknown_parameter"),
    ("Customer%3F%24top%3D1?$top=1", 400, "invalid_parameter"),
    ("Customer?$skiptoken=abc", 400, "invalid_skiptoken"),
    ("Customer?$skiptoken=%F0%9F%99%82", 400, "invalid_skiptoken"),
    ("Customer?base=maybe", 400, "invalid_parameter"),
    ("Customer?asOf=2024-01-01", 400, "invalid_instant"),
    ("Customer?asOf=2024-01-01T00:00:00Z", 404, "before_first_publish"),
    ("Crm_Contacts('zz')", 404, "entity_not_found"),
    ("Crm_Contacts(1)", 400, "invalid_query"),
    ("Customer?proxy=true&$top=1", 400, "query_not_supported"),
    ("Crm_Contacts('1')?$top=1", 400, "query_not_supported"),
    ("Crm_Contacts('1')?proxy=true", 400, "query_not_supported"),
    ("Customer%3F%24top%3D1/$count", 400, "query_not_supported"),
    ("Customer/$count?$top=1", 400, "unknown_parameter"),
    ("Customer?$search=", 400, "invalid_query"),
    ("AlternateKey?$search=x", 400, "query_not_supported"),
    ("Customer?$filter=matchesPattern(EMail,'(')", 400, "invalid_query"),
]


@pytest.mark.parametrize(("path", "status", "code"), REFUSED, ids=[one[0] for one in REFUSED])
def test_what_is_not_served_is_refused_by_name(client, path, status, code):
    answer = client.get(f"/data/{path}")
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code), answer.text


FORMS = [
    ({"Accept": "application/xml"}, 406),
    ({"Accept": "application/json;odata.metadata=all"}, 406),
    ({"Accept": "text/html, application/json;q=0.5"}, 200),
    ({"Accept": "application/json;odata.metadata=minimal;q=1.0,application/json;q=0.7"}, 200),
    ({"OData-Version": "4.0", "OData-MaxVersion": "4.01"}, 200),
    ({"OData-Version": "5.0"}, 400),
    ({"OData-MaxVersion": "3.0"}, 400),
    ({"OData-MaxVersion": "x"}, 400),
]


@pytest.mark.parametrize(("headers", "status"), FORMS)
def test_forms_and_versions_are_negotiated(client, headers, status):
    answer = client.get("/data/Customer?$top=1", headers=headers)
    assert answer.status_code == status, answer.text


def test_a_token_that_was_changed_is_refused(client):
    page = document(client, "Customer", headers={"Prefer": "odata.maxpagesize=2"})
    token = parse_qs(urlsplit(page["@odata.nextLink"]).query)["$skiptoken"][0]
    changed = token[:-3] + ("AAA" if token[-3:] != "AAA" else "BBB")
    for path in (
        f"Customer?$skiptoken={changed}",
        f"Customer?$skiptoken={token[:20]}",
        f"UnifiedActivity?$skiptoken={token}",
        f"Customer?$skiptoken={token}&$filter=Points eq 1",
    ):
        answer = client.get(f"/data/{path}")
        assert answer.json()["errorCode"] == "invalid_skiptoken", path
    assert client.get(f"/data/Customer?$skiptoken={token}").status_code == 200


def test_next_links_go_on_with_what_was_published_when_they_began(client, served):
    """The last of these tests: it refreshes the project."""
    few = {"Prefer": "odata.maxpagesize=4"}
    names = ("Customer", "AlternateKey", "Crm_Contacts", "Crm_Contacts_corrupt")
    whole = {name: rows(client, name) for name in names}
    pages = {name: document(client, name, headers=few) for name in names}
    kept = [one for one in records() if one[:2] not in {(shop.CONTACTS, "3"), (shop.CONTACTS, "C")}]
    shop.write_sources(served.folder, shop.sources(*kept))
    assert call("-q", "-C", served.folder, "refresh").code == 0
    for name, page in pages.items():
        found = list(page["value"])
        while "@odata.nextLink" in page:
            page = client.get(page["@odata.nextLink"], headers=few).json()
            found += page["value"]
        assert found == whole[name], name
    gone = client.get("/data/Customer?$filter=EMail eq 'c@x'").json()
    assert gone["value"] == []
    then = quote(client.get("/data/Customer?$top=1").headers["Overtide-As-Of"])
    assert len(rows(client, f"Crm_Contacts?asOf={then}")) == len(whole["Crm_Contacts"]) - 2
