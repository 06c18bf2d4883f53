"""The event log in one SQLite file, for any number of threads and processes of one machine.

The order of an append, each step with what would be lost otherwise:
1. queue behind the commit in progress (else every event pays for its own wait for the disk);
2. lock `<log>.lock` exclusively and write the clock into it (else a reader cannot know without waiting that a smaller
   accepted_at is still on its way); a publish holds it too, so that it and an event never take their instants at once;
3. begin the write transaction and read the end of the log (else two processes take one position);
4. decide each draft: repetition, refusal, or its accepted_at, later than all events and publishes, with position and id
   (else clocks disagree with positions);
5. write events and the new end, commit with WAL and synchronous=FULL (else a power cut loses what was answered);
6. unlock, then answer.
"""

import contextlib
import json
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path
from typing import Any
from urllib.parse import quote

from eventlog.contract import Answer
from eventlog.decisions import Decisions, Entry, Remembered, Repeat, Tail, repetition
from eventlog.failures import clear_errors, wrong_version
from eventlog.group_commit import GroupCommit
from eventlog.taking import hold, is_free, none_before, open_lock, taking
from schemas.crash import crash_point
from schemas.events import KINDS, Draft, Event, IdSource, Kind
from schemas.folders import make_folder, sync_folder
from schemas.instants import Clock, Instant

VERSION = 2
"""Version of the file's layout, kept as its `user_version`."""
GROUP_EVENTS = 10_000
"""Events after which a group of waiting requests is committed."""
BUSY_MILLISECONDS = 5000
CHUNK_BITS = 16
"""The indexes by customer and by record begin with position >> 16: ids are random, so an index by id alone would touch
as many pages as a batch has events (measured at 500k events: 18k to 33k events/s against 70k). A read probes every
chunk, 2 microseconds each."""

DDL = (
    """CREATE TABLE event (
        position INTEGER PRIMARY KEY, event_id TEXT NOT NULL, accepted_at INTEGER NOT NULL, kind TEXT NOT NULL,
        customer_id TEXT, entity TEXT, key TEXT, valid_from INTEGER NOT NULL, valid_until INTEGER, caller TEXT,
        body TEXT NOT NULL, activity_id TEXT, idempotency_key TEXT, request_hash TEXT, body_hash TEXT,
        status INTEGER NOT NULL)""",
    f"""CREATE INDEX event_of_customer
        ON event (position >> {CHUNK_BITS}, kind = 'activity', substr(customer_id, 1, 12))
        WHERE customer_id IS NOT NULL""",
    f"""CREATE INDEX event_of_record
        ON event (position >> {CHUNK_BITS}, kind = 'activity', entity, key) WHERE entity IS NOT NULL""",
    "CREATE UNIQUE INDEX event_of_activity ON event (activity_id) WHERE activity_id IS NOT NULL",
    """CREATE UNIQUE INDEX event_of_request ON event (ifnull(caller, ''), idempotency_key)
       WHERE idempotency_key IS NOT NULL""",
    """CREATE TABLE repeat (
        sender TEXT NOT NULL, sent_key TEXT NOT NULL, sent_hash TEXT, position INTEGER NOT NULL,
        PRIMARY KEY (sender, sent_key)) WITHOUT ROWID""",
    "CREATE TABLE tail (position INTEGER NOT NULL, accepted_at INTEGER NOT NULL)",
    "INSERT INTO tail VALUES (0, 0)",
    f"PRAGMA user_version = {VERSION}")

EVENT = "position, event_id, accepted_at, kind, customer_id, entity, key, valid_from, valid_until, caller, body, " \
        "activity_id"
ENTRY = EVENT + ", idempotency_key, request_hash, body_hash, status"
INSERT = f"INSERT INTO event ({ENTRY}) VALUES ({', '.join('?' * 16)})"
_Request = tuple[Sequence[Draft], bool]


