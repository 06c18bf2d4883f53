"""Too much at once, and clients that are slow or never end: each gets an answer, none hangs."""

import asyncio
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from overtide.project import Project
from overtide.schemas.errors import LateRequestError
from overtide.serving.access.roles import Role
from overtide.serving.http import protocol, server
from overtide.serving.http.application import Application
from overtide.serving.http.browsers import Browsers
from overtide.serving.http.server import HttpServer, listening, most_connections, url_of
from overtide.serving.telemetry import overload
from overtide.serving.telemetry.limits import Limits
from overtide.serving.telemetry.observed import Observed
from overtide.serving.telemetry.overload import Meter
from tests import shop


@dataclass(frozen=True)
class Here:
    """A server in this process: its address and a token."""

    url: str
    address: tuple[str, int]
    token: str

    def connect(self) -> socket.socket:
        """Return a connection."""
        return socket.create_connection(self.address, timeout=10)

    def head(self, length: int) -> bytes:
        """Return the head of a request that changes a customer."""
        return (
            f"PATCH /v1/instances/{shop.INSTANCE}/data/Customer/x HTTP/1.1\r\nHost: h\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n\r\n"
        ).encode()


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Iterator[Here]:
    """A server with narrow limits, of a project of which nothing is published."""
    folder: Path = tmp_path_factory.mktemp("overload")
    (folder / "overtide.yaml").write_text(
        json.dumps(shop.configuration() | {"service": {"slow_readers": "1s"}})
    )
    with pytest.MonkeyPatch.context() as patch, Project(folder) as project:
        patch.setattr(server, "most_connections", lambda _files: 20)
        service = project.service()
        token, _ = service.admission.tokens.create("x", Role.OWNER)
        limits = Limits(most_at_work=2, patience_seconds=0.7)
        application = Application(service, lambda: secrets.token_hex(4), Browsers(), limits)
        http, listener = HttpServer(application), listening("127.0.0.1", 0)
        thread = threading.Thread(target=http.serve, args=(listener,))
        thread.start()
        yield Here(url_of(listener, False), listener.getsockname(), token)
        http.stop()
        thread.join()


def answer(connection: socket.socket) -> tuple[int, dict]:
    """Read until the server closes: the status and the document."""
    received = b""
    while part := connection.recv(65_536):
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_a_body_that_comes_too_slowly_is_refused(here):
    with here.connect() as connection:
        began = time.monotonic()
        connection.sendall(here.head(1_000))
        for _ in range(4):
            connection.sendall(b" ")
            time.sleep(0.1)
        status, document = answer(connection)
    assert (status, document["errorCode"]) == (408, "body_too_slow")
    assert time.monotonic() - began < 5


def pieces(pauses: list[float], streamed: bool) -> int:
    """Take pieces of a body that come after pauses, and return how many came in time."""
    waits = iter(pauses)

    async def receive() -> dict[str, object]:
        await asyncio.sleep(next(waits))
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def taken() -> int:
        call = Observed("POST", "r", streamed=streamed)
        meter = Meter(call, receive, receive, 0.3)
        with suppress(LateRequestError):
            for _ in pauses:
                await meter.receive()
        return call.request_bytes

    return asyncio.run(taken())


def test_rows_of_a_batch_may_come_with_pauses_but_not_with_any(monkeypatch):
    monkeypatch.setattr(overload, "PAUSE_SECONDS", 0.3)
    assert pieces([0.2, 0.2, 0.2, 10], streamed=True) == 3
    assert pieces([0.2, 0.2, 0.2, 10], streamed=False) == 1


def test_a_large_body_at_once_is_no_long_head(here):
    headers = {"Authorization": f"Bearer {here.token}", "Content-Type": "application/json"}
    path = f"{here.url}/v1/instances/{shop.INSTANCE}/data/Customer/x"
    with httpx.Client(headers=headers) as client:
        for _ in range(3):
            found = client.patch(path, content=b" " * 1_000_000)
            assert (found.status_code, found.json()["errorCode"]) == (400, "invalid_json")


def test_over_the_bound_the_answer_comes_at_once(here):
    waiting = [here.connect() for _ in range(2)]
    for connection in waiting:
        connection.sendall(here.head(10))
    time.sleep(0.2)
    headers = {"Authorization": f"Bearer {here.token}"}
    began = time.monotonic()
    found = httpx.get(f"{here.url}/v1/instances", headers=headers)
    assert (found.status_code, found.json()["errorCode"]) == (503, "overloaded")
    assert found.headers["Retry-After"] == "1"
    assert time.monotonic() - began < 0.4
    assert httpx.get(f"{here.url}/health/live").status_code == 200
    for connection in waiting:
        assert answer(connection)[0] == 408
        connection.close()
    assert httpx.get(f"{here.url}/v1/instances", headers=headers).status_code == 200


def test_a_connection_too_many_is_told_so(here):
    many = [here.connect() for _ in range(20)]
    time.sleep(0.1)
    with here.connect() as connection:
        status, document = answer(connection)
    assert (status, document["errorCode"]) == (503, "overloaded")
    for connection in many:
        connection.close()
    time.sleep(0.1)
    assert httpx.get(f"{here.url}/health/live").status_code == 200


def test_who_takes_nothing_of_an_answer_is_left(here):
    """Its answers fill what the system keeps for it, and then wait in the server."""
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n"
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(10)
        deaf.connect(here.address)
        with pytest.raises(OSError):  # noqa: PT012 - it ends at any of them
            for _ in range(1000):
                deaf.sendall(ask)
                time.sleep(0.02)
    assert httpx.get(f"{here.url}/health/live").status_code == 200


def test_files_can_be_opened_beside_all_connections():
    assert most_connections(1024) == 512
    assert most_connections(100_000) == protocol.MOST_CONNECTIONS
    assert most_connections(4096) == 4096 - server.OTHER_FILES
