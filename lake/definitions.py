"""Define tables and views of the lake within a transaction, and ask what is there."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from overtide.lake.catalog import METADATA
from overtide.schemas.names import literal, quoted
from overtide.schemas.table import (
    SCHEMA,
    Table,
    comment_of,
    comment_sql,
    create_statements,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


ZONED = "TIMESTAMP WITH TIME ZONE"
TABLE_COLUMNS = f"""
    SELECT table_name, column_name, replace(data_type, '{ZONED}', 'TIMESTAMPTZ')
      FROM duckdb_columns()
    WHERE database_name = 'lake' AND schema_name = 'main' AND table_name = coalesce($1, table_name)
    ORDER BY table_name, column_index"""
"""The columns of a table or view of the lake with their SQL types, for `columns_by_table`.

NULL in place of a name asks for all.
"""


FUNCTIONS = (
    "arg_max_null",
    "error",
    "greatest",
    "json_extract_string",
    "least",
    "max",
    "min",
    "now",
    "regexp_full_match",
    "replace",
    "row",
    "row_number",
    "timezone",
    "typeof",
    "upper",
)
"""DuckDB's functions that views and macros call. With OVER it is row_number alone: DuckDB stores
those half qualified, and no macro hides that one."""
CALL = re.compile(
    rf"""("(?:[^"]|"")*"|'(?:[^']|'')*')|\b({"|".join(FUNCTIONS)})(?=\()""", re.IGNORECASE
)


def calling_own_functions(query: str) -> str:
    """Return a query that calls DuckDB's functions, also for whoever has macros of their names."""
    return CALL.sub(lambda found: found.group(1) or f"system.main.{found.group(2)}", query)


def columns_by_table(rows: Iterable[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    """Return the rows of `TABLE_COLUMNS` as types by column, by table."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    return found


def table_columns(connection: "DuckDBPyConnection") -> dict[str, dict[str, str]]:
    """Return the columns of every table and view of the lake with their SQL types, by table."""
    return columns_by_table(connection.execute(TABLE_COLUMNS, [None]).fetchall())


def columns_of(connection: "DuckDBPyConnection", name: str) -> dict[str, str]:
    """Return the columns of a table or view of the lake with their SQL types.

    None when it does not exist. Looking through `table_columns` for one table takes long.
    """
    import duckdb

    try:
        found = connection.execute(f"DESCRIBE {SCHEMA}.{quoted(name)}").fetchall()
    except duckdb.CatalogException:
        return {}
    return {column: kind.replace(ZONED, "TIMESTAMPTZ") for column, kind, *_ in found}


WITH_FILES = f"""
    SELECT DISTINCT t.table_name
    FROM {METADATA}.ducklake_data_file f JOIN {METADATA}.ducklake_table t USING (table_id)
    WHERE f.end_snapshot IS NULL AND t.end_snapshot IS NULL"""
"""The tables that had files before the transaction in which one is."""


def without_rows(connection: "DuckDBPyConnection", names: Iterable[str]) -> frozenset[str]:
    """Return those of some tables of the lake that hold no row.

    One that has files is taken for one with rows: a file may be damaged. The others are asked for
    rows in one statement: `NOT EXISTS` of each takes four times as long.
    """
    wanted = frozenset(names)
    with_files = connection.execute(WITH_FILES).fetchall()
    asked = sorted(wanted.difference(name for (name,) in with_files))
    each = (f"(SELECT {literal(name)} FROM {SCHEMA}.{quoted(name)} LIMIT 1)" for name in asked)
    holding = connection.execute(" UNION ALL ".join(each)).fetchall() if asked else []
    return frozenset(asked).difference(name for (name,) in holding)


def last_manifest(connection: "DuckDBPyConnection") -> dict[str, Any]:
    """Return the manifest of the last run: `overtide refresh --json` describes it (docs/cli.md)."""
    row = connection.execute(
        f'SELECT "Manifest" FROM {SCHEMA}.runs ORDER BY "Run" DESC LIMIT 1'
    ).fetchone()
    return dict(json.loads(row[0])) if row else {}


def run_of_job(connection: "DuckDBPyConnection", job: str) -> int | None:
    """Return the run that a job published, None where it published nothing."""
    row = connection.execute(
        f"""SELECT "Run" FROM {SCHEMA}.runs WHERE json_extract_string("Manifest", '$.job') = ?
            ORDER BY "Run" DESC LIMIT 1""",
        [job],
    ).fetchone()
    return int(row[0]) if row else None


def create_table(connection: "DuckDBPyConnection", table: Table) -> None:
    """Create a table with its comments unless it exists."""
    if not columns_of(connection, table.name):
        for statement in create_statements(table):
            connection.execute(statement)


COMMENTS = f"""
    SELECT t.table_name, g.value
    FROM {METADATA}.ducklake_tag g JOIN {METADATA}.ducklake_table t ON t.table_id = g.object_id
    WHERE g.key = 'comment' AND g.end_snapshot IS NULL AND t.end_snapshot IS NULL"""
"""What is told of tables, as it was before the transaction in which one is."""


def comment_anew(connection: "DuckDBPyConnection", declared: Iterable[Table]) -> None:
    """Write the comments of those tables that are there and of which another thing was told."""
    told = dict(connection.execute(COMMENTS).fetchall())
    for table in declared:
        if told.get(table.name, comment_of(table)) != comment_of(table):
            connection.execute(comment_sql(table, "TABLE"))


def define_view(connection: "DuckDBPyConnection", view: Table, query: str) -> None:
    """Define a view anew, with its comment."""
    connection.execute(
        f"CREATE OR REPLACE VIEW {SCHEMA}.{quoted(view.name)} AS {calling_own_functions(query)}"
    )
    connection.execute(comment_sql(view, "VIEW"))


def inline_up_to(connection: "DuckDBPyConnection", rows: int, table: str | None = None) -> None:
    """Set how many rows of an INSERT or DELETE stay in the catalog.

    It is set for a committed table, or for all tables that say nothing of their own.

    A DELETE of so few is noted there beside the file of the rows, which then stays for ever.
    """
    known = connection.execute(
        """SELECT 1 FROM lake.options() WHERE option_name = 'data_inlining_row_limit'
        AND value = ? AND scope_entry IS NOT DISTINCT FROM ?""",
        [str(rows), f"main.{table}" if table else None],
    )
    if not known.fetchall():
        where = f", table_name => {literal(table)}" if table else ""
        connection.execute(f"CALL lake.set_option('data_inlining_row_limit', {rows}{where})")


def insert_rows(
    connection: "DuckDBPyConnection", table: Table, rows: Sequence[tuple[object, ...]]
) -> None:
    """Insert a few rows in one statement."""
    places = ", ".join("(" + ", ".join("?" * len(table.columns)) + ")" for _ in rows)
    connection.execute(
        f"INSERT INTO {SCHEMA}.{quoted(table.name)} VALUES {places}",
        [value for row in rows for value in row],
    )
