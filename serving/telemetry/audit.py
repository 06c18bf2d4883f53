"""Who changed what: tokens and settings for good; of events, who sent them.

What an event changed is in the event log, which is its audit already: here only the token and the
request are noted that brought it, a few seconds later, so that no change waits for this file.
"""

import getpass
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from overtide.schemas.instants import DAY, HISTORY_DAYS, Clock, Instant
from overtide.serving.access.principals import Principal
from overtide.serving.telemetry.files import is_written, storable, writing

MOST_WAITING = 200_000
"""Senders of events that wait for a disk which takes none, before they are given up."""
TABLES = (
    """CREATE TABLE IF NOT EXISTS change (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, principal_id TEXT NOT NULL,
        principal TEXT NOT NULL, caller TEXT NOT NULL, action TEXT NOT NULL, target TEXT,
        before TEXT, after TEXT, request_id TEXT) STRICT""",
    """CREATE TRIGGER IF NOT EXISTS change_stays BEFORE UPDATE ON change
        BEGIN SELECT raise(ABORT, 'the audit is only added to'); END""",
    """CREATE TRIGGER IF NOT EXISTS change_is_kept BEFORE DELETE ON change
        BEGIN SELECT raise(ABORT, 'the audit is only added to'); END""",
    """CREATE TABLE IF NOT EXISTS sender (
        event_id TEXT PRIMARY KEY, at INTEGER NOT NULL, principal_id TEXT NOT NULL,
        principal TEXT NOT NULL, request_id TEXT NOT NULL) STRICT""",
)
AT_ONCE = 500
"""Senders that a statement adds: for each of them the interpreter is left and taken up once, which
those wait for who are answered beside."""
ADD = """INSERT INTO change
    (at, principal_id, principal, caller, action, target, before, after, request_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
Sender = tuple[str, Instant, str, str, str]
"""Event's id, when, principal's id and name, the request's id."""


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed by whom; `before` and `after` are what JSON holds, and no secret."""

    action: str
    target: str | None = None
    before: object = None
    after: object = None
    principal: Principal | None = None
    caller: str = ""
    request_id: str | None = None


class Audit:
    """The audit of one project, written by the service and by the command line."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path, self._clock = path, clock
        self._lock = threading.Lock()
        self._senders: list[Sender] = []
        self._forgotten: Instant = 0

    def record(self, change: Change) -> None:
        """Note a change, durably; raise `file_unusable`.

        Without a principal it is the user of this machine who did it.
        """
        who = change.principal
        named = ("", getpass.getuser()) if who is None else (who.id, storable(who.name))
        values = (change.action, change.target, _json(change.before), _json(change.after))
        with writing(self.path, TABLES, durable=True) as connection:
            connection.execute(
                ADD, (self._clock(), *named, change.caller, *values, change.request_id)
            )

    def sent(self, event_id: str, principal: Principal, request_id: str) -> None:
        """Note, with the next flush, who sent an event."""
        name = storable(principal.name)
        sender = (event_id, self._clock(), principal.id, name, request_id)
        with self._lock:
            if len(self._senders) < MOST_WAITING:
                self._senders.append(sender)

    def flush(self) -> None:
        """Write who sent events; what cannot be written is kept for the next time."""
        with self._lock:
            senders, self._senders = self._senders, []
        try:
            self._write(senders)
        except BaseException:
            with self._lock:
                self._senders = (senders + self._senders)[:MOST_WAITING]
            raise

    def _write(self, senders: Sequence[Sender]) -> None:
        now = self._clock()
        old = now // DAY != self._forgotten and is_written(self.path)
        if not senders and not old:
            return
        with writing(self.path, TABLES, durable=False) as connection:
            for begin in range(0, len(senders), AT_ONCE):
                some = senders[begin : begin + AT_ONCE]
                values = ", ".join(["(?, ?, ?, ?, ?)"] * len(some))
                connection.execute(
                    f"INSERT OR IGNORE INTO sender VALUES {values}", [*chain.from_iterable(some)]
                )
            if old:
                connection.execute("DELETE FROM sender WHERE at < ?", (now - HISTORY_DAYS * DAY,))
        self._forgotten = now // DAY


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
