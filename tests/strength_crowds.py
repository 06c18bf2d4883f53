"""Crowds: so many connections, slow clients, bodies without an end, more than can be done."""

import errno
import json
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.measure import Row
from overtide.project import Project
from tests import shop
from tests.served import Served
from tests.strength_clients import (
    Answer,
    Connection,
    Seen,
    changing,
    load,
    reading,
    service,
    token_of,
)

OPEN = 10_000
"""Connections that are open at the same time."""
SLOW = 150
"""Slow clients of each kind."""
MIB = 2**20


def memory_of(served: Served) -> float:
    """Return the MiB that the serving process has in memory."""
    return psutil.Process(served.process.pid).memory_info().rss / MIB


def accepted(folder: Path) -> set[str]:
    """Return the ids of all events in the log."""
    with Project(folder) as project:
        return {event.event_id for event in project.log.read(0, 10_000_000)}


def promptness(served: Served, ids: list[str], seconds: float, clients: int = 4) -> Seen:
    """Return what clients see that read customers for a while."""
    seen = Seen()
    with load(served, clients, reading(ids), seen):
        time.sleep(seconds)
    assert set(seen.statuses) == {200}
    assert seen.lost == 0
    return seen


def connections(folder: Path, ids: list[str]) -> list[Row]:
    """Ten thousand connections that say nothing more; then more than there may be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with service(folder, "--only", "api") as served, ExitStack() as idle:
        before, began = promptness(served, ids, 3), time.monotonic()
        small = memory_of(served)
        for _ in range(OPEN):
            one = idle.enter_context(Connection(served))
            assert one.ask("GET", f"/data/Customer('{ids[0]}')").status == 200
        opened = time.monotonic() - began
        beside = promptness(served, ids, 3)
        assert one.ask("GET", f"/data/Customer('{ids[0]}')").status == 200
        grown = memory_of(served) - small
    return [
        Row(f"{OPEN:,} connections: opened, with a request each", opened, "s"),
        Row("GET of a customer before, p99 of 4 clients", before.percentile(0.99) * 1e3, "ms"),
        Row(
            f"GET of a customer beside {OPEN:,} open connections, p99",
            beside.percentile(0.99) * 1e3,
            "ms",
            at_most=max(2 * before.percentile(0.99) * 1e3, 20),
        ),
        Row(f"memory of {OPEN:,} connections", grown, "MiB", at_most=512),
        _beyond(folder, ids),
    ]


def _beyond(folder: Path, ids: list[str]) -> Row:
    """Open more connections than the system's limit of open files leaves."""
    command = ["prlimit", "--nofile=1024:1024"]
    with service(folder, "--only", "api", before=command) as served:
        many, found = [], []
        for _ in range(1100):
            many.append(Connection(served))
            with suppress(OSError):
                many[-1].send("GET", f"/data/Customer('{ids[0]}')")
            found.append(_status(many[-1]))
            if found[-1] != 200:
                many.pop().close()
        for one in many:
            one.close()
        assert set(found) == {200, 503}, set(found)
        promptness(served, ids, 1)
    return Row("connections beyond the limit of 1,024 files: refused by 503", found.count(503), "")


def _status(connection: Connection) -> int:
    try:
        return connection.answer().status
    except OSError:
        return 0


def slow_clients(folder: Path, ids: list[str]) -> list[Row]:
    """Heads and bodies that come byte by byte, and readers that do not read."""
    with service(folder, "--only", "api") as served, ExitStack() as all_of_them:
        before = promptness(served, ids, 3)
        heads, bodies, deaf = (
            [all_of_them.enter_context(Connection(served)) for _ in range(SLOW)] for _ in range(3)
        )
        for one in deaf:
            one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.socket.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
        for one in bodies:
            one.send("PATCH", f"/data/Customer/{ids[0]}", {"Points": 1})
            one.answer()
            _begin_body(one, served, ids[0])
        seen, ended = Seen(), time.monotonic()
        with load(served, 4, reading(ids), seen):
            for step in range(300):
                for one in heads:
                    with suppress(OSError):
                        one.socket.send(b"GET / HTTP/1.1\r\nX-A: " if step == 0 else b"a")
                for one in bodies:
                    with suppress(OSError):
                        one.socket.send(b" ")
                time.sleep(0.1)
        ended = time.monotonic() - ended
        assert {_status(one) for one in heads} == {408}
        assert {_status(one) for one in bodies} == {408}
        assert set(seen.statuses) == {200}
        assert seen.lost == 0
        peak = memory_of(served)
        left = _wait(lambda: _connections(served) < SLOW, 150)
    return [
        Row("GET of a customer before slow clients, p99", before.percentile(0.99) * 1e3, "ms"),
        Row(
            f"GET of a customer beside {3 * SLOW} slow clients, p99",
            seen.percentile(0.99) * 1e3,
            "ms",
        ),
        Row("memory beside them", peak, "MiB", at_most=1500),
        Row("until readers that do not read are gone", ended + left, "s", at_most=150),
    ]