class SqliteEventLog:
    """The contract `EventLog` on the file `path`, which the first append creates (readable by its owner alone).

    `published` gives the last instant that a publish took, or may have taken before it died; it is called with the lock
    held, so it must not wait for a publish.
    """

    def __init__(self, path: Path, clock: Clock, ids: IdSource, published: Callable[[], Instant] = lambda: 0) -> None:
        self.path = path
        self.lock_path = path.with_name(path.name + ".lock")
        self._clock, self._ids, self._published = clock, ids, published
        self._writer: _Writer | None = None
        self._readers = threading.local()
        self._opened: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._opening = threading.Lock()
        self._commits = GroupCommit[_Request, list[Answer]](self._commit, lambda request: len(request[0]), GROUP_EVENTS)

    def append(self, drafts: Sequence[Draft], atomic: bool = False) -> list[Answer]:
        """Accept drafts durably, one answer each; see the contract."""
        return self._commits.submit((drafts, atomic)) if drafts else []

    def repeated(self, draft: Draft) -> Answer | None:
        """Return the first answer to the same request or activity, or its conflict; None for a new one."""
        if draft.idempotency_key is None and draft.activity_id is None:
            return None
        with self._reading() as connection:
            return repetition(draft, _remembered(connection, [draft])) if connection else None

    def read(self, from_position: int, limit: int) -> list[Event]:
        """Return up to `limit` events from a position on."""
        return self._events(f"SELECT {EVENT} FROM event WHERE position >= ? ORDER BY position LIMIT ?",
                            from_position, limit)

    def end(self) -> int:
        """Return one past the last position."""
        return self._tail().position

    def last_accepted_at(self) -> Instant:
        """Return the acceptance of the last event, 0 before the first."""
        return self._tail().accepted_at

    def of_customer(self, customer_ids: Iterable[str], records: Iterable[tuple[str, str]] = (),
                    kinds: Sequence[Kind] = KINDS) -> list[Event]:
        """Return the events of ids and source records, in order of position."""
        return self._events(OF_CUSTOMER, json.dumps(list(customer_ids)), json.dumps(list(records)),
                            json.dumps(list(kinds)))

    def of_activity(self, activity_id: str) -> Event | None:
        """Return the event that created an activity."""
        found = self._events(f"SELECT {EVENT} FROM event WHERE activity_id = ?", activity_id)
        return found[0] if found else None

    def durable_until(self, now: Instant) -> Instant:
        """Return the latest instant up to `now`, or the last acceptance, up to which all is durable."""
        with clear_errors(self.lock_path):
            known = none_before(self.lock_path, now) - 1
        return max(known, self.last_accepted_at())  # read after the lock was looked at, so that nothing falls between

    def is_idle(self) -> bool:
        """Say whether nobody takes an instant at the moment."""
        with clear_errors(self.lock_path):
            return is_free(self.lock_path)

    @contextlib.contextmanager
    def taking(self) -> Iterator[Instant]:
        """Let nothing be accepted while a publish takes its instant; see the contract."""
        with hold(self.lock_path, self._clock) as since:
            yield max(since, self.last_accepted_at() + 1)

    def forget(self, before: Instant, committed: int) -> int:
        """Remove what ended at or before an instant below a position; withdrawals stay."""
        if not self.path.exists():
            return 0
        with clear_errors(self.path), _Writer.open(self.path, self.lock_path) as writer, \
                writer.transaction(self._clock):
            end = min(committed, _accepted_until(writer.connection, before))
            gone = writer.connection.execute("DELETE FROM event WHERE valid_until <= ? AND position < ?",
                                             (before, end)).rowcount
            writer.connection.execute("DELETE FROM repeat WHERE position NOT IN (SELECT position FROM event)")
            return gone

    def close(self) -> None:
        """Close the files of the writer and of all threads that read."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        with self._opening:
            for reader in self._opened:
                reader.close()

    def _commit(self, requests: list[_Request]) -> list[list[Answer]]:
        """Decide and write the requests of a group in one transaction."""
        with clear_errors(self.path):
            try:
                writer = self._writer = self._writer or _Writer.open(self.path, self.lock_path)
                return writer.append(requests, self._clock, self._ids, self._published)
            except BaseException:
                self._drop_writer()
                raise

    def _drop_writer(self) -> None:
        """Close a connection that failed; the next append opens a fresh one."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _tail(self) -> Tail:
        with self._reading() as connection:
            return Tail(*connection.execute("SELECT position, accepted_at FROM tail").fetchone()) if connection \
                else Tail(0, 0)

    def _events(self, statement: str, *parameters: object) -> list[Event]:
        with self._reading() as connection:
            return [Event(*row) for row in connection.execute(statement, parameters)] if connection else []

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """Give this thread's connection for reading, None while there is no log."""
        with clear_errors(self.path):
            connection: _Connection | None = getattr(self._readers, "connection", None)
            if connection is None and self.path.exists() and self.path.stat().st_size:
                connection = _connect(self.path, "ro")
                if not _has_layout(self.path, connection):
                    connection.close()
                    connection = None
                else:
                    self._readers.connection = connection
                    with self._opening:
                        self._opened.add(connection)
            yield connection


