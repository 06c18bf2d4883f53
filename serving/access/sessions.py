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
from overtide.serving.access.identities import AtProvider, Identity
from overtide.serving.access.principals import Principal
from overtide.serving.access.roles import Role
from overtide.serving.access.tokens import hashed
from overtide.serving.workflows.database import Database

TABLES = (
    """CREATE TABLE IF NOT EXISTS signed_in (
        hash TEXT PRIMARY KEY, token TEXT, identity TEXT, customer TEXT, most_role INTEGER,
        subject TEXT, sid TEXT, id_token TEXT,
        created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
)

OF_FRAMES = "ove_"
"""How the token of a frame begins, so that it is known by its looks."""
_COLUMNS = "token, identity, customer, most_role, subject, sid, id_token, expires_at"


@dataclass(frozen=True, slots=True)
class Only:
    """The customer that a session may see, and the role that it has at most."""

    customer: str
    role: Role


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in.

    `only`: what it is held to, where it is a frame of another site's page. `at_provider`: the
    session there, where one signed in with an identity provider.
    """

    secret: str
    token: str | None
    identity: Identity | None
    expires_at: Instant
    only: Only | None = None
    at_provider: AtProvider | None = None

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
        self,
        who: Principal | Identity,
        lasting: int,
        only: Only | None = None,
        at_provider: AtProvider | None = None,
        until: Instant | None = None,
    ) -> Session:
        """Begin a session of a token's principal or an identity, for so many microseconds.

        It ends at the instant `until`, where that is earlier.
        """
        token = who.id if isinstance(who, Principal) else None
        identity = who if isinstance(who, Identity) else None
        now, secret = self._clock(), self._secret() if only is None else OF_FRAMES + self._secret()
        ends = now + lasting if until is None else min(now + lasting, until)
        session = Session(secret, token, identity, ends, only, at_provider)
        with self._database.writing() as connection:
            connection.execute("DELETE FROM signed_in WHERE expires_at <= ?", (now,))
            connection.execute(
                "INSERT INTO signed_in VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(session, now)
            )
        return session

    def of(self, secret: str) -> Session | None:
        """Return the session of a secret, None where it has ended."""
        found = self._database.rows(
            f"SELECT {_COLUMNS} FROM signed_in WHERE hash = ? AND expires_at > ?",
            (hashed(secret), self._clock()),
        )
        return _session(secret, *found[0]) if found else None

    def end(self, session: Session) -> None:
        """End a session, in every process from its next request on."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM signed_in WHERE hash = ?", (hashed(session.secret),))

    def end_at_provider(self, subject: str | None, sid: str | None) -> int:
        """End the sessions of one that ended at the provider, or all of a subject; return how many.

        A session whose id at the provider is not known ends with its subject.
        """
        with self._database.writing() as connection:
            return connection.execute(
                "DELETE FROM signed_in WHERE subject IS NOT NULL AND (? IS NULL OR subject = ?) "
                "AND (? IS NULL OR sid = ? OR (sid IS NULL AND ? IS NOT NULL))",
                (subject, subject, sid, sid, subject),
            ).rowcount


def _row(session: Session, now: Instant) -> tuple[object, ...]:
    only, there = session.only, session.at_provider
    return (
        hashed(session.secret),
        session.token,
        None if session.identity is None else _written(session.identity),
        *((None, None) if only is None else (only.customer, int(only.role))),
        *((None, None, None) if there is None else (there.subject, there.sid, there.id_token)),
        now,
        session.expires_at,
    )


def _session(
    secret: str,
    token: str | None,
    identity: str | None,
    customer: str | None,
    role: int | None,
    subject: str | None,
    sid: str | None,
    id_token: str | None,
    expires_at: Instant,
) -> Session:
    return Session(
        secret,
        token,
        None if identity is None else _read(identity),
        expires_at,
        None if customer is None or role is None else Only(customer, Role(role)),
        None if subject is None or id_token is None else AtProvider(subject, sid, id_token),
    )


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
        document.get("until"),  # not in sessions of before
    )
