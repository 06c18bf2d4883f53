"""A small CRM whose screen shows the customer's card of Overtide; only the standard library.

It calls Overtide's API with a token of its own, which no browser sees, and gives the browser tokens
for one customer that last for minutes.
"""

import json
import os
import re
import sys
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

FOLDER = Path(__file__).parent
FILES = {
    "/": ("screen.html", "text/html; charset=utf-8"),
    "/screen.js": ("screen.js", "text/javascript; charset=utf-8"),
    "/screen.css": ("screen.css", "text/css; charset=utf-8"),
}
LASTING = os.environ.get("CRM_TOKEN_LASTS", "15m")
CUSTOMER = re.compile(r"[0-9a-f]{32}")


class Overtide:
    """The part of Overtide's API that the screen needs."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self._token = url, token
        self._instance = self._asked("/v1/instances")[0]["instanceId"]

    def customers(self) -> list[dict[str, str]]:
        """Return some customers, as id and name."""
        rows = self._asked(f"/v1/instances/{self._instance}/data/Customer?$top=8")["value"]
        return [{"id": row["CustomerId"], "name": _name(row)} for row in rows]

    def card(self, customer: str, role: str) -> dict[str, str]:
        """Return a token for the card of one customer, with the address of its frame."""
        place = f"/v1/instances/{self._instance}/data/Customer('{customer}')/embed"
        found: dict[str, str] = self._asked(place, {"lasting": LASTING, "role": role})
        return found

    def _asked(self, place: str, body: object = None) -> Any:  # noqa: ANN401 - whatever JSON holds
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        with urlopen(Request(self.url + place, data, headers), timeout=10) as answer:  # noqa: S310
            return json.load(answer)


def _name(row: dict[str, object]) -> str:
    names = [row.get(one) for one in ("FullName", "FirstName", "LastName")]
    return " ".join(str(one) for one in names if one) or str(row["CustomerId"])


class Screen(ThreadingHTTPServer):
    """The server of the screen, on this machine alone."""

    def __init__(self, port: int, overtide: Overtide) -> None:
        self.overtide = overtide
        super().__init__(("127.0.0.1", port), Handler)


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Screen

    def do_GET(self) -> None:
        """Answer with a file of the screen, or with the customers."""
        place = urlsplit(self.path).path
        if place in FILES:
            name, kind = FILES[place]
            self._send(200, (FOLDER / name).read_bytes(), kind)
        elif place == "/customers":
            self._answer(self.server.overtide.customers)
        else:
            self._send_json(404, {"message": "There is nothing here."})

    def do_POST(self) -> None:
        """Answer with a token for a customer; a CRM asks here who its user is, and may see."""
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        customer = query.get("customer", "")
        if parts.path != "/card" or not CUSTOMER.fullmatch(customer):
            self._send_json(404, {"message": "There is nothing here."})
        elif self.headers.get("Origin") not in (None, f"http://{self.headers.get('Host')}"):
            self._send_json(403, {"message": "This came from another site."})
        else:
            role = query.get("role", "Viewer")
            self._answer(partial(self.server.overtide.card, customer, role))

    def _answer(self, ask: Callable[[], object]) -> None:
        try:
            self._send_json(200, ask())
        except HTTPError as error:
            self._send_json(502, {"message": f"Overtide says {error.code}."})
        except (URLError, TimeoutError):
            self._send_json(502, {"message": "Overtide does not answer."})

    def _send_json(self, status: int, document: object) -> None:
        self._send(status, json.dumps(document).encode(), "application/json")

    def _send(self, status: int, content: bytes, kind: str) -> None:
        of_card = self.server.overtide.url
        policy = f"default-src 'self'; script-src 'self' {of_card}; frame-src {of_card}"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        # What the card sets of its frame is no style of the page's text, so 'self' is enough.
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve the screen on this machine alone, until stopped."""
    overtide = Overtide(os.environ["OVERTIDE_URL"], os.environ["OVERTIDE_TOKEN"])
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8500
    with Screen(port, overtide) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - what it says
        server.serve_forever()


if __name__ == "__main__":
    main()
