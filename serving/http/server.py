"""Listen on an address and serve until stopped, requests in progress to their end."""

import asyncio
import errno
import gc
import resource
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from overtide.schemas.errors import UsageError
from overtide.serving.http.accepting import Acceptor
from overtide.serving.http.application import Application
from overtide.serving.http.protocol import MOST_CONNECTIONS, bounded
from overtide.serving.own_threads import end_all

DRAINING_SECONDS = 7
"""How long requests in progress may take once the server was told to stop."""
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 60
"""How long a connection may be idle between two requests."""
SWITCH_SECONDS = 0.001
"""After which the thread that appends and the one that answers leave the interpreter to another."""
YOUNG = 20_000
"""Objects that are made before Python looks for those that refer to each other in a ring: a batch
makes 50,000 that it keeps, and by default it would be looked through a hundred times."""
OTHER_FILES = 512
"""Files that are opened beside connections: of the lake, of the log, of threads."""


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any free one. Raise `address_in_use`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        taken = getattr(error, "errno", None) == errno.EADDRINUSE
        raise UsageError(
            "address_in_use",
            f"Nothing can listen on {host}:{port}: {reason}.",
            "port" if taken else "host",
            "Stop what listens there, or choose another --port."
            if taken
            else "Name an address of this machine, and a port that you may use.",
        ) from None
    return found


def url_of(listener: socket.socket, tls: bool) -> str:
    """Return the address at which a socket is reached."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{shown}:{port}"


def allow_files() -> int:
    """Let this process open as many files as it may, and return how many; sockets are files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed


def most_connections(files: int) -> int:
    """Return how many connections there may be, so that files can still be opened beside them."""
    return min(MOST_CONNECTIONS, max(files - OTHER_FILES, files // 2))


class _Server(uvicorn.Server):
    """A server whose signals are left to whoever runs it.

    On a `shared` socket other processes listen, too.
    """

    def __init__(self, config: uvicorn.Config, shared: bool) -> None:
        super().__init__(config)
        self._shared = shared

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; where others listen, too, take connections in turn with them."""
        if not self._shared:
            await super().startup(sockets)
            return
        await super().startup([])
        taking = [Acceptor(one, self._connection, self.config.ssl) for one in sockets or ()]
        self.servers.extend(taking)  # type: ignore[arg-type]  # it is closed and waited for as one

    def _connection(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signal."""
        yield


class HttpServer:
    """Serves an application on a socket; `stop` may come from a signal or another thread.

    `shared`: other processes take requests from the same socket.
    """

    def __init__(
        self,
        application: Application,
        certificate: Path | None = None,
        key: Path | None = None,
        proxies: Sequence[str] = (),
        shared: bool = False,
    ) -> None:
        self._application = application
        self._server = _Server(
            uvicorn.Config(
                application,
                loop="uvloop",
                http=bounded(
                    most_connections(allow_files()),
                    application.arrivals,
                    application.slow_reader_seconds,
                ),
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                # What anybody else says of where it comes from is not believed.
                proxy_headers=bool(proxies),
                forwarded_allow_ips=list(proxies),
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=DRAINING_SECONDS,
                ssl_certfile=certificate,
                ssl_keyfile=key,
            ),
            shared,
        )

    def serve(self, listener: socket.socket) -> None:
        """Serve until stopped."""
        runner = asyncio.Runner(loop_factory=self._server.config.get_loop_factory())
        # What is there by now stays: a collection that looked through all of it would take a tenth
        # of a second, in which nobody is answered.
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG)
        sys.setswitchinterval(SWITCH_SECONDS)
        with self._application.telemetry:
            try:
                with runner:
                    runner.run(self._server.serve(sockets=[listener]))
            finally:
                end_all()  # else the log would be closed under who appends to it

    def stop(self) -> None:
        """Take no new request, and end when those in progress are answered."""
        self._application.close()
        self._server.should_exit = True
