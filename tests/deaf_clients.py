"""Clients of a real service that read nothing, or only the beginning of an answer."""

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.served import Served


@contextmanager
def deaf(
    served: Served, method: str, path: str, headers: str = "", body: bytes = b""
) -> Iterator[socket.socket]:
    """Send a request over a connection of which nothing is read by itself.

    The path is one below the instance, or a whole address of the service.
    """
    parts = urlsplit(served.url)
    path = path.removeprefix(served.url)
    begin = "" if path.startswith("/v1/") else f"/v1/instances/{served.instance}"
    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        found.settimeout(60)
        found.connect((parts.hostname, parts.port))
        head = (
            f"{method} {begin}{path} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {served.token}\r\n{headers}\r\n"
        )
        found.sendall(head.encode() + body)
        yield found


def is_cut(connection: socket.socket) -> bool:
    """Wait until the other side ends a connection, without reading; False where it never does."""
    poll = select.poll()
    poll.register(connection, 0)  # errors and hang-ups are always told
    return bool(poll.poll(60_000))