def _begin_body(connection: Connection, served: Served, customer: str) -> None:
    head = (
        f"PATCH /v1/instances/{served.instance}/data/Customer/{customer} HTTP/1.1\r\n"
        f"Host: localhost\r\nAuthorization: Bearer {served.token}\r\nContent-Length: 1000\r\n\r\n"
    )
    connection.socket.sendall(head.encode())


def _connections(served: Served) -> int:
    found = psutil.Process(served.process.pid).net_connections("tcp")
    return sum(one.status == psutil.CONN_ESTABLISHED for one in found)


def _wait(done: Callable[[], bool], most: float) -> float:
    """Wait until something is so, and return the seconds that it took."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < most
        time.sleep(0.1)
    return time.monotonic() - began


def endless_bodies(folder: Path, ids: list[str]) -> list[Row]:
    """Bodies that never end or are announced as too large, and lines without an end."""
    with service(folder, "--only", "api") as served:
        before = memory_of(served)
        path = f"/data/Customer/{ids[0]}"
        assert _endless(served, f"{path}", "application/json").status == 413
        declared = Connection(served)
        declared.socket.sendall(
            _head(served, path, "application/json", f"Content-Length: {10**12}")
        )
        began = time.monotonic()
        assert declared.answer().status == 413
        took = time.monotonic() - began
        declared.close()
        sent = _endless_line(served)
        grown = memory_of(served) - before
        promptness(served, ids, 1)
    return [
        Row("a body of 1 TB that is announced: refused after", took * 1e3, "ms", at_most=500),
        Row("memory after bodies and a line without an end", grown, "MiB", at_most=200),
        Row("bytes of a line without an end that were taken", sent / MIB, "MiB"),
    ]


def _head(served: Served, path: str, kind: str, length: str, method: str = "PATCH") -> bytes:
    return (
        f"{method} /v1/instances/{served.instance}{path} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {served.token}\r\nContent-Type: {kind}\r\n{length}\r\n\r\n"
    ).encode()


def _endless(served: Served, path: str, kind: str) -> Answer:
    with Connection(served) as one:
        one.socket.sendall(_head(served, path, kind, "Transfer-Encoding: chunked"))
        with suppress(OSError):
            for _ in range(1000):
                one.socket.sendall(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        return one.answer()


def _endless_line(served: Served) -> int:
    """Send a line of a batch that has no end, and return how many bytes were taken."""
    sent = 0
    with Connection(served) as one:
        path = f"/data/{shop.ORDERS}/batch"
        kind = "application/x-ndjson"
        one.socket.sendall(_head(served, path, kind, "Transfer-Encoding: chunked", "POST"))
        with suppress(OSError):
            for _ in range(4000):
                one.socket.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                sent += 65_536
        with suppress(OSError):
            one.socket.sendall(b"1\r\n\n\r\n0\r\n\r\n")
        received = b""
        with suppress(OSError):
            while part := one.socket.recv(65_536):
                received += part
                if received.endswith(b"0\r\n\r\n"):
                    break
    assert b'"status":413' in received, received[-300:]
    return sent


def overload(folder: Path, ids: list[str]) -> list[Row]:
    """More changes at once than are worked on: refusals with Retry-After, nothing lost."""
    seen, told = Seen(), 1500
    with service(folder, "--only", "api") as served:
        with ExitStack() as stack:
            many = [stack.enter_context(Connection(served)) for _ in range(told)]
            for turn in range(4):
                for number, one in enumerate(many):
                    one.send("PATCH", f"/data/Customer/{ids[number % len(ids)]}", {"Points": turn})
                for one in many:
                    _note(seen, one.answer())
        with load(served, 100, changing(ids), seen):
            time.sleep(5)
        assert set(seen.statuses) <= {204, 503}, seen.statuses
        assert seen.without_retry == seen.lost == 0
        limited = Seen()
        with Connection(served, token_of(folder, "connector")) as one:
            for _ in range(150):
                limited.note(time.monotonic(), one.ask("GET", f"/data/Customer('{ids[0]}')"))
        assert limited.statuses == {200: 100, 429: 50}, limited.statuses
        assert limited.without_retry == 0
        promptness(served, ids, 1)
    missing = set(seen.acknowledged) - accepted(folder)
    return [
        Row(f"{told} changes at once, 4 times, then 100 clients: accepted", seen.statuses[204], ""),
        Row("refused by 503 with Retry-After", seen.statuses.get(503, 0), ""),
        Row("acknowledged and not in the log", len(missing), "", at_most=0),
    ]


def _note(seen: Seen, answer: Answer) -> None:
    seen.note(time.monotonic(), answer)
    if answer.status == 204:
        seen.acknowledged[answer.header("Overtide-Event-Id") or ""] = ("", None)


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """Mount a small file system in memory, where this user may; PermissionError where not."""
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        raise PermissionError(errno.EPERM, "nothing can be mounted")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def full_disk(folder: Path, ids: list[str]) -> list[Row]:
    """A disk that fills up and is emptied: reads go on, changes are refused and then taken."""
    with small_disk(folder.parent / "disk", 96) as disk:
        project = shutil.copytree(folder, disk / "shop")
        with service(project) as served, Connection(served) as one:
            seen = Seen()
            patch = lambda value: one.ask(  # noqa: E731 - said in three places
                "PATCH", f"/data/Customer/{ids[1]}", {"FullName": value}
            )
            assert patch("before").status == 204
            fill(disk)
            began, refused = time.monotonic(), []
            while time.monotonic() - began < 10 or not refused:
                answer = patch("x" * 5000)
                _note(seen, answer)
                if answer.status != 204:
                    refused.append(json.loads(answer.body)["errorCode"])
                    fill(disk)
                read = one.ask("GET", f"/data/Customer('{ids[1]}')")
                assert read.status == 200
                assert time.monotonic() - began < 60
            assert set(seen.statuses) <= {204, 503}, seen.statuses
            assert seen.without_retry == 0
            for path in ("/data/Customer?$top=3", "/manage/entities", "/workflows/main/jobs"):
                assert one.ask("GET", path).status == 200, path
            submitted = one.ask("POST", "/workflows/main/jobs?operationType=all").status
            (disk / "filler").unlink()
            began = time.monotonic()
            while patch("after").status != 204:
                assert time.monotonic() - began < 30
            back = time.monotonic() - began
            read = json.loads(one.ask("GET", f"/data/Customer('{ids[1]}')").body)
            assert read["FullName"] == "after"
            sql = _wait(lambda: _carried(project), 60)
        missing = set(seen.acknowledged) - accepted(project)
    return [
        Row("full disk: changes refused by 503", seen.statuses[503], ""),
        Row("codes of them", len(set(refused)), " ".join(sorted(set(refused)))),
        Row("a job submitted to a full disk", submitted, ""),
        Row("acknowledged and not in the log", len(missing), "", at_most=0),
        Row("room again: first change accepted after", back, "s", at_most=5),
        Row("room again: all in SQL after", sql, "s", at_most=30),
    ]


def _carried(folder: Path) -> bool:
    with Project(folder) as project:
        return project.status()["stream"]["lagEvents"] == 0


def fill(disk: Path) -> None:
    """Fill what is left of a disk."""
    with (disk / "filler").open("ab", buffering=0) as file:
        for size in (MIB, 4096, 1):
            with suppress(OSError):
                while file.write(b"\0" * size):
                    pass
