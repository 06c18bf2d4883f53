"""Ends and changes under load: stops, deaths at any instant, publishes, pairs of write and read."""

import json
import multiprocessing
import os
import re
import signal
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psutil

from benchmarks.measure import Row
from tests import shop
from tests.served import Served
from tests.strength_clients import Connection, Seen, changing, load, reading, service
from tests.strength_crowds import accepted

STOPS, KILLS = 3, 12
"""How often a service is stopped, and how often it is killed."""
BATCHES, BATCH_ROWS = 8, 150_000
"""Batches at the same time, and rows of each: more than are appended before the stop."""
EVENT_ID = re.compile(rb'"eventId":"([0-9a-f-]{36})"')
PAIRS, PROCESSES = 100_000, 4
"""Changes that are read at once, and processes of clients that send them."""


def family(served: Served) -> list[psutil.Process]:
    """Return a service's processes."""
    process = psutil.Process(served.process.pid)
    return [process, *process.children(recursive=True)]


def gone_after(processes: list[psutil.Process], most: float) -> float:
    """Return the seconds after which the last of some processes is gone."""
    began = time.monotonic()
    _, alive = psutil.wait_procs(processes, most)
    assert not alive, [one.cmdline() for one in alive]
    return time.monotonic() - began


def stops(folder: Path, ids: list[str]) -> list[Row]:
    """SIGTERM under load, with customers that are watched, by one process and by two."""
    took, seen = [], Seen()
    for turn in range(STOPS):
        workers = str(1 + turn % 2)
        with service(folder, "--workers", workers) as served, ExitStack() as stack:
            watching = [stack.enter_context(Connection(served)) for _ in range(50)]
            for one in watching:
                one.send("GET", f"/data/Customer('{ids[0]}')/live")
            deaf = stack.enter_context(Connection(served))
            deaf.socket.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
            with load(served, 20, changing(ids), seen) as stopping:
                time.sleep(2)
                processes = family(served)
                stopping.set()
                began = time.monotonic()
                code = served.stop()
                took.append(time.monotonic() - began)
                assert code == 0
            gone_after(processes, 1)
            for one in watching:
                with suppress(OSError):  # whom a busy service had not even taken in yet
                    assert one.answer().status in (200, 503)
    missing = set(seen.acknowledged) - accepted(folder)
    assert set(seen.statuses) == {204}, seen.statuses
    return [
        Row(f"{STOPS} stops under load, slowest", max(took), "s", at_most=10),
        Row("connections that ended before", seen.lost, "", at_most=0),
        Row("acknowledged before them", len(seen.acknowledged), ""),
        Row("acknowledged and not in the log", len(missing), "", at_most=0),
    ]


def stops_amid_batches(folder: Path, ids: list[str]) -> list[Row]:
    """SIGTERM while batches are appended: no process dies of it, and what was answered is there."""
    del ids
    took, seen = [], set[str]()
    for turn in range(2):
        with service(folder, "--workers", str(1 + turn)) as served:
            clients = [
                threading.Thread(target=_send_batch, args=(served, f"{turn}-{one}", seen))
                for one in range(BATCHES)
            ]
            for one in clients:
                one.start()
            time.sleep(5)
            began = time.monotonic()
            assert served.stop() == 0
            took.append(time.monotonic() - began)
            for one in clients:
                one.join()
    missing = seen - accepted(folder)
    return [
        Row(f"stops amid {BATCHES} batches, slower one", max(took), "s", at_most=10),
        Row("rows acknowledged before them", len(seen), ""),
        Row("acknowledged and not in the log", len(missing), "", at_most=0),
    ]


def _send_batch(served: Served, name: str, seen: set[str]) -> None:
    """Send a batch and note the events of its answers, as far as they come."""
    row = {"AccountId": "1", "PlacedAt": "2024-03-01T10:00:00Z", "Item": "Cup"}
    rows = (json.dumps({**row, "OrderId": f"{name}-{one}"}) for one in range(BATCH_ROWS))
    body = "\n".join(rows).encode()
    with Connection(served) as one, suppress(OSError):
        one.begin("POST", f"/data/{shop.ORDERS}/batch", "application/x-ndjson", len(body))
        sending = threading.Thread(target=_send_all, args=(one, body))
        sending.start()
        received = b""
        with suppress(OSError):
            while part := one.socket.recv(1 << 20):
                received += part
        sending.join()
        seen.update(
            found.decode() for found in re.findall(rb'"eventId":"([0-9a-f-]{36})"', received)
        )


def _send_all(connection: Connection, body: bytes) -> None:
    with suppress(OSError):
        connection.socket.sendall(body)


