"""The result of a statement that a client wrote: within bounds, as JSON, CSV or Parquet."""

import csv
import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from overtide.lake.session import run_query, session
from overtide.schemas.errors import FailedError, InvalidRequestError, OvertideError
from overtide.schemas.paths import Paths
from overtide.schemas.plain_values import plain_value

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

MEMORY = "500MB"
"""What a statement may hold in memory; what does not fit goes to the system's temp meanwhile."""
THREADS = 2
"""Threads of a statement: each takes addresses of its own."""
MOST_BYTES = 100_000_000
"""Bytes that a result may hold."""
AGAIN_SECONDS = 0.05
ROWS_AT_ONCE = 2_000
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Page:
    """The first rows of a result; `more`: there are others."""

    columns: Sequence[str]
    types: Sequence[str]
    rows: Sequence[Sequence[object]]
    more: bool


def first_rows(paths: Paths, statement: str, most: int, seconds: float) -> Page:
    """Run a statement and return its first rows as JSON holds them.

    Raises what `overtide sql` raises, and `query_too_slow`, `result_too_large`.
    """

    def fetch(result: "DuckDBPyConnection", limit: int) -> Page:
        del limit
        names = [str(column[0]) for column in result.description]
        types = [str(column[1]) for column in result.description]
        rows: list[list[object]] = []
        held = 0
        while len(rows) <= most and (found := result.fetchmany(min(ROWS_AT_ONCE, most + 1))):
            for row in found:
                plain = [plain_value(value) for value in row]
                held += sum(len(str(value)) for value in plain)
                rows.append(plain)
            _expect_room(held)
        return Page(names, types, rows[:most], len(rows) > most)

    return _run(paths, statement, fetch, seconds)


def whole(paths: Paths, statement: str, most: int, seconds: float) -> "pa.Table":
    """Run a statement and return its rows as an Arrow table; refusals as of `first_rows`.

    More rows than `most` are refused: a file must not end where nobody sees it.
    """

    def fetch(result: "DuckDBPyConnection", limit: int) -> "pa.Table":
        import pyarrow as pa

        reader, batches, held, rows = result.to_arrow_reader(ROWS_AT_ONCE), [], 0, 0
        for batch in reader:
            held, rows = held + batch.nbytes, rows + batch.num_rows
            _expect_room(min(held, limit))
            if rows > most:
                raise _too_large(f"It has more than {most:,} rows.")
            batches.append(batch)
        return pa.Table.from_batches(batches, reader.schema)

    return _run(paths, statement, fetch, seconds)


def csv_file(table: "pa.Table") -> bytes:
    """Return a table as CSV (RFC 4180) with a header row, values as in JSON, null as nothing."""
    import duckdb

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.column_names)
    # Back to Python by DuckDB: it knows instants and numbers that Arrow cannot give.
    with duckdb.connect(config={"threads": 1}) as connection:
        rows = connection.execute("SET TimeZone = 'UTC'").register("result", table)
        found = rows.execute("FROM result")
        while part := found.fetchmany(ROWS_AT_ONCE):
            writer.writerows([plain_value(value) for value in row] for row in part)
    return text.getvalue().encode()


def parquet_file(table: "pa.Table") -> bytes:
    """Return a table as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def _run(
    paths: Paths,
    statement: str,
    fetch: Callable[["DuckDBPyConnection", int], Result],
    seconds: float,
) -> Result:
    with session(paths, MEMORY, THREADS) as connection:
        _expect_one(connection, statement)
        with _ended_after(connection, seconds):
            return run_query(connection, statement, fetch, paths=paths)


def _expect_one(connection: "DuckDBPyConnection", statement: str) -> None:
    """Raise `invalid_sql` for several statements; of a PIVOT DuckDB makes some without a text."""
    import duckdb

    try:
        found = [one for one in connection.extract_statements(statement) if one.query.strip()]
    except duckdb.Error:
        return  # `run_query` says what is wrong
    if len(found) > 1:
        raise InvalidRequestError(
            "invalid_sql",
            f"There are {len(found)} statements.",
            None,
            "Send one at a time.",
        )


@contextmanager
def _ended_after(connection: "DuckDBPyConnection", seconds: float) -> Iterator[None]:
    """Interrupt what runs on a connection once its time is over; raise `query_too_slow` then."""
    over, late = threading.Event(), threading.Event()

    def watch() -> None:
        pause = seconds
        while not over.wait(pause):
            late.set()
            connection.interrupt()
            pause = AGAIN_SECONDS

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    except FailedError:
        if late.is_set():
            raise too_slow(seconds) from None
        raise
    finally:
        over.set()
        watching.join()


def too_slow(seconds: float) -> OvertideError:
    """Return the refusal of a statement whose time is over."""
    return InvalidRequestError(
        "query_too_slow",
        f"The statement took longer than {seconds:g} seconds.",
        None,
        "Ask for less, or use `overtide sql`, which has no limit of time.",
    )


def _expect_room(held: int) -> None:
    if held > MOST_BYTES:
        raise _too_large(f"It holds more than {MOST_BYTES // 1_000_000} MB.")


def _too_large(text: str) -> OvertideError:
    return InvalidRequestError(
        "result_too_large", text, None, "Ask for fewer rows or columns, or use `overtide sql`."
    )
