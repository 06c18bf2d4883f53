"""Real-time events that the stream set aside, since what they say has no place in the profile."""

from typing import Any

from overtide.schemas.instants import format_instant
from overtide.schemas.table import SCHEMA
from overtide.serving.access.roles import Role
from overtide.serving.operations.contract import INSTANCE, Call, Operation, Reply
from overtide.serving.operations.customers import SKIP, TOP, USUAL
from overtide.serving.wire.refusals import Errors

MOST = 1_000
"""Rows in one answer."""
COUNTED = f"SELECT count(*) FROM {SCHEMA}.realtime_quarantine"
LATEST = f"""SELECT "EventId", "Position", epoch_us("AcceptedAt"), "Kind", "Code", "Field",
           "Value", "Reason"
      FROM {SCHEMA}.realtime_quarantine
     ORDER BY "Position" DESC, "Field" LIMIT ? OFFSET ?"""
NAMES = ("eventId", "position", "acceptedAt", "kind", "code", "field", "value", "reason")
"""How the columns of `LATEST` are called, in their order."""


def quarantined(call: Call) -> Reply:
    """Return what was set aside of events, a row per field, the latest accepted first."""
    top, skip = call.number(TOP.name, USUAL, MOST), call.number(SKIP.name, 0, 10**9)
    with call.service.asking() as ask:
        count = ask(COUNTED)[0][0]
        rows = ask(LATEST, (top, skip))
    return Reply(200, {"count": count, "value": [_document(row) for row in rows]})


def _document(row: tuple[Any, ...]) -> dict[str, Any]:
    document = dict(zip(NAMES, row, strict=True))
    return document | {"acceptedAt": format_instant(document["acceptedAt"])}


OPERATIONS = (
    Operation(
        "Get-quarantined-events",
        "GET",
        "/instances/{instanceId}/manage/quarantinedevents",
        Role.ADMIN,
        "List the real-time events that were set aside",
        "Lists what the stream set aside of real-time events, a row per field, the latest first: "
        "the profile has no such field any more or another type, or the event is damaged. Each "
        "has its code, value and reason; nothing of it is shown on cards.",
        quarantined,
        {200: "A page of them, and how many there are in all."},
        (INSTANCE, TOP, SKIP),
        errors=Errors.MANAGEMENT,
        blocks=True,
        statuses=(400, 404),
    ),
)
