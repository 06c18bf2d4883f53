"""A receiver of webhooks for tests: a real HTTP server that answers as it is told."""

import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook


@dataclass
class Received:
    """One request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> Any:
        """Return the document, whose signature another implementation finds right."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """What came, and the statuses that the next requests are answered with; 200 when none is left.

    A status of 0 is no answer: the connection is held until `released`.
    """

    url: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[Received] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def wait(self, number: int, seconds: float = 30) -> list[Received]:
        """Return what came, once it is so many."""
        until = time.monotonic() + seconds
        while len(self.got) < number and time.monotonic() < until:
            time.sleep(0.02)
        assert len(self.got) >= number, f"{len(self.got)} of {number} came"
        return list(self.got)


@contextmanager
def receiving(
    answers: Sequence[int] = (), certificate: tuple[Path, Path] | None = None, port: int = 0
) -> Iterator[Receiver]:
    """Receive on this machine for as long as the block runs."""
    receiver = Receiver(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): text for name, text in self.headers.items()}
            status = receiver.answers.pop(0) if receiver.answers else 200
            receiver.got.append(Received(self.path, headers, body))
            if status == 0:
                receiver.released.wait(60)
                return
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if certificate is None else "https"
    receiver.url = f"{scheme}://localhost:{server.server_port}/hook?sig=s3cret"
    running = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    running.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
