"""A customer and its activities as OData entities, with what is live as annotations.

`"EMail@overtide.override"` says of a value that an update shows until when it does, what lies
beneath it and who changed it. Instants in headers are those of the whole answer.
"""

from collections.abc import Iterable
from typing import Any

from overtide.lake.cards_and_timelines import MergedProfile, Timeline, TimelineEntry
from overtide.lake.decide.updates import Change
from overtide.schemas.instants import format_instant
from overtide.schemas.values import Value

OVERRIDE = "@overtide.override"


def customer_entity(shown: MergedProfile, context: str) -> dict[str, Any]:
    """Return a customer as an OData entity."""
    profile, winners = shown.profile, shown.winners
    entity: dict[str, Any] = {"@odata.context": context, "CustomerId": profile.customer_id}
    value_of = profile.fields.get
    if winners:
        for name in shown.metadata:
            if name != "CustomerId":
                entity |= _shown(name, value_of(name), winners.get(name))
    else:
        entity |= {name: value_of(name) for name in shown.metadata if name != "CustomerId"}
    entity["PreviousCustomerId"] = ";".join(profile.previous) or None
    entity["@overtide.records"] = [
        {"entity": entity_name, "key": key, "winner": winner}
        for entity_name, key, winner in profile.records
    ]
    return entity


def _shown(name: str, base_value: Value, winner: Change | None) -> dict[str, Any]:
    """Return a field, with what is to say of an update that decides it."""
    if winner is None:
        return {name: base_value}
    until = winner.event.valid_until
    override = {
        "baseValue": base_value,
        "validUntil": None if until is None else format_instant(until),
        "eventId": winner.event.event_id,
        "caller": winner.event.caller,
    }
    return {name: winner.value, name + OVERRIDE: override}


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


def moment_headers(shown: MergedProfile | Timeline) -> dict[str, str]:
    """Return the instants and the run of an answer."""
    return {
        "Overtide-As-Of": format_instant(shown.as_of),
        "Overtide-Known-At": format_instant(shown.known_at),
        "Overtide-Run": str(shown.run),
    }
