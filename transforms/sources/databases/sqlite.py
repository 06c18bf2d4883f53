"""SQLite files, through Python's own SQLite: DuckDB's scanner cuts numbers to 15 digits.

A column has no one type in SQLite, each value has its own. A number is copied as the text of a
number, everything else as the text that it is; a column of a numeric affinity holds numbers.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from overtide.schemas.errors import SourceError
from overtide.schemas.names import quoted
from overtide.schemas.numbers import number_text
from overtide.schemas.suggestions import closest
from overtide.transforms.sources.databases.contract import (
    ROWS_AT_ONCE,
    Batches,
    DatabaseSource,
    Located,
    Session,
    TableColumn,
    failed_query,
    no_table,
    unreachable,
)
from overtide.transforms.sources.databases.duckdb_session import limit
from overtide.transforms.sources.databases.files import file_of
from overtide.transforms.sources.databases.window import Window

if TYPE_CHECKING:
    import pyarrow as pa

BUSY_SECONDS = 10
READING = (
    *(sqlite3.SQLITE_READ, sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION),
    *(sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_TRANSACTION),
)
"""What a query may do."""


class SQLite(DatabaseSource):
    """An SQLite file."""

    @contextmanager
    def opened(self, located: Located) -> Iterator[Session]:
        """Open the file to read, and begin a transaction, which sees one state."""
        uri = f"{file_of(located).absolute().as_uri()}?mode=ro"
        try:
            connection = sqlite3.connect(
                uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, cached_statements=0
            )
        except sqlite3.Error as error:
            raise unreachable(located, str(error)) from None
        with closing(connection):
            try:
                connection.execute("BEGIN")
                connection.execute("SELECT 1 FROM sqlite_master").fetchall()
            except sqlite3.Error as error:
                raise unreachable(located, str(error)) from None
            connection.text_factory = _text
            yield SQLiteSession(located, connection)


class SQLiteSession(Session):
    """A transaction of an SQLite file."""

    def __init__(self, located: Located, connection: sqlite3.Connection) -> None:
        super().__init__(located)
        self.connection = connection
        self._views = 0

    def table(self, name: Sequence[str]) -> str:
        """Return the SQL of a table's rows."""
        known = [
            str(row[0])
            for row in self.connection.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
            )
        ]
        parts = [part for part in name if part != "main"] if len(name) == 2 else name
        if len(parts) != 1 or parts[0].lower() not in map(str.lower, known):
            raise no_table(self.located, name, closest(".".join(parts), known))
        return f"SELECT * FROM main.{quoted(parts[0])}"

    def columns(self, rows: str) -> list[TableColumn]:
        """Return the columns with the types that they are declared with, if any."""
        self._views += 1
        view = f"rows_{self._views}"
        try:
            self._prepared(rows).close()
            self.connection.execute(f"CREATE TEMP VIEW {view} AS SELECT * FROM (\n{rows}\n)")
            found = self.connection.execute(f"PRAGMA temp.table_xinfo({view})").fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from None
        return [
            TableColumn(str(name), str(kind), quoted(str(name)), _is_numeric(str(kind)))
            for _, name, kind, *_ in found
        ]

    def read(self, rows: str, columns: Sequence[TableColumn], most: int | None) -> Batches:
        """Return the values as they come."""
        import pyarrow as pa

        schema = pa.schema([(column.name, pa.string()) for column in columns])
        values = ", ".join(column.sql for column in columns)
        try:
            answer = self._prepared(f"SELECT {values} FROM (\n{rows}\n){limit(most)}")
        except sqlite3.Error as error:
            raise self._failed(error) from None
        return Batches(schema, _batches(answer, schema))

    def within(self, column: TableColumn, window: Window) -> str:
        """Return the SQL of whether a row may have changed; what is no text never tells."""
        late = f"{column.sql} COLLATE BINARY >= {window.literal}"
        no_date = f"{column.sql} NOT GLOB '{'-'.join(('[0-9]' * 4, '[0-9]' * 2, '[0-9]' * 2))}*'"
        return f"(typeof({column.sql}) <> 'text' OR {late} OR {no_date})"

    def failure(self, error: Exception) -> SourceError | None:
        """Return what SQLite says."""
        return self._failed(error) if isinstance(error, sqlite3.Error) else None

    def recover(self) -> None:
        """Do nothing: an error ends no transaction that only reads."""

    def _failed(self, error: Exception) -> SourceError:
        return failed_query(self.located, str(error))

    def _prepared(self, query: str) -> sqlite3.Cursor:
        """Begin to run a query, which may do nothing but read."""
        self.connection.set_authorizer(
            lambda action, *_: sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY
        )
        try:
            return self.connection.execute(query)
        finally:
            self.connection.set_authorizer(None)


def _batches(answer: sqlite3.Cursor, schema: "pa.Schema") -> Iterator["pa.RecordBatch"]:
    import pyarrow as pa

    while some := answer.fetchmany(ROWS_AT_ONCE):
        columns = [
            pa.array([one if type(one) is str else _written(one) for one in column], pa.string())
            for column in zip(*some, strict=True)
        ]
        yield pa.record_batch(columns, schema)


def _written(value: object) -> str | None:
    """Return the text of a value."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, float):
        return number_text(value).replace("inf", "Infinity")
    return str(value)


def _text(value: bytes) -> str:
    """Return a text; one that is no UTF-8 holds a NUL, and so is no value of any type."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode(errors="replace") + "\0"


def _is_numeric(kind: str) -> bool:
    """Say whether SQLite keeps numbers as numbers in a column declared so.

    https://www.sqlite.org/datatype3.html, 3.1: what names no other affinity has the numeric one.
    """
    name = kind.upper()
    if "INT" in name:
        return True
    return bool(name) and not any(word in name for word in ("CHAR", "CLOB", "TEXT", "BLOB"))
