"""DuckDB files: opened to read only, and without a way to anything else of the machine."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from overtide.schemas.names import quoted
from overtide.schemas.suggestions import closest
from overtide.transforms.sources.databases.contract import (
    DatabaseSource,
    Located,
    Session,
    TableColumn,
    no_table,
    unreachable,
)
from overtide.transforms.sources.databases.duckdb_session import DuckDBSession, number_sql
from overtide.transforms.sources.databases.files import file_of

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "threads": 1,
    "memory_limit": "1GB",
}
NATIVE = re.compile(
    r"BOOLEAN|U?(?:TINY|SMALL|BIG)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*|VARCHAR|BLOB|DATE|TIMESTAMP.*"
    r"|STRUCT.*|MAP.*|.*\]"
)
"""The types that Parquet has; others are copied as texts."""
NUMBERS = ("HUGEINT", "UHUGEINT", "BIGNUM", "VARINT")


class DuckDBFile(DatabaseSource):
    """A DuckDB file of the version that this program uses, or an earlier one."""

    @contextmanager
    def opened(self, located: Located) -> Iterator[Session]:
        """Open the file, which nobody may be writing to."""
        import duckdb

        file = file_of(located)
        try:
            database = duckdb.connect(str(file), read_only=True, config=CONFIG)
        except duckdb.Error as error:
            raise unreachable(located, _why(str(error))) from None
        with database:
            database.execute("SET TimeZone = 'UTC'")
            yield DuckDBFileSession(located, database)


class DuckDBFileSession(DuckDBSession):
    """A transaction of a DuckDB file."""

    def table(self, name: Sequence[str]) -> str:
        """Return the SQL of a table's rows."""
        known = self.connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal UNION ALL "
            "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
        schema, table = name if len(name) == 2 else ("main", name[-1] if name else "")
        there = {(one.lower(), other.lower()) for one, other in known}
        if len(name) > 2 or (schema.lower(), table.lower()) not in there:
            raise no_table(self.located, name, closest(table, [other for _, other in known]))
        return f"SELECT * FROM {quoted(schema)}.{quoted(table)}"

    def columns(self, rows: str) -> list[TableColumn]:
        """Return the columns, with DuckDB's types."""
        return [column_of(name, kind) for name, kind in self.names(f"SELECT * FROM (\n{rows}\n)")]


def column_of(name: str, kind: str) -> TableColumn:
    """Return how a column of a type of DuckDB's is copied."""
    value = quoted(name)
    if kind in NUMBERS:
        return TableColumn(name, kind, number_sql(f"{value}::VARCHAR"), number=True)
    return TableColumn(name, kind, value if NATIVE.fullmatch(kind) else f"{value}::VARCHAR")


def _why(error: str) -> str:
    if "lock" in error:
        return "another program has it open to write"
    return "it is no DuckDB file that can be read" if "valid" in error else error.split("\n", 1)[0]
