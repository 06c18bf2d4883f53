"""The files of the audit and of usage, which are read while they are written."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from overtide.serving.shared_files import BUSY_SECONDS, changing, explained


@contextmanager
def writing(path: Path, tables: Sequence[str], durable: bool) -> Iterator[sqlite3.Connection]:
    """Open a file for a transaction, made with its tables where it is missing.

    It is in WAL mode, so that nobody waits who reads. What is `durable` survives a power cut.
    Raises `file_unusable`.
    """
    with explained(path), changing(path, tables, wal=True, durable=durable) as connection:
        yield connection


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file that is there for reading; raise `file_unusable`."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with (
        explained(path),
        closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection,
    ):
        yield connection


def storable(text: str) -> str:
    """Return a text as SQLite keeps it: names of identity providers may hold half a letter."""
    return text.encode("utf-8", "replace").decode()


def is_written(path: Path) -> bool:
    """Say whether there is a file with something in it; a first writer makes an empty one."""
    return path.exists() and path.stat().st_size > 0
