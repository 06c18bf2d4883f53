"""The connections that read a log: one for each thread, and only to a log that is whole."""

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Sequence
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from typing import TypeVar

from overtide.eventlog.changed import MOST, changed_events
from overtide.eventlog.contract import Tail
from overtide.eventlog.extent import Extent, faults, read_extent, write_extent
from overtide.eventlog.failures import DamagedError, clear_errors, damaged, shortened
from overtide.eventlog.layout import VERSION, layout_of
from overtide.eventlog.opening import Connection, open_reading
from overtide.eventlog.queries import tail_of
from overtide.schemas.signatures import Signature, signature, signatures

LOOKS = 3
"""How often a read looks again where a writer changed the log meanwhile."""
UNDECODABLE = "Could not decode to UTF-8"
"""What SQLite says of a text that was changed."""
Found = TypeVar("Found")


class ReadConnections:
    """The connections of all threads that read one log.

    `changed` are the positions of its events that are known to be not as they were written.
    """

    def __init__(self, path: Path, lock: Path) -> None:
        self.path, self._lock = path, lock
        self._threads = threading.local()
        self._opening = threading.Lock()
        self._looked: list[Signature] = []
        self.changed: Sequence[int] = ()
        self.opened: weakref.WeakSet[Connection] = weakref.WeakSet()

    def ask(self, question: Callable[[Connection], Found], nothing: Found) -> Found:
        """Return the answer of the log, `nothing` while there is none.

        Raises `log_corrupt` where an event that belongs to it was changed, and `log_replaced` where
        a log is shorter than it was. A log that is read as it lies, without locks, is asked again
        where it changed meanwhile.
        """
        with clear_errors(self.path):
            found = nothing
            for _ in range(LOOKS):
                connection = self._connection()
                if connection is None:
                    return nothing
                found = self._answer(connection, question)
                if connection.frozen is None or connection.is_of(self.path):
                    break
            return found

    def looked_through(self) -> Sequence[int]:
        """Return `changed`, after a look through the log where it is not as it was left."""
        return self.ask(lambda _connection: self.changed, ())

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._opening:
            for connection in self.opened:
                connection.close()

    def _answer(self, connection: Connection, question: Callable[[Connection], Found]) -> Found:
        try:
            return self._as_laid_out(connection, question)
        except sqlite3.OperationalError as error:
            if UNDECODABLE not in str(error) or connection.text_factory is lenient:
                raise
            connection.text_factory = lenient
            return self._answer(connection, question)

    def _as_laid_out(
        self, connection: Connection, question: Callable[[Connection], Found]
    ) -> Found:
        """Return an answer by the layout that the log has.

        A writer may bring that up to date at any instant; then the question is asked again.
        """
        while connection.version != VERSION:
            connection.version = layout_of(self.path, connection)
            try:
                found = question(connection)
            except (DamagedError, sqlite3.Error):
                if layout_of(self.path, connection) == connection.version:
                    raise
            else:
                if layout_of(self.path, connection) == connection.version:
                    return found
        return question(connection)

    def _connection(self) -> Connection | None:
        """Return this thread's connection, None while there is no log.

        Raise where that is not whole.
        """
        connection: Connection | None = getattr(self._threads, "connection", None)
        now = signatures(self.path)
        if connection is not None and not connection.reads(now):
            connection.close()
            connection = self._threads.connection = None
        connection = connection or self._open()
        # Of two files the last look may be older than the connection; then it is repeated.
        if connection is not None and now != self._looked:
            self._expect_whole(connection)
        return connection

    def _open(self) -> Connection | None:
        # Asked before the file is looked at: another process may begin the log meanwhile.
        reached = read_extent(self.path)
        if not signature(self.path):
            _expect_none(self.path, reached)
            return None
        connection = open_reading(self.path)
        connection.version = layout_of(self.path, connection)
        if not connection.version:
            connection.close()
            _expect_none(self.path, reached)
            return None
        self._threads.connection = connection
        with self._opening:
            self.opened.add(connection)
        return connection

    def _expect_whole(self, connection: Connection) -> None:
        """Look through the log where its files are not as the last commit left them.

        Raise what is wrong with it.

        While a writer is committing they are not, and that is no matter.
        """
        now = signatures(self.path)
        if now == self._looked:
            return
        for _ in range(LOOKS):
            now, extent = signatures(self.path), read_extent(self.path)
            if extent is not None and [extent.log, extent.journal] == now:
                self.changed, self._looked = extent.changed, now
                return
            if _is_locked(self._lock):
                return
        self._look_through(connection, now)

    def _look_through(self, connection: Connection, now: list[Signature]) -> None:
        fault = self._answer(connection, faults)
        changed = self._answer(connection, changed_events) if fault is None else []
        if len(changed) > MOST:
            fault = f"more than {MOST} of its events were changed"
        if fault is not None:
            raise damaged(self.path, None, fault)
        # In this order: what was committed is noted behind the commit, and another one may follow.
        extent, tail = read_extent(self.path), tail_of(connection)
        if extent is not None and tail.position < extent.position:
            raise shortened(self.path, tail.position, extent.position)
        self.changed = changed
        if signatures(self.path) == now:
            self._looked = now
            self._note(tail)

    def _note(self, tail: Tail) -> None:
        """Note that the log was looked through, where that may be and nobody is committing."""
        with contextlib.suppress(OSError):
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                flock(descriptor, LOCK_EX | LOCK_NB)
                if signatures(self.path) == self._looked:
                    write_extent(self.path, tail.position, tail.accepted_at, self.changed)
            finally:
                os.close(descriptor)


def lenient(text: bytes) -> str:
    """Return a text that may have been changed: it then does not fit its checksum."""
    return text.decode("utf-8", "replace")


def expect_no_events(path: Path) -> None:
    """Raise `log_replaced` where a log is gone that had events; under its lock."""
    _expect_none(path, read_extent(path))


def _expect_none(path: Path, reached: Extent | None) -> None:
    if reached is not None and reached.position:
        raise shortened(path, 0, reached.position)


def _is_locked(lock: Path) -> bool:
    """Say whether a writer holds the log's lock now."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        flock(descriptor, LOCK_SH | LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
