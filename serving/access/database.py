"""The access database of a project: tokens, assignments and keys, in a file only its owner reads.

What one process changes the next look-up of every other sees.
"""

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from overtide.schemas.errors import UnavailableError
from overtide.serving.shared_files import changing, connected

CHANGES = 24
"""Where SQLite counts the commits to a file (https://sqlite.org/fileformat2.html, 1.3.7)."""
VERSION = 1
"""Of the tables, kept as `user_version`; 0 is a file of before, with tokens that never end."""
_TABLES = (
    """CREATE TABLE IF NOT EXISTS token (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, role INTEGER NOT NULL, hash TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL, revoked_at INTEGER) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS assignment (
        principal TEXT PRIMARY KEY, kind TEXT NOT NULL, role INTEGER NOT NULL,
        changed_at INTEGER NOT NULL, changed_by TEXT NOT NULL) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS subscription_key (
        slot TEXT PRIMARY KEY, hash TEXT NOT NULL,
        changed_at INTEGER NOT NULL, changed_by TEXT NOT NULL) STRICT, WITHOUT ROWID""",
)
_MIGRATIONS = (
    "ALTER TABLE token ADD COLUMN expires_at INTEGER",
    "ALTER TABLE token ADD COLUMN last_used_at INTEGER",
)
T = TypeVar("T")
Signature = tuple[int, bytes]


class AccessDatabase:
    """One file, usable from every thread and process; it is made by the first change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opening = threading.Lock()
        self._opened: tuple[int, int] | None = None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a transaction that nobody else's change comes between."""
        with _named(self.path), changing(self.path, ()) as connection:
            _migrate(connection)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection to the file, or to its tables in memory while it is not there.

        One that an older version made is read as it will be once it is changed.
        """
        with _named(self.path), closing(sqlite3.connect(":memory:")) as copy:
            if not self.path.exists():
                _migrate(copy)
                yield copy
                return
            with closing(connected(self.path)) as connection:
                if _version(connection) >= VERSION:
                    yield connection
                    return
                connection.backup(copy)
            _migrate(copy)
            yield copy

    def signature(self) -> Signature | None:
        """Return what differs after every commit: the file, and the count in its header.

        Times of files do not: two commits may have one.
        """
        try:
            inode = os.stat(self.path).st_ino  # noqa: PTH116 - every request asks, this is faster
            return inode, os.pread(self._descriptor(inode), 4, CHANGES)
        except FileNotFoundError:
            return None

    def _descriptor(self, inode: int) -> int:
        """Return a descriptor of the file, which stays open: see `make_file`."""
        opened = self._opened
        if opened is not None and opened[0] == inode:
            return opened[1]
        with self._opening:
            if self._opened is None or self._opened[0] != inode:
                descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
                weakref.finalize(self, os.close, descriptor)
                self._opened = os.fstat(descriptor).st_ino, descriptor
            return self._opened[1]


class Remembered(Generic[T]):
    """What was read of the database, read anew only where the file has changed."""

    def __init__(self, database: AccessDatabase, read: Callable[[sqlite3.Connection], T]) -> None:
        self._database, self._read = database, read
        self._kept: tuple[Signature | None, T] | None = None

    def now(self) -> T:
        """Return it as it is now."""
        seen, kept = self._database.signature(), self._kept
        if kept is None or kept[0] != seen:
            with self._database.reading() as connection:
                kept = self._kept = seen, self._read(connection)  # in one: threads share it
        return kept[1]


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say of what fails which file it is about."""
    try:
        yield
    except sqlite3.Error as error:
        raise UnavailableError(
            "access_unavailable",
            f"The access database cannot be used: {error}.",
            str(path),
            "See whether another program keeps it locked, or restore it from a backup.",
        ) from None


def _migrate(connection: sqlite3.Connection) -> None:
    for statement in _TABLES:
        connection.execute(statement)
    if _version(connection) < VERSION:
        for statement in _MIGRATIONS:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
