"""The HTTP service as clients meet it: a real `overtide serve`, asked over the network."""

import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from overtide.serving.operations.registered import OPERATIONS
from tests import shop
from tests.command_line import call
from tests.served import Served, serving

CONTACT = {"EMail": "ann@x", "FullName": "Ann", "Points": 7, "Since": "2024-05-01"}
ACCOUNT = {"EMail": "ann@x", "Spent": "12.50", "Member": True}
ORDER = {"OrderId": "1", "AccountId": "1", "PlacedAt": "2024-03-01T10:00:00Z", "Item": "Cup"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A published project of one customer."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "overtide.yaml").write_text(json.dumps(shop.configuration()))
    records = [
        (shop.CONTACTS, "1", CONTACT),
        (shop.CONTACTS, "a/b", {"EMail": "bo@x", "FullName": "Bo"}),
        (shop.ACCOUNTS, "1", ACCOUNT),
        (shop.ORDERS, "1", ORDER),
    ]
    shop.write_sources(folder, shop.sources(*records))
    assert call("-q", "-C", folder, "refresh").code == 0
    return folder


@pytest.fixture(scope="module")
def served(project) -> Iterator[Served]:
    """The service of that project, without its stream."""
    with serving(project, shop.INSTANCE, "--only", "api") as found:
        yield found


@pytest.fixture
def client(served) -> Iterator[httpx.Client]:
    """A client of the owner."""
    with served.client() as found:
        yield found


@pytest.fixture(scope="module")
def ann(served) -> str:
    """The id of a customer."""
    with served.client() as client:
        asked = {"dataSourceName": "Crm", "entityName": "Contacts", "key": "1"}
        return client.get("/profile/keyring", params=asked).json()["customerId"]


def test_a_change_is_in_the_very_next_read_and_ends_by_itself(client, ann):
    changed = client.patch(f"/data/Customer/{ann}", json={"Points": 9}, params={"caller": "desk"})
    assert (changed.status_code, changed.content) == (204, b"")
    card = client.get(f"/data/Customer('{ann}')").json()
    assert card["Points"] == 9
    override = card["Points@overtide.override"]
    assert (override["baseValue"], override["caller"]) == (7, "desk")
    assert override["eventId"] == changed.headers["Overtide-Event-Id"]
    ended = client.get(f"/data/Customer('{ann}')", params={"asOf": override["validUntil"]}).json()
    assert (ended["Points"], "Points@overtide.override" in ended) == (7, False)
    assert client.get(f"/data/Customer('{ann}')", params={"base": "true"}).json()["Points"] == 7


def test_a_withdrawal_ends_one_field_or_all(client, ann):
    path = f"/data/Customer/{ann}"
    assert client.patch(path, json={"Points": 1, "FullName": "X"}).status_code == 204
    assert client.delete(f"{path}/overrides/Points").status_code == 204
    card = client.get(f"/data/Customer('{ann}')").json()
    assert (card["Points"], card["FullName"]) == (7, "X")
    assert client.delete(f"{path}/overrides").status_code == 204
    assert client.get(f"/data/Customer('{ann}')").json()["FullName"] == "Ann"


def test_a_record_s_key_names_a_customer_also_with_a_slash(client):
    changed = client.patch(f"/data/{shop.CONTACTS}/a%2Fb", json={"Points": 3})
    assert changed.status_code == 204
    asked = {"dataSourceName": "Crm", "entityName": "Contacts", "key": "a/b"}
    ring = client.get("/profile/keyring", params=asked).json()
    assert ring["keyRing"] == [
        {"dataSourceName": "Crm", "entityName": "Contacts", "preferredKey": "a/b", "keys": ["a/b"]}
    ]
    assert client.get(f"/data/Customer('{ring['customerId']}')").json()["Points"] == 3


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json-patch+json; charset=utf-8", "text/json"]
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_an_activity_is_shown_at_once_and_accepted_once(client, ann, kind, wrapped):
    record = {**ORDER, "OrderId": f"{kind} {wrapped}", "Item": "Dish"}
    text = json.dumps(json.dumps(record) if wrapped else record)
    posted = client.post(f"/data/{shop.ORDERS}", content=text, headers={"Content-Type": kind})
    assert (posted.status_code, posted.json()["statusCode"]) == (201, 201)
    again = client.post(f"/data/{shop.ORDERS}", content=text, headers={"Content-Type": kind})
    assert again.json()["value"]["eventId"] == posted.json()["value"]["eventId"]
    found = client.get(f"/data/Customer('{ann}')/UnifiedActivity").json()["value"]
    shown = [one for one in found if one["SourceActivityId"] == record["OrderId"]]
    assert [one["@overtide.live"]["eventId"] for one in shown] == [
        posted.json()["value"]["eventId"]
    ]
    other = client.post(f"/data/{shop.ORDERS}", json={**record, "Item": "Pan"})
    assert (other.status_code, other.json()["errorCode"]) == (409, "activity_conflict")


def test_an_activity_of_an_unknown_record_is_held(client):
    posted = client.post(f"/data/{shop.ORDERS}", json={**ORDER, "OrderId": "h", "AccountId": "?"})
    assert (posted.status_code, posted.json()["statusCode"]) == (202, 202)


def test_activities_come_in_pages_and_are_counted(client, ann):
    path = f"/data/Customer('{ann}')/UnifiedActivity"
    every = client.get(path, params={"$count": "true"}).json()
    assert every["@odata.count"] == len(every["value"]) > 0
    page = client.get(path + "?%24top=1&$skip=0").json()["value"]
    assert page == every["value"][:1]
    assert client.get(path, params={"$skip": str(len(every["value"]))}).json()["value"] == []
    counted = client.get("/profile/activityresponsemetadata", params={"customerId": ann}).json()
    assert counted["totalCount"] == len(every["value"])


def test_what_a_client_knows_already_is_not_sent_again(client):
    asked = {"dataSourceName": "Crm", "entityName": "Contacts", "key": "1"}
    ann = client.get("/profile/keyring", params=asked).json()["customerId"]
    first = client.get(f"/data/Customer('{ann}')")
    known = {"If-None-Match": f'"other", W/{first.headers["ETag"]}'}
    again = client.get(f"/data/Customer('{ann}')", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    client.patch(f"/data/Customer/{ann}", json={"Points": 11}).raise_for_status()
    changed = client.get(f"/data/Customer('{ann}')", headers=known)
    assert (changed.status_code, changed.json()["Points"]) == (200, 11)
    client.delete(f"/data/Customer/{ann}/overrides").raise_for_status()


def test_an_idempotency_key_is_accepted_once(client, ann):
    key = {"Idempotency-Key": "k1"}
    sent = [
        client.patch(f"/data/Customer/{ann}", json={"Points": value}, headers=key)
        for value in (20, 20, 21)
    ]
    assert [one.status_code for one in sent] == [204, 204, 409]
    assert [one.headers.get("Overtide-Repeated") for one in sent] == ["false", "true", None]
    client.delete(f"/data/Customer/{ann}/overrides").raise_for_status()


REFUSED = [
    ("PATCH", "/data/Customer/0", {"json": {"Points": 1}}, 404, "customer_not_found"),
    ("PATCH", "/data/Customer/{ann}", {"json": {"Pionts": 1}}, 400, "unknown_field"),
    ("PATCH", "/data/Customer/{ann}", {"json": {"Points": "x"}}, 400, "invalid_value"),
    ("PATCH", "/data/Customer/{ann}", {"json": [1]}, 400, "invalid_json"),
    (
        "PATCH",
        "/data/Customer/{ann}",
        {"content": "\"{'a': 1}\"", "headers": JSON},
        400,
        "invalid_json",
    ),
    ("PATCH", "/data/Customer/{ann}", {"content": b"\xff", "headers": JSON}, 400, "invalid_json"),
    ("PATCH", "/data/Customer/{ann}", {"content": "", "headers": JSON}, 400, "invalid_json"),
    ("PATCH", "/data/Customer/{ann}", {"content": "a=1"}, 400, "invalid_json"),
    (
        "PATCH",
        "/data/Customer/{ann}",
        {"content": "<a/>", "headers": {"Content-Type": "text/xml"}},
        415,
        "unsupported_media_type",
    ),
    (
        "PATCH",
        "/data/Customer/{ann}",
        {"content": b"[" * 5_000_000, "headers": JSON},
        413,
        "too_large",
    ),
    (
        "PATCH",
        "/data/Customer/{ann}",
        {"content": b"[" * 100_000, "headers": JSON},
        400,
        "invalid_json",
    ),
    (
        "PATCH",
        "/data/Customer/{ann}?validUntil=x",
        {"json": {"Points": 1}},
        400,
        "invalid_duration",
    ),
    (
        "PATCH",
        "/data/Customer/{ann}?validUntil=99d",
        {"json": {"Points": 1}},
        400,
        "too_far",
    ),
    (
        "PATCH",
        "/data/Customer/{ann}?validuntil=1h",
        {"json": {"Points": 1}},
        400,
        "unknown_parameter",
    ),
    ("POST", "/data/Nobody", {"json": ORDER}, 404, "unknown_entity"),
    ("GET", "/data/Customer('0')", {}, 404, "customer_not_found"),
    ("GET", "/data/Customer('{ann}')?asOf=2024-01-01", {}, 400, "invalid_instant"),
    ("GET", "/data/Customer('{ann}')?asOf=2024-01-01T00:00:00Z", {}, 404, "before_first_publish"),
    ("GET", "/data/Customer('{ann}')?base=maybe", {}, 400, "invalid_parameter"),
    ("GET", "/data/Customer('{ann}')?base=true&base=true", {}, 400, "invalid_parameter"),
    ("GET", "/data/Customer('{ann}')/UnifiedActivity?$top=-1", {}, 400, "invalid_parameter"),
    ("GET", "/data/Customer('{ann}')/UnifiedActivity?$filter=a", {}, 400, "unknown_parameter"),
    ("GET", "/profile/keyring?entityName=Contacts&key=1", {}, 400, "invalid_parameter"),
    ("GET", "/data/Customer('%FF')", {}, 400, "invalid_path"),
    ("GET", "/data/Customer('{ann}')?asOf=%FF", {}, 400, "invalid_parameter"),
    ("PUT", "/rbac/roles", {}, 405, "wrong_method"),
    ("GET", "/nothing", {}, 404, "unknown_path"),
]


@pytest.mark.parametrize(("method", "path", "sent", "status", "code"), REFUSED)
def test_every_refusal_is_a_document_with_its_code(client, ann, method, path, sent, status, code):
    answer = client.request(method, path.replace("{ann}", ann), **sent)
    document = answer.json()
    assert (answer.status_code, document["errorCode"]) == (status, code)
    assert (document["status"], document["type"]) == (status, f"urn:overtide:error:{code}")
    assert document["detail"] == document["message"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert document["instance"] == f"urn:request:{answer.headers['X-Request-ID']}"


def test_management_operations_refuse_as_an_api_error_result(client):
    document = client.get("/profile/keyring").json()
    assert (document["httpStatusCode"], document["exceptionCulprit"]) == (400, "user")


def test_another_instance_is_not_here(served):
    with served.client() as client:
        answer = client.get(f"{served.url}/v1/instances/{'0' * 8}-0000-0000-0000-{'0' * 12}")
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "unknown_instance")


def test_both_prefixes_mean_the_same(served):
    with served.client() as client:
        answers = [client.get(f"{served.url}/{one}/instances") for one in ("v1", "api")]
    assert [one.json() for one in answers] == [answers[0].json()] * 2
    assert answers[0].json()[0]["instanceId"] == shop.INSTANCE


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic eDp5", "ovt_x"])
def test_without_a_token_nothing_is_answered(served, header):
    headers = {} if header is None else {"Authorization": header}
    answer = httpx.get(f"{served.url}/v1/instances", headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json()["errorCode"] == "unauthorized"


def test_a_role_may_do_what_smaller_ones_may_and_no_more(served, ann):
    def made(role: str) -> str:
        words = ("token", "create", "--role", role, "--name", role)
        return call("-C", served.folder, "--json", *words).document["token"]

    asked = {
        "viewer": [200, 403, 403],
        "contributor": [200, 204, 403],
        "Admin": [200, 204, 200],
    }
    for role, expected in asked.items():
        with served.client(made(role)) as client:
            found = [
                client.get(f"/data/Customer('{ann}')"),
                client.patch(f"/data/Customer/{ann}", json={"FullName": None}),
                client.get("/rbac/assignments"),
            ]
            assert client.get("/rbac/myrole").json()["roles"] == [role.title()]
        assert [one.status_code for one in found] == expected
    with served.client() as client:
        client.delete(f"/data/Customer/{ann}/overrides").raise_for_status()


def test_a_revoked_token_is_refused_by_the_next_request(served):
    words = ("token", "create", "--role", "viewer", "--name", "guest")
    made = call("-C", served.folder, "--json", *words).document
    with served.client(made["token"]) as client:
        assert client.get("").status_code == 200
        assert call("-C", served.folder, "token", "revoke", made["id"]).code == 0
        assert client.get("").status_code == 401


def test_tokens_are_kept_as_hashes_that_others_cannot_read(served):
    path = served.folder / "access" / "tokens.sqlite"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert served.token is not None
    assert served.token.encode() not in path.read_bytes()
    assert served.token not in call("-C", served.folder, "--json", "token", "list").out


def test_every_answer_is_for_no_cache_and_has_an_id(served):
    answer = httpx.get(f"{served.url}/health/live", headers={"X-Request-ID": "mine-1"})
    assert answer.headers["X-Request-ID"] == "mine-1"
    assert answer.headers["Cache-Control"] == "no-store"
    strange = httpx.get(f"{served.url}/health/live", headers={"X-Request-ID": "a b<"})
    assert strange.headers["X-Request-ID"] != "a b<"
    assert httpx.get(f"{served.url}/health/ready").json()["status"] == "ready"


def test_the_openapi_document_has_every_operation(served):
    document = httpx.get(f"{served.url}/openapi.json").json()
    found = {
        one["operationId"]: one for path in document["paths"].values() for one in path.values()
    }
    assert set(found) == {one.name for one in OPERATIONS}
    kinds = {
        one["schema"]["type"] for operation in found.values() for one in operation["parameters"]
    }
    assert kinds == {"string", "boolean", "integer"}


def test_writers_at_once_are_all_accepted_and_read_their_own(served, ann):
    """Each thread reads its own activity right behind its answer."""
    missing: list[str] = []

    def work(name: str) -> None:
        with served.client() as client:
            for number in range(20):
                record = {**ORDER, "OrderId": f"{name}-{number}"}
                client.post(f"/data/{shop.ORDERS}", json=record).raise_for_status()
                path = f"/data/Customer('{ann}')/UnifiedActivity?$top=10000"
                shown = {one["SourceActivityId"] for one in client.get(path).json()["value"]}
                if record["OrderId"] not in shown:
                    missing.append(record["OrderId"])

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []
