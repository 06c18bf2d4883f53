"""The client of the service, with and without `async`, against a real one."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from overtide.client import (
    AsyncClient,
    Client,
    ConnectionFailedError,
    Retries,
    ServiceError,
)
from overtide.client.calls import address
from tests import shop
from tests.served import Served, publish_shop, serving

ORDER = {"AccountId": "1", "PlacedAt": "2024-03-01T10:00:00Z", "Item": "Cup"}
NEVER = Retries(attempts=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A published project of one customer."""
    folder: Path = tmp_path_factory.mktemp("client")
    records = [
        (shop.CONTACTS, "a/'b", {"EMail": "ann@x", "FullName": "Ann", "Points": 7}),
        (shop.ACCOUNTS, "1", {"EMail": "ann@x", "Spent": "12.50", "Member": True}),
        (shop.ORDERS, "1", {**ORDER, "OrderId": "1"}),
    ]
    publish_shop(folder, *records)
    return folder


@pytest.fixture(scope="module")
def served(folder) -> Iterator[Served]:
    """Its service, without the stream."""
    with serving(folder, shop.INSTANCE, "--only", "api") as found:
        yield found


@pytest.fixture
def client(served) -> Iterator[Client]:
    """A client that finds the instance out itself."""
    with Client(served.url, served.token or "") as found:
        yield found


def test_a_customer_is_found_changed_and_watched(client):
    ann = client.find(shop.CONTACTS, "a/'b")
    assert (ann["Points"], dict(ann.overrides), client.instance) == (7, {}, shop.INSTANCE)
    watching = client.watch(ann.id)
    assert next(watching) == ann
    changed = client.update(ann.id, {"Points": 8}, valid_until="1h", caller="desk")
    assert not changed.repeated
    seen = next(watching)
    assert (seen["Points"], seen.overrides["Points"].base_value) == (8, 7)
    assert seen.overrides["Points"].caller == "desk"
    assert client.changed(seen) is None
    assert client.customer(ann.id, base=True)["Points"] == 7
    ended = client.customer(ann.id, as_of=seen.overrides["Points"].valid_until)
    assert ended["Points"] == 7
    client.withdraw(ann.id, "Points")
    back = client.changed(seen)
    assert back is not None
    assert back["Points"] == 7


def test_activities_are_added_one_by_one_and_many_at_once(client):
    ann = client.find(shop.CONTACTS, "a/'b")
    one = client.post(shop.ORDERS, {**ORDER, "OrderId": "p"})
    assert client.post(shop.ORDERS, {**ORDER, "OrderId": "p"}).event_id == one.event_id
    assert client.post(shop.ORDERS, {**ORDER, "OrderId": "h", "AccountId": "?"}).held
    records = [{**ORDER, "OrderId": f"m{number}"} for number in range(2500)]
    answers = list(client.post_many(shop.ORDERS, [*records, {"OrderId": "x"}]))
    assert [answer.index for answer in answers] == list(range(2501))
    assert {answer.status for answer in answers[:-1]} == {201}
    assert answers[-1].error is not None
    assert answers[-1].error["code"] == "invalid_fields"
    shown = [activity["SourceActivityId"] for activity in client.activities(ann.id)]
    assert len(shown) == len(set(shown))
    assert {"1", "p", "m0", "m2499"} <= set(shown)
    with pytest.raises(ServiceError) as refused:
        list(client.post_many(shop.ORDERS, [*records[:2], {"OrderId": "y"}], atomic=True))
    assert refused.value.code == "batch_refused"


def test_refusals_are_errors_with_their_code(client, served):
    with pytest.raises(ServiceError) as unknown:
        client.customer("nobody")
    assert (unknown.value.status, unknown.value.code) == (404, "customer_not_found")
    assert unknown.value.request_id
    ann = client.find(shop.CONTACTS, "a/'b")
    with pytest.raises(ServiceError) as wrong:
        client.update(ann.id, {"Point": 1, "Points": "x"})
    assert (wrong.value.code, len(wrong.value.details)) == ("invalid_fields", 2)
    with Client(served.url, "ovt_none") as stranger, pytest.raises(ServiceError) as nobody:
        stranger.customer(ann.id)
    assert nobody.value.code == "invalid_token"


def test_a_change_that_is_sent_again_is_accepted_once(client):
    ann = client.find(shop.CONTACTS, "a/'b")
    first = client.update(ann.id, {"Points": 1}, idempotency_key="k")
    again = client.update(ann.id, {"Points": 1}, idempotency_key="k")
    assert (again.event_id, again.repeated) == (first.event_id, True)
    client.withdraw(ann.id)


