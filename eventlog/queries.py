"""What is asked of the log's tables: statements, and their rows as events."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain

from overtide.eventlog.changed import expect_unchanged, of_requests
from overtide.eventlog.contract import Tail
from overtide.eventlog.decisions import Remembered, Repeat
from overtide.eventlog.failures import DamagedError
from overtide.eventlog.known_activities import rows_of_activities
from overtide.eventlog.layout import (
    CHUNK_BITS,
    STORED,
    UNCHECKED,
    Row,
    entry_of,
    fits,
    readable,
)
from overtide.eventlog.opening import Connection
from overtide.schemas.events import DAMAGED, Draft, Event
from overtide.schemas.instants import Instant

FROM_POSITION = f"SELECT {STORED} FROM event WHERE position >= ? ORDER BY position LIMIT ?"
BOUNDS = f"""SELECT (SELECT min(position) FROM event) >> {CHUNK_BITS},
    (SELECT max(position) FROM event) >> {CHUNK_BITS}"""
"""The first chunk of positions of which there are events, and the last."""
OF_CHUNK = f"""SELECT position FROM event
    WHERE position >> {CHUNK_BITS} = ? AND (kind = 'activity') = ?"""
BY_ID = f"{OF_CHUNK} AND substr(customer_id, 1, 12) = substr(?, 1, 12) AND customer_id IS NOT NULL"
OF_ID = 3
"""Values of a look-up by an id; one by a record has one more."""
BY_RECORD = f"{OF_CHUNK} AND entity = ? AND key = ?"
AT_ANY = f"""SELECT {STORED} FROM event WHERE position IN (SELECT value FROM json_each(?))
    ORDER BY position"""
MOST_PARTS = 100
"""Look-ups of one statement: SQLite takes at most 500 of them in a compound."""


BY_KEY = f"""
    WITH request AS (SELECT value ->> 0 AS sender, value ->> 1 AS sent_key FROM json_each(?))
    SELECT {STORED} FROM request CROSS JOIN event ON ifnull(caller, '') = sender
      AND idempotency_key = sent_key"""
BY_REPEAT = f"""
    WITH request AS (SELECT value ->> 0 AS asker, value ->> 1 AS asked_key FROM json_each(?))
    SELECT {STORED}, sender, sent_key, sent_hash FROM request
    CROSS JOIN repeat ON sender = asker AND sent_key = asked_key CROSS JOIN event
      USING (position)"""


def rows_of(connection: Connection, statement: str, *parameters: object) -> Iterable[Row]:
    """Return rows with the columns `STORED` first; those of an early program have no checksum."""
    return connection.execute(readable(statement, connection.version), parameters)


def rows_of_customer(
    connection: Connection,
    customer_ids: Sequence[str],
    records: Sequence[tuple[str, str]],
    of_activities: Sequence[bool],
) -> list[Row]:
    """Return, in order, the rows of events that name one of the ids or records.

    Their index leads to them by the first letters of an id, so a few of them may be of another.
    """
    positions = sorted(set(_positions(connection, customer_ids, records, of_activities)))
    if not positions:
        return []
    if len(positions) > MOST_PARTS:
        return list(rows_of(connection, AT_ANY, json.dumps(positions)))
    return list(rows_of(connection, _at(len(positions)), *positions))


def _positions(
    connection: Connection,
    customer_ids: Sequence[str],
    records: Sequence[tuple[str, str]],
    of_activities: Sequence[bool],
) -> Iterator[int]:
    """Give the positions of such events, by as few statements as may be.

    Each look-up is a part of its own, and tells chunk and kind as the indexes have them: a
    statement that joins lists of them takes four times longer.
    """
    first, last = connection.execute(BOUNDS).fetchone()
    if first is None:
        return
    groups = [(chunk, int(one)) for chunk in range(first, last + 1) for one in of_activities]
    parts: list[tuple[object, ...]] = [(*group, one) for group in groups for one in customer_ids]
    parts += [(*group, *record) for group in groups for record in records]
    for begin in range(0, len(parts), MOST_PARTS):
        some = parts[begin : begin + MOST_PARTS]
        statement = _looking_up(tuple(map(len, some)))
        for (position,) in connection.execute(statement, [*chain.from_iterable(some)]):
            yield position


@lru_cache(maxsize=256)
def _looking_up(widths: tuple[int, ...]) -> str:
    """Return the statement of look-ups in the index by customer (3 values) or that by record."""
    return " UNION ALL ".join(BY_ID if width == OF_ID else BY_RECORD for width in widths)


@lru_cache(maxsize=MOST_PARTS)
def _at(number: int) -> str:
    """Return the statement of the events at so many positions."""
    marks = ", ".join("?" * number)
    return f"SELECT {STORED} FROM event WHERE position IN ({marks}) ORDER BY position"


def tail_of(connection: Connection) -> Tail:
    """Return where the log ends; raise where that was changed."""
    column = "NULL" if connection.version == UNCHECKED else "checksum"
    row = connection.execute(f"SELECT position, accepted_at, {column} FROM tail").fetchone()
    if row is None or not fits(row[:2], row[2]):
        raise damaged_tail()
    return Tail(row[0], row[1])


def damaged_tail() -> sqlite3.DatabaseError:
    """Return the error of a log that does not say where it ends, as SQLite says such."""
    error = sqlite3.DatabaseError("where it ends was changed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def events_of(connection: Connection, rows: Iterable[Row]) -> Iterator[Event]:
    """Return events, those that were changed as of the kind DAMAGED.

    A changed event counts as accepted when the one before it was.
    """
    before: Instant | None = None
    for row in rows:
        try:
            event = entry_of(row).event
        except DamagedError as error:
            if before is None:
                before = _accepted_before(connection, error.position)
            event = Event(
                error.position,
                str(row[1]),
                before,
                DAMAGED,
                None,
                None,
                None,
                before,
                None,
                None,
                str(row[10]),
            )
        before = event.accepted_at
        yield event


def _accepted_before(connection: Connection, position: int) -> Instant:
    """Return the last acceptance before a position, of the events that are as they were.

    0 where there is none.
    """
    for row in rows_of(
        connection,
        f"SELECT {STORED} FROM event WHERE position < ? ORDER BY position DESC",
        position,
    ):
        with contextlib.suppress(DamagedError):
            return entry_of(row).event.accepted_at
    return 0


def accepted_until(connection: Connection, instant: Instant) -> int:
    """Return one past the position of the last event accepted by an instant.

    Acceptance increases with the position.
    """
    low, high = 0, int(connection.execute("SELECT position FROM tail").fetchone()[0])
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            "SELECT position, accepted_at FROM event WHERE position >= ? ORDER BY position LIMIT 1",
            (middle,),
        ).fetchone()
        if row is None or row[1] > instant:
            high = middle
        else:
            low = row[0] + 1
    return low


def remembered_of(
    connection: Connection, drafts: Sequence[Draft], changed: Sequence[int] = ()
) -> Remembered:
    """Return what the log remembers of the requests and activities of these drafts.

    Raise `DamagedError` where one of the events that were `changed` was that.
    """
    expect_unchanged(connection, changed, of_requests(drafts))
    keys = [
        (draft.caller or "", draft.idempotency_key)
        for draft in drafts
        if draft.idempotency_key is not None
    ]
    activities = [draft.activity_id for draft in drafts if draft.activity_id is not None]
    remembered = Remembered()
    for row in rows_of(connection, BY_KEY, json.dumps(keys)) if keys else ():
        remembered.add(entry_of(row))
    for row in rows_of_activities(connection, activities) if activities else ():
        remembered.add(entry_of(row))
    for *row, sender, key, request_hash in (
        rows_of(connection, BY_REPEAT, json.dumps(keys)) if keys else ()
    ):
        entry = entry_of(row)
        remembered.use_key(
            Repeat(sender, key, request_hash, entry.event.position), entry.event, entry.outcome
        )
    return remembered
