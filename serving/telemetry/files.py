"""SQLite files of the service: made for their owner alone, written by several processes at once."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from overtide.schemas.errors import OvertideError, UnavailableError
from overtide.schemas.folders import make_file, make_folder

BUSY_SECONDS = 10
"""How long a writer waits for another one."""


@contextmanager
def writing(path: Path, schema: str, durable: bool) -> Iterator[sqlite3.Connection]:
    """Open a file for a transaction, made with its tables where it is missing.

    It is in WAL mode, so that nobody waits who reads. What is `durable` survives a power cut.
    Raises `file_unusable`.
    """
    try:
        make_folder(path.parent)
        make_file(path)
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
            _keep_journal(connection)
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.executescript(schema)
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
    except (OSError, sqlite3.Error) as error:
        raise unusable(path, error) from None


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
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file that is there for reading; raise `file_unusable`."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise unusable(path, error) from None


def storable(text: str) -> str:
    """Return a text as SQLite keeps it: names of identity providers may hold half a letter."""
    return text.encode("utf-8", "replace").decode()


def is_written(path: Path) -> bool:
    """Say whether there is a file with something in it; a first writer makes an empty one."""
    return path.exists() and path.stat().st_size > 0


def unusable(path: Path, error: Exception) -> OvertideError:
    """Return the error of a file that cannot be read or written."""
    reason = getattr(error, "strerror", None) or str(error)
    return UnavailableError(
        "file_unusable",
        f"{path} cannot be used: {reason}.",
        str(path),
        "Check that the disk is not full and that the file is yours.",
    )
