"""A customer and its activities as OData entities, with what is live as annotations.

`"EMail@overtide.override"` says of a value that an update shows until when it does, what lies
beneath it and who changed it. Instants in headers are those of the whole answer.
"""

from collections.abc import Iterable
from typing import Any

from overtide.lake.cards_and_timelines import Card, FieldView, Timeline, TimelineEntry
from overtide.schemas.instants import format_instant

OVERRIDE = "@overtide.override"


def customer_entity(card: Card, context: str) -> dict[str, Any]:
    """Return a customer as an OData entity."""
    entity: dict[str, Any] = {"@odata.context": context, "CustomerId": card.customer_id}
    for name, view in card.fields.items():
        entity[name] = view.value
        if view.live:
            entity[name + OVERRIDE] = _override(view)
    entity["PreviousCustomerId"] = ";".join(card.previous) or None
    entity["@overtide.records"] = [
        {"entity": entity_name, "key": key, "winner": winner}
        for entity_name, key, winner in card.records
    ]
    return entity


def _override(view: FieldView) -> dict[str, Any]:
    return {
        "baseValue": view.base_value,
        "validUntil": None if view.valid_until is None else format_instant(view.valid_until),
        "eventId": view.event_id,
        "caller": view.caller,
        "acceptedAt": None if view.accepted_at is None else format_instant(view.accepted_at),
    }


def activity_entities(entries: Iterable[TimelineEntry]) -> list[dict[str, Any]]:
    """Return activities as OData entities."""
    return [_activity(entry) for entry in entries]


def _activity(entry: TimelineEntry) -> dict[str, Any]:
    if not entry.live:
        return dict(entry.activity)
    live = {
        "validUntil": None if entry.valid_until is None else format_instant(entry.valid_until),
        "eventId": entry.event_id,
        "caller": entry.caller,
    }
    return {**entry.activity, "@overtide.live": live}


def moment_headers(shown: Card | Timeline) -> dict[str, str]:
    """Return the instants and the run of an answer."""
    return {
        "Overtide-As-Of": format_instant(shown.as_of),
        "Overtide-Known-At": format_instant(shown.known_at),
        "Overtide-Run": str(shown.run),
    }
