"""Take connections from a socket on which several processes listen, so that each gets its share.

A loop takes all that wait at once, so of connections that are opened together one process would get
them all, and keep them for as long as they are kept alive. Here a process takes one and leaves the
next to whoever has nothing to do (docs/decisions/shared-listeners.md).
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable

TURN_SECONDS = 0.001
"""How long a process that took a connection leaves the next ones to the others."""
FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""What a system says that can open nothing more at the moment."""
FULL_SECONDS = 1.0
"""How long it is left alone then."""


class Acceptor:
    """Takes connections of one socket into the running loop, one at a time."""

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._listener, self._protocol, self._tls = listener, protocol, tls
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        self._beginning: set[asyncio.Task[None]] = set()
        listener.setblocking(False)
        self._listen()

    def close(self) -> None:
        """Take no more connections."""
        self._loop.remove_reader(self._listener)
        if self._pause is not None:
            self._pause.cancel()

    async def wait_closed(self) -> None:
        """Wait for nothing: connections that were taken are the protocols' own."""

    def _listen(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:  # another process was faster, or the client is gone
            if error.errno in FULL:
                self._leave(FULL_SECONDS)
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._begin(connection))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)
        self._leave(TURN_SECONDS)

    def _leave(self, seconds: float) -> None:
        """Leave what comes to the other processes for a while."""
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(seconds, self._listen)

    async def _begin(self, connection: socket.socket) -> None:
        """Hand a connection to its protocol; one that ends in its handshake is no news."""
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection, ssl=self._tls)
        except OSError:
            connection.close()
