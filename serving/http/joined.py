"""Write the head of an answer together with its body: one call of the system, one packet.

An answer comes as two messages, of which each would be written at once, and would wake the client.
"""

import asyncio

LARGE = 16 * 1024
"""Bytes beyond which what follows is not copied; the system takes both in one call anyway."""


class JoinedWrites:
    """What a request writes to its connection, joined where it follows at once."""

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held: bytes | None = None

    def write(self, data: bytes) -> None:
        """Write with what came just before; what nothing follows goes with the next turn."""
        if self._held is None:
            self._held = data
            self._loop.call_soon(self.flush)
        else:
            held, self._held = self._held, None
            if len(data) > LARGE:
                self._transport.writelines((held, data))
            else:
                self._transport.write(held + data)

    def flush(self) -> None:
        """Write what waits for more; nothing to a connection that is over."""
        held, self._held = self._held, None
        if held and not self._transport.is_closing():
            self._transport.write(held)

    def close(self) -> None:
        """Write what waits, and close the connection."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Say whether the connection is over, or about to be."""
        return self._transport.is_closing()
