"""A DuckDB for analysts: the whole lake read-only, and nothing of the machine beside it."""

import contextlib
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from overtide.lake.asked import INVALID_INSTANT
from overtide.lake.catalog import attached_catalog, connect, unreadable
from overtide.lake.decide.present import BEFORE_HISTORY, KEEP_MORE
from overtide.lake.publish import expect_lake
from overtide.lake.query_places import place_of
from overtide.lake.reading_statements import expect_reading, read_only, words_of
from overtide.lake.service_views import define_service_views, service_files
from overtide.schemas.errors import (
    FailedError,
    InvalidRequestError,
    InvalidValueError,
    OvertideError,
    UnavailableError,
    UsageError,
)
from overtide.schemas.names import literal
from overtide.schemas.paths import Paths

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection, Statement

Result = TypeVar("Result")
SIZE = re.compile(r"[0-9]+(\.[0-9]+)?\s*([KMGT]i?)B", re.IGNORECASE | re.ASCII)
LONGEST = 300
"""Letters of a message of DuckDB's that are told."""
OF_DUCKDB = 0.5 / 0.8
"""Half of the memory of the machine or container: DuckDB takes four fifths by itself."""
MOST_PUT_ASIDE = "20GB"
"""What a query may put into the system's temp, where DuckDB would take nine tenths of the disk."""
REFUSALS: dict[str, tuple[type[OvertideError], str]] = {
    BEFORE_HISTORY: (InvalidRequestError, KEEP_MORE),
    INVALID_INSTANT: (
        InvalidValueError,
        "Give an instant, or leave out the rows that have none before the macro is called.",
    ),
}
"""The codes that the macros' own errors begin with, their families, and what to do."""


@contextlib.contextmanager
def session(
    paths: Paths, memory_limit: str | None = None, threads: int | None = None
) -> Iterator["DuckDBPyConnection"]:
    """Open the lake for a block, as `open_session`.

    What does not fit into memory goes to the system's temp meanwhile.

    `memory_limit` is such as `4GB`, half of the memory there is by default; `threads` are as many
    as cores. Raises `invalid_value` for another text.
    """
    with (
        spill_folder() as folder,
        contextlib.closing(open_session(paths, memory_limit, folder, threads)) as connection,
    ):
        yield connection


@contextlib.contextmanager
def spill_folder() -> Iterator[str]:
    """Give a folder of the system's temp for the block, readable by its owner only.

    An empty name where there is none.

    On a disk that cannot be written to queries run as long as they fit into memory.
    """
    with contextlib.ExitStack() as stack:
        try:
            made = tempfile.TemporaryDirectory(prefix="overtide-sql-", ignore_cleanup_errors=True)
            folder = stack.enter_context(made)
        except OSError:
            folder = ""
        yield folder


def open_session(
    paths: Paths, memory_limit: str | None = None, spill: str = "", threads: int | None = None
) -> "DuckDBPyConnection":
    """Return a DuckDB with the lake attached and in use.

    It can read no other file and change nothing that lasts.

    Raises `nothing_published` before the first refresh. Without a folder to spill into nothing is
    written anywhere.
    """
    import duckdb

    if memory_limit is not None and not SIZE.fullmatch(memory_limit.strip()):
        raise _no_size(memory_limit)
    expect_lake(paths)
    connection = connect(paths, threads=threads)
    limit = memory_limit or _half(connection)
    try:
        for statement in _confined(paths, limit, spill):
            connection.execute(statement)
    except duckdb.OutOfMemoryException as error:
        connection.close()
        raise _too_large(error, limit) from None
    except duckdb.ParserException:
        connection.close()
        raise _no_size(limit) from None
    return connection


def _no_size(text: str) -> OvertideError:
    return UsageError(
        "invalid_value",
        f"{text!r} is no size of memory.",
        "memory_limit",
        "Write one such as 500MB or 4GB.",
    )


