"""Clients that put a service under load: plain sockets, so that what they see is what was sent."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from overtide.project import Project
from overtide.serving.access.roles import Role
from overtide.serving.access.tokens import Tokens
from tests import shop
from tests.served import Served, serving

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def token_of(folder: Path, name: str) -> str:
    """Return a new owner's token."""
    with Project(folder) as project:
        return Tokens(project.access, project.clock).create(name, Role.OWNER)[0]


@contextmanager
def service(folder: Path, *words: str, before: Sequence[str] = ()) -> Iterator[Served]:
    """Serve a project with a new token for as long as the block runs."""
    token = token_of(folder, "load")
    with serving(folder, shop.INSTANCE, *words, before=before) as served:
        yield replace(served, token=token)


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the head as it is, and the body."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header."""
        found = re.search(rf"(?im)^{name}: (.*?)\r?$", self.head.decode())
        return None if found is None else found[1]


class Connection:
    """One connection that is kept, used by one thread; raises OSError where it ends."""

    def __init__(self, served: Served, token: str | None = None, seconds: float = 60) -> None:
        parts = urlsplit(served.url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._base = f"/v1/instances/{served.instance}"
        self._token = token or served.token

    def ask(self, method: str, path: str, document: object = None, **headers: str) -> Answer:
        """Send a request below the instance and return its answer."""
        self.send(method, path, document, **headers)
        return self.answer()

    def send(self, method: str, path: str, document: object = None, **headers: str) -> None:
        """Send a request without waiting for its answer."""
        body = b"" if document is None else json.dumps(document).encode()
        more = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in headers.items())
        kind = "" if document is None else "Content-Type: application/json\r\n"
        head = (
            f"{method} {self._base}{path} HTTP/1.1\r\nHost: localhost\r\n{kind}{more}"
            f"Authorization: Bearer {self._token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.socket.sendall(head.encode() + body)

    def begin(self, method: str, path: str, kind: str, length: int) -> None:
        """Send the head of a request whose body follows by itself."""
        head = (
            f"{method} {self._base}{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Length: {length}\r\n\r\n"
        )
        self.socket.sendall(head.encode())

    def answer(self) -> Answer:
        """Return the next answer that has a length."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        found = LENGTH.search(head)
        length = 0 if found is None else int(found[1])
        while len(body) < length:
            body += self._more()
        return Answer(int(head.split(b" ", 2)[1]), head, body)

    def _more(self) -> bytes:
        part = self.socket.recv(65_536)
        if not part:
            raise ConnectionResetError("the connection ended")
        return part

    def close(self) -> None:
        """End it."""
        self.socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Seen:
    """What the clients of a load saw together: seconds by when they began, answers, events."""

    seconds: list[tuple[float, float]] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    acknowledged: dict[str, tuple[str, object]] = field(default_factory=dict)
    lost: int = 0
    without_retry: int = 0
    stale: int = 0

    def note(self, began: float, answer: Answer) -> None:
        """Count an answer."""
        self.seconds.append((began, time.monotonic() - began))
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        if answer.status in (429, 503) and answer.header("Retry-After") is None:
            self.without_retry += 1

    def percentile(self, share: float, begin: float = 0, end: float = float("inf")) -> float:
        """Return a percentile of the seconds of requests that began in a span of time."""
        found = sorted(took for began, took in self.seconds if begin <= began < end)
        return found[min(int(len(found) * share), len(found) - 1)] if found else 0.0


Work = Callable[[Connection, int, Seen], None]


@contextmanager
def load(served: Served, clients: int, work: Work, seen: Seen) -> Iterator[threading.Event]:
    """Let clients do some work again and again in threads while the block runs.

    A client whose connection ends counts it as lost, unless the event is set: then the service
    is being stopped, and the client ends.
    """
    over, stopping = threading.Event(), threading.Event()

    def go_on(number: int) -> None:
        while not over.is_set():
            try:
                with Connection(served) as connection:
                    while not over.is_set():
                        work(connection, number, seen)
            except OSError:
                if stopping.is_set():
                    return
                seen.lost += 1
                time.sleep(0.05)

    threads = [threading.Thread(target=go_on, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield stopping
    finally:
        over.set()
        for thread in threads:
            thread.join()


def reading(ids: list[str]) -> Work:
    """Return work that reads customers."""

    def work(connection: Connection, number: int, seen: Seen) -> None:
        began = time.monotonic()
        customer = ids[hash((number, int(began * 1e6))) % len(ids)]
        seen.note(began, connection.ask("GET", f"/data/Customer('{customer}')"))

    return work


def changing(ids: list[str], field_name: str = "Points") -> Work:
    """Return work that changes customers, each client its own ones, and notes what was accepted."""
    values = count(1_000)

    def work(connection: Connection, number: int, seen: Seen) -> None:
        began, value = time.monotonic(), next(values)
        customer = ids[number % len(ids)]
        answer = connection.ask("PATCH", f"/data/Customer/{customer}", {field_name: value})
        seen.note(began, answer)
        if answer.status == 204:
            seen.acknowledged[answer.header("Overtide-Event-Id") or ""] = (customer, value)

    return work
