"""Subscription keys: a primary and a secondary, so that one is renewed while the other is used.

Each is kept as a hash, as tokens are, and shown once.
"""

import hmac
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from overtide.schemas.errors import UnauthorizedError
from overtide.schemas.instants import Clock, Instant, format_instant
from overtide.serving.access.database import AccessDatabase, Remembered
from overtide.serving.access.tokens import hashed

PREFIX = "ovk_"
"""How a key begins, so that one that leaked is known by its looks."""
Slot = Literal["primary", "secondary"]
SLOTS: tuple[Slot, ...] = ("primary", "secondary")
HEADER, QUERY = "Ocp-Apim-Subscription-Key", "subscription-key"
"""Where a request has its key, as the product's clients send it."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """What is known of a key, without the key; when and by whom it was made, if it was."""

    slot: Slot
    changed_at: Instant | None = None
    changed_by: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON document."""
        made = None if self.changed_at is None else format_instant(self.changed_at)
        return {"name": self.slot, "createdAt": made, "createdBy": self.changed_by}


class SubscriptionKeys:
    """The two keys of one project; usable from every thread and process."""

    def __init__(
        self,
        database: AccessDatabase,
        clock: Clock,
        secret: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self._database, self._clock, self._secret = database, clock, secret
        self._hashes = Remembered(database, _hashes)

    def states(self) -> list[KeyState]:
        """Return what is known of both."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT slot, changed_at, changed_by FROM subscription_key")
            made = {slot: KeyState(slot, *more) for slot, *more in rows}
        return [made.get(slot, KeyState(slot)) for slot in SLOTS]

    def regenerate(self, slot: Slot, by: str) -> str:
        """Make a key anew and return it, which shows it only now; the old one ends."""
        key = PREFIX + self._secret()
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO subscription_key (slot, hash, changed_at, changed_by) "
                "VALUES (?, ?, ?, ?)",
                (slot, hashed(key), self._clock(), by),
            )
        return key

    def expect(self, key: str | None) -> None:
        """Raise `invalid_subscription_key` for a key that is neither of the two."""
        given = hashed(key or "")
        equal = [hmac.compare_digest(given, known) for known in self._hashes.now()]
        if not any(equal):
            raise UnauthorizedError(
                "invalid_subscription_key",
                "A subscription key is needed." if key is None else "No such key is known.",
                HEADER,
                f"Send it as `{HEADER}`; an Admin makes it by `overtide key regenerate primary`.",
            )


def slot_of(text: str | None) -> Slot | None:
    """Return the key of a name, None where there is none."""
    return next((one for one in SLOTS if one == text), None)


def _hashes(connection: sqlite3.Connection) -> list[str]:
    return [found for (found,) in connection.execute("SELECT hash FROM subscription_key")]
