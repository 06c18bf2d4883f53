"""What is streamed: batches of lines, and customers that are watched, over a real service."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from overtide.project import Project
from overtide.schemas.errors import UnavailableError
from overtide.serving.access.principals import Principal
from overtide.serving.access.roles import Role
from overtide.serving.operations.contract import Call
from overtide.serving.operations.live import live
from tests import shop
from tests.command_line import call
from tests.served import Served, publish_shop, serving

ORDER = {"AccountId": "1", "PlacedAt": "2024-03-01T10:00:00Z", "Item": "Cup"}
LINES = {"Content-Type": "application/x-ndjson"}
BATCH = f"/data/{shop.ORDERS}/batch"


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    """A service of two customers, without its stream."""
    folder: Path = tmp_path_factory.mktemp("streams")
    records = [
        (shop.CONTACTS, "1", {"EMail": "ann@x", "FullName": "Ann", "Points": 7}),
        (shop.CONTACTS, "2", {"EMail": "bo@x", "FullName": "Bo", "Points": 1}),
        (shop.ACCOUNTS, "1", {"EMail": "ann@x", "Spent": "12.50", "Member": True}),
        (shop.ORDERS, "1", {**ORDER, "OrderId": "1"}),
    ]
    publish_shop(folder, *records)
    with serving(folder, shop.INSTANCE, "--only", "api") as found:
        yield found


@pytest.fixture
def client(served) -> Iterator[httpx.Client]:
    """A client of the owner."""
    with served.client() as found:
        yield found


def _id(client: httpx.Client, key: str) -> str:
    asked = {"dataSourceName": "Crm", "entityName": "Contacts", "key": key}
    return client.get("/profile/keyring", params=asked).json()["customerId"]


def orders(prefix: str, count: int) -> list[dict[str, str]]:
    """Return so many orders."""
    return [{**ORDER, "OrderId": f"{prefix}{number}"} for number in range(count)]


def lines(records: list[object]) -> bytes:
    """Return records as lines."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def answers(response: httpx.Response) -> list[dict[str, object]]:
    """Return the answers of a batch."""
    assert response.headers["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


def shown(client: httpx.Client, prefix: str) -> set[str]:
    """Return the orders of Ann whose ids begin so."""
    path = f"/data/Customer('{_id(client, '1')}')/UnifiedActivity"
    found = client.get(path, params={"$top": "10000"}).json()["value"]
    return {one["SourceActivityId"] for one in found if one["SourceActivityId"].startswith(prefix)}


def test_every_row_of_a_batch_is_answered_in_its_order(client):
    sent = orders("a", 3)
    body = (
        lines(sent[:2]) + b"\n  \r\n" + b'{"OrderId": 1, "Ord\n' + lines([7, sent[0], sent[2]])[:-1]
    )
    found = answers(client.post(BATCH, content=b"\xef\xbb\xbf" + body, headers=LINES))
    assert [one["index"] for one in found] == [0, 1, 2, 3, 4, 5]
    assert [one["status"] for one in found] == [201, 201, 400, 400, 201, 201]
    assert found[2]["error"]["code"] == "invalid_json"
    assert "line 5" in found[2]["error"]["message"]
    assert (found[4]["eventId"], found[4]["repeated"]) == (found[0]["eventId"], True)
    assert shown(client, "a") == {"a0", "a1", "a2"}


def test_an_atomic_batch_is_accepted_whole_or_not_at_all(client):
    refused = client.post(
        BATCH,
        content=lines([*orders("b", 2), {"OrderId": "b9"}]),
        headers=LINES,
        params={"atomic": "true"},
    )
    assert (refused.status_code, refused.json()["errorCode"]) == (400, "batch_refused")
    assert refused.json()["details"][0]["target"].startswith("row 2")
    assert shown(client, "b") == set()
    taken = client.post(
        BATCH, content=lines(orders("b", 2)), headers=LINES, params={"atomic": "true"}
    )
    assert [one["status"] for one in answers(taken)] == [201, 201]
    assert shown(client, "b") == {"b0", "b1"}


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/data/Crm_Contacts/batch", LINES, 400, "no_activity_configuration"),
        ("/data/Nothing/batch", LINES, 404, "unknown_entity"),
        (BATCH, {"Content-Type": "application/json"}, 415, "unsupported_media_type"),
        (BATCH, {**LINES, "Content-Encoding": "gzip"}, 415, "unsupported_media_type"),
        (BATCH + "?atomic=perhaps", LINES, 400, "invalid_parameter"),
        (BATCH + "?validUntil=soon", LINES, 400, "invalid_duration"),
    ],
)
def test_what_is_wrong_with_a_whole_batch_is_its_answer(client, path, headers, status, code):
    found = client.post(path, content=lines(orders("c", 1)), headers=headers)
    assert (found.status_code, found.json()["errorCode"]) == (status, code)
    assert shown(client, "c") == set()


