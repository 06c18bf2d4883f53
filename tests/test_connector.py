"""The connector of Power Platform: valid, and all of it works for who knows nothing else."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from jsonschema import Draft4Validator, Draft7Validator

from overtide.schemas.configuration.service import Oidc, Service
from overtide.schemas.errors import OvertideError
from overtide.serving.access.provider_documents import ProviderError
from overtide.serving.connector.documents import DEFINITION, PROPERTIES, Connector
from overtide.serving.webhooks.webhooks import CLAIM
from tests import shop
from tests.command_line import ROOT, call
from tests.flow import Flow, expect_valid, filled
from tests.receiver import receiving
from tests.served import Served, serving

MANY = 130
"""Contacts: more than a page has."""
ISSUER = "https://login.example.com"


def schema(name: str) -> dict:
    """Return one of the schemas of Power Platform."""
    file = ROOT / "tests" / "connector_schemas" / f"{name}.schema.json"
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A published project of many contacts."""
    folder = tmp_path_factory.mktemp("connected")
    (folder / "overtide.yaml").write_text(json.dumps(shop.configuration()))
    contacts = [
        (shop.CONTACTS, f"{number}", {"EMail": f"{number}@x", "Points": number})
        for number in range(MANY)
    ]
    order = {"OrderId": "1", "AccountId": "1", "PlacedAt": "2024-03-01T10:00:00Z", "Item": "Cup"}
    more = [
        (shop.CONTACTS, "a/b", {"EMail": "bo@x", "FullName": "Bo", "Since": "2024-05-01"}),
        (shop.ACCOUNTS, "1", {"EMail": "bo@x", "Spent": "12.50", "Member": True}),
        (shop.ORDERS, "1", order),
    ]
    shop.write_sources(folder, shop.sources(*contacts, *more))
    assert call("-q", "-C", folder, "refresh").code == 0
    return folder


@pytest.fixture(scope="module")
def served(project) -> Iterator[Served]:
    """The whole service of that project."""
    with serving(project, shop.INSTANCE) as found:
        yield found


def flow_of(served: Served, token: str) -> Flow:
    """Return a flow that has read the definition at a service."""
    return Flow(httpx.get(f"{served.url}/connector/{DEFINITION}").json(), token)


@pytest.fixture(scope="module")
def flow(served) -> Iterator[Flow]:
    """A flow of the owner."""
    found = flow_of(served, served.token)
    yield found
    found.close()


@pytest.fixture(scope="module")
def bo(flow) -> str:
    """The id of a customer, found by a key."""
    asked = {"dataSourceName": "Crm", "entityName": "Contacts", "key": "a/b"}
    answer = flow.call("FindCustomer", **asked)
    return flow.expect("FindCustomer", answer)["customerId"]


# The documents


def provider(address: str) -> bytes:
    """Answer as an identity provider does."""
    assert address == f"{ISSUER}/.well-known/openid-configuration"
    named = {"authorization_endpoint": f"{ISSUER}/auth", "token_endpoint": f"{ISSUER}/token"}
    return json.dumps({"issuer": ISSUER, **named}).encode()


OIDC = Oidc(issuer=ISSUER, audience=["api://overtide"])


@pytest.mark.parametrize("netloc", ["localhost:8400", "[::1]:8400", "customers.example.com"])
@pytest.mark.parametrize(
    "settings", [Service(), Service(require_subscription_key=True), Service(oidc=OIDC)]
)
def test_both_documents_are_valid_for_power_platform(settings, netloc):
    documents = Connector(settings, provider).documents("https", netloc)
    Draft4Validator(schema("swagger")).validate(documents[DEFINITION])
    Draft7Validator(schema("apiProperties")).validate(documents[PROPERTIES])


def test_who_signs_in_with_a_provider_does_so_for_the_connector():
    documents = Connector(Service(oidc=OIDC), provider).documents("https", "x.example")
    (scheme,) = documents[DEFINITION]["securityDefinitions"].values()
    assert (scheme["authorizationUrl"], scheme["tokenUrl"]) == (f"{ISSUER}/auth", f"{ISSUER}/token")
    asked = documents[PROPERTIES]["properties"]["connectionParameters"]["token"]
    assert "api://overtide/.default" in asked["oAuthSettings"]["scopes"]


def test_a_provider_that_does_not_answer_is_not_asked_again_and_again():
    now, asked = [100.0], []

    def fetch(address: str) -> bytes:
        asked.append(address)
        if len(asked) == 1:
            raise ProviderError(f"{address} cannot be reached")
        return provider(address)

    connector = Connector(Service(oidc=OIDC), fetch, lambda: now[0])
    for _ in range(3):
        with pytest.raises(OvertideError) as refused:
            connector.documents("https", "x.example")
        assert refused.value.code == "issuer_unavailable"
    assert len(asked) == 1
    now[0] += 10
    assert connector.documents("https", "x.example") == connector.documents("https", "x.example")
    assert len(asked) == 2


