"""Define tables and views of the lake within a transaction, and ask what is there."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from schemas import tables
from schemas.names import literal, quoted
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


def inline_up_to(connection: "DuckDBPyConnection", rows: int, table: str | None = None) -> None:
    """Set how many rows of an INSERT or DELETE stay in the catalog, of a committed table or of all that say nothing.

    A DELETE of so few is noted there beside the file of the rows, which then stays for ever.
    """
    known = connection.execute("""SELECT 1 FROM lake.options() WHERE option_name = 'data_inlining_row_limit'
        AND value = ? AND scope_entry IS NOT DISTINCT FROM ?""", [str(rows), f"main.{table}" if table else None])
    if not known.fetchall():
        where = f", table_name => {literal(table)}" if table else ""
        connection.execute(f"CALL lake.set_option('data_inlining_row_limit', {rows}{where})")


def insert_rows(connection: "DuckDBPyConnection", table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert a few rows in one statement."""
    places = ", ".join("(" + ", ".join("?" * len(table.columns)) + ")" for _ in rows)
    connection.execute(f"INSERT INTO {SCHEMA}.{quoted(table.name)} VALUES {places}",
                       [value for row in rows for value in row])
