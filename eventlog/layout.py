"""The log's tables, and the checksum with which each event lies there.

A row is read back through `entry_of`, and through the primary key or an index only: SQLite then
compares nothing of the row itself, so one that was changed is found where it was, and named,
instead of being passed over.
"""

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from overtide.eventlog.decisions import Entry
from overtide.eventlog.failures import DamagedError, wrong_version
from overtide.schemas.crash import crash_point
from overtide.schemas.events import Event, Outcome
from overtide.schemas.folders import sync_folder

VERSION, ONE_INDEX, UNCHECKED = 4, 3, 2
"""Version of the file's layout, kept as its `user_version`, and earlier ones.

The earlier ones are those of programs that had all activities in one index, and that wrote no
checksums either.
"""
CHUNK_BITS = 16
"""The indexes by customer and by record begin with position >> 16: ids are random, so an index by
id alone would touch as many pages as a batch has events (measured at 500k events: 18k to 33k
events/s against 70k). A read probes every chunk, 2 microseconds each."""

DDL = (
    """CREATE TABLE event (
        position INTEGER PRIMARY KEY, event_id TEXT NOT NULL, accepted_at INTEGER NOT NULL, \
kind TEXT NOT NULL,
        customer_id TEXT, entity TEXT, key TEXT, valid_from INTEGER NOT NULL, valid_until INTEGER, \
caller TEXT,
        body TEXT NOT NULL, activity_id TEXT, idempotency_key TEXT, request_hash TEXT, \
body_hash TEXT,
        status INTEGER NOT NULL, checksum INTEGER, activity TEXT)""",
    f"""CREATE INDEX event_of_customer
        ON event (position >> {CHUNK_BITS}, kind = 'activity', substr(customer_id, 1, 12))
        WHERE customer_id IS NOT NULL""",
    f"""CREATE INDEX event_of_record
        ON event (position >> {CHUNK_BITS}, kind = 'activity', entity, key) \
WHERE entity IS NOT NULL""",
    "CREATE UNIQUE INDEX event_of_activity ON event (activity_id) WHERE activity_id IS NOT NULL",
    """CREATE UNIQUE INDEX event_of_request ON event (ifnull(caller, ''), idempotency_key)
       WHERE idempotency_key IS NOT NULL""",
    """CREATE TABLE repeat (
        sender TEXT NOT NULL, sent_key TEXT NOT NULL, sent_hash TEXT, position INTEGER NOT NULL,
        sent_checksum INTEGER,
        PRIMARY KEY (sender, sent_key)) WITHOUT ROWID""",
    "CREATE TABLE tail (position INTEGER NOT NULL, accepted_at INTEGER NOT NULL, checksum INTEGER)",
    """CREATE TABLE known_activity (
        run INTEGER NOT NULL, beginning TEXT NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (run, beginning, position)) WITHOUT ROWID""",
)
"""The tables and indexes, to the letter: a log whose own differ by a blank is not taken for one.

Checksums are null of what an earlier program wrote; that is read unchecked. An activity's identity
is in `activity`, and `known_activity` leads to it (`known_activities.py`); events of earlier
programs have it in `activity_id`, with an index that takes no more of them, so that a log goes on
in this layout at once, however long it is."""
ADDED = ", activity TEXT"
DDLS = {
    VERSION: DDL,
    ONE_INDEX: (DDL[0].replace(ADDED, ""), *DDL[1:-1]),
}
"""The tables of the versions that have checksums."""

MIGRATIONS = {
    UNCHECKED: (
        "ALTER TABLE event ADD COLUMN checksum INTEGER",
        "ALTER TABLE tail ADD COLUMN checksum INTEGER",
        "ALTER TABLE repeat RENAME TO repeated",
        DDL[5],
        "INSERT INTO repeat SELECT sender, sent_key, sent_hash, position, NULL FROM repeated",
        "DROP TABLE repeated",
    ),
    ONE_INDEX: ("ALTER TABLE event ADD COLUMN activity TEXT", DDL[-1]),
}
"""What makes the next version of each earlier one."""

