"""How the rows of the stream's tables lie in files: by the day (UTC) on which they expire.

So a live read skips the files of days that are over, and what closed beyond history goes as whole
files (docs/decisions/days-of-expiry.md). Within a day, small files are joined. Rows of a day that
has few stay in the catalog. Files that an earlier program wrote hold several days: they stay as
they are until their rows go.

Files are joined by a plain transaction that deletes their rows and inserts them again, and not by
DuckLake's own `merge_adjacent_files` and `flush_inlined_data`: those rewrite the catalog's past in
place, and a reader of 1.5.5 does not read the whole catalog at one instant. Beside them readers
were seen to miss rows, beside plain transactions never (docs/decisions/joining-small-files.md).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from overtide.lake.catalog import METADATA
from overtide.lake.overlay import INLINED_ROWS, insert_arrow, transaction
from overtide.schemas import tables
from overtide.schemas.crash import crash_point
from overtide.schemas.names import literal, quoted
from overtide.schemas.table import SCHEMA

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LARGEST = 1_000_000
"""Rows of a file that is not joined with others any more."""
EXPIRY: Mapping[str, str | None] = {
    tables.UPDATES.name: "ValidUntil",
    tables.WITHDRAWALS.name: None,
    tables.REALTIME_ACTIVITIES.name: "ValidUntil",
    tables.REALTIME_QUARANTINE.name: "AcceptedAt",
}
"""The tables of events, each with the column from which on its rows count as history.

Withdrawals have none: each also ends updates that arrive late.
"""
Day = date | None
"""A day of expiry; None in a table whose rows never expire."""


@dataclass(frozen=True)
class Piece:
    """Rows of a table that lie together and expire on one day.

    How many they are, the smallest position among them, and the day.
    """

    rows: int
    first: int
    day: Day = None


def join_small_files(connection: "DuckDBPyConnection", table: str) -> None:
    """Join the newest rows of each day into one file sorted by position.

    It joins as far back as that is worth it. Each day is a commit of its own.
    """
    found = days_to_join(_files(connection, table), _inlined(connection, table))
    for day, first in found.items():
        source = f'FROM {SCHEMA}.{quoted(table)} WHERE "Position" >= {first}{_on(table, day)}'
        with transaction(connection):
            rows = connection.execute(f'SELECT * {source} ORDER BY "Position"').to_arrow_table()
            connection.execute(f"DELETE {source}")
            crash_point("maintenance.rows_deleted")
            insert_arrow(connection, table, rows)
            crash_point("maintenance.rows_inserted")


def days_to_join(files: Iterable[Piece], inlined: Iterable[Piece]) -> dict[Day, int]:
    """Return, by day, the position from which on its rows are joined.

    A day whose rows lie well as they are is left out.
    """
    files_of: dict[Day, list[Piece]] = defaultdict(list)
    for file in files:
        files_of[file.day].append(file)
    rows_of = {piece.day: piece for piece in inlined}
    found = {
        day: first_to_join(files_of[day], rows_of.get(day, Piece(0, 0)))
        for day in {**rows_of, **files_of}
    }
    return {day: first for day, first in found.items() if first is not None}


def first_to_join(files: Iterable[Piece], inlined: Piece) -> int | None:
    """Return the position from which on rows are joined; None when they lie well as they are.

    A file joins when it has no more rows than all newer ones together, so that a day of n rows
    has about log2(n) files, and a row is written again about log2(n) times in its life.
    """
    joined = [inlined] if inlined.rows else []
    for piece in sorted(files, key=lambda piece: -piece.first):
        total = sum(one.rows for one in joined)
        among_inlined = inlined.rows > 0 and piece.first >= inlined.first
        if joined and not among_inlined and piece.rows > min(total, LARGEST):
            break
        joined.append(piece)
    worth_it = (len(joined) > 1 or inlined.rows > 0) and sum(
        one.rows for one in joined
    ) > INLINED_ROWS
    return min(one.first for one in joined) if worth_it else None


def _on(table: str, day: Day) -> str:
    """Return the further condition that a row of a table expires on a day."""
    column = EXPIRY[table]
    if column is None or day is None:
        return ""
    begin = f"TIMESTAMPTZ {literal(f'{day.isoformat()} 00:00:00+00')}"
    return f" AND {quoted(column)} >= {begin} AND {quoted(column)} < {begin} + INTERVAL 1 DAY"


def _day_of(value: str) -> str:
    """Return the day (UTC) of an instant that the catalog holds as text, as SQL."""
    return f"CAST(timezone('UTC', CAST({value} AS TIMESTAMPTZ)) AS DATE)"


def _files(connection: "DuckDBPyConnection", table: str) -> list[Piece]:
    """Return the files of a table's present rows, but those that hold several days."""
    rows = connection.execute(
        f"""
        WITH file AS (
            SELECT f.record_count AS rows, s.min_value AS first, e.min_value AS earliest,
              e.max_value AS latest
            FROM {METADATA}.ducklake_data_file f
            JOIN {METADATA}.ducklake_table t ON t.table_id = f.table_id AND t.end_snapshot IS NULL
            JOIN {METADATA}.ducklake_column c ON c.table_id = f.table_id AND c.end_snapshot IS NULL
            JOIN {METADATA}.ducklake_file_column_stats s ON s.data_file_id = f.data_file_id
              AND s.column_id = c.column_id
            LEFT JOIN {METADATA}.ducklake_column x ON x.table_id = f.table_id
              AND x.end_snapshot IS NULL AND x.column_name = $expiry
            LEFT JOIN {METADATA}.ducklake_file_column_stats e ON e.data_file_id = f.data_file_id
              AND e.column_id = x.column_id
            WHERE f.end_snapshot IS NULL AND t.table_name = $table AND c.column_name = 'Position')
        SELECT rows, CAST(first AS BIGINT), {_day_of("earliest")} FROM file
        WHERE {_day_of("earliest")} IS NOT DISTINCT FROM {_day_of("latest")}
          AND (earliest IS NULL) = ($expiry IS NULL)""",
        {"table": table, "expiry": EXPIRY[table]},
    ).fetchall()
    return [Piece(*row) for row in rows]


def _inlined(connection: "DuckDBPyConnection", table: str) -> list[Piece]:
    """Return the present rows of a table that lie in the catalog, as one piece for each day."""
    column = EXPIRY[table]
    day = "NULL" if column is None else _day_of(quoted(column))
    held = " UNION ALL ".join(
        f'SELECT "Position", {day} AS day FROM {METADATA}.{quoted(name)} WHERE end_snapshot IS NULL'
        for name in inlining(connection, table)
    )
    if not held:
        return []
    rows = connection.execute(
        f'SELECT count(*), min("Position"), day FROM ({held}) GROUP BY day'
    ).fetchall()
    return [Piece(*row) for row in rows]


def inlining(connection: "DuckDBPyConnection", table: str) -> list[str]:
    """Return the catalog's tables that hold rows of a table."""
    rows = connection.execute(
        f"""
        SELECT i.table_name FROM {METADATA}.ducklake_inlined_data_tables i
        JOIN {METADATA}.ducklake_table t ON t.table_id = i.table_id AND t.end_snapshot IS NULL
        WHERE t.table_name = ?""",
        [table],
    ).fetchall()
    return [name for (name,) in rows]