def _confined(paths: Paths, memory_limit: str, spill: str) -> list[str]:
    names = [*attached_catalog(paths.catalog).names, *service_files(paths)]
    return [
        f"SET memory_limit = {literal(memory_limit)}",
        f"SET temp_directory = {literal(spill)}",
        f"SET max_temp_directory_size = {literal(MOST_PUT_ASIDE)}",
        f"SET allowed_directories = [{literal(paths.storage.attached)}]",
        f"SET allowed_paths = [{', '.join(map(literal, names))}]",
        "SET enable_external_access = false",
        "USE lake",
        "SET lock_configuration = true",
    ]


def bytes_of(size: str) -> int:
    """Return the bytes of a size as DuckDB shows it, such as `3.7 GiB`."""
    number, unit = size.split()
    return int(
        float(number) * 1024 ** " KMGTP".index(unit[0]) if unit[1:] == "iB" else float(number)
    )


def _half(connection: "DuckDBPyConnection") -> str:
    number, unit = memory_limit_of(connection).split()
    return f"{float(number) * OF_DUCKDB:.3f}{unit}"


def memory_limit_of(connection: "DuckDBPyConnection") -> str:
    """Return the memory that a connection may take, as DuckDB shows it."""
    row = connection.execute("SELECT current_setting('memory_limit')").fetchone()
    return str(row[0]) if row else ""


ROWS_AT_ONCE, SAMPLE, SHOWN = 10_000, 50, 2
"""Rows fetched at once, those of them measured, and how often a shown row is held.

Of a measured row the size is taken.
"""


def python_rows(result: "DuckDBPyConnection", limit: int) -> list[tuple[Any, ...]]:
    """Return the rows of a result.

    Raise `MemoryError` when they take more than so many bytes, shown as text too.
    """
    found: list[tuple[Any, ...]] = []
    held = 0.0
    while rows := result.fetchmany(ROWS_AT_ONCE):
        sample = rows[:SAMPLE]
        size = sum(sys.getsizeof(row) + sum(map(sys.getsizeof, row)) for row in sample) / len(
            sample
        )
        held += len(rows) * size * SHOWN
        if held > limit:
            raise MemoryError
        found += rows
    return found


def arrow_rows(result: "DuckDBPyConnection", limit: int) -> "pa.Table":
    """Return a result as an Arrow table.

    Raise `MemoryError` when it takes more than so many bytes.
    """
    import pyarrow as pa

    reader, batches, held = result.to_arrow_reader(ROWS_AT_ONCE), [], 0
    for batch in reader:
        held += batch.nbytes
        if held > limit:
            raise MemoryError
        batches.append(batch)
    return pa.Table.from_batches(batches, reader.schema)


def run_query(
    connection: "DuckDBPyConnection",
    query: str,
    fetch: Callable[["DuckDBPyConnection", int], Result],
    parameters: Sequence[object] = (),
    *,
    paths: Paths,
) -> Result:
    """Run statements and return what `fetch` makes of the last one's result.

    The result is kept within a number of bytes; `paths` are those of the lake that is open.

    Raises `invalid_sql`, `sql_not_read_only`, `out_of_memory`, `before_history`, `invalid_instant`,
    `lake_unreadable` or `sql_failed`.
    """
    import duckdb

    limit = memory_limit_of(connection)
    try:
        return fetch(_result(connection, query, parameters, paths), bytes_of(limit))
    except duckdb.Error as error:
        raise failure(error, limit, paths, place_of(str(error), query)) from None
    except MemoryError as error:
        raise _too_large(error, limit) from None