def not_appending(path: Path, clock: Clock) -> SqliteEventLog:
    """Open a log for everything but appending, for which it would need ids."""
    return SqliteEventLog(path, clock, ids=lambda _accepted_at: "")


OF_CUSTOMER = f"""
    WITH RECURSIVE bounds AS (SELECT (SELECT min(position) FROM event) >> {CHUNK_BITS} AS first,
                                     (SELECT max(position) FROM event) >> {CHUNK_BITS} AS last),
    chunk(n) AS (SELECT first FROM bounds UNION ALL SELECT n + 1 FROM chunk, bounds WHERE n < last),
    part(n, of_activities) AS (
        SELECT n, wanted.value FROM chunk CROSS JOIN (SELECT DISTINCT value = 'activity' AS value
                                                      FROM json_each(?3)) wanted),
    posted_by_id AS (
        SELECT e.position, e.kind FROM part p CROSS JOIN json_each(?1) i CROSS JOIN event e
        ON e.position >> {CHUNK_BITS} = p.n AND (e.kind = 'activity') = p.of_activities
        AND substr(e.customer_id, 1, 12) = substr(i.value, 1, 12) AND e.customer_id = i.value),
    posted_by_record AS (
        SELECT e.position, e.kind FROM part p CROSS JOIN json_each(?2) r CROSS JOIN event e
        ON e.position >> {CHUNK_BITS} = p.n AND (e.kind = 'activity') = p.of_activities
        AND e.entity = r.value ->> 0 AND e.key = r.value ->> 1),
    found AS (SELECT * FROM posted_by_id UNION SELECT * FROM posted_by_record)
    SELECT {EVENT} FROM event
    WHERE position IN (SELECT position FROM found WHERE kind IN (SELECT value FROM json_each(?3)))
    ORDER BY position"""


BY_KEY = f"""
    WITH request AS (SELECT value ->> 0 AS sender, value ->> 1 AS sent_key FROM json_each(?))
    SELECT {ENTRY} FROM request CROSS JOIN event ON ifnull(caller, '') = sender AND idempotency_key = sent_key"""
BY_REPEAT = f"""
    WITH request AS (SELECT value ->> 0 AS asker, value ->> 1 AS asked_key FROM json_each(?))
    SELECT {ENTRY}, sender, sent_key, sent_hash FROM request
    CROSS JOIN repeat ON sender = asker AND sent_key = asked_key CROSS JOIN event USING (position)"""
BY_ACTIVITY = f"""
    WITH posted AS (SELECT value AS posted_id FROM json_each(?))
    SELECT {ENTRY} FROM posted CROSS JOIN event ON activity_id = posted_id"""


def _accepted_until(connection: sqlite3.Connection, instant: Instant) -> int:
    """Return one past the position of the last event accepted by an instant; acceptance increases with the position."""
    low, high = 0, int(connection.execute("SELECT position FROM tail").fetchone()[0])
    while low < high:
        middle = (low + high) // 2
        row = connection.execute("SELECT position, accepted_at FROM event WHERE position >= ? "
                                 "ORDER BY position LIMIT 1", (middle,)).fetchone()
        if row is None or row[1] > instant:
            high = middle
        else:
            low = row[0] + 1
    return low


def _remembered(connection: sqlite3.Connection, drafts: Sequence[Draft]) -> Remembered:
    """Return what the log remembers of the requests and activities of these drafts."""
    keys = [(draft.caller or "", draft.idempotency_key) for draft in drafts if draft.idempotency_key is not None]
    activities = [draft.activity_id for draft in drafts if draft.activity_id is not None]
    remembered = Remembered()
    for statement, wanted in ((BY_KEY, keys), (BY_ACTIVITY, activities)):
        if wanted:
            for row in connection.execute(statement, (json.dumps(wanted),)):
                remembered.add(Entry(Event(*row[:12]), *row[12:]))
    if keys:
        for *event, status, sender, key, request_hash in connection.execute(BY_REPEAT, (json.dumps(keys),)):
            remembered.use_key(Repeat(sender, key, request_hash, event[0]), Event(*event[:12]), status)
    return remembered


