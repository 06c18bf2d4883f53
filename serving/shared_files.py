"""SQLite files of the service: made for their owner alone, changed by several processes at once."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from overtide.schemas.errors import OvertideError, UnavailableError
from overtide.schemas.folders import make_file, make_folder

BUSY_SECONDS = 10
"""How long one waits for another's commit."""


@contextmanager
def changing(
    path: Path, tables: Sequence[str], *, wal: bool = False, durable: bool = True
) -> Iterator[sqlite3.Connection]:
    """Give a connection whose changes are all made or none, while other writers wait.

    The file is made where it is missing, and by the statements `tables` what is to be in it. In WAL
    mode (`wal`) nobody waits who reads. What is `durable` survives a power cut.
    """
    make_folder(path.parent)
    make_file(path)
    with closing(connected(path)) as connection:
        if wal:
            _keep_journal(connection)
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in tables:
                connection.execute(statement)
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def connected(path: Path) -> sqlite3.Connection:
    """Open a file, each of whose statements is a transaction until one is begun."""
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)


def _keep_journal(connection: sqlite3.Connection) -> None:
    """Set WAL mode, for which SQLite itself waits for no one who does the same to a new file."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise `file_unusable` for what SQLite or the system refuses of a file."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise unusable(path, error) from None


def unusable(path: Path, error: Exception) -> OvertideError:
    """Return the error of a file that cannot be read or written."""
    reason = getattr(error, "strerror", None) or str(error)
    return UnavailableError(
        "file_unusable",
        f"{path} cannot be used: {reason}.",
        str(path),
        "Check that the disk is not full and that the file is whole and yours; else restore it.",
    )