def kills(folder: Path, ids: list[str]) -> list[Row]:
    """SIGKILL at any instant under load: what was acknowledged is there, and no child is left."""
    chance, took, seen, work = Random(0), [], Seen(), changing(ids)
    for _ in range(KILLS):
        with service(folder, "--workers", "2") as served:
            with load(served, 20, work, seen) as stopping:
                time.sleep(chance.uniform(0.3, 2.5))
                processes = family(served)
                stopping.set()
                os.kill(served.process.pid, signal.SIGKILL)
                served.process.wait()
            took.append(gone_after(processes[1:], 15))
        _expect_shown(folder, seen)
    missing = set(seen.acknowledged) - accepted(folder)
    return [
        Row(f"{KILLS} deaths under load: acknowledged changes", len(seen.acknowledged), ""),
        Row("acknowledged and not in the log", len(missing), "", at_most=0),
        Row("until the last child was gone, slowest", max(took), "s", at_most=10),
    ]


def _expect_shown(folder: Path, seen: Seen) -> None:
    """Hold that each customer shows the last change that was acknowledged, or a later one."""
    last: dict[str, int] = {}
    for customer, value in seen.acknowledged.values():
        last[customer] = max(int(str(value)), last.get(customer, 0))
    with service(folder, "--only", "api") as served, Connection(served) as one:
        for customer, value in last.items():
            found = json.loads(one.ask("GET", f"/data/Customer('{customer}')").body)
            assert found["Points"] >= value, (customer, found, value)


def publish(folder: Path, ids: list[str]) -> list[Row]:
    """Refreshes that publish while customers are read and changed."""
    seen, changes = Seen(), Seen()
    with service(folder, "--workers", "2") as served, Connection(served) as one:
        with load(served, 8, reading(ids), seen), load(served, 2, changing(ids), changes):
            time.sleep(10)
            began = time.monotonic()
            job = json.loads(one.ask("POST", "/workflows/main/jobs?operationType=all").body)
            published = 0.0
            while not published:
                time.sleep(0.2)
                now = json.loads(one.ask("GET", f"/workflows/main/jobs/{job['jobId']}").body)
                if now["jobStatus"] not in ("queued", "running"):
                    assert now["jobStatus"] == "successful", now
                    published = time.monotonic()
            time.sleep(10)
        shares = [0.5, 0.99]
        spans = (began - 9, began), (began, published), (published - 2, published + 2)
        before, during, at = (
            [seen.percentile(share, *span) * 1e3 for share in shares] for span in spans
        )
        written = [changes.percentile(0.99, *span) * 1e3 for span in spans]
    for one_of in (seen, changes):
        assert set(one_of.statuses) <= {200, 204}, one_of.statuses
    missing = set(changes.acknowledged) - accepted(folder)
    bound = 2 * before[1]
    return [
        Row("publish: GET before, p50", before[0], "ms"),
        Row("publish: GET before, p99 of 8 clients", before[1], "ms"),
        Row("publish: GET while the refresh runs, p50", during[0], "ms"),
        Row("publish: GET while the refresh runs, p99", during[1], "ms", at_most=bound),
        Row("publish: GET within 2 s of the publish, p99", at[1], "ms", at_most=bound),
        Row("publish: PATCH before, p99 of 2 clients", written[0], "ms"),
        Row("publish: PATCH while the refresh runs, p99", written[1], "ms"),
        Row("publish: PATCH within 2 s of it, p99", written[2], "ms", at_most=2 * written[0]),
        Row("publish: connections that ended", seen.lost + changes.lost, "", at_most=0),
        Row("acknowledged and not in the log", len(missing), "", at_most=0),
        Row("publish: from submission", published - began, "s"),
    ]


def pairs(folder: Path, ids: list[str]) -> list[Row]:
    """Write and read at once, over two connections each, from several processes."""
    context = multiprocessing.get_context("spawn")
    with service(folder, "--workers", "2") as served:
        asked = Asked(served.url, served.token or "", folder, served.instance)
        share = len(ids) // PROCESSES
        with context.Pool(PROCESSES) as pool:
            began = time.monotonic()
            parts = [
                (asked, ids[one * share : (one + 1) * share], PAIRS // PROCESSES)
                for one in range(PROCESSES)
            ]
            stale = sum(pool.starmap(stale_pairs, parts))
        seconds = time.monotonic() - began
    return [
        Row(f"{PAIRS:,} pairs of write and read: stale", stale, "", at_most=0),
        Row("pairs", PAIRS / seconds, "/s"),
    ]


@dataclass(frozen=True)
class Asked:
    """A service as a client in another process knows it."""

    url: str
    token: str
    folder: Path
    instance: str


def stale_pairs(asked: Asked, ids: list[str], number: int) -> int:
    """Write so many times and read at once, each time over another connection of four."""
    served, stale = Served(None, asked.url, asked.token, asked.folder, asked.instance), 0  # type: ignore[arg-type]
    with ExitStack() as stack:
        many = [stack.enter_context(Connection(served)) for _ in range(4)]
        for turn in range(number):
            customer, value = ids[turn % len(ids)], turn + 1
            writing, reading_it = many[turn % 4], many[(turn // 4 + turn + 1) % 4]
            path = f"/data/Customer/{customer}"
            answer = writing.ask("PATCH", path, {"Points": value})
            assert answer.status == 204, answer.body
            found = reading_it.ask("GET", f"/data/Customer('{customer}')")
            stale += json.loads(found.body)["Points"] != value
    return stale
