"""HTTP as it comes over a connection: bounded in size and time until a request's head is known.

What is no HTTP, too large or too slow is answered as every other refusal, and the connection ends.
"""

import asyncio
import json
import secrets
import socket
import struct
from contextlib import suppress
from http import HTTPStatus
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from overtide.schemas.errors import (
    InvalidRequestError,
    LargeHeadError,
    LateRequestError,
    OvertideError,
    UnavailableError,
)
from overtide.serving.arrivals import Arrivals
from overtide.serving.http.application import HEADERS, NOTED
from overtide.serving.http.joined import JoinedWrites
from overtide.serving.wire.refusals import RETRY_AFTER, Errors, refusal_document

MOST_HEAD = 64 * 1024
"""Bytes of a request line with its headers: a token is at most 16 KiB, a long query 32."""
HEAD_SECONDS = 10.0
"""How long a head may take, from the first byte that may be its."""

MOST_CONNECTIONS = 20_000
"""Connections at the same time; each is a file that is open."""
STALLED_SECONDS = 60.0
"""How long a client may take nothing of an answer that waits for it, where nothing else is said."""
MOST_UNSENT = 128 * 1024
"""Bytes of a connection that wait in the system; what more waits does so in the server, which
notices whom it waits for. By itself the system would take megabytes for each that reads nothing."""
AT_ONCE = struct.pack("ii", 1, 0)
"""How a socket is closed so that what waits in it is dropped, and not kept for nobody."""
ENDING_SECONDS = 1.0
"""How long a client may take to read why it was refused, while it still sends."""
MOST_ENDING = 128
"""Connections beyond the bound that are given that time: they are open files, too."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection of a client."""

    most_connections: ClassVar[int] = MOST_CONNECTIONS
    stalled_seconds: ClassVar[float] = STALLED_SECONDS
    arrivals: ClassVar[Arrivals] = Arrivals()
    """Told of all that comes, before anything is done about it."""
    _size = 0
    _begun = False
    _awaited: asyncio.TimerHandle | None = None
    _ending: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _refusal: OvertideError | None = None
    _unanswered = 0
    """Requests whose answers are not there as a whole: clients may send one after the other."""
    _over = False
    """Nothing more is read: the connection ends with the last of these answers."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request; the type is uvicorn's."""
        super().connection_made(transport)
        _set(transport, socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MOST_UNSENT)
        if len(self.connections) > self.most_connections:
            self._refuse(_too_many())
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._head_is_known()
        for timer in (self._ending, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for a client that does not read, for as long as it takes something now and then."""
        super().pause_writing()
        self._expect_reading(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Wait no longer."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def _expect_reading(self, left: int) -> None:
        """Look later whether less is left; where it is not, nobody reads."""
        self._stalled = self.loop.call_later(self.stalled_seconds, self._look_at_reader, left)

    def _look_at_reader(self, left: int) -> None:
        now = self.transport.get_write_buffer_size()
        if now >= left:
            _set(self.transport, socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            self.transport.abort()
        else:
            self._expect_reading(now)

    def data_received(self, data: bytes) -> None:
        """Take what has come; refuse a head that has become too large without an end."""
        if self._ending is not None or self._over:
            return
        self.arrivals.note()
        self._size += len(data)
        super().data_received(data)
        if (self._begun or self._awaited is not None) and self._size > MOST_HEAD:
            self._refuse(_too_large())
        elif self._begun and self._awaited is None:
            self._await_head()  # as a rule a head comes at once, and needs no timer

    def on_message_begin(self) -> None:
        """Count from here on, also for the next request of a connection."""
        super().on_message_begin()
        self._size, self._begun = 0, True
        self.scope["extensions"] = {NOTED: {}}

    def on_headers_complete(self) -> None:
        """Leave the rest to the application, if the whole is not too large."""
        lengths = (len(name) + len(value) for name, value in self.headers)
        if len(self.url) + sum(lengths) > MOST_HEAD:
            self._refusal = _too_large()
            raise self._refusal
        self._head_is_known()
        super().on_headers_complete()
        joined = JoinedWrites(self.transport, self.loop)
        self.cycle.transport = joined  # type: ignore[assignment]  # it needs no more of one
        self._unanswered += 1

    def on_response_complete(self) -> None:
        """Go on with the next request, or end what nothing more is read of."""
        super().on_response_complete()
        self._unanswered -= 1
        self._end_if_over()

    def _end_if_over(self) -> None:
        if self._over and not self._unanswered:
            self.loop.call_soon(self.transport.close)  # once all is written

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refuses, or what we do while it parses."""
        del msg  # which says less
        self._refuse(self._refusal or _no_http())

    def _await_head(self) -> None:
        self._awaited = self.loop.call_later(HEAD_SECONDS, self._end_waiting)

    def _head_is_known(self) -> None:
        self._begun = False
        if self._awaited is not None:
            self._awaited.cancel()
            self._awaited = None

    def _end_waiting(self) -> None:
        """End a connection whose request does not come; of one that has begun, say why."""
        if self._begun:
            self._refuse(_late())
        else:
            self.transport.close()

    def _refuse(self, error: OvertideError) -> None:
        """Answer what is wrong, unless that would stand within or before another answer."""
        if self._ending is not None or self._over or self.transport.is_closing():
            return
        self._head_is_known()
        of_body = self._unanswered > 0 and self.cycle.more_body
        earlier = self._unanswered - 1 if of_body else self._unanswered
        if not earlier and not (of_body and self.cycle.response_started):
            self._say(error)
            return
        self._over = True
        if of_body:
            self._break_off()
        self._end_if_over()

    def _say(self, error: OvertideError) -> None:
        """Answer, then let the rest go by for a while: closed at once, the answer may be lost."""
        if self._unanswered:
            self._leave(self.cycle)
        self.transport.write(_answer(error))
        crowded = len(self.connections) > self.most_connections + MOST_ENDING
        wait = 0.0 if crowded else ENDING_SECONDS
        self._ending = self.loop.call_later(wait, self.transport.close)
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _break_off(self) -> None:
        """Give the last request up, whose body is wrong, and an answer to it that has begun."""
        self._unanswered -= 1
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
        self._leave(self.cycle)

    @staticmethod
    def _leave(cycle: RequestResponseCycle) -> None:
        """Tell whoever answers a request that nobody waits for it."""
        cycle.disconnected = True
        cycle.message_event.set()


def bounded(
    most_connections: int, arrivals: Arrivals, stalled_seconds: float
) -> type[BoundedProtocol]:
    """Return the protocol of connections of which there are at most so many.

    `arrivals` are told of whatever comes over them; who reads nothing for so many seconds is left.
    """

    class Bounded(BoundedProtocol):
        """One connection of a client of one server."""

    Bounded.most_connections = most_connections
    Bounded.arrivals, Bounded.stalled_seconds = arrivals, stalled_seconds
    return Bounded


def _set(transport: asyncio.BaseTransport, level: int, option: int, value: int | bytes) -> None:
    """Set an option of a connection's socket; one that a system lacks is left as it is."""
    found = transport.get_extra_info("socket")
    if found is not None:
        with suppress(OSError):
            found.setsockopt(level, option, value)


def _answer(error: OvertideError) -> bytes:
    request_id = secrets.token_hex(8)
    document = refusal_document(error, error.status, Errors.ODATA, request_id)
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        **HEADERS,
        "X-Request-ID": request_id,
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **({"Retry-After": RETRY_AFTER} if isinstance(error, UnavailableError) else {}),
    }
    lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}"]
    lines += [f"{name}: {text}" for name, text in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _no_http() -> OvertideError:
    return InvalidRequestError(
        "invalid_http", "This is no HTTP request.", None, "Send HTTP/1.1, over TLS where it is on."
    )


def _too_large() -> OvertideError:
    return LargeHeadError(
        "head_too_large",
        f"The request line and its headers have more than {MOST_HEAD} bytes.",
        None,
        "Shorten the query, the token or other headers.",
    )


def _late() -> OvertideError:
    return LateRequestError(
        "request_late",
        f"The headers of the request were not there after {HEAD_SECONDS:.0f} seconds.",
        None,
        "Send it at once.",
    )


def _too_many() -> OvertideError:
    return UnavailableError(
        "overloaded",
        "There are as many connections as the server takes.",
        None,
        "Try again after Retry-After, and keep fewer of them.",
    )