def test_the_command_writes_what_the_service_gives(served, tmp_path):
    host = served.url.removeprefix("http://")
    words = ("connector", "--host", host, tmp_path / "new")
    written = call("-C", served.folder, "--json", *words).document
    for file in map(Path, written["files"]):
        given = httpx.get(f"{served.url}/connector/{file.name}")
        assert json.loads(file.read_text()) == given.raise_for_status().json()
    assert call("-C", served.folder, "connector", "--host", "a b", tmp_path).code == 2


def test_texts_are_there_and_no_two_operations_have_one_name(flow):
    parts = [one for _, _, one in flow.operations.values()]
    assert len({one["operationId"] for one in parts}) == len(parts) == 13
    assert all(one["summary"] and one["description"].endswith(".") for one in parts)
    parameters = [parameter for one in parts for parameter in one["parameters"]]
    assert all(one["description"] for one in parameters)
    assert all(one.get("x-ms-summary") or one["in"] == "body" for one in parameters)


# Actions


def test_an_item_is_created_in_every_entity_that_is_offered(flow, bo):
    offered = flow.choices("CreateItem", "entityName")
    assert sorted(offered) == sorted([shop.ORDERS, "UnifiedActivity"])
    for entity in offered:
        form = flow.form("CreateItem", instanceId=shop.INSTANCE, entityName=entity)
        names = None if entity == shop.ORDERS else [*form["required"], "SemanticData", "Title"]
        record = filled(form, names) | (
            {"CustomerId": bo} if "CustomerId" in form["required"] else {}
        )
        made = flow.call("CreateItem", record, entityName=entity, validUntil="1h")
        assert flow.expect("CreateItem", made)["value"]["eventId"]
    shown = flow.pages("GetItems", entityName="UnifiedActivity", **{"$filter": "Title eq 'text'"})
    assert [one["CustomerId"] for one in shown] == [bo]


def test_an_item_is_updated_by_every_name_that_a_customer_has(flow, bo):
    offered = flow.choices("UpdateItem", "entityName")
    assert sorted(offered) == sorted(["Customer", shop.CONTACTS, shop.ACCOUNTS, shop.VISITORS])
    form = flow.form("UpdateItem")
    changes = filled(form)
    assert set(changes) == set(shop.FIELDS)
    for entity, key in (("Customer", bo), (shop.CONTACTS, "a/b"), (shop.ACCOUNTS, "1")):
        sent = changes | {"Points": len(key)}
        answer = flow.call("UpdateItem", sent, entityName=entity, entityId=key, validUntil="1h")
        assert flow.expect("UpdateItem", answer) is None
        row = flow.call("GetItem", entityName="Customer", entityId=bo)
        assert flow.expect("GetItem", row, entityName="Customer")["Points"] == len(key)


def test_items_are_read_from_every_entity_page_by_page(flow):
    for entity in flow.choices("GetItems", "entityName"):
        rows = flow.pages("GetItems", entityName=entity)
        if entity == "Customer":
            assert len(rows) == MANY + 2  # and an account alone
            assert len({row["CustomerId"] for row in rows}) == MANY + 2
    few = flow.call("GetItems", entityName="Customer", **{"$top": 2, "$filter": "Points lt 9"})
    assert len(flow.expect("GetItems", few, entityName="Customer")["value"]) == 2


def test_an_item_is_read_by_its_key(flow):
    (activity,) = flow.pages(
        "GetItems", entityName="UnifiedActivity", **{"$filter": "SourceActivityId eq '1'"}
    )
    asked = (
        (shop.CONTACTS, "a/b", "ContactId"),
        (shop.ORDERS, "1", "OrderId"),
        ("UnifiedActivity", activity["ActivityId"], "ActivityId"),
    )
    for entity, key, name in asked:
        answer = flow.call("GetItem", entityName=entity, entityId=key)
        assert flow.expect("GetItem", answer, entityName=entity)[name] == key
    for entity, key, status in (
        ("Customer", "nobody's", 404),
        ("Nothing", "1", 404),
        ("AlternateKey", "1", 400),
    ):
        answer = flow.call("GetItem", entityName=entity, entityId=key)
        assert answer.status_code == status, answer.text
        expect_valid(answer.json(), flow.operations["GetItem"][2]["responses"]["default"]["schema"])


def test_entities_and_the_files_of_one_are_listed(flow):
    entities = flow.expect("GetEntities", flow.call("GetEntities"))["entities"]
    assert "Customer" in [one["qualifiedEntityName"] for one in entities]
    assert flow.call("GetEntities", accepts="anything").status_code == 400
    asked = {"entityName": shop.CONTACTS, "$filter": "Points ge 100"}
    found = flow.expect("GetPartitions", flow.call("GetPartitions", **asked))
    files = [
        httpx.get(one["uri"], headers=one["headers"]).raise_for_status().text
        for one in found["httpRequests"]
    ]
    assert sum(len(one.splitlines()) for one in files) == MANY - 100


# Triggers


