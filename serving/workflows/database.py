"""The SQLite file of a project's jobs and schedules, for every thread and process that uses it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from overtide.schemas.folders import make_folder

WAIT = 10.0
"""Seconds that one waits for another's commit."""
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
    """Opens the file for a read or a change; before the first change there is none."""

    path: Path

    def exists(self) -> bool:
        """Say whether anything was ever written."""
        return self.path.exists()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for a look; only where the file exists."""
        with closing(sqlite3.connect(self.path, timeout=WAIT)) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection whose changes are all made, durably, or none; others wait meanwhile."""
        make_folder(self.path.parent)
        with closing(sqlite3.connect(self.path, timeout=WAIT, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                for statement in _TABLES:
                    connection.execute(statement)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
