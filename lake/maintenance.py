"""Keep the stream's own tables small.

Fewer files, fewer snapshots, no rows that no reader can ask for.

Small files are joined by a plain transaction that deletes their rows and inserts them again, and
not by DuckLake's own `merge_adjacent_files` and `flush_inlined_data`: those rewrite the catalog's
past in place, and a reader of 1.5.5 does not read the whole catalog at one instant. Beside them
readers were seen to miss rows, beside plain transactions never
(docs/decisions/joining-small-files.md). Files of the base are not touched.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from overtide.lake.catalog import METADATA
from overtide.lake.overlay import INLINED_ROWS, insert_arrow, transaction
from overtide.lake.published import committing
from overtide.lake.snapshots import READING_SECONDS, forget_old_commits
from overtide.schemas import tables
from overtide.schemas.crash import crash_point
from overtide.schemas.instants import Instant, format_instant
from overtide.schemas.names import literal, quoted
from overtide.schemas.paths import Paths
from overtide.schemas.table import SCHEMA

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LARGEST = 1_000_000
"""Rows of a file that is not joined with others any more."""
EVENT_TABLES = (
    tables.UPDATES,
    tables.WITHDRAWALS,
    tables.REALTIME_ACTIVITIES,
    tables.REALTIME_QUARANTINE,
)


@dataclass(frozen=True)
class Upkeep:
    """When the stream's tables are made small, and how long old snapshots are kept.

    Readers may keep an old snapshot for so many seconds.

    In the first upkeep of a process and every `seldom` ones rows beyond the history are looked for,
    too.
    """

    commits: int = 32
    seldom: int = 100
    reading_seconds: float = READING_SECONDS


Step = Callable[["DuckDBPyConnection", Instant], object]
"""A part of an upkeep, given the horizon of history."""


@dataclass(frozen=True)
class Piece:
    """Rows of a table that lie together: how many, and the smallest position among them."""

    rows: int
    first: int


class Keeper:
    """Counts the stream's commits, and makes its tables small every so many of them.

    The commits of earlier processes count too.
    """

    def __init__(self, connection: "DuckDBPyConnection", paths: Paths, upkeep: Upkeep) -> None:
        self._connection, self._paths, self._upkeep = connection, paths, upkeep
        row = connection.execute(f"SELECT count(*) FROM {SCHEMA}.stream_commits").fetchone()
        self._commits, self._upkeeps = int(row[0]) if row else 0, 0
        self._due: list[Step] = []

    def committed(self, horizon: Instant) -> bool:
        """Take note of a commit, and do one step of an upkeep that is due.

        Events wait behind one step at most.

        Return whether rows that ended before the horizon of history were looked for.
        """
        self._commits += 1
        if not self._due and self._commits >= self._upkeep.commits:
            self._due = self._steps(thorough=self._upkeeps % self._upkeep.seldom == 0)
            self._commits, self._upkeeps = 0, self._upkeeps + 1
        return bool(self._due) and self._do(horizon)

    def finish(self, horizon: Instant) -> bool:
        """Do what is left of an upkeep: short-lived streams would never come to its last steps.

        Return as above.
        """
        thorough = False
        while self._due:
            thorough |= self._do(horizon)
        return thorough

    def _steps(self, thorough: bool) -> list[Step]:
        """Return the steps of an upkeep.

        Each is a commit of its own, so dying between two is harmless.
        """
        joins = [partial(_join, table.name) for table in EVENT_TABLES]
        steps: list[Step] = [
            *joins,
            _drop_commits,
            partial(_forget, self._upkeep.reading_seconds),
            _purge,
        ]
        return [*steps, drop_unread_rows] if thorough else steps

    def _do(self, horizon: Instant) -> bool:
        """Do the next step under the commit lock.

        Other writers get the lock before the step after it.
        """
        step = self._due.pop(0)
        with committing(self._paths):
            step(self._connection, horizon)
        return step is drop_unread_rows


def _join(table: str, connection: "DuckDBPyConnection", _horizon: Instant) -> None:
    join_small_files(connection, table)


def _drop_commits(connection: "DuckDBPyConnection", _horizon: Instant) -> None:
    drop_old_commits(connection)
    crash_point("maintenance.joined")


def _forget(reading_seconds: float, connection: "DuckDBPyConnection", _horizon: Instant) -> None:
    forget_old_commits(connection, reading_seconds)
    crash_point("maintenance.snapshots_forgotten")


def _purge(connection: "DuckDBPyConnection", _horizon: Instant) -> None:
    purge_inlined_rows(connection)


def join_small_files(connection: "DuckDBPyConnection", table: str) -> None:
    """Join a table's newest rows into one file sorted by position.

    It joins as far back as that is worth it.
    """
    first = first_to_join(_files(connection, table), _inlined(connection, table))
    if first is None:
        return
    source = f'FROM {SCHEMA}.{quoted(table)} WHERE "Position" >= {first}'
    with transaction(connection):
        rows = connection.execute(f'SELECT * {source} ORDER BY "Position"').to_arrow_table()
        connection.execute(f"DELETE {source}")
        crash_point("maintenance.rows_deleted")
        insert_arrow(connection, table, rows)
        crash_point("maintenance.rows_inserted")


def first_to_join(files: Iterable[Piece], inlined: Piece) -> int | None:
    """Return the position from which on rows are joined; None when they lie well as they are.

    A file joins when it has no more rows than all newer ones together, so that a table of n rows
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


