"""Who is signed in to the pages: a cookie with a secret, of which only the hash is kept.

A session names a token of the project, or whom the identity provider vouched for; what that may do
is looked up with every request, so that what is revoked ends at once.
"""

import hmac
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from overtide.schemas.errors import ForbiddenError
from overtide.schemas.instants import Clock, Instant
from overtide.serving.access.identities import Identity
from overtide.serving.access.principals import Principal
from overtide.serving.access.roles import Role
from overtide.serving.access.tokens import hashed
from overtide.serving.workflows.database import Database

TABLES = (
    """CREATE TABLE IF NOT EXISTS session (
        hash TEXT PRIMARY KEY, token TEXT, identity TEXT, customer TEXT,
        created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
)
COOKIE = "overtide_session"


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in; `customer` is the only one that it may see, if any."""

    secret: str
    token: str | None
    identity: Identity | None
    customer: str | None
    expires_at: Instant

    @property
    def proof(self) -> str:
        """What a page sends with a change: no other site knows it (CSRF)."""
        return hmac.digest(self.secret.encode(), b"change", "sha256").hex()

    def expect_proof(self, given: str) -> None:
        """Raise `forged_request` for a change that no page of this session sent."""
        if not hmac.compare_digest(self.proof.encode(), given.encode("utf-8", "replace")):
            raise ForbiddenError(
                "forged_request",
                "This was not sent from a page of this session.",
                None,
                "Load the page again.",
            )


class Sessions:
    """The sessions of a project; usable from every thread and process."""

    def __init__(self, database: Database, clock: Clock, secret: Callable[[], str]) -> None:
        self._database, self._clock, self._secret = database, clock, secret

    def begin(
        self, who: Principal | Identity, lasting: int, customer: str | None = None
    ) -> Session:
        """Begin a session of a token's principal or an identity, for so many microseconds."""
        token = who.id if isinstance(who, Principal) else None
        identity = who if isinstance(who, Identity) else None
        now, secret = self._clock(), self._secret()
        session = Session(secret, token, identity, customer, now + lasting)
        written = None if identity is None else _written(identity)
        with self._database.writing() as connection:
            connection.execute("DELETE FROM session WHERE expires_at <= ?", (now,))
            connection.execute(
                "INSERT INTO session VALUES (?, ?, ?, ?, ?, ?)",
                (hashed(secret), token, written, customer, now, session.expires_at),
            )
        return session

    def of(self, secret: str) -> Session | None:
        """Return the session of a cookie, None where it has ended."""
        found = self._database.rows(
            "SELECT token, identity, customer, expires_at FROM session "
            "WHERE hash = ? AND expires_at > ?",
            (hashed(secret), self._clock()),
        )
        if not found:
            return None
        token, identity, customer, expires_at = found[0]
        read = None if identity is None else _read(identity)
        return Session(secret, token, read, customer, expires_at)

    def end(self, session: Session) -> None:
        """End a session, in every process from its next request on."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM session WHERE hash = ?", (hashed(session.secret),))


def _written(identity: Identity) -> str:
    document = asdict(identity) | {"groups": sorted(identity.groups)}
    return json.dumps(document, ensure_ascii=False)


def _read(text: str) -> Identity:
    document = json.loads(text)
    claimed = document["claimed"]
    return Identity(
        tuple(document["ids"]),
        document["name"],
        document["kind"],
        frozenset(document["groups"]),
        None if claimed is None else Role(claimed),
    )
