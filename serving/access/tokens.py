"""Local tokens: secrets that name a principal and its role, of which only hashes are kept.

A token is 256 bits of chance, so that one round of SHA-256 keeps it: nobody can try so many.
"""

import hashlib
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from overtide.schemas.errors import NotFoundError, UsageError
from overtide.schemas.instants import Clock, Instant, format_instant
from overtide.schemas.values import checked_text
from overtide.serving.access.roles import Role

PREFIX = "ovt_"
"""How a token begins, so that a secret that leaked is known by its looks."""
LONGEST_NAME = 256
CHANGES = 24
"""Where SQLite counts the commits to a file (https://sqlite.org/fileformat2.html, 1.3.7)."""
_TABLE = """CREATE TABLE IF NOT EXISTS token (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, role INTEGER NOT NULL, hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL, revoked_at INTEGER) STRICT, WITHOUT ROWID"""
_COLUMNS = "id, name, role, created_at, revoked_at"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a token names: `id` never changes, `name` is for people."""

    id: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What is known of a token, without its secret."""

    principal: Principal
    created_at: Instant
    revoked_at: Instant | None

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON document."""
        revoked = None if self.revoked_at is None else format_instant(self.revoked_at)
        return {
            "id": self.principal.id,
            "name": self.principal.name,
            "role": self.principal.role.label,
            "createdAt": format_instant(self.created_at),
            "revokedAt": revoked,
        }


class Tokens:
    """The tokens of one project, in a file of their own that only its owner may read.

    Usable from every thread and process; what one changes the next look-up of another sees.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        secret: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self._path, self._clock, self._secret = path, clock, secret
        self._seen: tuple[int, bytes] | None = None
        self._known: dict[str, Principal] = {}

    def create(self, name: str, role: Role) -> tuple[str, TokenInfo]:
        """Return a new token, which is shown only now, and what is kept of it.

        Raise `invalid_parameter` for a name that cannot be kept.
        """
        if not (0 < len(name) <= LONGEST_NAME and checked_text(name)):
            raise UsageError(
                "invalid_parameter",
                f"A text of 1 to {LONGEST_NAME} characters is expected.",
                "name",
                "Name who will use the token.",
            )
        token, now = PREFIX + self._secret(), self._clock()
        digest = _hash(token)
        principal = Principal(digest[:12], name, role)
        with self._writing() as connection:
            connection.execute(
                f"INSERT INTO token ({_COLUMNS}, hash) VALUES (?, ?, ?, ?, NULL, ?)",
                (principal.id, name, int(role), now, digest),
            )
        return token, TokenInfo(principal, now, None)

    def revoke(self, token_id: str) -> TokenInfo:
        """End a token, for every process from its next request on; raise `unknown_token`."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE token SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?",
                (self._clock(), token_id),
            )
        for known in self.all():
            if known.principal.id == token_id:
                return known
        raise NotFoundError(
            "unknown_token",
            f"There is no token {token_id!r}.",
            "id",
            "`overtide token list` shows the ids.",
        )

    def all(self) -> list[TokenInfo]:
        """Return all tokens, revoked ones too, the oldest first."""
        if not self._path.exists():
            return []
        with closing(self._connect()) as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM token ORDER BY created_at, id"
            ).fetchall()
        return [
            TokenInfo(Principal(token_id, name, Role(role)), created, revoked)
            for token_id, name, role, created, revoked in rows
        ]

    def principal(self, token: str) -> Principal | None:
        """Return whom a token names, None for one that is unknown or revoked.

        The file is read anew only where it has changed.
        """
        seen = self._signature()
        if seen != self._seen:
            self._known, self._seen = self._read(), seen
        return self._known.get(_hash(token))

    def _read(self) -> dict[str, Principal]:
        if not self._path.exists():
            return {}
        with closing(self._connect()) as connection:
            rows = connection.execute(
                "SELECT hash, id, name, role FROM token WHERE revoked_at IS NULL"
            ).fetchall()
        return {digest: Principal(one, name, Role(role)) for digest, one, name, role in rows}

    def _signature(self) -> tuple[int, bytes] | None:
        """Return what differs after every commit: the file, and the count in its header.

        Times of files do not: two commits may have one.
        """
        try:
            with self._path.open("rb", buffering=0) as file:
                return os.fstat(file.fileno()).st_ino, os.pread(file.fileno(), 4, CHANGES)
        except FileNotFoundError:
            return None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        with closing(self._connect()) as connection, connection:
            connection.execute(_TABLE)
            yield connection

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=10)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
