"""Scripts, styles and icons: each at an address that changes with its content.

So a browser keeps them for ever, and never an old one.
"""

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable

from overtide.schemas.errors import NotFoundError
from overtide.serving.operations.contract import Reply

FOLDER = "/static"
TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
PUBLISHED = "overtide-card.js"
"""What pages of other sites load, at an address that stays."""
A_WHILE = "public, max-age=300"
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is sent."""

    kind: str
    plain: bytes
    packed: bytes
    digest: str


class StaticFiles:
    """The files of `static/`, read once."""

    @cached_property
    def _all(self) -> Mapping[str, StaticFile]:
        folder = resources.files("overtide.serving.pages").joinpath("static")
        return dict(_found(folder, ""))

    def address(self, name: str) -> str:
        """Return the address of a file, such as `app.css` or `vendor/pico.min.css`."""
        return f"{FOLDER}/{self._all[name].digest}/{name}"

    def reply(self, address: str, packed: bool) -> Reply:
        """Return a file, `packed` with gzip or plain; raise `unknown_path`."""
        place = address.removeprefix(FOLDER + "/")
        digest, _, name = place.partition("/")
        found = self._all.get(place if place == PUBLISHED else name)
        if found is None or (place != PUBLISHED and found.digest != digest):
            raise NotFoundError("unknown_path", f"There is nothing at {address!r}.")
        headers = {"Content-Type": TYPES[found.kind], "Cache-Control": FOR_EVER, "Vary": ENCODING}
        if place == PUBLISHED:
            headers |= {"Cache-Control": A_WHILE, "Cross-Origin-Resource-Policy": "cross-origin"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        return Reply(200, headers=headers, content=found.packed if packed else found.plain)


ENCODING = "Accept-Encoding"


def _found(folder: Traversable, place: str) -> Iterator[tuple[str, StaticFile]]:
    for entry in folder.iterdir():
        kind = entry.name.rpartition(".")[2]
        if entry.is_dir():
            yield from _found(entry, f"{place}{entry.name}/")
        elif kind in TYPES:
            content = entry.read_bytes()
            packed = gzip.compress(content, 9, mtime=0)
            digest = hashlib.sha256(content).hexdigest()[:16]
            yield place + entry.name, StaticFile(kind, content, packed, digest)
