"""MySQL and MariaDB, through DuckDB's scanner: tables and views, in one transaction that reads.

What the scanner runs as a query is in no transaction, so only what stands in the catalog of the
server is asked so; rows come out of scans of tables, which see one state.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from overtide.schemas.errors import SourceError
from overtide.schemas.extensions import extension
from overtide.schemas.names import folded, literal, quoted
from overtide.schemas.suggestions import closest
from overtide.transforms.sources.databases.contract import (
    DatabaseSource,
    Located,
    Session,
    TableColumn,
    connection_of,
    failed_query,
    lost,
    no_table,
    unreachable,
)
from overtide.transforms.sources.databases.duckdb_session import SCANNING, DuckDBSession
from overtide.transforms.sources.databases.window import TEXT, Window, within_window

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SETTINGS = {
    "mysql_session_time_zone": "'+00:00'",  # of what a TIMESTAMP is shown in
    "mysql_pool_size": "1",
    "mysql_pool_enable_reaper_thread": "false",
    "mysql_query_timeout_enabled": "false",  # a large table takes its time
    "mysql_tinyint1_as_boolean": "false",  # it may hold a 2
    "mysql_bit1_as_boolean": "false",
    "mysql_incomplete_dates_as_nulls": "true",
}
MOST_DIGITS = 38
"""Of a decimal that the scanner reads exactly."""
ONE_STATE = ("REPEATABLE-READ", "SERIALIZABLE")
REFUSED = re.compile(r"Access denied|Too many connections|is blocked|is not allowed to connect|SSL")
GONE = re.compile(
    r"Lost connection|server has gone away|Connection was killed|shutdown in progress"
)


class MySQL(DatabaseSource):
    """MySQL of version 5.7 or later, MariaDB of version 10.3 or later."""

    @contextmanager
    def opened(self, located: Located) -> Iterator[Session]:
        """Connect, and begin a transaction."""
        import duckdb

        connection = connection_of(located)
        with duckdb.connect(config=SCANNING) as database:
            database.execute(f"LOAD {literal(str(extension('mysql_scanner', 'mysql')))}")
            for name, value in {"TimeZone": "'UTC'", **SETTINGS}.items():
                database.execute(f"SET {name} = {value}")
            try:
                database.execute(f"ATTACH {literal(connection)} AS source (TYPE mysql, READ_ONLY)")
            except duckdb.Error as error:
                raise _refused(located, str(error)) from None
            yield MySQLSession(located, database)


class MySQLSession(DuckDBSession):
    """A transaction of MySQL, repeatable read and read only."""

    def __init__(self, located: Located, connection: "DuckDBPyConnection") -> None:
        self.tables: dict[str, tuple[str, str]] = {}
        super().__init__(located, connection)

    def begin(self) -> None:
        """Begin to see one state, where the user's transactions do."""
        import duckdb

        try:
            (level,) = self._asked("SELECT @@transaction_isolation AS level")[0]
        except (SourceError, duckdb.Error):  # MariaDB before 11.1
            (level,) = self._asked("SELECT @@tx_isolation AS level")[0]
        if level not in ONE_STATE:
            what = f"its transactions are {level}, which see several states"
            raise failed_query(
                self.located, f"{what}; transaction_isolation must be {ONE_STATE[0]}"
            )
        super().begin()

    def table(self, name: Sequence[str]) -> str:
        """Return the SQL of a table's or a view's rows."""
        *above, table = name or [""]
        within = _hex(above[0]) if above else "database()"
        query = (
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema ="
        )
        found = self._asked(f"{query} {within}")
        known = [str(one) for _, one in found]
        if len(above) > 1 or table not in known:
            near = closest(table, known)
            raise no_table(self.located, name, ".".join([*above[:1], near]) if near else None)
        if sum(folded(one) == folded(table) for one in known) > 1:
            what = f"several tables are called {table}, but for the case of letters"
            raise failed_query(self.located, f"{what}; read it through a view")
        schema = str(found[known.index(table)][0])
        rows = f"SELECT * FROM source.{quoted(schema)}.{quoted(table)}"
        self.tables[rows] = schema, table
        return rows

    def columns(self, rows: str) -> list[TableColumn]:
        """Return the columns, with the types that MySQL gives them."""
        schema, table = self.tables[rows]
        query = (
            "SELECT column_name, data_type, coalesce(numeric_precision, 0) "
            "FROM information_schema.columns WHERE table_schema = "
            f"{_hex(schema)} AND table_name = {_hex(table)} ORDER BY ordinal_position"
        )
        self.names(rows)  # what is wrong with a view is said here
        return [
            _column(str(name), str(kind).upper(), int(str(digits)))
            for name, kind, digits in self._asked(query)
        ]

    def within(self, column: TableColumn, window: Window) -> str:
        """Return DuckDB's SQL of whether a row may have changed.

        The scanner leaves nothing to the server but a comparison that stands alone.
        """
        if window.kind == TEXT:
            return super().within(column, window)
        value, kind = quoted(column.name), "DATE" if window.kind == "DATE" else "TIMESTAMP"
        shown = replace(window, kind=kind)
        return within_window(value, shown) if window.undated else f"{value} >= {shown.literal}"

    def failure(self, error: Exception) -> SourceError | None:
        """Return what MySQL says; never the connection, nor the query."""
        text = str(error)
        if GONE.search(text):
            return lost(self.located)
        if text.startswith("Catalog Error"):  # of tables that are there
            return failed_query(self.located, "it is a view of what is not there any more")
        said = re.search(r'.*": (.*)', text.split("\n\n", 1)[0], re.DOTALL)
        if said:
            return failed_query(self.located, said[1].strip().split("\n", 1)[0])
        return super().failure(error)

    def _asked(self, query: str) -> list[tuple[object, ...]]:
        with self.asking():
            return self.connection.execute(
                f"SELECT * FROM mysql_query('source', {literal(query)})"
            ).fetchall()


def _hex(text: str) -> str:
    """Return a text as MySQL reads it exactly, whatever its mode says of quotes."""
    return f"x'{text.encode().hex()}'"


def _column(name: str, kind: str, digits: int) -> TableColumn:
    value = quoted(name)
    if kind == "DECIMAL" and digits > MOST_DIGITS:
        told = f'": the column {name} has more than {MOST_DIGITS} digits; CAST it to CHAR in a view'
        value = f"error({literal(told)})::VARCHAR"
    elif kind == "TIMESTAMP":
        value = f"{value} AT TIME ZONE 'UTC'"
    elif kind == "BIT":
        value = f"('0x' || hex({value}))::UBIGINT"
    return TableColumn(name, kind, value)


def _refused(located: Located, text: str) -> SourceError:
    """Return why a connection was not made; of the connection itself nothing is shown."""
    said = re.search(r'.*": (.*?)(?:\. (?:First a|A)ttempted host.*)?$', text.strip(), re.DOTALL)
    reason = said[1] if said else ""
    if REFUSED.search(reason):
        return SourceError(
            "database_refused",
            f"The database {located.name} refuses the connection: {reason}.",
            located.name,
            "Check user, password and rights in the environment variable "
            f"{located.database.connection_variable}.",
        )
    if reason.startswith("Unknown server host"):
        return unreachable(located, "its host is not known")
    known = reason.startswith(("Can't connect", "Unknown database"))
    return unreachable(located, reason if known else "its connection cannot be read")
