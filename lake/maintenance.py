"""Keep the stream's own tables small.

Fewer files, fewer snapshots, no rows that no reader can ask for. Files of the base are not touched.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from overtide.lake.catalog import METADATA
from overtide.lake.overlay import transaction
from overtide.lake.overlay_files import EXPIRY, inlining, join_small_files
from overtide.lake.snapshots import READING_SECONDS, forget_old_commits
from overtide.lake.standing import committing
from overtide.schemas import tables
from overtide.schemas.crash import crash_point
from overtide.schemas.instants import DAY, Instant, format_instant
from overtide.schemas.names import literal, quoted
from overtide.schemas.paths import Paths
from overtide.schemas.table import SCHEMA

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


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
        joins = [partial(_join, table) for table in EXPIRY]
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


def drop_old_commits(connection: "DuckDBPyConnection") -> None:
    """Delete the stream's commits but the last."""
    with transaction(connection):
        connection.execute(f"""DELETE FROM {SCHEMA}.stream_commits WHERE "ToPosition" < (
            SELECT max("ToPosition") FROM {SCHEMA}.stream_commits)""")


def drop_unread_rows(connection: "DuckDBPyConnection", horizon: Instant) -> None:
    """Delete what no reader can ask for: events that ended before the horizon of history.

    That goes by whole days, and so by whole files: those of days before the horizon's. Withdrawals
    stay: each also ends updates that arrive late.
    """
    before = f"TIMESTAMPTZ {literal(format_instant(horizon // DAY * DAY))}"
    with transaction(connection):
        for table, column in EXPIRY.items():
            if column is not None:
                connection.execute(
                    f"DELETE FROM {SCHEMA}.{quoted(table)} WHERE {quoted(column)} < {before}"
                )
        crash_point("maintenance.unread_dropped")


def purge_inlined_rows(connection: "DuckDBPyConnection") -> None:
    """Remove from the catalog the deleted rows that no kept snapshot shows.

    DuckLake 1.5.5 leaves them for ever.
    """
    for table in tables.OVERLAY:
        for name in inlining(connection, table.name):
            connection.execute(f"""DELETE FROM {METADATA}.{quoted(name)} WHERE end_snapshot <= (
                SELECT min(snapshot_id) FROM {METADATA}.ducklake_snapshot)""")
        crash_point("maintenance.purged")
