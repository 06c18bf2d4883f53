"""Local tokens: secrets that name a principal and its role, of which only hashes are kept.

A token is 256 bits of chance, so that one round of SHA-256 keeps it: nobody can try so many. It is
looked up by its hash, whose bits nobody can choose, so that the time it takes tells nothing.
"""

import hashlib
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from overtide.schemas.errors import NotFoundError, UsageError
from overtide.schemas.instants import Clock, Instant, format_instant
from overtide.schemas.values import checked_text
from overtide.serving.access.database import AccessDatabase, Remembered
from overtide.serving.access.principals import Principal
from overtide.serving.access.roles import Role

PREFIX = "ovt_"
"""How a token begins, so that a secret that leaked is known by its looks."""
LONGEST_NAME = 256
_COLUMNS = "id, name, role, created_at, expires_at, last_used_at, revoked_at"


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What is known of a token, without its secret; `last_used_at` is exact to a minute."""

    principal: Principal
    created_at: Instant
    expires_at: Instant | None = None
    last_used_at: Instant | None = None
    revoked_at: Instant | None = None

    def holds(self, now: Instant) -> bool:
        """Say whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON document."""
        return {
            "id": self.principal.id,
            "name": self.principal.name,
            "role": self.principal.role.label,
            "createdAt": format_instant(self.created_at),
            "expiresAt": _text(self.expires_at),
            "lastUsedAt": _text(self.last_used_at),
            "revokedAt": _text(self.revoked_at),
        }


class Tokens:
    """The tokens of one project; usable from every thread and process."""

    def __init__(
        self,
        database: AccessDatabase,
        clock: Clock,
        secret: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self._database, self._clock, self._secret = database, clock, secret
        self._known = Remembered(database, _unrevoked)

    def create(self, name: str, role: Role, lasting: int | None = None) -> tuple[str, TokenInfo]:
        """Return a new token, which is shown only now, and what is kept of it.

        It ends after `lasting` microseconds. Raise `invalid_parameter` for a name that cannot be
        kept, or an end that is no instant.
        """
        _expect_name(name)
        token, now = PREFIX + self._secret(), self._clock()
        digest = hashed(token)
        expires = None if lasting is None else now + lasting
        info = TokenInfo(Principal(digest[:12], name, role), now, expires)
        with self._database.writing() as connection:
            connection.execute(
                f"INSERT INTO token ({_COLUMNS}, hash) VALUES (?, ?, ?, ?, ?, NULL, NULL, ?)",
                (info.principal.id, name, int(role), now, expires, digest),
            )
        return token, info

    def revoke(self, token_id: str) -> TokenInfo:
        """End a token, for every process from its next request on; raise `unknown_token`."""
        with self._database.writing() as connection:
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
        with self._database.reading() as connection:
            return all_tokens(connection)

    def find(self, token_id: str) -> TokenInfo | None:
        """Return what is known of a token by its id, None where it is not known or has ended."""
        now = self._clock()
        for known in self._known.now().values():
            if known.principal.id == token_id and known.holds(now):
                return known
        return None

    def principal_of(self, token_id: str) -> Principal | None:
        """Return whom a token names by its id, None where it is not known or has ended."""
        found = self.find(token_id)
        return None if found is None else found.principal

    def principal(self, token: str) -> Principal | None:
        """Return whom a token names, None for one that is unknown, expired or revoked."""
        found = self._known.now().get(hashed(token))
        return found.principal if found is not None and found.holds(self._clock()) else None


def all_tokens(connection: sqlite3.Connection) -> list[TokenInfo]:
    """Return all tokens of a database, the oldest first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM token ORDER BY created_at, id")
    return [
        TokenInfo(Principal(token_id, name, Role(role)), *instants)
        for token_id, name, role, *instants in rows
    ]


def hashed(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _unrevoked(connection: sqlite3.Connection) -> Mapping[str, TokenInfo]:
    hashes = dict(connection.execute("SELECT id, hash FROM token WHERE revoked_at IS NULL"))
    return {
        hashes[one.principal.id]: one
        for one in all_tokens(connection)
        if one.principal.id in hashes
    }


def _expect_name(name: str) -> None:
    if not (0 < len(name) <= LONGEST_NAME and checked_text(name)):
        raise UsageError(
            "invalid_parameter",
            f"A text of 1 to {LONGEST_NAME} characters is expected.",
            "name",
            "Name who will use the token.",
        )


def _text(instant: Instant | None) -> str | None:
    return None if instant is None else format_instant(instant)