def test_an_empty_batch_has_no_answers(client):
    assert answers(client.post(BATCH, content=b"\n \n", headers=LINES)) == []


def test_a_line_that_is_too_long_does_not_hinder_the_others(client):
    long = {**ORDER, "OrderId": "d", "Item": "x" * (5 * 1024 * 1024)}
    body = lines([*orders("d", 1), long, *orders("dd", 1)])
    found = answers(client.post(BATCH, content=body, headers=LINES))
    assert [one["status"] for one in found] == [201, 413, 201]
    assert shown(client, "d") == {"d0", "dd0"}


def test_who_sends_all_before_reading_anything_is_not_held_up(client):
    sent = orders("e", 20_000)
    found = answers(client.post(BATCH, content=lines(sent), headers=LINES))
    assert len(found) == 20_000
    assert {one["status"] for one in found} == {201}


def test_rows_are_accepted_as_they_come(served, client):
    """A client that sends slowly has the first answers before it sends the last rows."""
    seen = threading.Event()

    def body() -> Iterator[bytes]:
        yield lines(orders("f", 1))
        deadline = time.monotonic() + 120
        while not shown(other, "f") and time.monotonic() < deadline:
            time.sleep(0.02)
        if shown(other, "f") == {"f0"}:
            seen.set()
        yield lines(orders("ff", 1))

    with served.client() as other:
        assert len(answers(client.post(BATCH, content=body(), headers=LINES))) == 2
    assert seen.is_set()


