"""How much is worked on at the same time, and how slowly a body may come."""

import asyncio
from types import TracebackType

from starlette.types import Message, Receive, Send

from overtide.schemas.errors import LateRequestError, UnavailableError
from overtide.serving.telemetry.observed import Observed

MOST_AT_WORK = 500
"""Requests whose bodies are read, or that wait for a thread: at most 2 GB of bodies."""
PATIENCE_SECONDS = 20.0
LEAST_BYTES_A_SECOND = 1000
"""How long the server waits for a body altogether: so many seconds, and one for so many bytes."""
PAUSE_SECONDS = 60.0
"""How long a client that sends rows as it makes them may be silent."""


class AtWork:
    """Bounds what is worked on; used by one thread."""

    def __init__(self, most: int) -> None:
        self._most, self._now = most, 0

    def __enter__(self) -> None:
        """Begin a request; raise `overloaded` where too many are worked on."""
        if self._now >= self._most:
            raise UnavailableError(
                "overloaded",
                f"The server works on {self._most} requests already.",
                None,
                "Try again after Retry-After.",
            )
        self._now += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._now -= 1


class Meter:
    """Counts what passes between a client and the application, and waits only so long for a body.

    What the application itself needs to take in a body does not count as waiting.
    """

    def __init__(self, call: Observed, receive: Receive, send: Send, patience: float) -> None:
        self._call, self._receive, self._send, self._patience = call, receive, send, patience
        self._more, self._waited = True, 0.0

    async def receive(self) -> Message:
        """Return what comes next; raise `body_too_slow`."""
        if not self._more:
            return await self._receive()
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._allowed()):
                message = await self._receive()
        except TimeoutError:
            raise _too_slow(self._call.request_bytes) from None
        self._waited += loop.time() - began
        self._call.request_bytes += len(message.get("body", b""))
        self._more = bool(message.get("more_body", False))
        return message

    def _allowed(self) -> float:
        """Return for how long what comes next may be waited for."""
        if self._call.streamed:
            return PAUSE_SECONDS
        in_all = self._patience + self._call.request_bytes / LEAST_BYTES_A_SECOND
        return in_all - self._waited

    async def send(self, message: Message) -> None:
        """Pass an answer on."""
        if message["type"] == "http.response.start":
            self._call.status = message["status"]
        else:
            self._call.response_bytes += len(message.get("body", b""))
        await self._send(message)


def _too_slow(received: int) -> LateRequestError:
    return LateRequestError(
        "body_too_slow",
        f"The body did not come to its end in time: {received} bytes came.",
        None,
        "Send it at once, and not less than it is said to be long.",
    )
