"""Files that are cut on their way: who reads them sees that, and nothing of them is left behind."""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from overtide.serving.operations.sql import TURNS
from tests import shop
from tests.deaf_clients import deaf, is_cut
from tests.served import Served, publish_shop, serving

PEOPLE, LONG = 12, 600_000
"""Customers, and letters of a name of each: more in all than the system keeps for a connection."""
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
LARGE = "SELECT r, md5(r::VARCHAR) || sha256(r::VARCHAR) AS t FROM range(200000) s(r)"
ENDLESS = "SELECT count(*) FROM range(100000000000) a(i) WHERE i % 7 = 3"
LATE = 60.0
"""Seconds after which something that is to happen never will."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A project whose customers are written in a file of several MB."""
    folder: Path = tmp_path_factory.mktemp("cut")
    people = [
        (shop.CONTACTS, str(one), {"EMail": f"p{one}@x", "FullName": f"P{one}", "Points": one})
        for one in range(PEOPLE)
    ]
    publish_shop(folder, *people, service={"slow_readers": "1s"})
    return folder


@pytest.fixture(scope="module")
def served(folder, tmp_path_factory) -> Iterator[Served]:
    """A service with a temporary folder of its own."""
    temporary = tmp_path_factory.mktemp("temporary")
    before = ["env", f"TMPDIR={temporary}"]
    with serving(folder, shop.INSTANCE, "--only", "api", before=before) as found:
        with found.client() as client:
            for one in client.get("/data/Customer", params={"$select": "CustomerId"}).json()[
                "value"
            ]:
                long = {"FullName": "x" * LONG}
                client.patch(f"/data/Customer/{one['CustomerId']}", json=long).raise_for_status()
            for kind in (CSV, PARQUET):  # by now everything is open that stays open
                _answered(client, "SELECT 1", kind)
            client.get(_link(found))
        yield found


@dataclass(frozen=True)
class Left:
    """What a service holds beside memory."""

    children: int
    connections: int
    files: frozenset[str]


def left(served: Served) -> Left:
    """Return what a service holds now."""
    process = psutil.Process(served.process.pid)
    temporary = Path(process.environ()["TMPDIR"])
    connections = [one for one in process.net_connections() if one.status != psutil.CONN_LISTEN]
    children = [one for one in process.children(recursive=True) if "-I" not in one.cmdline()]
    files = (str(one.relative_to(temporary)) for one in temporary.rglob("*"))
    return Left(len(children), len(connections), frozenset(files))


def expect(served: Served, files: frozenset[str]) -> None:
    """Wait until a service holds these files, and neither a child nor a connection."""
    deadline, wanted = time.monotonic() + LATE, Left(0, 0, files)
    while left(served) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left(served) == wanted


def at_rest(served: Served) -> frozenset[str]:
    """Return the files that a service holds while nobody asks anything."""
    files = left(served).files
    expect(served, files)
    return files


def _answered(client: httpx.Client, statement: str, kind: str) -> httpx.Response:
    found = client.post("/sql", json={"sql": statement}, headers={"Accept": kind})
    found.raise_for_status()
    return found


def _link(served: Served) -> str:
    with served.client() as client:
        links = client.get("/data/Customer", params={"proxy": "true"}).json()["httpRequests"]
    return str(links[0]["uri"])


def sql(
    kind: str, statement: str = LARGE, seconds: int = 30
) -> Callable[[Served], tuple[str, ...]]:
    """Return what sends a statement and asks for a file."""

    def request(_: Served) -> tuple[str, ...]:
        body = json.dumps({"sql": statement})
        headers = f"Accept: {kind}\r\nContent-Type: application/json\r\n"
        return "POST", f"/sql?seconds={seconds}", f"{headers}Content-Length: {len(body)}\r\n", body

    return request


def partition(served: Served) -> tuple[str, ...]:
    """Return what asks for the file that a signed link leads to."""
    return "GET", _link(served), "", ""


FILES = pytest.mark.parametrize("asked", [sql(CSV), sql(PARQUET), partition])


def sent(
    served: Served, asked: Callable[[Served], tuple[str, ...]], stack: ExitStack
) -> socket.socket:
    """Send a request of which nothing is read yet."""
    method, path, headers, body = asked(served)
    return stack.enter_context(deaf(served, method, path, headers, body.encode()))


def head_of(connection: socket.socket) -> tuple[int, int]:
    """Read the begin of an answer; return how long its body is to be, and how much has come."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(1000)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    lengths = [one for one in head.lower().split(b"\r\n") if one.startswith(b"content-length: ")]
    return int(lengths[0].split(b" ")[1]), len(body)


@FILES
def test_who_leaves_amid_a_file_leaves_nothing_behind(served, asked):
    before = at_rest(served)
    with ExitStack() as stack:
        length, come = head_of(sent(served, asked, stack))
        assert come < length
    expect(served, before)


@FILES
def test_who_stops_reading_a_file_is_cut_off_and_sees_that_it_is_not_whole(served, asked):
    before = at_rest(served)
    with ExitStack() as stack:
        connection = sent(served, asked, stack)
        length, come = head_of(connection)
        assert is_cut(connection)
        with suppress(OSError):
            while part := connection.recv(65_536):
                come += len(part)
        assert come < length
    expect(served, before)


def test_statements_of_clients_that_left_end_with_their_time_and_others_get_their_turn(served):
    before = at_rest(served)
    with ExitStack() as stack:
        for _ in range(2 * int(TURNS.total_tokens)):
            sent(served, sql(CSV, ENDLESS, 1), stack)
    with served.client() as client:
        assert _answered(client, "SELECT 42 AS n", CSV).text == "n\r\n42\r\n"
    expect(served, before)


@pytest.mark.parametrize("kind", [CSV, PARQUET, "application/json"])
def test_a_statement_whose_process_dies_is_a_refusal_and_no_part_of_a_file(served, kind):
    before = at_rest(served)
    with ExitStack() as stack:
        connection = sent(served, sql(kind, ENDLESS), stack)
        deadline = time.monotonic() + LATE
        while not left(served).children and time.monotonic() < deadline:
            time.sleep(0.01)
        for one in psutil.Process(served.process.pid).children(recursive=True):
            if "overtide.serving.sql_child" in one.cmdline():
                one.kill()
        status = connection.recv(1000).split(b"\r\n")[0]
        assert status.startswith(b"HTTP/1.1 503 ")
    expect(served, before)


@FILES
def test_a_file_whose_service_is_killed_is_shorter_than_it_was_to_be(folder, served, asked):
    with (
        serving(folder, shop.INSTANCE, "--only", "api") as second,
        ExitStack() as stack,
    ):
        found = Served(second.process, second.url, served.token, folder, shop.INSTANCE)
        connection = sent(found, asked, stack)
        length, come = head_of(connection)
        second.process.send_signal(signal.SIGKILL)
        second.process.wait()
        with suppress(OSError):
            while part := connection.recv(65_536):
                come += len(part)
        assert come < length
