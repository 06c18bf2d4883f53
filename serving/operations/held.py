"""Activities that wait: no published customer has the key that they name."""

from typing import Any

from overtide.lake.dated_activities import dated_of
from overtide.lake.decide.updates import invalid, said
from overtide.lake.generation import Generation
from overtide.lake.held_activities import COLUMNS, INSTANTS, held_query
from overtide.schemas.events import ActivityBody, Event
from overtide.schemas.instants import Instant, format_instant
from overtide.schemas.table import SCHEMA
from overtide.serving.access.roles import Role
from overtide.serving.operations.contract import INSTANCE, Call, Operation, Reply
from overtide.serving.operations.customers import SKIP, TOP, USUAL
from overtide.serving.wire.customers import date_of
from overtide.serving.wire.refusals import Errors

MOST = 1_000
"""Activities in one answer."""
MOST_BEYOND = 100_000
"""Events that are looked at which the stream has not carried yet."""
POSITION = f'SELECT "Position" FROM {SCHEMA}.overlay_state'
HELD = {
    "CustomerId": "customerId",
    "EntityName": "entity",
    "PrimaryKey": "key",
    "EventId": "eventId",
    "AcceptedAt": "acceptedAt",
    "ValidUntil": "validUntil",
    "Caller": "caller",
}
"""How columns are called that are none of an activity."""


def held(call: Call) -> Reply:
    """Return the activities that are held now, the latest accepted first."""
    top, skip = call.number(TOP.name, USUAL, MOST), call.number(SKIP.name, 0, 10**9)
    service = call.service
    with service.asking() as ask:
        position = next((row[0] for row in ask(POSITION)), None) or 0
        rows = ask(held_query())
    now = service.reader.now()
    beyond = service.reader.events_since(position, now.known_at, MOST_BEYOND)
    waiting = [
        _of_event(one)
        for one in reversed(beyond)
        if one.kind == "activity"
        and invalid(one, now.as_of) is None
        and not _leads(service.generation(), one)
    ]
    found = [*(one for one in waiting if one), *map(_of_row, rows)]
    dated = dated_of(service.generation().metadata)
    shown = [one | date_of(one, dated) for one in found[skip : skip + top]]
    return Reply(200, {"count": len(found), "value": shown})


def _leads(generation: Generation, event: Event) -> bool:
    """Say whether the customer of an event is published."""
    if event.entity is not None and event.key is not None:
        return generation.resolve_activity(event.entity, event.key) is not None
    return generation.resolve_id(event.customer_id or "") is not None


def _of_event(event: Event) -> dict[str, Any] | None:
    """Return an activity that the lake has not; None where its body cannot be read."""
    body = said(ActivityBody.read, event)
    if body is None:
        return None
    of_event = {
        "EventId": event.event_id,
        "CustomerId": event.customer_id,
        "EntityName": event.entity,
        "PrimaryKey": event.key,
        "AcceptedAt": _text(event.accepted_at),
        "ValidUntil": _text(event.valid_until),
        "Caller": event.caller,
    }
    columns = {**body.columns, **of_event}
    return {HELD.get(name, name): columns.get(name) for name in COLUMNS}


def _of_row(row: tuple[Any, ...]) -> dict[str, Any]:
    return {
        HELD.get(name, name): _text(value) if name in INSTANTS else value
        for name, value in zip(COLUMNS, row, strict=True)
    }


def _text(instant: Instant | None) -> str | None:
    return None if instant is None else format_instant(instant)


OPERATIONS = (
    Operation(
        "Get-held-activities",
        "GET",
        "/instances/{instanceId}/manage/heldactivities",
        Role.ADMIN,
        "List the activities that are held",
        "Lists real-time activities that name a customer or a record which nothing published has, "
        "the latest first. Each is shown as soon as a refresh brings it.",
        held,
        {200: "A page of them, and how many there are in all."},
        (INSTANCE, TOP, SKIP),
        errors=Errors.MANAGEMENT,
        blocks=True,
        statuses=(400, 404),
    ),
)