EVENT = (
    "position, event_id, accepted_at, kind, customer_id, entity, key, valid_from, valid_until, "
    "caller, body, activity_id"
)
ENTRY = EVENT + ", idempotency_key, request_hash, body_hash, status"
NAMES = ENTRY + ", checksum"
STORED = NAMES.replace("activity_id", "ifnull(activity_id, activity)")
"""The columns of an event as they are read, and what they are called."""
WIDTH = 17
AT_ONCE = (1000, 200, 50)
"""Rows that a statement adds where there are many, and else as many as are left.

For each statement the interpreter is left and taken up once, and beside another thread that
computes that takes up to a millisecond, while others wait for the log's lock."""
Row = Sequence[Any]


def readable(statement: str, version: int) -> str:
    """Return a statement with the columns `STORED` as one for a log of this version."""
    if version == VERSION:
        return statement
    columns = NAMES if version == ONE_INDEX else NAMES.replace("checksum", "NULL")
    return statement.replace(STORED, columns)


def checksum(values: Row) -> int:
    """Return the CRC-32 of values as they were written: no change within 32 bits goes unnoticed."""
    return zlib.crc32(ascii(tuple(values)).encode())


def stored(entry: Entry) -> tuple[Any, ...]:
    """Return the row of an entry."""
    event, *kept, outcome = entry
    row = (*event, *kept, outcome.number)
    return (*row, checksum(row))


def insert(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    """Add the rows of entries, by as few statements as may be."""
    begin = 0
    while begin < len(entries):
        left = len(entries) - begin
        rows = next((one for one in AT_ONCE if one <= left), left)
        some = map(stored, entries[begin : begin + rows])
        connection.execute(_adding(rows), [*chain.from_iterable(some)])
        begin += rows


@lru_cache(maxsize=max(AT_ONCE))
def _adding(rows: int) -> str:
    """Return the statement that adds so many rows; the connection keeps it prepared."""
    columns = NAMES.replace("activity_id", "activity")
    return f"INSERT INTO event ({columns}) VALUES " + ", ".join(
        [f"({', '.join('?' * WIDTH)})"] * rows
    )


def entry_of(row: Row) -> Entry:
    """Return the entry of a row; raise `DamagedError` where it is not as it was written."""
    values = row[: WIDTH - 1]
    if not fits(values, row[WIDTH - 1]):
        raise DamagedError(row[0])
    try:
        outcome = Outcome(values[15])
    except ValueError:
        raise DamagedError(row[0]) from None
    return Entry(Event(*values[:12]), values[12], values[13], values[14], outcome)


def fits(values: Row, found: object) -> bool:
    """Say whether values are as they were written.

    What an earlier program wrote is not known to be otherwise.
    """
    return found is None or found == checksum(values)


def layout_of(path: Path, connection: sqlite3.Connection) -> int:
    """Return the version of the layout, 0 before the tables are there.

    Raise `log_version` for an unknown one.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version and version not in (*MIGRATIONS, VERSION):
        raise wrong_version(path, version)
    return version


def create(path: Path, connection: sqlite3.Connection) -> None:
    """Make sure that a log has its tables, those of this version, and its folder the log.

    The lock is held.
    """
    version = layout_of(path, connection)
    if version == VERSION:
        return
    if not version:
        connection.execute("PRAGMA journal_mode = WAL")
        crash_point("log.file_made")
    connection.execute("BEGIN IMMEDIATE")
    for statement in _migration(version) if version else (*DDL, _first_tail()):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    crash_point("log.layout_written")
    connection.execute("COMMIT")
    sync_folder(path.parent)


def _migration(version: int) -> Iterator[str]:
    for earlier in range(version, VERSION):
        yield from MIGRATIONS[earlier]


def _first_tail() -> str:
    return f"INSERT INTO tail VALUES (0, 0, {checksum((0, 0))})"
