"""Links that say themselves what may be read by them, and until when (proxy=true).

They are signed with a secret of the project, in a file that only its owner may read. Whoever has a
link can read by it: it is given to those who may read, and ends soon.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from overtide.schemas.errors import ForbiddenError, OvertideError, UnavailableError
from overtide.schemas.instants import HOUR, Instant
from overtide.serving.odata.relations import Shown

LIFE = HOUR
"""How long a link can be used."""
ROWS = 50_000
"""Rows of one file, as even as a hash divides them."""


@dataclass(frozen=True, slots=True)
class Link:
    """One of the files of a table: `part` of `parts` of what the options ask for."""

    path: str
    part: int
    parts: int
    until: Instant
    shown: Shown
    options: Mapping[str, str] = field(default_factory=dict)


class Signatures:
    """Signs links and reads them; usable from every thread and process."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._secret: bytes | None = None

    def signed(self, link: Link) -> str:
        """Return the text of a link; raise `secret_unavailable` where no secret can be kept."""
        content = json.dumps(asdict(link), separators=(",", ":")).encode()
        return f"{_text(content)}.{_text(self._mac(content))}"

    def read(self, text: str, now: Instant) -> Link:
        """Return the link of a text; raise `invalid_link` for another's, or one that has ended."""
        content, _, mac = text.partition(".")
        try:
            known, given = _bytes(content), _bytes(mac)
        except ValueError:
            raise _invalid("is none of this project's") from None
        if not hmac.compare_digest(self._mac(known), given):
            raise _invalid("is none of this project's")
        document = json.loads(known)
        link = Link(**{**document, "shown": Shown(**document["shown"])})
        if link.until < now:
            raise _invalid("has ended")
        return link

    def _mac(self, content: bytes) -> bytes:
        return hmac.digest(self._key(), content, hashlib.sha256)

    def _key(self) -> bytes:
        with self._lock:
            if self._secret is None:
                self._secret = _secret(self._path)
            return self._secret


def _secret(path: Path) -> bytes:
    """Return the secret of a file, which is made where there is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
            draft.touch(mode=0o600, exist_ok=False)
            draft.write_bytes(secrets.token_bytes(32))
            with suppress(FileExistsError):  # whoever comes second takes the first one's
                path.hardlink_to(draft)
            draft.unlink()
        return path.read_bytes()
    except OSError as error:
        raise UnavailableError(
            "secret_unavailable",
            f"The secret of links cannot be kept: {error.strerror}.",
            str(path),
            "Let the service write there, or read without proxy=true.",
        ) from None


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _invalid(why: str) -> OvertideError:
    return ForbiddenError(
        "invalid_link", f"The link {why}.", "link", "Ask for new ones with proxy=true."
    )
