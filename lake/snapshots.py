"""Forget the lake's snapshots that no reader needs any more.

The files that only they needed are deleted.

Snapshots are named one by one: with a SQLite catalog DuckLake 1.5.5 compares `older_than` as text
with instants that it wrote in another form, and takes every snapshot of the same day for older.
Readers in the midst of a transaction then miss all rows of a table. Call these functions under the
commit lock.
"""

from typing import TYPE_CHECKING

from overtide.lake.definitions import columns_of
from overtide.schemas.crash import crash_point
from overtide.schemas.table import SCHEMA
from overtide.schemas.tables import RUNS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

READING_SECONDS = 300.0
"""How long a reader may take for one transaction.

So long its snapshot and files stay once they are replaced.
"""
_SNAPSHOT = """WITH snapshot AS (SELECT snapshot_id, lead(snapshot_time)
  OVER (ORDER BY snapshot_id) AS replaced
                  FROM ducklake_snapshots('lake'))"""
"""What counts is when the next one came.

A reader takes the latest snapshot, however old that is.
"""


def forget_old_commits(connection: "DuckDBPyConnection", reading_seconds: float) -> None:
    """Forget the stream's snapshots that were replaced longer ago than a reader may take.

    Publishes stay.
    """
    runs = (
        f"{SCHEMA}.runs"
        if columns_of(connection, RUNS.name)
        else "(SELECT NULL::BIGINT AS snapshot_id WHERE false)"
    )
    _forget(
        connection,
        f"""{_SNAPSHOT} SELECT snapshot_id FROM snapshot WHERE {_unread(reading_seconds)}
        AND snapshot_id NOT IN (SELECT snapshot_id FROM {runs})""",
    )


def forget_old_publishes(
    connection: "DuckDBPyConnection", kept: int, reading_seconds: float
) -> None:
    """Forget the snapshots from before the last so many publishes.

    Only those go that were replaced longer ago than a reader may take.

    The others are left to the next refresh.
    """
    _forget(
        connection,
        f"""{_SNAPSHOT} SELECT snapshot_id FROM snapshot WHERE {_unread(reading_seconds)}
        AND snapshot_id < (SELECT min(snapshot_id) FROM (
            SELECT snapshot_id FROM {SCHEMA}.runs ORDER BY "Run" DESC LIMIT {kept}))""",
    )


def _unread(reading_seconds: float) -> str:
    return f"replaced < now() - to_microseconds({int(reading_seconds * 1_000_000)})"


def _forget(connection: "DuckDBPyConnection", chosen: str) -> None:
    versions = [int(version) for (version,) in connection.execute(chosen).fetchall()]
    if versions:
        connection.execute(f"CALL ducklake_expire_snapshots('lake', versions => {versions})")
        crash_point("snapshots.expired")
    connection.execute("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)")
