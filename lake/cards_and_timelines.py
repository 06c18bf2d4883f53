"""What a profile and a timeline look like at an instant t, known at an instant k.

Pure functions, no files, no clock: what `decide` decided, as documents.

Instants are microseconds since 1970 UTC; intervals are half-open. The events given must be all
those whose target resolves to the customer in base(min(t, k)), and the profile and activities those
of that base.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from overtide.lake.decide.activities import valid_activities
from overtide.lake.decide.updates import Change, Overlay
from overtide.lake.generation import Profile
from overtide.schemas.activities import COLUMNS
from overtide.schemas.events import Event
from overtide.schemas.instants import format_instant
from overtide.schemas.table import ProfileField
from overtide.schemas.values import Value

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field of a card: `value` is shown, `base_value` lies beneath.

    `live`: an update shows it, until `valid_until`; `event_id`, `caller` and `accepted_at` are the
    update's. Instants are microseconds.
    """

    value: Value
    live: bool
    base_value: Value
    valid_until: int | None = None
    event_id: str | None = None
    caller: str | None = None
    accepted_at: int | None = None

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
class MergedProfile:
    """A profile at `as_of` as known at `known_at`, and the updates that decide fields of it.

    What a card says, before it is said field by field: `winners` has the deciding update of each
    field that has one.
    """

    profile: Profile
    metadata: Mapping[str, ProfileField]
    winners: Mapping[str, Change]
    as_of: int
    known_at: int
    run: int

    def values(self) -> dict[str, Value]:
        """Return what each column of Customer shows, its id among them."""
        shown: dict[str, Value] = {}
        for name in self.metadata:
            winner = self.winners.get(name)
            shown[name] = self.profile.fields.get(name) if winner is None else winner.value
        return shown | {"CustomerId": self.profile.customer_id}

    def card(self) -> Card:
        """Return it as a card."""
        profile = self.profile
        fields = {
            name: _view(profile.fields.get(name), self.winners.get(name))
            for name in self.metadata
            if name != "CustomerId"
        }
        shown = self.as_of, self.known_at, self.run, fields
        return Card(profile.customer_id, *shown, profile.previous, profile.records)


def merged_profile(
    profile: Profile,
    metadata: Mapping[str, ProfileField],
    events: Sequence[Event],
    t: int,
    k: int,
    run: int,
) -> MergedProfile:
    """Return the profile with the updates laid over it that are valid at t and known at k."""
    winners = Overlay(events, metadata, k).winners(t) if events else {}
    return MergedProfile(profile, metadata, winners, t, k, run)


def card(
    profile: Profile,
    metadata: Mapping[str, ProfileField],
    events: Iterable[Event],
    t: int,
    k: int,
    run: int,
) -> Card:
    """Return the card of a merged profile."""
    return merged_profile(profile, metadata, list(events), t, k, run).card()


def _view(base_value: Value, winner: Change | None) -> FieldView:
    if winner is None:
        return FieldView(base_value, False, base_value)
    event = winner.event
    return FieldView(
        winner.value,
        True,
        base_value,
        event.valid_until,
        event.event_id,
        event.caller,
        event.accepted_at,
    )


def live_activities(events: Iterable[Event], t: int, k: int) -> list[TimelineEntry]:
    """Return the real-time activities that are valid at t and known at k.

    There is one per ActivityId, the first accepted.
    """
    return [
        TimelineEntry(body.columns, True, event.valid_until, event.event_id, event.caller)
        for event, body in valid_activities(events, t, k)
    ]
