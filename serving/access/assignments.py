"""Who has which role: what an Admin has given to a principal, and what a local token was made with.

Only an Owner makes or unmakes an Owner, and the last one stays.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace

from overtide.schemas.errors import ConflictError, ForbiddenError, NotFoundError, UsageError
from overtide.schemas.instants import Clock, Instant
from overtide.schemas.values import checked_text
from overtide.serving.access.database import AccessDatabase, Remembered
from overtide.serving.access.identities import LONGEST, Identity
from overtide.serving.access.principals import Kind, Principal
from overtide.serving.access.roles import Role
from overtide.serving.access.tokens import all_tokens


@dataclass(frozen=True, slots=True)
class Assignment:
    """The role of a principal; of a local token it has the name, too."""

    principal: str
    kind: Kind
    role: Role
    name: str | None = None


class Assignments:
    """The assignments of one project; usable from every thread and process."""

    def __init__(self, database: AccessDatabase, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._given = Remembered(database, _given)

    def all(self) -> list[Assignment]:
        """Return all that hold: of local tokens first, then of others by their ids."""
        with self._database.reading() as connection:
            return _all(connection, self._clock())

    def role_of(self, identity: Identity) -> Role | None:
        """Return the role that was given to who signed in, or else the greatest of its groups."""
        given = self._given.now()
        for one in identity.ids:
            if one in given and given[one].kind != "group":
                return given[one].role
        return max(
            (given[one].role for one in identity.groups & given.keys() if _is_group(given[one])),
            default=None,
        )

    def put(
        self, principal: str, kind: Kind, role: Role, by: Principal
    ) -> tuple[Assignment | None, Assignment]:
        """Give a principal a role, and return what it had before and has now.

        Raise `owner_needed` or `last_owner`.
        """
        _expect_id(principal)
        with self._database.writing() as connection:
            before = _all(connection, self._clock())
            token = next((one for one in before if one.principal == principal and one.name), None)
            after = (
                Assignment(principal, kind, role) if token is None else replace(token, role=role)
            )
            _expect_allowed(before, principal, after, by)
            if token is None:
                connection.execute(
                    "INSERT OR REPLACE INTO assignment VALUES (?, ?, ?, ?, ?)",
                    (principal, kind, int(role), self._clock(), by.id),
                )
            else:
                connection.execute("UPDATE token SET role = ? WHERE id = ?", (int(role), principal))
        return _of(before, principal), after

    def remove(self, principal: str, by: Principal) -> Assignment:
        """Take a principal's role away, and return what it had; a local token is revoked with it.

        Raise `unknown_principal`, `owner_needed` or `last_owner`.
        """
        with self._database.writing() as connection:
            before = _all(connection, self._clock())
            had = _of(before, principal)
            if had is None:
                raise NotFoundError(
                    "unknown_principal",
                    f"{principal!r} has no assignment.",
                    "principalId",
                    "GET rbac/assignments shows who has; roles of claims are the provider's.",
                )
            _expect_allowed(before, principal, None, by)
            connection.execute("DELETE FROM assignment WHERE principal = ?", (principal,))
            connection.execute(
                "UPDATE token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                (self._clock(), principal),
            )
        return had


def _of(assignments: list[Assignment], principal: str) -> Assignment | None:
    """Return the assignment of a principal."""
    return next((one for one in assignments if one.principal == principal), None)


def _given(connection: sqlite3.Connection) -> Mapping[str, Assignment]:
    rows = connection.execute("SELECT principal, kind, role FROM assignment ORDER BY principal")
    return {one: Assignment(one, kind, Role(role)) for one, kind, role in rows}


def _all(connection: sqlite3.Connection, now: Instant) -> list[Assignment]:
    tokens = [
        Assignment(one.principal.id, "app", one.principal.role, one.principal.name)
        for one in all_tokens(connection)
        if one.holds(now)
    ]
    return [*tokens, *_given(connection).values()]


def _is_group(assignment: Assignment) -> bool:
    return assignment.kind == "group"


def _is_owner(assignment: Assignment) -> bool:
    """Say whether someone is an Owner; who is in a group, and whether anyone is, is not known."""
    return assignment.role is Role.OWNER and not _is_group(assignment)


def _expect_id(principal: str) -> None:
    if not (0 < len(principal) <= LONGEST and checked_text(principal)):
        raise UsageError(
            "invalid_parameter",
            f"An id of 1 to {LONGEST} characters is expected.",
            "principalId",
            "It is the token's `oid` or `sub`, or a group's id.",
        )


def _expect_allowed(
    before: list[Assignment], principal: str, after: Assignment | None, by: Principal
) -> None:
    """Raise where a change makes or unmakes an Owner, and may not."""
    changed = [one for one in before if one.principal == principal]
    touched = changed if after is None else [*changed, after]
    if any(one.role is Role.OWNER for one in touched) and by.role < Role.OWNER:
        raise ForbiddenError(
            "owner_needed",
            "Only an Owner makes an Owner, or changes what one may do.",
            "principalId",
            "Ask an Owner.",
        )
    others = any(_is_owner(one) for one in before if one.principal != principal)
    stays = after is not None and _is_owner(after)
    if any(map(_is_owner, changed)) and not (others or stays):
        raise ConflictError(
            "last_owner",
            f"{principal!r} is the last Owner.",
            "principalId",
            "Make another one first.",
        )
