"""The connection that writes a log: one transaction after the other, each under the log's lock."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path

from overtide.eventlog.contract import Come, Decision, Tail
from overtide.eventlog.decisions import Decisions
from overtide.eventlog.extent import untouched, write_extent
from overtide.eventlog.known_activities import note
from overtide.eventlog.layout import checksum, create, insert, layout_of
from overtide.eventlog.opening import connect
from overtide.eventlog.queries import remembered_of, tail_of
from overtide.eventlog.read_connections import expect_no_events
from overtide.eventlog.taking import open_lock, taking
from overtide.schemas.crash import crash_point
from overtide.schemas.events import IdSource
from overtide.schemas.folders import make_file, make_folder
from overtide.schemas.instants import Clock, Instant
from overtide.schemas.signatures import signature


class Writer:
    """The one writing connection of a process, with its lock file.

    The lock file is shared with other processes.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor
        self._end: Tail | None = None
        self.connection = connect(path, "mode=rw")
        self.connection.version = layout_of(path, self.connection)
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute("PRAGMA cache_size = -65536")
        self.connection.execute("PRAGMA wal_autocheckpoint = 4000")

    @classmethod
    def open(cls, path: Path, lock_path: Path) -> "Writer":
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
        come: Come,
        clock: Clock,
        ids: IdSource,
        published: Callable[[], Instant],
        changed: Sequence[int] = (),
    ) -> list[list[Decision]]:
        """Decide the requests that have come, in one transaction, and write what was accepted.

        `changed` are the positions of events that are not as they were written.
        """
        with self.transaction(clock) as since:
            tail = tail_of(self.connection)
            tail = Tail(tail.position, max(tail.accepted_at, published(), since - 1))
            requests = come()
            sent = [draft for drafts, _ in requests for draft in drafts]
            remembered = remembered_of(self.connection, sent, changed)
            decisions = Decisions(remembered, tail, clock, ids)
            answers = [decisions.decide(drafts, atomic) for drafts, atomic in requests]
            if decisions.repeats:
                self.connection.executemany(
                    "INSERT INTO repeat VALUES (?, ?, ?, ?, ?)",
                    ((*row, checksum(row)) for row in map(astuple, decisions.repeats)),
                )
            if decisions.entries:
                insert(self.connection, decisions.entries)
                if any(entry.event.activity_id is not None for entry in decisions.entries):
                    begin = decisions.entries[0].event.position
                    note(self.connection, begin, decisions.tail.position)
                crash_point("log.events_written")
                self._end = decisions.tail
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
            before, self._end = untouched(self._path), None
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield since
                crash_point("log.before_commit")
                self.connection.execute("COMMIT")
                crash_point("log.after_commit")
                if before is not None:
                    tail = self._end or tail_of(self.connection)
                    write_extent(self._path, tail.position, tail.accepted_at, before.changed)
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
            write_extent(self._path, before.position, before.accepted_at, before.changed)
        os.close(self._descriptor)

    def __enter__(self) -> "Writer":
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
        changed = before.changed if before else ()
        write_extent(path, end.position, end.accepted_at, changed)
