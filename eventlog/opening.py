"""Connections to the log's file, for reading also where nothing may be written.

A read-only or full disk, another user.

SQLite reads a log with a journal only where it may make a file beside it. Where it may not, a log
without journal is read as it lies there, and one with a journal is copied to a temporary folder,
until either of the files changes.
"""

import sqlite3
from pathlib import Path
from urllib.parse import quote

from overtide.schemas.copies import Copy, copied
from overtide.schemas.signatures import Signature, signature, signatures

BUSY_MILLISECONDS = 5000
WITH_RUNS = 4
"""The first version of the layout that has activities in runs."""
UNOPENED = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_PERM,
}
"""What SQLite says where it may not make the files that it needs beside a log."""


class Connection(sqlite3.Connection):
    """A connection that can be referred to weakly.

    That of a thread goes with it, or when the log is closed.

    `inode` is that of the log. `frozen` are the signatures of the files that it reads as they were,
    if it does.
    """

    inode: list[int]
    version = 0
    frozen: list[Signature] | None = None
    copy: Copy | None = None

    @property
    def has_runs(self) -> bool:
        """Whether the log has activities in runs, as those of earlier programs have not."""
        return self.version >= WITH_RUNS

    def is_of(self, path: Path) -> bool:
        """Say whether it still reads the log that is there."""
        return self.reads(signatures(path))

    def reads(self, files: list[Signature]) -> bool:
        """Say whether it reads files with these signatures."""
        return files[0][:1] == self.inode if self.frozen is None else files == self.frozen


def connect(path: Path, mode: str) -> Connection:
    """Open a connection; a writer's moves between threads, of which only one at a time uses it."""
    inode = signature(path)[:1]
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?{mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        factory=Connection,
    )
    connection.inode = inode
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    return connection


def open_reading(path: Path) -> Connection:
    """Open a connection for reading, whatever may be written."""
    try:
        return _tried(connect(path, "mode=ro"))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in UNOPENED:
            raise
        frozen = signatures(path)
        return _copied(path, error) if frozen[1] else _as_it_lies(path, frozen)


def _tried(connection: Connection) -> Connection:
    """Make SQLite open all the files that a read needs."""
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _as_it_lies(path: Path, frozen: list[Signature]) -> Connection:
    connection = _tried(connect(path, "mode=ro&immutable=1"))
    connection.frozen = frozen
    return connection


def _copied(path: Path, error: sqlite3.OperationalError) -> Connection:
    copy = copied(path)
    if copy is None:
        raise error
    connection = _tried(connect(copy.file, "mode=rw"))
    connection.frozen, connection.copy = copy.seen, copy
    return connection
