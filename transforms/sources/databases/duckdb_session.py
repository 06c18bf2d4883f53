"""What the kinds share that DuckDB reads: columns, rows and errors."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from overtide.schemas.errors import SourceError
from overtide.schemas.names import quoted
from overtide.transforms.sources.databases.contract import (
    ROWS_AT_ONCE,
    Batches,
    Located,
    Session,
    TableColumn,
    failed_query,
)
from overtide.transforms.sources.databases.window import Window, within_window

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SCANNING: dict[str, str | bool | int | float | list[str]] = {
    "allow_unsigned_extensions": True,  # docs/decisions/loading-extensions.md
    "threads": 1,  # one connection, which sees one state
    "memory_limit": "512MB",
}
"""How a DuckDB is configured that only scans a server's tables."""


class DuckDBSession(Session):
    """A session whose rows come out of a DuckDB."""

    def __init__(self, located: Located, connection: "DuckDBPyConnection") -> None:
        super().__init__(located)
        self.connection = connection
        self.begin()

    def begin(self) -> None:
        """Begin to see one state."""
        self.connection.execute("BEGIN")

    def recover(self) -> None:
        """Begin anew."""
        import duckdb

        try:
            self.connection.execute("ROLLBACK")
            self.begin()
        except duckdb.Error as error:
            raise self.failure(error) or error from None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Raise what DuckDB raises as an error of ours."""
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            raise self.failure(error) or error from None

    def names(self, rows: str) -> list[tuple[str, str]]:
        """Return the columns of a SELECT of DuckDB's, and their types."""
        with self.asking():
            found = self.connection.execute(f"DESCRIBE {rows}").fetchall()
        return [(str(name), str(kind)) for name, kind, *_ in found]

    def read(self, rows: str, columns: Sequence[TableColumn], most: int | None) -> Batches:
        """Return the values as they come."""
        with self.asking():
            answer = self.connection.execute(self.reading(rows, columns, most))
            reader = answer.to_arrow_reader(ROWS_AT_ONCE)
        return Batches(reader.schema, reader)

    def reading(self, rows: str, columns: Sequence[TableColumn], most: int | None) -> str:
        """Return DuckDB's SQL of the values of columns."""
        values = ", ".join(f"{column.sql} AS {quoted(column.name)}" for column in columns)
        return f"SELECT {values} FROM (\n{rows}\n) AS rows{limit(most)}"

    def within(self, column: TableColumn, window: Window) -> str:
        """Return DuckDB's SQL of whether a row may have changed."""
        return within_window(f"({column.sql})", window)

    def failure(self, error: Exception) -> SourceError | None:
        """Return an error with the first line of what DuckDB says."""
        import duckdb

        if isinstance(error, duckdb.OutOfMemoryException):
            return None
        return failed_query(self.located, str(error).strip().split("\n", 1)[0])


def limit(most: int | None) -> str:
    """Return the end of a SELECT that gives at most so many rows."""
    return "" if most is None else f" LIMIT {most}"


def number_sql(text: str) -> str:
    """Return the SQL of the one text of a number from its digits, null of NaN."""
    digits = f"nullif({text}, 'NaN')"
    return (
        f"(CASE WHEN contains({text}, '.') THEN rtrim(rtrim({text}, '0'), '.') ELSE {digits} END)"
    )
