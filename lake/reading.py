"""What a profile and a timeline look like at an instant t, known at an instant k.

Pure functions, no files, no clock.

Instants are microseconds since 1970 UTC; intervals are half-open. The events given must be all
those whose target resolves to the customer in base(min(t, k)), and the profile and activities those
of that base.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from overtide.lake.generation import Profile
from overtide.schemas.activities import COLUMNS
from overtide.schemas.events import (
    ActivityBody,
    Event,
    UndecodableError,
    UpdateBody,
    WithdrawalBody,
)
from overtide.schemas.instants import format_instant
from overtide.schemas.table import ProfileField
from overtide.schemas.types import type_of
from overtide.schemas.values import Value

if TYPE_CHECKING:
    import pyarrow as pa

Said = TypeVar("Said")


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field of a card: `value` is shown, `base_value` lies beneath.

    `live`: an update shows it, until `valid_until` (microseconds); `event_id` and `caller` are the
    update's.
    """

    value: Value
    live: bool
    base_value: Value
    valid_until: int | None = None
    event_id: str | None = None
    caller: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the field as a JSON document."""
        until = None if self.valid_until is None else format_instant(self.valid_until)
        return {
            "value": self.value,
            "live": self.live,
            "baseValue": self.base_value,
            "validUntil": until,
            "eventId": self.event_id,
            "caller": self.caller,
        }


@dataclass(frozen=True, slots=True)
class Card:
    """A profile at `as_of` as known at `known_at`, over the base that `run` published.

    `as_of` and `known_at` are instants.

    `card["EMail"]` is what a field shows, `card.fields["EMail"]` says more. Values are text,
    numbers, booleans or None; decimals, dates and instants are text. `previous` are ids merged into
    this one, `records` the source records as (entity, key, whether it is its entity's winner).
    Instants are microseconds since 1970 UTC.
    """

    customer_id: str
    as_of: int
    known_at: int
    run: int
    fields: dict[str, FieldView]
    previous: tuple[str, ...]
    records: tuple[tuple[str, str, bool], ...]

    def __getitem__(self, name: str) -> Value:
        """Return the value that a field shows."""
        return self.fields[name].value

    def as_json(self) -> dict[str, Any]:
        """Return the card as a JSON document."""
        records = [
            {"entity": entity, "key": key, "winner": winner} for entity, key, winner in self.records
        ]
        return {
            "customerId": self.customer_id,
            "asOf": format_instant(self.as_of),
            "knownAt": format_instant(self.known_at),
            "run": self.run,
            "fields": {name: view.as_json() for name, view in self.fields.items()},
            "previous": list(self.previous),
            "records": records,
        }


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One activity of a timeline: `entry["Title"]` and the other columns of UnifiedActivity.

    `live`: it is a real-time one, shown until `valid_until` (microseconds); `event_id` and `caller`
    are its event's.
    """

    activity: Mapping[str, Value]
    live: bool
    valid_until: int | None = None
    event_id: str | None = None
    caller: str | None = None

    def __getitem__(self, name: str) -> Value:
        """Return a column of the activity."""
        return self.activity[name]

    def as_json(self) -> dict[str, Any]:
        """Return the entry as a JSON document: the activity's columns, then where it came from."""
        until = None if self.valid_until is None else format_instant(self.valid_until)
        return {
            **self.activity,
            "live": self.live,
            "validUntil": until,
            "eventId": self.event_id,
            "caller": self.caller,
        }


@dataclass(frozen=True, slots=True)
class Timeline:
    """The activities of a customer at the instant `as_of`, known at `known_at`.

    `entries`, newest first.
    """

    customer_id: str
    as_of: int
    known_at: int
    run: int
    entries: tuple[TimelineEntry, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the timeline as a JSON document."""
        return {
            "customerId": self.customer_id,
            "asOf": format_instant(self.as_of),
            "knownAt": format_instant(self.known_at),
            "run": self.run,
            "activities": [entry.as_json() for entry in self.entries],
        }

    def as_arrow(self) -> "pa.Table":
        """Return one row per activity, columns as in `as_json`, instants as text."""
        import pyarrow as pa

        columns = {name: pa.string() for name in COLUMNS}
        schema = pa.schema(
            {
                **columns,
                "live": pa.bool_(),
                "validUntil": pa.string(),
                "eventId": pa.string(),
                "caller": pa.string(),
            }
        )
        return pa.Table.from_pylist([entry.as_json() for entry in self.entries], schema=schema)


@dataclass(frozen=True, slots=True)
class Override:
    """The update that decides a field."""

    value: Value
    event: Event


def card(
    profile: Profile,
    metadata: Mapping[str, ProfileField],
    events: Iterable[Event],
    t: int,
    k: int,
    run: int,
) -> Card:
    """Return the profile with the updates laid over it that are valid at t and known at k."""
    overrides = overlay(events, metadata, t, k)
    fields = {
        name: _view(profile.fields.get(name), overrides.get(name))
        for name in metadata
        if name != "CustomerId"
    }
    return Card(profile.customer_id, t, k, run, fields, profile.previous, profile.records)


def _view(base_value: Value, override: Override | None) -> FieldView:
    if override is None:
        return FieldView(base_value, False, base_value)
    event = override.event
    return FieldView(
        override.value, True, base_value, event.valid_until, event.event_id, event.caller
    )


def overlay(
    events: Iterable[Event], metadata: Mapping[str, ProfileField], t: int, k: int
) -> dict[str, Override]:
    """Return, per field that an update decides at t known at k, that update.

    The greatest (valid_from, accepted_at, event_id) among the valid ones wins. A field that is not
    updatable, or a value that no longer fits the field's type, is not shown.
    """
    known = [event for event in events if event.accepted_at <= k and event.valid_from <= t]
    ended = _ended(known)
    valid = (event for event in known if event.kind == "update" and valid_at(event, t))
    winners: dict[str, Override] = {}
    for event in sorted(valid, key=_rank):
        said = _read(UpdateBody.read, event)
        for name, value in said.fields.items() if said else ():
            if event.valid_from > ended(name) and _shows(metadata.get(name), value):
                winners[name] = Override(value, event)
    return winners


def valid_at(event: Event, t: int) -> bool:
    """Say whether an update or activity is valid at an instant, withdrawals aside."""
    return event.valid_from <= t and event.valid_until is not None and t < event.valid_until


def _rank(event: Event) -> tuple[int, int, str]:
    return event.valid_from, event.accepted_at, event.event_id


def _ended(known: Iterable[Event]) -> Callable[[str], float]:
    """Return a function from a field to the latest valid_from that a withdrawal ends.

    The withdrawal is in force; without one the function returns -infinity.
    """
    latest: dict[str | None, float] = {}
    for event in known:
        said = _read(WithdrawalBody.read, event) if event.kind == "withdrawal" else None
        if said is not None:
            latest[said.field] = max(event.valid_from, latest.get(said.field, event.valid_from))
    nothing = float("-inf")
    everything = latest.get(None, nothing)
    return lambda field: max(everything, latest.get(field, nothing))


def _read(read: Callable[[Event], Said], event: Event) -> Said | None:
    """Return what an event's body says.

    One that cannot be read says nothing (the stream lists it in its quarantine).
    """
    try:
        return read(event)
    except UndecodableError:
        return None


def _shows(field: ProfileField | None, value: Value) -> bool:
    """Say whether a value that was accepted earlier still is one of an updatable field."""
    return field is not None and field.updatable and type_of(field.type).misfit(value) is None


def live_activities(events: Iterable[Event], t: int, k: int) -> list[TimelineEntry]:
    """Return the real-time activities that are valid at t and known at k.

    There is one per ActivityId, the first accepted.
    """
    entries: dict[Value, TimelineEntry] = {}
    for event in sorted(events, key=lambda event: event.accepted_at):
        if event.kind == "activity" and event.accepted_at <= k and valid_at(event, t):
            said = _read(ActivityBody.read, event)
            if said is not None:
                entries.setdefault(event.activity_id, _live(event, said))
    return list(entries.values())


def _live(event: Event, said: ActivityBody) -> TimelineEntry:
    return TimelineEntry(said.columns, True, event.valid_until, event.event_id, event.caller)


def timeline(
    base: Iterable[Mapping[str, Value]],
    live: Iterable[TimelineEntry],
    elsewhere: Iterable[str] = (),
) -> tuple[TimelineEntry, ...]:
    """Merge base activities with live ones.

    Newest ActivityTime first, then ActivityId, no time last.

    An activity that the base has, for this customer or (`elsewhere`: ActivityIds) for another, is
    the base's.
    """
    entries = [TimelineEntry(activity, False) for activity in base]
    taken = {*elsewhere, *(entry["ActivityId"] for entry in entries)}
    entries += [entry for entry in live if entry["ActivityId"] not in taken]
    by_id = sorted(entries, key=lambda entry: entry["ActivityId"] or "")
    return tuple(sorted(by_id, key=lambda entry: entry["ActivityTime"] or "", reverse=True))