def test_a_service_that_comes_back_is_asked_again(folder, served):
    """It is down while the first attempts are made, and starts during a pause."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pauses: list[float] = []
    url = f"http://127.0.0.1:{port}"
    retries = Retries(attempts=4, first=0.01)
    with Client(
        url, served.token or "", shop.INSTANCE, retries=retries, sleep=pauses.append
    ) as one:
        with pytest.raises(ConnectionFailedError) as failed:
            one.find(shop.CONTACTS, "a/'b")
        assert (failed.value.attempts, len(pauses)) == (4, 3)
    started: list[object] = []

    def start(_seconds: float) -> None:
        if not started:
            started.append(serving(folder, shop.INSTANCE, "--only", "api", port=port))
            started[0].__enter__()

    with Client(url, served.token or "", shop.INSTANCE, retries=retries, sleep=start) as one:
        try:
            assert one.find(shop.CONTACTS, "a/'b")["FullName"] == "Ann"
        finally:
            started[0].__exit__(None, None, None)


def test_pauses_double_up_to_a_limit_and_obey_the_service():
    retries = Retries(attempts=6, first=1, longest=5, chance=lambda: 1.0)
    assert [retries.pause(attempt, {}) for attempt in range(1, 7)] == [1, 2, 4, 5, 5, None]
    half = Retries(first=1, chance=lambda: 0.5)
    assert half.pause(1, {}) == 0.5
    assert half.pause(1, {"retry-after": "7"}) == 7
    assert half.pause(1, {"retry-after": "soon"}) == 0.5


def test_a_token_is_sent_to_its_own_service_alone():
    base = "https://here.example/v1/instances/1"
    assert address(base, "/data/x") == f"{base}/data/x"
    assert address(base, f"{base}/data/x?$skiptoken=1") == f"{base}/data/x?$skiptoken=1"
    for other in ("https://elsewhere.example/v1", "http://here.example/v1"):
        with pytest.raises(ValueError, match="is none of"):
            address(base, other)


@pytest.mark.parametrize("url", ["127.0.0.1:8400", "ftp://here", "", "http://"])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_what_is_no_address_is_refused_at_once(kind, url):
    with pytest.raises(ValueError, match="is no address of a service"):
        kind(url, "ovt_x")


def test_a_batch_has_no_idempotency_key(client):
    with pytest.raises(ValueError, match="one record"):
        next(client.post_many(shop.ORDERS, [ORDER], idempotency_key="k"))


def test_refreshes_are_submitted_watched_and_ended(client):
    """Nobody runs jobs here, so that one that waits goes on waiting."""
    job = client.refresh()
    assert (job.status, job.over, job.run, job.stages) == ("queued", False, None, ())
    assert client.refresh().id == job.id
    assert [one.id for one in client.jobs()] == [job.id]
    assert client.cancel(job.id).status == "aborted"
    assert client.finished(job.id).over
    with pytest.raises(ServiceError) as unknown:
        client.job("nothing")
    assert unknown.value.code == "unknown_job"


def test_schedules_are_made_changed_and_ended(client):
    made = client.schedule("30 2 * * MON-FRI", "W. Europe Standard Time")
    assert (made.cron, made.version, made.active) == (("30 2 * * MON-FRI",), 1, True)
    assert made.next_at is not None
    resting = client.schedule(["0 1 * * *"], active=False, schedule_id=made.id)
    assert (resting.version, resting.next_at, resting.time_zone) == (2, None, "UTC")
    assert client.schedules() == [resting]
    assert client.delete_schedule(made.id).version == 3
    assert client.schedules() == []
    with pytest.raises(ServiceError) as refused:
        client.schedule("every day")
    assert refused.value.code == "invalid_cron"


def test_the_same_with_async(served):
    async def story() -> None:
        async with AsyncClient(served.url, served.token or "") as client:
            ann = await client.find(shop.CONTACTS, "a/'b")
            watching = client.watch(ann.id)
            assert await anext(watching) == ann
            await client.update(ann.id, {"Points": 4})
            assert (await anext(watching))["Points"] == 4
            await client.withdraw(ann.id)
            await watching.aclose()
            records = [{**ORDER, "OrderId": f"s{number}"} for number in range(3)]
            answers = [one async for one in client.post_many(shop.ORDERS, records)]
            assert [one.status for one in answers] == [201, 201, 201]
            assert (await client.post(shop.ORDERS, records[0])).repeated
            shown = {one["SourceActivityId"] async for one in client.activities(ann.id)}
            assert {"s0", "s1", "s2"} <= shown
            both = await asyncio.gather(client.customer(ann.id), client.customer(ann.id))
            assert both[0] == both[1]
            with pytest.raises(ServiceError, match="customer_not_found"):
                await client.customer("nobody")
            job = await client.cancel((await client.refresh()).id)
            assert await client.finished(job.id) == await client.job(job.id)
            made = await client.schedule("0 1 * * *")
            assert await client.schedules() == [made]
            assert (await client.delete_schedule(made.id)).id == made.id
            assert job.id in [one.id for one in await client.jobs()]

    asyncio.run(story())
