"""The event log in one SQLite file, for any number of threads and processes of one machine.

The order of an append, each step with what would be lost otherwise:
1. queue behind the commit in progress (else every event pays for its own wait for the disk);
2. lock `<log>.lock` exclusively and write the clock into it (else a reader cannot know without
   waiting that a smaller accepted_at is still on its way); a publish holds it too, so that it and
   an event never take their instants at once;
3. begin the write transaction and read the end of the log (else two processes take one position);
4. decide each draft: repetition, refusal, or its accepted_at, later than all events and publishes,
   with position and id (else clocks disagree with positions);
5. write events and the new end, commit with WAL and synchronous=FULL (else a power cut loses what
  was answered);
6. unlock, then answer.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path

from overtide.eventlog.contract import Decision
from overtide.eventlog.decisions import Decisions, Remembered, Repeat, Tail, repetition
from overtide.eventlog.extent import place, untouched, write_extent
from overtide.eventlog.failures import clear_errors
from overtide.eventlog.group_commit import GroupCommit
from overtide.eventlog.layout import (
    CHUNK_BITS,
    INSERT,
    STORED,
    checksum,
    create,
    entry_of,
    layout_of,
    make_file,
    stored,
)
from overtide.eventlog.opening import Connection, connect
from overtide.eventlog.reading import Reading, expect_no_events, named, rows_of, tail_of
from overtide.eventlog.taking import hold, is_free, none_before, open_lock, taking
from overtide.schemas.crash import crash_point
from overtide.schemas.events import KINDS, Draft, Event, IdSource, Kind
from overtide.schemas.folders import make_folder
from overtide.schemas.instants import Clock, Instant
from overtide.schemas.signatures import signature

GROUP_EVENTS = 10_000
"""Events after which a group of waiting requests is committed."""
_Request = tuple[Sequence[Draft], bool]


class SqliteEventLog:
    """The contract `EventLog` on the file `path`, which the first append creates.

    The file is readable by its owner alone.

    `published` gives the last instant that a publish took, or may have taken before it died; it is
    called with the lock held, so it must not wait for a publish.
    """

    def __init__(
        self, path: Path, clock: Clock, ids: IdSource, published: Callable[[], Instant] = lambda: 0
    ) -> None:
        self.path = path
        self.lock_path = path.with_name(path.name + ".lock")
        self._clock, self._ids, self._published = clock, ids, published
        self._writer: _Writer | None = None
        self._reading = Reading(path, self.lock_path)
        self._opened = self._reading.opened
        self._commits = GroupCommit[_Request, list[Decision]](
            self._commit, lambda request: len(request[0]), GROUP_EVENTS
        )

    def append(self, drafts: Sequence[Draft], atomic: bool = False) -> list[Decision]:
        """Accept drafts durably, one answer each; see the contract."""
        return self._commits.submit((drafts, atomic)) if drafts else []

    def repeated(self, draft: Draft) -> Decision | None:
        """Return the first answer to the same request or activity, or its conflict.

        None for a new one.
        """
        if draft.idempotency_key is None and draft.activity_id is None:
            return None
        return self._reading.ask(
            lambda connection: repetition(draft, _remembered(connection, [draft])), None
        )

    def read(self, from_position: int, limit: int) -> list[Event]:
        """Return up to `limit` events from a position on.

        One that was changed is of the kind DAMAGED.
        """
        statement = f"SELECT {STORED} FROM event WHERE position >= ? ORDER BY position LIMIT ?"
        return self._reading.ask(
            lambda connection: list(
                named(connection, rows_of(connection, statement, from_position, limit))
            ),
            [],
        )

    def end(self) -> int:
        """Return one past the last position."""
        return self._tail().position

    def last_accepted_at(self) -> Instant:
        """Return the acceptance of the last event, 0 before the first."""
        return self._tail().accepted_at

    def of_customer(
        self,
        customer_ids: Iterable[str],
        records: Iterable[tuple[str, str]] = (),
        kinds: Sequence[Kind] = KINDS,
    ) -> list[Event]:
        """Return the events of ids and source records, in order of position."""
        ids, keys = list(customer_ids), list(records)
        wanted, parameters = {*ids, *keys}, [json.dumps(one) for one in (ids, keys, list(kinds))]
        # Compared here and not in SQL: an event that was changed would be passed over there.
        return [
            event
            for event in self._events(OF_CUSTOMER, *parameters)
            if event.kind in kinds
            and (event.customer_id in wanted or (event.entity, event.key) in wanted)
        ]

    def of_activity(self, activity_id: str) -> Event | None:
        """Return the event that created an activity."""
        found = self._events(f"SELECT {STORED} FROM event WHERE activity_id = ?", activity_id)
        return found[0] if found else None

    def accept(self) -> None:
        """Forget how far the log reached."""
        place(self.path).unlink(missing_ok=True)

    def durable_until(self, now: Instant) -> Instant:
        """Return the latest instant up to which all is durable.

        It lies at or before `now`, or is the last acceptance.
        """
        with clear_errors(self.path):
            known = none_before(self.lock_path, now) - 1
        return max(
            known, self.last_accepted_at()
        )  # read after the lock was looked at, so that nothing falls between

    def is_idle(self) -> bool:
        """Say whether nobody takes an instant at the moment."""
        with clear_errors(self.path):
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
        with (
            clear_errors(self.path),
            _Writer.open(self.path, self.lock_path) as writer,
            writer.transaction(self._clock),
        ):
            end = min(committed, _accepted_until(writer.connection, before))
            gone = writer.connection.execute(
                "DELETE FROM event WHERE valid_until <= ? AND position < ?", (before, end)
            ).rowcount
            writer.connection.execute(
                "DELETE FROM repeat WHERE position NOT IN (SELECT position FROM event)"
            )
            return gone

    def close(self) -> None:
        """Close the files of all threads that read, then the writer's.

        Closed last, the writer's leaves no journal.
        """
        self._reading.close()
        self._drop_writer()

    def _commit(self, requests: list[_Request]) -> list[list[Decision]]:
        """Decide and write the requests of a group in one transaction."""
        with clear_errors(self.path):
            try:
                if self._writer is not None and not self._writer.connection.is_of(self.path):
                    self._drop_writer()
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
        return self._reading.ask(tail_of, Tail(0, 0))

    def _events(self, statement: str, *parameters: object) -> list[Event]:
        return self._reading.ask(
            lambda connection: [
                entry_of(row).event for row in rows_of(connection, statement, *parameters)
            ],
            [],
        )


def log_to_read(path: Path) -> SqliteEventLog:
    """Return a log for reading alone: the clock is the writers'."""
    return not_appending(path, clock=lambda: 0)


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
        SELECT e.position FROM part p CROSS JOIN json_each(?1) i CROSS JOIN event e
        ON e.position >> {CHUNK_BITS} = p.n AND (e.kind = 'activity') = p.of_activities
        AND substr(e.customer_id, 1, 12) = substr(i.value, 1, 12) AND e.customer_id IS NOT NULL),
    posted_by_record AS (
        SELECT e.position FROM part p CROSS JOIN json_each(?2) r CROSS JOIN event e
        ON e.position >> {CHUNK_BITS} = p.n AND (e.kind = 'activity') = p.of_activities
        AND e.entity = r.value ->> 0 AND e.key = r.value ->> 1),
    found AS (SELECT * FROM posted_by_id UNION SELECT * FROM posted_by_record)
    SELECT {STORED} FROM event WHERE position IN (SELECT position FROM found) ORDER BY position"""


BY_KEY = f"""
    WITH request AS (SELECT value ->> 0 AS sender, value ->> 1 AS sent_key FROM json_each(?))
    SELECT {STORED} FROM request CROSS JOIN event ON ifnull(caller, '') = sender
      AND idempotency_key = sent_key"""
BY_REPEAT = f"""
    WITH request AS (SELECT value ->> 0 AS asker, value ->> 1 AS asked_key FROM json_each(?))
    SELECT {STORED}, sender, sent_key, sent_hash FROM request
    CROSS JOIN repeat ON sender = asker AND sent_key = asked_key CROSS JOIN event
      USING (position)"""
BY_ACTIVITY = f"""
    WITH posted AS (SELECT value AS posted_id FROM json_each(?))
    SELECT {STORED} FROM posted CROSS JOIN event ON activity_id = posted_id"""


def _accepted_until(connection: Connection, instant: Instant) -> int:
    """Return one past the position of the last event accepted by an instant.

    Acceptance increases with the position.
    """
    low, high = 0, int(connection.execute("SELECT position FROM tail").fetchone()[0])
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            "SELECT position, accepted_at FROM event WHERE position >= ? ORDER BY position LIMIT 1",
            (middle,),
        ).fetchone()
        if row is None or row[1] > instant:
            high = middle
        else:
            low = row[0] + 1
    return low


def _remembered(connection: Connection, drafts: Sequence[Draft]) -> Remembered:
    """Return what the log remembers of the requests and activities of these drafts."""
    keys = [
        (draft.caller or "", draft.idempotency_key)
        for draft in drafts
        if draft.idempotency_key is not None
    ]
    activities = [draft.activity_id for draft in drafts if draft.activity_id is not None]
    remembered = Remembered()
    for statement, wanted in ((BY_KEY, keys), (BY_ACTIVITY, activities)):
        if wanted:
            for row in rows_of(connection, statement, json.dumps(wanted)):
                remembered.add(entry_of(row))
    for *row, sender, key, request_hash in (
        rows_of(connection, BY_REPEAT, json.dumps(keys)) if keys else ()
    ):
        entry = entry_of(row)
        remembered.use_key(
            Repeat(sender, key, request_hash, entry.event.position), entry.event, entry.outcome
        )
    return remembered


class _Writer:
    """The one writing connection of a process, with its lock file.

    The lock file is shared with other processes.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor
        self.connection = connect(path, "mode=rw")
        self.connection.version = layout_of(path, self.connection)
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

    def append(
        self,
        requests: list[_Request],
        clock: Clock,
        ids: IdSource,
        published: Callable[[], Instant],
    ) -> list[list[Decision]]:
        """Decide requests in one transaction and write what was accepted."""
        with self.transaction(clock) as since:
            tail = tail_of(self.connection)
            tail = Tail(tail.position, max(tail.accepted_at, published(), since - 1))
            remembered = _remembered(
                self.connection, [draft for drafts, _ in requests for draft in drafts]
            )
            decisions = Decisions(remembered, tail, clock, ids)
            answers = [decisions.decide(drafts, atomic) for drafts, atomic in requests]
            if decisions.repeats:
                self.connection.executemany(
                    "INSERT INTO repeat VALUES (?, ?, ?, ?, ?)",
                    ((*row, checksum(row)) for row in map(astuple, decisions.repeats)),
                )
            if decisions.entries:
                self.connection.executemany(INSERT, map(stored, decisions.entries))
                crash_point("log.events_written")
                end = decisions.tail.position, decisions.tail.accepted_at
                self.connection.execute(
                    "UPDATE tail SET position = ?, accepted_at = ?, checksum = ?",
                    (*end, checksum(end)),
                )
        return answers

    @contextlib.contextmanager
    def transaction(self, clock: Clock) -> Iterator[Instant]:
        """Hold the lock and a write transaction; give the instant before which none may be taken.

        Commits at the end, rolls back on an error.
        """
        with taking(self._descriptor, clock) as since:
            before = untouched(self._path)
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield since
                crash_point("log.before_commit")
                self.connection.execute("COMMIT")
                crash_point("log.after_commit")
                if before is not None:
                    write_extent(self._path, *astuple(tail_of(self.connection)))
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connection, which may write its journal into the log, then the lock file."""
        with contextlib.suppress(OSError):
            flock(self._descriptor, LOCK_EX)
        before = untouched(self._path)
        self.connection.close()
        if before is not None:
            write_extent(self._path, before.position, before.accepted_at)
        os.close(self._descriptor)

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _create(path: Path) -> None:
    """Make sure that the log is there, with its tables; the lock is held.

    A log that had events is not begun anew.
    """
    new = not signature(path)
    if new:
        expect_no_events(path)
    make_file(path)
    before, connection = untouched(path), connect(path, "mode=rw")
    try:
        create(path, connection)
        end = tail_of(connection)
    finally:
        connection.close()
    if new or before is not None:
        write_extent(path, end.position, end.accepted_at)