class _Writer:
    """The one writing connection of a process, with the lock file that it shares with other processes."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._descriptor = descriptor
        self.connection = _connect(path, "rw")
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute("PRAGMA cache_size = -65536")
        self.connection.execute("PRAGMA wal_autocheckpoint = 4000")

    @classmethod
    def open(cls, path: Path, lock_path: Path) -> "_Writer":
        """Open a log for writing, creating it first if there is none."""
        make_folder(path.parent)
        descriptor = open_lock(lock_path)
        try:
            flock(descriptor, LOCK_EX)
            _create(path)
            writer = cls(path, descriptor)
            flock(descriptor, LOCK_UN)
        except BaseException:
            os.close(descriptor)
            raise
        return writer

    def append(self, requests: list[_Request], clock: Clock, ids: IdSource,
               published: Callable[[], Instant]) -> list[list[Answer]]:
        """Decide requests in one transaction and write what was accepted."""
        with self.transaction(clock) as since:
            position, accepted_at = self.connection.execute("SELECT position, accepted_at FROM tail").fetchone()
            tail = Tail(position, max(accepted_at, published(), since - 1))
            remembered = _remembered(self.connection, [draft for drafts, _ in requests for draft in drafts])
            decisions = Decisions(remembered, tail, clock, ids)
            answers = [decisions.decide(drafts, atomic) for drafts, atomic in requests]
            if decisions.repeats:
                self.connection.executemany("INSERT INTO repeat VALUES (?, ?, ?, ?)", map(astuple, decisions.repeats))
            if decisions.entries:
                self.connection.executemany(INSERT, map(_row, decisions.entries))
                crash_point("log.events_written")
                self.connection.execute("UPDATE tail SET position = ?, accepted_at = ?",
                                        (decisions.tail.position, decisions.tail.accepted_at))
        return answers

    @contextlib.contextmanager
    def transaction(self, clock: Clock) -> Iterator[Instant]:
        """Hold the lock and a write transaction; give the instant before which none may be taken.

        Commits at the end, rolls back on an error.
        """
        with taking(self._descriptor, clock) as since:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield since
                crash_point("log.before_commit")
                self.connection.execute("COMMIT")
                crash_point("log.after_commit")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connection, then the lock file."""
        self.connection.close()
        os.close(self._descriptor)

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _row(entry: Entry) -> tuple[Any, ...]:
    event = entry.event
    return (event.position, event.event_id, event.accepted_at, event.kind, event.customer_id, event.entity, event.key,
            event.valid_from, event.valid_until, event.caller, event.body, event.activity_id, entry.idempotency_key,
            entry.request_hash, entry.body_hash, entry.status)


class _Connection(sqlite3.Connection):
    """A connection that can be referred to weakly: that of a thread goes with it, or when the log is closed."""


def _connect(path: Path, mode: str) -> _Connection:
    """Open a connection; a writer's moves between threads, of which only one at a time uses it."""
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None,
                                 check_same_thread=False, factory=_Connection)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    return connection


def _create(path: Path) -> None:
    """Make sure that the log has its tables, and its folder the log; the lock is held.

    A log that is there is never opened but by SQLite: closing any descriptor of the file would free the locks that
    SQLite's connections of this process hold, and the next process that closes the log would remove its journal while
    this one goes on writing into it.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = _connect(path, "rw")
    try:
        if not _has_layout(path, connection):
            connection.execute("PRAGMA journal_mode = WAL")
            crash_point("log.file_made")
            connection.execute("BEGIN IMMEDIATE")
            for statement in DDL:
                connection.execute(statement)
            crash_point("log.layout_written")
            connection.execute("COMMIT")
            sync_folder(path.parent)
    finally:
        connection.close()


def _has_layout(path: Path, connection: sqlite3.Connection) -> bool:
    """Say whether the tables are there; raise `log_version` when a newer program made them."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, VERSION):
        raise wrong_version(path, version)
    return version == VERSION
