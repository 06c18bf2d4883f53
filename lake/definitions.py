"""Define tables and views of the lake within a transaction, and ask what is there."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from schemas import tables
from schemas.names import quoted
from schemas.tables import SCHEMA, Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def columns_of(connection: "DuckDBPyConnection", name: str) -> dict[str, str]:
    """Return the columns of a table or view of the lake with their SQL types; none when it does not exist."""
    rows = connection.execute("""SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'lake'
        AND schema_name = 'main' AND table_name = ? ORDER BY column_index""", [name]).fetchall()
    return {column: kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ") for column, kind in rows}


def create_table(connection: "DuckDBPyConnection", table: Table) -> None:
    """Create a table with its comments unless it exists."""
    if not columns_of(connection, table.name):
        for statement in tables.create_statements(table):
            connection.execute(statement)


def define_view(connection: "DuckDBPyConnection", view: Table, query: str) -> None:
    """Define a view anew, with its comment."""
    connection.execute(f"CREATE OR REPLACE VIEW {SCHEMA}.{quoted(view.name)} AS {query}")
    connection.execute(tables.comment_sql(view, "VIEW"))


def insert_rows(connection: "DuckDBPyConnection", table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert a few rows in one statement."""
    places = ", ".join("(" + ", ".join("?" * len(table.columns)) + ")" for _ in rows)
    connection.execute(f"INSERT INTO {SCHEMA}.{quoted(table.name)} VALUES {places}",
                       [value for row in rows for value in row])