def subscribed(flow: Flow, name: str, url: str) -> httpx.Response:
    """Subscribe as a trigger does: the address goes where the definition says."""
    form = flow.form(name)
    ((place, _),) = [
        one for one in form["properties"].items() if one[1].get("x-ms-notification-url")
    ]
    answer = flow.call(name, {place: url})
    flow.expect(name, answer)
    return answer


def test_every_trigger_is_told_and_can_be_ended(flow, served):
    triggers = {
        name: served_path
        for name, (_, served_path, one) in flow.operations.items()
        if "x-ms-trigger" in one
    }
    with receiving() as receiver:
        made = {name: subscribed(flow, name, f"{receiver.url}&to={name}") for name in triggers}
        assert call("-q", "-C", served.folder, "refresh").code == 0
        receiver.wait(2)
        sources = served.folder / "data" / f"{shop.CONTACTS}.csv"
        sources.rename(sources.with_suffix(".away"))
        assert call("-C", served.folder, "jobs", "submit").code == 0
        got = {one.path.partition("to=")[2]: one for one in receiver.wait(3)}
        sources.with_suffix(".away").rename(sources)
        assert set(got) == set(triggers)
        for name, path in triggers.items():
            message = got[name].verified(made[name].json()["secret"])
            content = flow.swagger["paths"][path]["x-ms-notification-content"]
            expect_valid(message, content["schema"])
            assert message["type"] == path.rpartition("/")[2]
        assert got["OnRefreshFinished"].verified(made["OnRefreshFinished"].json()["secret"])[
            "data"
        ] == {**message_data(served), "previousRun": 1}
        for answer in made.values():
            assert flow.client.delete(answer.headers["Location"]).status_code == 204
            assert flow.client.delete(answer.headers["Location"]).status_code == 404
    with served.client() as client:
        assert client.get("/webhooks").json() == []


def message_data(served: Served) -> dict:
    """Return what the lake says of the last publish."""
    published = call("-C", served.folder, "--json", "status").document["published"]
    return {"run": published["run"], "publishedUtc": published["publishedAt"]}


REFUSED = [
    ({"url": "http://flows.example.com/", "event": "refreshFinished"}, "webhook_url_refused"),
    ({"url": "https://10.0.0.1/", "event": "refreshFinished"}, "webhook_url_refused"),
    ({"url": "https://x.example/", "event": "refreshed"}, "invalid_parameter"),
    ({"url": 7, "event": "refreshFinished"}, "invalid_parameter"),
    ({"event": "refreshFinished"}, "invalid_parameter"),
    ({"url": "https://x.example/", "event": "refreshFailed", "secret": "x"}, "invalid_parameter"),
    ({"url": "https://x.example/", "event": "refreshFailed", "more": 1}, "invalid_parameter"),
]


@pytest.mark.parametrize(("body", "code"), REFUSED)
def test_a_webhook_that_cannot_be_is_refused(served, body, code):
    with served.client() as client:
        answer = client.post("/webhooks", json=body)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, code)


def test_webhooks_are_an_admin_s(served):
    words = ("token", "create", "--role", "contributor", "--name", "x")
    made = call("-C", served.folder, "--json", *words).document
    with served.client(made["token"]) as client:
        for method, path in (("GET", ""), ("POST", ""), ("DELETE", "/1")):
            assert client.request(method, f"/webhooks{path}", json={}).status_code == 403


# Failures


def states(client: httpx.Client) -> list[str]:
    """Return how the webhooks are."""
    return sorted(one["state"] for one in client.get("/webhooks").json())


def waiting(client: httpx.Client) -> int:
    """Return how many messages wait."""
    return sum(one["waiting"] for one in client.get("/webhooks").json())


def eventually(so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    until = time.monotonic() + 120
    while not so():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
def test_what_was_claimed_by_a_server_that_is_killed_is_delivered_by_the_next(project, served):
    token = served.token
    with receiving([503]) as failing, receiving([410]) as gone, receiving([0]) as slow:
        receivers = {"failing": failing, "gone": gone, "slow": slow}
        with served.client() as client:
            for receiver in receivers.values():
                body = {"url": receiver.url, "event": "refreshFinished"}
                made = client.post("/webhooks", json=body)
                assert made.status_code == 201, made.text
                receiver.secret = made.json()["secret"]
            assert call("-q", "-C", project, "refresh").code == 0
            for receiver in receivers.values():
                receiver.wait(1)
            eventually(lambda: states(client) == ["active", "failing"])
        os.kill(served.process.pid, signal.SIGKILL)
        served.process.wait(120)
        with serving(project, shop.INSTANCE) as again:
            failing.wait(2)
            slow.wait(2, CLAIM / 1_000_000 + 15)
            with again.client(token) as client:
                eventually(lambda: waiting(client) == 0)
                assert states(client) == ["active", "active"]
        for receiver in (failing, slow):
            first, second = receiver.got
            assert first.verified(receiver.secret) == second.verified(receiver.secret)
            assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert len(gone.got) == 1