def test_a_batch_whose_body_cannot_be_read_any_more_ends_without_an_end(served, client):
    """Within its answers nothing may stand that is none."""
    head = (
        f"POST /v1/instances/{served.instance}{BATCH} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {served.token}\r\nContent-Type: application/x-ndjson\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    row, url = lines(orders("g", 1)), httpx.URL(served.url)
    with socket.create_connection((url.host, url.port), timeout=60) as connection:
        connection.sendall(head.encode() + b"%x\r\n%b\r\n" % (len(row), row))
        text = b""
        while b'"index":0' not in text:
            text += connection.recv(65_536)
        connection.sendall(b"no length\r\n")
        while part := connection.recv(65_536):
            text += part
    assert text.count(b"HTTP/1.1") == 1
    assert not text.endswith(b"\r\n0\r\n\r\n")
    assert shown(client, "g") == {"g0"}


class Watching:
    """The events of a watched customer, read in a thread."""

    def __init__(self, response: httpx.Response) -> None:
        self.lines = response.iter_lines()

    def next(self) -> tuple[str, str | None, dict[str, object]]:
        """Return the kind, id and document of the next event."""
        found: dict[str, str] = {}
        for line in self.lines:
            if not line and "data" in found:
                return found["event"], found.get("id"), json.loads(found["data"])
            name, _, text = line.partition(": ")
            if line and not line.startswith(":"):
                found[name] = text
        raise EOFError


def test_the_head_of_a_stream_comes_alone_and_watches_nothing(served, client):
    path = f"/data/Customer('{_id(client, '2')}')/live"
    answer = client.head(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream")
    operation = 'operation="Watch-a-customer"'
    metrics = httpx.get(f"{served.url}/metrics").text
    assert any(operation in line and 'method="HEAD"' in line for line in metrics.splitlines())


def test_a_watched_customer_is_shown_again_whenever_it_changes(served, client):
    bo, ann = _id(client, "2"), _id(client, "1")
    path = f"/data/Customer('{bo}')/live"
    with served.client() as other, other.stream("GET", path) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        watching = Watching(response)
        kind, tag, first = watching.next()
        assert (kind, first["Points"], first["@odata.etag"]) == ("card", 1, tag)
        client.patch(f"/data/Customer/{ann}", json={"Points": 2}).raise_for_status()
        client.patch(
            f"/data/{shop.CONTACTS}/2", json={"Points": 3}, params={"validUntil": "2s"}
        ).raise_for_status()
        assert watching.next()[2]["Points"] == 3
        assert watching.next()[2]["Points"] == 1  # it ended by itself
        client.patch(f"/data/Customer/{bo}", json={"FullName": "B"}).raise_for_status()
        assert watching.next()[2]["FullName"] == "B"
        client.delete(f"/data/Customer/{bo}/overrides").raise_for_status()
        assert watching.next()[2]["FullName"] == "Bo"
    client.delete(f"/data/Customer/{ann}/overrides").raise_for_status()


def test_what_a_watcher_has_seen_is_not_sent_again(served, client):
    bo = _id(client, "2")
    path = f"/data/Customer('{bo}')/live"
    tag = client.get(f"/data/Customer('{bo}')").headers["ETag"]
    with (
        served.client() as other,
        other.stream("GET", path, headers={"Last-Event-ID": tag}) as response,
    ):
        watching = Watching(response)
        client.patch(f"/data/Customer/{bo}", json={"Points": 5}).raise_for_status()
        assert watching.next()[2]["Points"] == 5
    client.delete(f"/data/Customer/{bo}/overrides").raise_for_status()


def test_a_customer_that_is_not_there_cannot_be_watched(client):
    assert client.get("/data/Customer('nobody')/live").status_code == 404


def test_who_begins_to_watch_while_the_server_stops_is_told_so(served, client):
    call_of_bo = {"entityId": _id(client, "2")}
    with Project(served.folder) as project:
        service = project.service()
        service.live_cards.close()
        with pytest.raises(UnavailableError) as refused:
            asyncio.run(live(Call(service, Principal("x", "x", Role.VIEWER), call_of_bo)))
    assert refused.value.code == "stopping"


def test_a_refresh_is_seen_by_who_watches(served, client):
    bo = _id(client, "2")
    with served.client() as other, other.stream("GET", f"/data/Customer('{bo}')/live") as response:
        watching = Watching(response)
        watching.next()
        contacts = [
            (shop.CONTACTS, "2", {"EMail": "bo@x", "FullName": "Bob", "Points": 1}),
            (shop.CONTACTS, "1", {"EMail": "ann@x", "FullName": "Ann", "Points": 7}),
        ]
        shop.write_sources(served.folder, shop.sources(*contacts))
        assert call("-q", "-C", served.folder, "refresh", "--allow-shrink").code == 0
        assert watching.next()[2]["FullName"] == "Bob"


def test_who_watches_sees_nothing_more_once_the_token_has_ended(served, client):
    made = call(
        "-C", served.folder, "--json", "token", "create", "--role", "viewer", "--name", "w"
    ).document
    bo = _id(client, "2")
    with (
        served.client(made["token"]) as other,
        other.stream("GET", f"/data/Customer('{bo}')/live") as response,
    ):
        watching = Watching(response)
        watching.next()
        call("-C", served.folder, "token", "revoke", made["id"])
        client.patch(f"/data/Customer/{bo}", json={"FullName": "Secret"}).raise_for_status()
        kind, _, error = watching.next()
        assert (kind, error["code"]) == ("error", "invalid_token")
        with pytest.raises(EOFError):
            watching.next()
    client.delete(f"/data/Customer/{bo}/overrides").raise_for_status()


def test_the_server_stops_although_somebody_watches(served, client):
    """Also one of two processes, whichever has the connection."""
    path = f"/data/Customer('{_id(client, '2')}')/live"
    with (
        serving(served.folder, shop.INSTANCE, "--only", "api", "--workers", "2") as second,
        second.client(served.token) as other,
        other.stream("GET", path) as response,
    ):
        watching = Watching(response)
        watching.next()
        assert second.stop() == 0
        with pytest.raises(EOFError):
            watching.next()
