"""Reads of the lake within bounds: of time, of memory, and each of one snapshot."""

import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from overtide.lake.catalog import is_outdated
from overtide.lake.session import failure, memory_limit_of, open_session
from overtide.schemas.errors import InvalidRequestError, OvertideError
from overtide.schemas.paths import Paths
from overtide.serving.odata.sql import Sql

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

SECONDS = 30.0
"""How long one read may take."""
AGAIN_SECONDS = 0.05


@dataclass
class Scan:
    """A connection for one read: queries of it see one snapshot, and end with its time."""

    connection: "DuckDBPyConnection"
    paths: Paths
    seconds: float = SECONDS

    def rows(self, query: Sql) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self.refusing():
            return self.started(query).fetchall()

    def started(self, query: Sql) -> "DuckDBPyConnection":
        """Start a query whose rows are fetched from what this returns."""
        return self.connection.execute(query.text, list(query.parameters))

    def one(self, query: Sql) -> Any:  # noqa: ANN401 - whatever DuckDB gives
        """Return the first value of a query, None where it has no row."""
        rows = self.rows(query)
        return rows[0][0] if rows else None

    def add(self, name: str, table: "pa.Table") -> None:
        """Give a table to the queries, as `temp.main.name`."""
        self.connection.register(name, table)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Raise what DuckDB says as what a client can do something about."""
        import duckdb

        try:
            yield
        except duckdb.InterruptException:
            raise _too_slow(self.seconds) from None
        except (
            duckdb.ConversionException,
            duckdb.OutOfRangeException,
            duckdb.InvalidInputException,
        ) as error:
            text = str(error).split("\n", 1)[0].partition(": ")[2] or str(error)
            raise InvalidRequestError(
                "invalid_query",
                f"It cannot be worked out: {text.removesuffix('.')}.",
                None,
                "A number may be too large for its type, or a pattern none of RE2.",
            ) from None
        except duckdb.Error as error:
            raise failure(error, memory_limit_of(self.connection), self.paths) from None


def _too_slow(seconds: float) -> OvertideError:
    return InvalidRequestError(
        "query_too_slow",
        f"The query took longer than {seconds:g} seconds.",
        None,
        "Ask for less: a key or a narrower $filter, no $count, no $orderby; or use SQL.",
    )


class Scans:
    """Opens reads of one project's lake, all in one DuckDB that is opened at the first.

    Usable from every thread.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths, self._lock = paths, threading.Lock()
        self._connection: DuckDBPyConnection | None = None
        self._small: DuckDBPyConnection | None = None
        self._inode: Sequence[int] = ()
        self._spill: tempfile.TemporaryDirectory[str] | None = None

    @contextmanager
    def of_lake(self, seconds: float = SECONDS) -> Iterator[Scan]:
        """Give a read of the lake as it is now; raise `query_too_slow` once its time is over."""
        scan = self._begun(seconds)
        with self._timed(scan):
            yield scan

    def _begun(self, seconds: float) -> Scan:
        """Return a read in a transaction of its own, in a new DuckDB where the last one broke."""
        import duckdb

        scan = Scan(self._cursor(), self._paths, seconds)
        try:
            scan.connection.execute("BEGIN")
        except duckdb.Error:
            with self._lock:
                self._connection = None
            scan = Scan(self._cursor(), self._paths, seconds)
            with scan.refusing():
                scan.connection.execute("BEGIN")
        return scan

    @contextmanager
    def of_rows(self, seconds: float = SECONDS) -> Iterator[Scan]:
        """Give a read of nothing but what is added to it."""
        with self._lock:
            self._small = self._small or _confined()
            scan = Scan(self._small.cursor(), self._paths, seconds)
        with self._timed(scan):
            yield scan

    @contextmanager
    def _timed(self, scan: Scan) -> Iterator[None]:
        over = threading.Event()
        watching = threading.Thread(target=_interrupted, args=(scan, over), daemon=True)
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()
            scan.connection.close()

    def _cursor(self) -> "DuckDBPyConnection":
        with self._lock:
            inode = self._paths.catalog.signature()[:1]
            if self._connection is None or is_outdated(self._paths.catalog) or inode != self._inode:
                # Reads in progress keep the DuckDB that they began with.
                self._connection, self._inode = self._opened(), inode
            return self._connection.cursor()

    def _opened(self) -> "DuckDBPyConnection":
        """Open the lake; what does not fit into memory goes to the system's temp, where it can."""
        if self._spill is None:
            try:
                self._spill = tempfile.TemporaryDirectory(
                    prefix="overtide-odata-", ignore_cleanup_errors=True
                )
            except OSError:
                return open_session(self._paths)
        return open_session(self._paths, spill=self._spill.name)

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            for connection in (self._connection, self._small):
                if connection is not None:
                    connection.close()
            self._connection = self._small = None
            if self._spill is not None:
                self._spill.cleanup()
                self._spill = None


def _interrupted(scan: Scan, over: threading.Event) -> None:
    """Interrupt a read once its time has passed, again and again.

    What is interrupted between two queries of it goes on with the next.
    """
    pause = scan.seconds
    while not over.wait(pause):
        scan.connection.interrupt()
        pause = AGAIN_SECONDS


def _confined() -> "DuckDBPyConnection":
    """Return a DuckDB of one thread that holds nothing, and can read no file."""
    import duckdb

    connection = duckdb.connect(config={"threads": 1})
    for statement in (
        "SET TimeZone = 'UTC'",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        connection.execute(statement)
    return connection
