"""A customer and its activities as OData entities, with what is live as annotations.

`"EMail@overtide.override"` says of a value that an update shows until when it does, what lies
beneath it and who changed it; `"ActivityTime@overtide.date"` of an activity that only its date is
known, whatever the zone of whoever reads. Instants in headers are those of the whole answer.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from overtide.lake.cards_and_timelines import MergedProfile, Timeline, TimelineEntry
from overtide.lake.dated_activities import Dated
from overtide.schemas.events import Event
from overtide.schemas.instants import format_instant, parse_instant
from overtide.schemas.values import Value

OVERRIDE = "@overtide.override"
DATE = "ActivityTime@overtide.date"


def customer_entity(shown: MergedProfile, context: str) -> dict[str, Any]:
    """Return a customer as an OData entity."""
    profile, winners = shown.profile, shown.winners
    entity: dict[str, Any] = {"@odata.context": context, "CustomerId": profile.customer_id}
    value_of = profile.fields.get
    for name in shown.metadata:
        winner = winners.get(name)
        if winner is not None:
            entity[name] = winner.value
            entity[name + OVERRIDE] = _override(value_of(name), winner.event)
        elif name != "CustomerId":
            entity[name] = value_of(name)
    entity["PreviousCustomerId"] = ";".join(profile.previous) or None
    entity["@overtide.records"] = [
        {"entity": entity_name, "key": key, "winner": winner}
        for entity_name, key, winner in profile.records
    ]
    return entity


def _override(base_value: Value, event: Event) -> dict[str, Any]:
    """Return what is to say of an update that decides a field."""
    return {
        "baseValue": base_value,
        "validUntil": None if event.valid_until is None else format_instant(event.valid_until),
        "eventId": event.event_id,
        "caller": event.caller,
        "acceptedAt": format_instant(event.accepted_at),
    }


def activity_entities(entries: Iterable[TimelineEntry], dated: Dated) -> list[dict[str, Any]]:
    """Return activities as OData entities."""
    return [_activity(entry) | date_of(entry.activity, dated) for entry in entries]


def date_of(activity: Mapping[str, Any], dated: Dated) -> dict[str, str]:
    """Return what is to say of an activity of which only the date is known: that date."""
    time = activity["ActivityTime"]
    instant = parse_instant(str(time)) if time else None
    day = dated.day(activity["SourceEntityName"], instant)
    return {} if day is None else {DATE: day}


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
