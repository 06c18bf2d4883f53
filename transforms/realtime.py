"""The steps of the stream, each a pure function.

Events become rows of the overlay, or of the quarantine.

What a profile shows is decided at read, so an event's rows depend on the event alone: a field that
the metadata lacks, or a value that no longer fits its type, is stored like any other (a later base
may have it again) and listed besides.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from overtide.schemas import tables
from overtide.schemas.events import (
    DAMAGED,
    ActivityBody,
    Event,
    UndecodableError,
    UpdateBody,
    WithdrawalBody,
)
from overtide.schemas.types import type_of
from overtide.schemas.values import canonical

Fields = Mapping[str, str]
"""Customer's updatable columns with attribute types, as the current publish has them."""


OverlayRow = tuple[str, tuple[Any, ...]]
"""A table of the overlay and the column values of one row, instants in microseconds."""


_ARROW = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
}
SCHEMAS = {
    table.name: pa.schema([(column.name, _ARROW[column.type]) for column in table.columns])
    for table in tables.OVERLAY
}
"""The Arrow schema of each table of the overlay."""


def overlay_rows(event: Event, fields: Fields | None) -> list[OverlayRow]:
    """Return the rows of one event, those of the quarantine among them.

    Without `fields` nothing is checked.
    """
    if event.kind == DAMAGED:
        return [
            _quarantined(
                event,
                "log_corrupt",
                None,
                event.body,
                "The event is not as it was written: what the log "
                "holds of it does not fit its checksum.",
            )
        ]
    decode = {"update": _update_rows, "withdrawal": _withdrawal_rows, "activity": _activity_rows}
    try:
        if event.kind not in decode:
            raise UndecodableError(f"there are no events of the kind {event.kind!r}")
        return list(decode[event.kind](event, fields))
    except UndecodableError as error:
        return [
            _quarantined(
                event, "undecodable", None, event.body, f"The event cannot be decoded: {error}."
            )
        ]


def _update_rows(event: Event, fields: Fields | None) -> Iterator[OverlayRow]:
    for name, value in UpdateBody.read(event).fields.items():
        yield (
            tables.UPDATES.name,
            (
                *_event(event),
                *_target(event),
                name,
                canonical(value),
                event.valid_from,
                event.valid_until,
                event.accepted_at,
                event.caller,
            ),
        )
        yield from _misfit(event, fields, name, value)


def _withdrawal_rows(event: Event, fields: Fields | None) -> Iterator[OverlayRow]:
    name = WithdrawalBody.read(event).field
    yield (
        tables.WITHDRAWALS.name,
        (*_event(event), *_target(event), name, event.valid_from, event.accepted_at, event.caller),
    )
    if name is not None:
        yield from _misfit(event, fields, name, None)


def _activity_rows(event: Event, _fields: Fields | None) -> Iterator[OverlayRow]:
    body = ActivityBody.read(event)
    columns = {**body.columns, "ActivityId": event.activity_id, "ActivityTime": body.time}
    yield (
        tables.REALTIME_ACTIVITIES.name,
        (
            *_event(event),
            *_target(event),
            *columns.values(),
            event.valid_from,
            event.valid_until,
            event.accepted_at,
            event.caller,
        ),
    )


def _event(event: Event) -> tuple[str, int]:
    return event.event_id, event.position


def _target(event: Event) -> tuple[str | None, str | None, str | None]:
    return event.customer_id, event.entity, event.key


def _misfit(event: Event, fields: Fields | None, name: str, value: Any) -> Iterator[OverlayRow]:  # noqa: ANN401 - JSON
    """Say in the quarantine what of an event has no place in the current publish.

    It is the publish's metadata that has no place for it.
    """
    if fields is None:
        return
    if name not in fields:
        yield _quarantined(
            event,
            "unknown_field",
            name,
            canonical(value),
            f"The profile has no updatable field {name}.",
        )
        return
    reason = type_of(fields[name]).misfit(value)
    if reason is not None:
        yield _quarantined(event, "invalid_value", name, canonical(value), reason)


def _quarantined(event: Event, code: str, field: str | None, value: str, reason: str) -> OverlayRow:
    return tables.REALTIME_QUARANTINE.name, (
        *_event(event),
        event.accepted_at,
        event.kind,
        code,
        field,
        value,
        reason,
    )


def to_batch(table: str, rows: Iterable[tuple[Any, ...]]) -> pa.RecordBatch:
    """Return the rows of one table of the overlay as an Arrow batch, in order of position."""
    ordered = sorted(rows, key=_position)
    schema = SCHEMAS[table]
    columns = zip(*ordered, strict=True) if ordered else ((),) * len(schema)
    return pa.RecordBatch.from_arrays(
        [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)],
        schema=schema,
    )


def _position(row: tuple[Any, ...]) -> int:
    return int(row[1])
