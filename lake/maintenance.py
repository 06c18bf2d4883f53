"""Keep the stream's own tables small: fewer files, fewer snapshots, no rows that no reader can ask for.

Files of the base are never touched: merging, rewriting and clearing name the overlay's tables, and DuckLake deletes a
file only when no snapshot that is kept needs it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lake.locks import commit_lock
from schemas import tables
from schemas.crash import crash_point
from schemas.instants import DAY, Instant, format_instant
from schemas.names import literal, quoted
from schemas.paths import Paths
from schemas.tables import SCHEMA

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CATALOG = "__ducklake_metadata_lake"
"""The catalog's own tables, as DuckLake shows them to SQL."""
FILE_TABLES = ("ducklake_data_file", "ducklake_delete_file", "ducklake_files_scheduled_for_deletion")
KILOBYTE = 1000
LEVELS = ((64, 64_000 * KILOBYTE), (8, 4_000 * KILOBYTE), (1, 250 * KILOBYTE))
"""Every so many upkeeps, files smaller than this are merged: most of the time only the newest, so that a row is written
a few times in its life and not once per upkeep."""


@dataclass(frozen=True)
class Upkeep:
    """When the stream's tables are made small, and for how long (seconds) readers may keep an old snapshot.

    `history_days` is how far back as-of questions reach; rows are kept at least as long.
    """

    commits: int = 100
    reading_seconds: float = 600
    history_days: int = 400


class Keeper:
    """Counts the stream's commits and makes its tables small every `Upkeep.commits` of them."""

    def __init__(self, connection: "DuckDBPyConnection", paths: Paths, upkeep: Upkeep) -> None:
        self._connection, self._paths, self._upkeep = connection, paths, upkeep
        self._commits = 0

    def committed(self, now: Instant) -> None:
        """Take note of a commit; `now` decides which rows are beyond the history."""
        self._commits += 1
        if self._commits % self._upkeep.commits == 0:
            self.keep_small(now, self._commits // self._upkeep.commits)

    def keep_small(self, now: Instant, number: int) -> None:
        """Do the upkeep with this number: each step is a commit of its own, so dying between two is harmless."""
        every, largest = next(level for level in LEVELS if number % level[0] == 0)
        if every == LEVELS[0][0]:
            self._step(partial(drop_unread_rows, self._connection, now - self._upkeep.history_days * DAY))
        for table in tables.OVERLAY:
            self._step(partial(merge_files, self._connection, table.name, largest))
        crash_point("maintenance.merged")
        self._step(partial(drop_snapshots, self._connection, self._upkeep.reading_seconds))
        if every == LEVELS[0][0]:
            self._step(partial(remove_orphans, self._connection, self._paths))

    def _step(self, step: Callable[[], object]) -> None:
        """Let other writers in between two steps."""
        with commit_lock(self._paths):
            step()


def merge_files(connection: "DuckDBPyConnection", table: str, largest: int) -> None:
    """Move the rows that small inserts left in the catalog into a file, and merge files below a size in bytes."""
    connection.execute(f"CALL ducklake_flush_inlined_data('lake', table_name => {literal(table)})")
    connection.execute(f"CALL ducklake_merge_adjacent_files('lake', {literal(table)}, max_file_size => {largest})")


def drop_unread_rows(connection: "DuckDBPyConnection", horizon: Instant) -> None:
    """Delete what no reader needs: events that ended before the horizon of history, and old commits but the last.

    Withdrawals stay: each also ends updates that arrive late.
    """
    before = f"TIMESTAMPTZ {literal(format_instant(horizon))}"
    for name, condition in (
            (tables.UPDATES.name, f'"ValidUntil" <= {before}'),
            (tables.REALTIME_ACTIVITIES.name, f'"ValidUntil" <= {before}'),
            (tables.REALTIME_QUARANTINE.name, f'"AcceptedAt" <= {before}'),
            (tables.STREAM_COMMITS.name, f"""("LogPartition", "ToPosition") NOT IN (
                SELECT ("LogPartition", max("ToPosition")) FROM {SCHEMA}.stream_commits GROUP BY "LogPartition")""")):
        connection.execute(f"DELETE FROM {SCHEMA}.{quoted(name)} WHERE {condition}")
        connection.execute(f"CALL ducklake_flush_inlined_data('lake', table_name => {literal(name)})")
        connection.execute(f"CALL ducklake_rewrite_data_files('lake', {literal(name)}, delete_threshold => 0.2)")


def drop_snapshots(connection: "DuckDBPyConnection", reading_seconds: float) -> None:
    """Forget snapshots older than a reader may take, and delete the files that have been unneeded for as long.

    By the clock of the catalog, which stamped both; the latest snapshot always stays.
    """
    age = f"now() - to_microseconds({int(reading_seconds * 1_000_000)})"
    connection.execute(f"CALL ducklake_expire_snapshots('lake', older_than => {age})")
    connection.execute(f"CALL ducklake_cleanup_old_files('lake', older_than => {age})")


def remove_orphans(connection: "DuckDBPyConnection", paths: Paths) -> int:
    """Delete files of the overlay that no commit named, left by streams that died; return how many.

    Call it under the commit lock: the stream alone writes these tables, so whatever the catalog does not know then
    never was or will be committed.
    """
    rows = connection.execute(" UNION ".join(f"SELECT path FROM {CATALOG}.{table}" for table in FILE_TABLES)).fetchall()
    known = {str(path).rpartition("/")[2] for (path,) in rows}
    orphans = [file for table in tables.OVERLAY for file in paths.table(table.name).rglob("*.parquet")
               if file.name not in known]
    for file in orphans:
        file.unlink(missing_ok=True)
    return len(orphans)
