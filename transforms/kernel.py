"""The vectorised kernel of every batch step.

A DuckDB under a memory limit that spills to scratch.
"""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.errors import OvertideError, UnavailableError
from overtide.schemas.names import literal

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class KernelSettings:
    """How much of a machine one kernel may use, and where it spills."""

    threads: int
    memory_limit: str
    scratch: Path


os.environ.setdefault("DUCKDB_JE_MALLOC_CONF", "dirty_decay_ms:10000,muzzy_decay_ms:10000")
"""DuckDB's allocator keeps what one step has freed for the next ones, ten seconds instead of one;
read when DuckDB is imported. The system then gives a third less memory anew
(docs/decisions/one-database-per-refresh.md)."""

_DEFINING = threading.Lock()
"""Two that define one function at once are in each other's way."""
_OPEN: set["DuckDBPyConnection"] = set()
_SHARED: dict[KernelSettings, "DuckDBPyConnection"] = {}


@contextmanager
def shared_kernels(settings: KernelSettings) -> Iterator[None]:
    """Let the kernels of this process be connections of one DuckDB for as long as the block runs.

    A DuckDB that closes returns its memory to the system, which gives it anew to the next one: a
    tenth of a refresh (docs/decisions/one-database-per-refresh.md). Workers in other processes open
    one for each step.
    """
    with _database(settings) as database:
        _SHARED[settings] = database
        try:
            yield
        finally:
            del _SHARED[settings]


@contextmanager
def kernel(settings: KernelSettings) -> Iterator["DuckDBPyConnection"]:
    """Open a connection for one step.

    Its clock zone is UTC, its temporary tables are its own, and it may spill.

    Where kernels are shared, so are attached databases and Python functions. The scratch folder is
    there already: a step of a refresh that was stopped must not make it anew.
    """
    settings.scratch.stat()
    with nullcontext(_SHARED[settings]) if settings in _SHARED else _database(settings) as database:
        connection = database.cursor()
        try:
            _OPEN.add(connection)
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            try:
                connection.close()
            finally:  # a signal may come while it closes, too
                _OPEN.discard(connection)


@contextmanager
def _database(settings: KernelSettings) -> Iterator["DuckDBPyConnection"]:
    """Open a DuckDB in memory that reads nothing but what it is told to."""
    import duckdb

    # Two databases that spill into one folder remove each other's files.
    spill = tempfile.mkdtemp(prefix="spill-", dir=settings.scratch)
    # Extensions come from packages that pip has checked; checking them again takes longer than a
    # small step.
    database = duckdb.connect(
        config={
            "threads": settings.threads,
            "memory_limit": settings.memory_limit,
            "temp_directory": spill,
            "allow_unsigned_extensions": True,
        }
    )
    try:
        yield database
    finally:
        database.close()
        shutil.rmtree(spill, ignore_errors=True)


def out_of_memory(memory_limit: str, error: BaseException) -> OvertideError | None:
    """Return the error of a step that found too little memory, None for other errors.

    While its rows are handed over as Arrow batches, DuckDB's errors come as those of Arrow.
    """
    import duckdb

    handing_over = isinstance(error, OSError) and str(error).startswith("Out of Memory Error")
    if not handing_over and not isinstance(error, duckdb.OutOfMemoryException | MemoryError):
        return None
    return UnavailableError(
        "out_of_memory",
        f"A step of the refresh needs more memory than it may use ({memory_limit}).",
        None,
        "Raise `memory_limit` in a copy of the runner's file and name it with --runner "
        "(docs/runners.md), with fewer `threads` where the machine has no more memory, and keep "
        "room on the disk of the lake, where a step puts what its memory does not hold.",
    )


def define(
    connection: "DuckDBPyConnection",
    function: Callable[..., "pa.Array"],
    parameters: Sequence[str],
    result: str,
) -> None:
    """Let SQL call a function on Arrow arrays, under its name.

    Once is enough, and in shared kernels for all of them.

    The function must stay: DuckDB does not keep it when the connection that defined it closes. A
    name that is taken is told as one exception by the connection that took it, as another one by
    others.
    """
    import duckdb
    from duckdb.func import PythonUDFType

    with _DEFINING, suppress(duckdb.CatalogException, duckdb.NotImplementedException):
        connection.create_function(
            function.__name__, function, [*parameters], result, type=PythonUDFType.ARROW
        )


def stop_kernels(scratch: Path, seconds: float = 10) -> None:
    """Stop this process's kernels in all threads and remove their scratch folder.

    A thread may be between two kernels; the next one finds no folder.
    """
    until = time.monotonic() + seconds
    while (_OPEN or scratch.exists()) and time.monotonic() < until:
        interrupt_kernels()
        if not _OPEN:
            shutil.rmtree(scratch, ignore_errors=True)
        time.sleep(0.01)


def interrupt_kernels() -> None:
    """Stop what the kernels of this process are doing, in all threads."""
    import duckdb

    for connection in list(_OPEN):
        with suppress(duckdb.Error):
            connection.interrupt()


def count(connection: "DuckDBPyConnection", query: str) -> int:
    """Return the number that a query gives in its one row and column."""
    row = connection.execute(query).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


PARQUET = (
    "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
    "DICTIONARY_SIZE_LIMIT 1000, STRING_DICTIONARY_PAGE_SIZE_LIMIT 65536"
)
"""Values that repeat less are no gain from a dictionary, whose attempt costs a fifth of the
writing; and DuckDB takes memory for the whole page of a dictionary, of every column, as soon as it
writes one row: 5 GB for 5,000 columns."""


def write_parquet(connection: "DuckDBPyConnection", query: str, path: Path) -> int:
    """Write a query's rows to one Parquet file; return how many there are."""
    return count(connection, f"COPY ({query}) TO {literal(str(path))} ({PARQUET})")
