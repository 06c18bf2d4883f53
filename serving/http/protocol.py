"""Heads of requests that come too slowly or never end: uvicorn's own protocol waits for them."""

import asyncio
import json
from http import HTTPStatus
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from overtide.schemas.errors import HeadTooLargeError, OvertideError, TooSlowError, UnavailableError
from overtide.serving.wire.refusals import Errors, refusal_document

MOST_HEAD_BYTES = 64 * 1024
"""Bytes of a path and headers together."""
HEAD_SECONDS = 10.0
"""How long they may take, from the first byte or from the connection's begin."""
MOST_CONNECTIONS = 20_000
RETRY_AFTER = "1"


class BoundedProtocol(HttpToolsProtocol):
    """A connection whose heads are bounded in size and time, among a bounded number of them."""

    most_connections: ClassVar[int] = MOST_CONNECTIONS
    head_seconds: ClassVar[float] = HEAD_SECONDS
    _in_head = False
    _heads = 0
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Wait for the first head; refuse what is one too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            self._refuse(_too_many())
        else:
            self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take what came, unless the head that it continues is too long."""
        heads, was_in_head = self._heads, self._in_head
        super().data_received(data)
        if was_in_head and self._in_head and heads == self._heads:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(_too_large())

    def on_message_begin(self) -> None:
        """Begin with a head."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._heads += 1
        if self._head_timer is None:
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        """Begin with the request; a head that came at once is bounded, too."""
        self._in_head = False
        self._stop_waiting()
        if len(self.url) + sum(len(name) + len(text) for name, text in self.headers) > (
            MOST_HEAD_BYTES
        ):
            self._refuse(_too_large())
            raise ValueError("the head is too large")
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Say that what came is no HTTP, unless it was refused already."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._in_head:
            self._refuse(_too_slow())
        else:
            self.transport.close()

    def _refuse(self, error: OvertideError) -> None:
        """Answer and close the connection, unless another answer is on its way there."""
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_answer(error))
        self.transport.close()


def bounded(most_connections: int) -> type[BoundedProtocol]:
    """Return the protocol of connections of which there are at most so many."""

    class Bounded(BoundedProtocol):
        """A connection of one server."""

    Bounded.most_connections = most_connections
    return Bounded


def _answer(error: OvertideError) -> bytes:
    document = refusal_document(error, error.status, Errors.ODATA, "none")
    content = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n"
        "content-type: application/problem+json\r\n"
        f"content-length: {len(content)}\r\n"
        f"retry-after: {RETRY_AFTER}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + content


def _too_large() -> OvertideError:
    return HeadTooLargeError(
        "head_too_large",
        f"The path and the headers are longer than {MOST_HEAD_BYTES // 1024} KiB.",
        None,
        "Send fewer or shorter ones.",
    )


def _too_slow() -> OvertideError:
    return TooSlowError(
        "head_too_slow",
        "The path and the headers did not come to their end in time.",
        None,
        "Send them at once.",
    )


def _too_many() -> OvertideError:
    return UnavailableError(
        "overloaded",
        "There are as many connections as the server takes.",
        None,
        "Try again after Retry-After, and keep fewer of them.",
    )
