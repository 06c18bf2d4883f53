"""The SQLite file of a project's jobs and schedules, for every thread and process that uses it."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overtide.serving.shared_files import changing, connected, explained

_TABLES = (
    """CREATE TABLE IF NOT EXISTS job (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, status TEXT NOT NULL,
        forced INTEGER NOT NULL, requested TEXT NOT NULL, identifiers TEXT NOT NULL,
        origin TEXT NOT NULL, schedule TEXT, submitted_by TEXT NOT NULL,
        submitted_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER, cancelled_at INTEGER,
        run INTEGER, error TEXT) STRICT""",
    "CREATE INDEX IF NOT EXISTS job_status ON job (status)",
    """CREATE UNIQUE INDEX IF NOT EXISTS one_running ON job (status)
        WHERE status = 'running'""",
    """CREATE TABLE IF NOT EXISTS task (
        job TEXT NOT NULL, place INTEGER NOT NULL, stage TEXT NOT NULL, rows_done INTEGER NOT NULL,
        rows_total INTEGER, started_at INTEGER NOT NULL, reported_at INTEGER NOT NULL,
        PRIMARY KEY (job, stage)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS schedule (
        id TEXT NOT NULL, version INTEGER NOT NULL,
        requested TEXT NOT NULL, identifiers TEXT NOT NULL, active INTEGER NOT NULL,
        time_zone TEXT NOT NULL, cron TEXT NOT NULL, deleted INTEGER NOT NULL,
        origin TEXT NOT NULL, updated_by TEXT NOT NULL, updated_at INTEGER NOT NULL,
        PRIMARY KEY (id, version)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS due (
        schedule TEXT PRIMARY KEY, of_version INTEGER NOT NULL, next_at INTEGER)
        STRICT, WITHOUT ROWID""",
)


@dataclass(frozen=True)
class Database:
    """Opens the file for a look or a change; before the first change there is none.

    Only its owner may read it: others than jobs and schedules keep secrets in one.
    """

    path: Path
    tables: Sequence[str] = _TABLES

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query; none where nothing was ever written."""
        if not self.path.exists():
            return []
        with explained(self.path), closing(connected(self.path)) as connection:
            # Whoever made the file may have died before its first transaction was done.
            if connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None:
                return []
            return connection.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection whose changes are all made, durably, or none; others wait meanwhile."""
        with explained(self.path), changing(self.path, self.tables) as connection:
            yield connection
