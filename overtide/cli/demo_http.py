"""The last step of the demo: the same story over HTTP, each call as a line for curl."""

import importlib.util
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from overtide.clock import system_clock
from overtide.schemas.errors import FailedError
from overtide.schemas.instants import SECOND, parse_instant

SECONDS = 30
"""How long the service may take to start, to answer, and to end."""
Show = Callable[[str, str], None]
"""Shows a command and what it prints."""


def is_installed() -> bool:
    """Say whether the service is installed, which is an extra."""
    return importlib.util.find_spec("uvicorn") is not None


class Curl:
    """Sends requests to a service, and shows each as a line that can be pasted."""

    def __init__(self, url: str, token: str, show: Show) -> None:
        self._url, self._token, self._show = url, token, show

    def get(self, path: str, only: str | None = None, lines: int = 1) -> Any:  # noqa: ANN401 - any JSON
        """Read and show a document; `only` the line with a word, and so many after it."""
        document = json.loads(self._answer("GET", path))
        command = f'curl -sg -H "$auth" {_quoted(path)}'
        if only is None:
            self._show(command, json.dumps(document))
            return document
        pretty = json.dumps(document, indent=4).splitlines()
        number = next(number for number, line in enumerate(pretty) if only in line)
        more = f" -A{lines - 1}" if lines > 1 else ""
        self._show(
            f"{command} | python3 -m json.tool | grep -m1{more} {shlex.quote(only)}",
            "\n".join(pretty[number : number + lines]),
        )
        return document

    def send(self, method: str, path: str, document: Mapping[str, object]) -> None:
        """Send a document, and show the status of the answer."""
        text = json.dumps(document)
        status = self._status(method, path, text.encode())
        self._show(
            f"curl -sg -o /dev/null -w '%{{http_code}}\\n' -X {method} -H \"$auth\" "
            f"-H 'Content-Type: application/json' -d {shlex.quote(text)} {_quoted(path)}",
            str(status),
        )

    def _answer(self, method: str, path: str, body: bytes | None = None) -> bytes:
        with self._opened(method, path, body) as answer:
            return bytes(answer.read())

    def _status(self, method: str, path: str, body: bytes) -> int:
        with self._opened(method, path, body) as answer:
            return int(answer.status)

    def _opened(self, method: str, path: str, body: bytes | None) -> Any:  # noqa: ANN401 - as urlopen
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        # Only ever the address of the service that the demo has started itself.
        url = self._url + quote(path, safe="/?&=$'()")
        try:
            return urlopen(Request(url, body, headers, method=method), timeout=SECONDS)  # noqa: S310
        except HTTPError as error:
            raise FailedError(
                "demo_failed", f"{method} {path} was answered {error.code}.", None, "Try it again."
            ) from None


def _quoted(path: str) -> str:
    return '"$url' + path.replace("$", "\\$") + '"'


@contextmanager
def serving(folder: Path) -> Iterator[Mapping[str, str]]:
    """Serve a project for the block, on a free port; give its address and the owner's token."""
    command = [sys.executable, "-m", "overtide", "-C", str(folder), "--json", "serve"]
    with subprocess.Popen(
        [*command, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise FailedError(
                    "demo_failed", "The service did not start.", None, "Run `overtide serve`."
                )
            yield json.loads(line)
        finally:
            process.terminate()
            process.wait(SECONDS)


def over_http(
    folder: Path, instance: str, record: Mapping[str, object], life: str, show: Show
) -> None:
    """Tell the story of an update and a purchase over HTTP."""
    with serving(folder) as served:
        url, token = f"{served['url']}/v1/instances/{instance}", served["token"]
        show(f"overtide -C {folder.name} serve", f"Serving {folder.name} at {served['url']}; …")
        show(f"url={url}; auth='Authorization: Bearer {token}'", "")
        curl = Curl(url, token, show)
        key = "dataSourceName=eCommerce&entityName=eCommerceContacts&key=CNTID_1000"
        customer = curl.get(f"/profile/keyring?{key}")["customerId"]
        change = {"LoyaltyTier": "platinum"}
        curl.send(
            "PATCH", f"/data/Customer/{customer}?validUntil={life}&caller=call-centre", change
        )
        entity = f"/data/Customer('{customer}')"
        card = curl.get(entity, '"LoyaltyTier"', 7)
        curl.send("POST", "/data/eCommerce_eCommercePurchases", record)
        curl.get(f"{entity}/UnifiedActivity?$top=1", '"Title"')
        until = parse_instant(card["LoyaltyTier@overtide.override"]["validUntil"])
        time.sleep(max(0, until - system_clock()) / SECOND + 0.01)
        curl.get(entity, '"LoyaltyTier"')