def _files(connection: "DuckDBPyConnection", table: str) -> list[Piece]:
    """Return the files of a table's present rows."""
    rows = connection.execute(
        f"""
        SELECT f.record_count, CAST(s.min_value AS BIGINT)
        FROM {METADATA}.ducklake_data_file f
        JOIN {METADATA}.ducklake_table t ON t.table_id = f.table_id AND t.end_snapshot IS NULL
        JOIN {METADATA}.ducklake_column c ON c.table_id = f.table_id AND c.end_snapshot IS NULL
        JOIN {METADATA}.ducklake_file_column_stats s ON s.data_file_id = f.data_file_id
          AND s.column_id = c.column_id
        WHERE f.end_snapshot IS NULL AND t.table_name = ? AND c.column_name = 'Position'""",
        [table],
    ).fetchall()
    return [Piece(*row) for row in rows]


def _inlined(connection: "DuckDBPyConnection", table: str) -> Piece:
    """Return the present rows of a table that lie in the catalog, as one piece."""
    found = [
        Piece(*row)
        for name in _inlining(connection, table)
        for row in connection.execute(
            f'SELECT count(*), min("Position") FROM {METADATA}.{quoted(name)} WHERE end_snapshot '
            "IS NULL"
        ).fetchall()
    ]
    filled = [piece for piece in found if piece.rows]
    return Piece(
        sum(piece.rows for piece in filled), min((piece.first for piece in filled), default=0)
    )


def _inlining(connection: "DuckDBPyConnection", table: str) -> list[str]:
    """Return the catalog's tables that hold rows of a table."""
    rows = connection.execute(
        f"""
        SELECT i.table_name FROM {METADATA}.ducklake_inlined_data_tables i
        JOIN {METADATA}.ducklake_table t ON t.table_id = i.table_id AND t.end_snapshot IS NULL
        WHERE t.table_name = ?""",
        [table],
    ).fetchall()
    return [name for (name,) in rows]


def drop_old_commits(connection: "DuckDBPyConnection") -> None:
    """Delete the stream's commits but the last of each partition."""
    with transaction(connection):
        connection.execute(f"""DELETE FROM {SCHEMA}.stream_commits s WHERE s."ToPosition" < (
            SELECT max(o."ToPosition") FROM {SCHEMA}.stream_commits o
              WHERE o."LogPartition" = s."LogPartition")""")


def drop_unread_rows(connection: "DuckDBPyConnection", horizon: Instant) -> None:
    """Delete what no reader can ask for: events that ended before the horizon of history.

    Withdrawals stay: each also ends updates that arrive late.
    """
    before = f"TIMESTAMPTZ {literal(format_instant(horizon))}"
    with transaction(connection):
        for table, column in (
            (tables.UPDATES, "ValidUntil"),
            (tables.REALTIME_ACTIVITIES, "ValidUntil"),
            (tables.REALTIME_QUARANTINE, "AcceptedAt"),
        ):
            connection.execute(
                f"DELETE FROM {SCHEMA}.{quoted(table.name)} WHERE {quoted(column)} <= {before}"
            )
        crash_point("maintenance.unread_dropped")


def purge_inlined_rows(connection: "DuckDBPyConnection") -> None:
    """Remove from the catalog the deleted rows that no kept snapshot shows.

    DuckLake 1.5.5 leaves them for ever.
    """
    for table in tables.OVERLAY:
        for name in _inlining(connection, table.name):
            connection.execute(f"""DELETE FROM {METADATA}.{quoted(name)} WHERE end_snapshot <= (
                SELECT min(snapshot_id) FROM {METADATA}.ducklake_snapshot)""")
        crash_point("maintenance.purged")
