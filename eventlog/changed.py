"""Events that were changed together with the indexes that lead to them.

Who changes a column by SQL changes the indexes too: nothing finds the event any more by what it
was. Its checksum does, for that fits again once the column has its old value. So where somebody
else changed the log's files it is looked through for events that do not fit, and a question whose
own value makes one of them fit was about that event.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, product

from overtide.eventlog.failures import DamagedError
from overtide.eventlog.layout import (
    DDLS,
    NAMES,
    STORED,
    WIDTH,
    Row,
    checksum,
    fits,
    readable,
)
from overtide.eventlog.opening import Connection
from overtide.schemas.events import Draft, Kind

MOST = 100
"""Changed events up to which each is looked at; of more, the log as a whole is damaged."""
ALL = f"SELECT {STORED} FROM event NOT INDEXED"
AT = f"SELECT {STORED} FROM event WHERE position IN (SELECT value FROM json_each(?))"
COLUMNS = {name.strip(): number for number, name in enumerate(NAMES.split(","))}
Written = Mapping[str, object]
"""What some columns of an event may have held when it was written."""


def changed_events(connection: Connection) -> list[int]:
    """Look through all events and return the positions of those that do not fit their checksums.

    At most one more than `MOST`.
    """
    if connection.version not in DDLS:
        return []
    rows = connection.execute(readable(ALL, connection.version))
    misfits = (row[0] for row in rows if _misfits(row))
    return list(islice(misfits, MOST + 1))


def still_changed(connection: Connection, positions: Sequence[int]) -> list[int]:
    """Return those of these positions whose event is still there, and does not fit."""
    return [row[0] for row in _at(connection, positions) if _misfits(row)]


def expect_unchanged(
    connection: Connection, positions: Sequence[int], asked: Iterable[Written]
) -> None:
    """Raise `DamagedError` where an event at one of the positions was what is asked for."""
    rows = _at(connection, positions) if positions else ()
    for row, written in product(rows, asked if rows else ()):
        if _as_written(row, written):
            raise DamagedError(row[0])


def of_targets(
    ids: Iterable[str], records: Iterable[tuple[str, str]], kinds: Sequence[Kind]
) -> Iterable[Written]:
    """Return what events of these kinds about these customers hold."""
    targets = [(one, None, None) for one in ids] + [(None, *record) for record in records]
    for (customer_id, entity, key), kind in product(targets, kinds):
        yield {"customer_id": customer_id, "entity": entity, "key": key, "kind": kind}


def of_requests(drafts: Iterable[Draft]) -> Iterable[Written]:
    """Return what events hold that answer these requests, or have their activities."""
    for draft in drafts:
        if draft.activity_id is not None:
            yield {"activity_id": draft.activity_id}
        if draft.idempotency_key is not None:
            yield {"caller": draft.caller, "idempotency_key": draft.idempotency_key}


def _at(connection: Connection, positions: Sequence[int]) -> list[Row]:
    if not positions:
        return []
    asked = readable(AT, connection.version)
    return connection.execute(asked, [json.dumps(positions)]).fetchall()


def _misfits(row: Row) -> bool:
    return not fits(row[: WIDTH - 1], row[WIDTH - 1])


def _as_written(row: Row, written: Written) -> bool:
    there = list(row[: WIDTH - 1])
    values = there.copy()
    for name, value in written.items():
        values[COLUMNS[name]] = value
    # Where these columns hold it, another one was changed: its position, and no index leads to it.
    return values == there or bool(row[WIDTH - 1] == checksum(values))
