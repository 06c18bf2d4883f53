"""The vectorised kernel of every batch step: a private DuckDB under a memory limit that spills to scratch."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.names import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class KernelSettings:
    """How much of a machine one kernel may use, and where it spills."""

    threads: int
    memory_limit: str
    scratch: Path


_OPEN: set["DuckDBPyConnection"] = set()


@contextmanager
def kernel(settings: KernelSettings) -> Iterator["DuckDBPyConnection"]:
    """Open a DuckDB in memory for one step; its clock zone is UTC and it reads nothing but what it is told to.

    The scratch folder is there already: a step of a refresh that was stopped must not make it anew.
    """
    import duckdb

    # Two kernels that spill into one folder remove each other's files.
    spill = tempfile.mkdtemp(prefix="spill-", dir=settings.scratch)
    # Extensions come from packages that pip has checked; checking them again takes longer than a small step.
    connection = duckdb.connect(config={"threads": settings.threads, "memory_limit": settings.memory_limit,
                                        "temp_directory": spill, "allow_unsigned_extensions": True})
    try:
        _OPEN.add(connection)
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        try:
            connection.close()
            shutil.rmtree(spill, ignore_errors=True)
        finally:  # a signal may come while it closes, too
            _OPEN.discard(connection)


def stop_kernels(scratch: Path, seconds: float = 10) -> None:
    """Stop what the kernels of this process are doing, in all threads, and remove their scratch folder.

    A thread may be between two kernels; the next one finds no folder.
    """
    import duckdb

    until = time.monotonic() + seconds
    while (_OPEN or scratch.exists()) and time.monotonic() < until:
        for connection in list(_OPEN):
            with suppress(duckdb.Error):
                connection.interrupt()
        if not _OPEN:
            shutil.rmtree(scratch, ignore_errors=True)
        time.sleep(0.01)


def count(connection: "DuckDBPyConnection", query: str) -> int:
    """Return the number that a query gives in its one row and column."""
    row = connection.execute(query).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


PARQUET = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 1000"
"""Values that repeat less are no gain from a dictionary, whose attempt costs a fifth of the writing."""


def write_parquet(connection: "DuckDBPyConnection", query: str, path: Path) -> int:
    """Write a query's rows to one Parquet file; return how many there are."""
    return count(connection, f"COPY ({query}) TO {literal(str(path))} ({PARQUET})")