def failure(error: Exception, limit: str, paths: Paths, place: str | None = None) -> OvertideError:
    """Return the error of a query that DuckDB did not answer; `place` is where in it.

    Where it names a file of the lake, the query is not to blame: it can read no other files. Nor
    is it where DuckDB gives the error no class: that is what its reader of Parquet met.
    """
    import duckdb

    if str(paths.storage) in str(error) or type(error) is duckdb.Error:
        return unreadable(error)
    if isinstance(error, duckdb.InvalidInputException):
        return _refused(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        return _too_large(error, limit)
    if isinstance(error, duckdb.ParserException | duckdb.CatalogException | duckdb.BinderException):
        return InvalidRequestError("invalid_sql", sentence(error), place)
    if isinstance(
        error, duckdb.DataError | duckdb.NotSupportedError | duckdb.PermissionException
    ):  # values that do not fit, and what may not be read: the query is to blame, not the lake
        return InvalidRequestError("invalid_sql", sentence(error), place)
    return FailedError("sql_failed", sentence(error), None)


def _result(
    connection: "DuckDBPyConnection", query: str, parameters: Sequence[object], paths: Paths
) -> "DuckDBPyConnection":
    if "\0" in query:
        raise InvalidRequestError(
            "invalid_sql", "The query holds the letter NUL.", None, "Take it out."
        )
    statements = connection.extract_statements(query)
    if not statements:
        raise InvalidRequestError(
            "invalid_sql",
            "There is no SQL statement.",
            None,
            'Write one, such as "SELECT count(*) FROM Customer_live".',
        )
    words = words_of(query)
    expect_reading(connection, statements, words)
    define_service_views(connection, paths, words)
    for statement in statements[:-1]:
        connection.execute(statement)
    return _bound(connection, statements[-1], parameters)


def _bound(
    connection: "DuckDBPyConnection", statement: "Statement", parameters: Sequence[object]
) -> "DuckDBPyConnection":
    """Run a statement with its parameters; raise `invalid_parameter` for what DuckDB cannot take.

    Of that it raises what its own reading of a Python object happens to raise.
    """
    try:
        return connection.execute(statement, list(parameters) or None)
    except (AttributeError, OverflowError, RuntimeError, TypeError, ValueError) as error:
        raise UsageError(
            "invalid_parameter",
            f"One of the parameters is nothing that DuckDB can take: {error}.",
            "parameters",
            "Give texts, numbers, instants, or lists of them.",
        ) from None


def _refused(error: Exception) -> OvertideError:
    """Return the error of an input that DuckDB or one of the macros does not take."""
    if "read-only mode" in str(error):
        return read_only("This")
    for code, (family, hint) in REFUSALS.items():
        if f"{code}: " in str(error):
            return family(code, _after(sentence(error), code), None, hint)
    return InvalidRequestError("invalid_sql", sentence(error), None)


def _too_large(error: Exception, limit: str) -> OvertideError:
    """Return the error of a query that lacks memory, or room for what it put aside."""
    full = "max_temp_directory_size" in str(error)
    what = (
        "room in the system's folder of temporary files than it has"
        if full
        else f"memory than its limit of {limit}"
    )
    more = (
        "free that disk or set TMPDIR"
        if full
        else 'allow more: `overtide sql --memory-limit 8GB`, in Python `memory_limit="8GB"`'
    )
    return UnavailableError(
        "out_of_memory",
        f"The query needs more {what}.",
        None,
        f"Ask for less at once: fewer columns, customers or instants. Or {more}.",
    )


def interruptibly(connection: "DuckDBPyConnection", call: Callable[[], Result]) -> Result:
    """Return what a call on a connection gives, in a thread of its own.

    DuckDB may look for no signal for minutes.

    ctrl-C in the calling thread then stops the query at once.
    """
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(call)
        try:
            return running.result()
        except KeyboardInterrupt:
            connection.interrupt()
            raise


def _after(text: str, code: str) -> str:
    """Return the sentence that stands behind a code."""
    said = text.partition(f"{code}: ")[2]
    return said[:1].upper() + said[1:]


def sentence(error: Exception) -> str:
    """Return what DuckDB says was wrong, in one line without the excerpt of the query.

    A long one is cut: it may be made of values.
    """
    text = " ".join(str(error).split("\nLINE ")[0].split())
    if len(text) > LONGEST:
        return f"{text[:LONGEST]}…"
    return text if text.endswith((".", "!", "?")) else f"{text}."
