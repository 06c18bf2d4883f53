"""Events: what a client asks (`Draft`), what was accepted (`Event`), and what that says (bodies).

The steps between them are pure.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from overtide.schemas.activity_columns import ACTIVITY_COLUMNS
from overtide.schemas.errors import InvalidRequestError, InvalidValueError
from overtide.schemas.instants import DAY, LATEST, MINUTE, Instant, format_instant, parse_instant
from overtide.schemas.values import Value, canonical

Kind = Literal["update", "withdrawal", "activity", "damaged"]
DAMAGED: Literal["damaged"] = "damaged"
"""The kind of an event that is not as it was written: none of its values is true."""
KINDS: tuple[Kind, ...] = ("update", "withdrawal", "activity")
IdSource = Callable[[Instant], str]
"""Gives the event id for an instant of acceptance."""

MAX_LIFE = 30 * DAY + 5 * MINUTE
"""How far after acceptance an event may end; the minutes are for clients' clocks."""
MAX_AHEAD = 5 * MINUTE
"""How far in the future an event time may lie."""
UNIFIED_ACTIVITY = "UnifiedActivity"
BODY_VERSION = 1
"""The version of the bodies below.

It is not written, and so the first is that of every body without one; a later version writes its
number as `version`, and who does not know that takes the event for one that cannot be decoded.
"""


class Outcome(Enum):
    """What became of a request that was accepted.

    The numbers are how logs hold it, in their column `status`. They happen to be HTTP statuses,
    since the column was made for those; another form would need a new layout and a migration.
    """

    CHANGED = 204
    """A profile's fields are changed, or changes are withdrawn."""
    CREATED = 201
    """An activity is there."""
    HELD = 202
    """An activity waits for its customer."""

    def __init__(self, number: int) -> None:
        self.number = number
        """The value, which by that name takes eight times as long."""

    __hash__ = object.__hash__  # each is there once, and an enum's own takes six times as long


class Event(NamedTuple):
    """An accepted event. The target is an id, or a source record (entity, key), as posted.

    Instants in microseconds.

    `body` is canonical JSON: update `{"fields": {name: value}}`; withdrawal `{"field": name or
    null}`; activity: the UnifiedActivity record without CustomerId.
    """

    position: int
    event_id: str
    accepted_at: Instant
    kind: Kind
    customer_id: str | None
    entity: str | None
    key: str | None
    valid_from: Instant
    valid_until: Instant | None
    caller: str | None
    body: str
    activity_id: str | None = None


class Draft(NamedTuple):
    """What a client asks for, before it has a position.

    Checked but for what depends on the instant of acceptance.

    `ttl` (microseconds after acceptance) holds where `valid_until` is None. `request_hash` is the
    hash of the request as sent, compared for an idempotency key; `body_hash` that of an activity's
    record, compared for its identity. `outcome` is what its acceptance will be answered with.
    """

    kind: Kind
    customer_id: str | None
    entity: str | None
    key: str | None
    body: str
    event_time: Instant | None = None
    valid_until: Instant | None = None
    ttl: int | None = None
    caller: str | None = None
    idempotency_key: str | None = None
    request_hash: str | None = None
    body_hash: str | None = None
    activity_id: str | None = None
    outcome: Outcome = Outcome.CREATED


class UndecodableError(ValueError):
    """An event's body does not say what its kind must say."""


@dataclass(frozen=True, slots=True)
class UpdateBody:
    """What an update says: canonical values by name of the field."""

    fields: Mapping[str, Value]

    def text(self) -> str:
        """Return the body as events hold it: canonical JSON."""
        return canonical({"fields": dict(self.fields)})

    @classmethod
    def read(cls, event: Event) -> "UpdateBody":
        """Return what an update says; raise `UndecodableError`."""
        fields = _document(event).get("fields")
        if not isinstance(fields, dict) or event.valid_until is None:
            raise UndecodableError("an update needs `fields` and an end")
        return cls(fields)


@dataclass(frozen=True, slots=True)
class WithdrawalBody:
    """What a withdrawal says: the field whose updates it ends, None for all."""

    field: str | None

    def text(self) -> str:
        """Return the body as events hold it: canonical JSON."""
        return canonical({"field": self.field})

    @classmethod
    def read(cls, event: Event) -> "WithdrawalBody":
        """Return what a withdrawal says; raise `UndecodableError`."""
        document = _document(event)
        field = document.get("field")
        if not isinstance(field, str | None) or "field" not in document:
            raise UndecodableError("a withdrawal needs `field`, a name or null")
        return cls(field)


@dataclass(frozen=True, slots=True)
class ActivityBody:
    """What an activity says: the columns of UnifiedActivity but CustomerId, as texts."""

    columns: Mapping[str, Value]

    def text(self) -> str:
        """Return the body as events hold it: canonical JSON."""
        return canonical(dict(self.columns))

    def named_by(self, event_id: str) -> "ActivityBody":
        """Return the activity with the identity that its event gives it."""
        source = str(self.columns.get("SourceEntityName") or UNIFIED_ACTIVITY)
        named = {
            "SourceEntityName": source,
            "SourceActivityId": event_id,
            "ActivityId": activity_id(source, event_id),
        }
        return ActivityBody({**self.columns, **named})

    @property
    def time(self) -> Instant | None:
        """ActivityTime as an instant; raises `UndecodableError` where it is none."""
        text = self.columns["ActivityTime"]
        try:
            return None if text is None else parse_instant(str(text))
        except InvalidValueError as error:
            raise UndecodableError(f"ActivityTime: {error.message.rstrip('.')}") from None

    @classmethod
    def read(cls, event: Event) -> "ActivityBody":
        """Return what an activity says, all columns; raise `UndecodableError`.

        Its time is looked at by `time` alone.
        """
        document = _document(event)
        if event.valid_until is None or not event.activity_id:
            raise UndecodableError("an activity needs an end and an ActivityId")
        return cls({name: _text(document, name) for name, _, _ in ACTIVITY_COLUMNS})


def _document(event: Event) -> dict[str, Any]:
    """Return an event's body as a JSON object of the version that is known here."""
    try:
        document = json.loads(event.body)
    except ValueError as error:
        raise UndecodableError(f"its body is not JSON ({error})") from None
    if not isinstance(document, dict):
        raise UndecodableError("its body is not a JSON object")
    if document.get("version", BODY_VERSION) != BODY_VERSION:
        raise UndecodableError(f"its body has version {document['version']}, not {BODY_VERSION}")
    return document


def _text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    if not isinstance(value, str | None):
        raise UndecodableError(f"{name} is not a text")
    return value


def resolve(draft: Draft, accepted_at: Instant, event_id: str, position: int = 0) -> Event:
    """Return the event that a draft becomes at its acceptance.

    Raise when its times break the limits of semantics 2.2.

    Codes: `event_time_in_future`, `expired`, `ends_before_start`, `too_far`.
    """
    valid_from = accepted_at if draft.event_time is None else draft.event_time
    if valid_from > accepted_at + MAX_AHEAD:
        raise InvalidRequestError(
            "event_time_in_future",
            f"The event time {format_instant(valid_from)} lies more than 5 minutes in the future.",
            "eventTime",
            "Correct the sender's clock.",
        )
    valid_until = None if draft.kind == "withdrawal" else _end(draft, accepted_at, valid_from)
    body, activity_id = draft.body, draft.activity_id
    if draft.kind == "activity" and activity_id is None:
        own = ActivityBody(json.loads(body)).named_by(event_id)
        body, activity_id = own.text(), str(own.columns["ActivityId"])
    return Event(
        position,
        event_id,
        accepted_at,
        draft.kind,
        draft.customer_id,
        draft.entity,
        draft.key,
        valid_from,
        valid_until,
        draft.caller,
        body,
        activity_id,
    )


def _end(draft: Draft, accepted_at: Instant, valid_from: Instant) -> Instant:
    end = accepted_at + (draft.ttl or 0) if draft.valid_until is None else draft.valid_until
    if end > accepted_at + MAX_LIFE:
        raise InvalidRequestError(
            "too_far",
            f"The event would end at {format_instant(min(end, LATEST))}, more than 30 days "
            "after its acceptance.",
            "validUntil",
            "End it within 30 days and send it again then.",
        )
    if end <= accepted_at:
        raise InvalidRequestError(
            "expired",
            f"The event would end at {format_instant(end)}, not after its acceptance at "
            f"{format_instant(accepted_at)}.",
            "validUntil",
            "Choose an end in the future.",
        )
    if end <= valid_from:
        raise InvalidRequestError(
            "ends_before_start",
            f"The event would end at {format_instant(end)}, not after its start "
            f"at {format_instant(valid_from)}.",
            "validUntil",
            "Choose an end after the event time.",
        )
    return end


def activity_id(source_entity: str, source_activity_id: str) -> str:
    """Return the ActivityId of an activity's identity: 32 hex characters.

    MD5 costs two fifths of SHA-256 in a refresh, and is as good here: nobody can find an id to a
    given hash, and who makes two ids of one hash harms his own activities alone.
    """
    return activity_ids(source_entity)(source_activity_id)


def activity_ids(source_entity: str) -> Callable[[str], str]:
    """Return what gives the ActivityId of each SourceActivityId of an entity."""
    begun = hashlib.md5(f"{source_entity}\x1f".encode(), usedforsecurity=False)

    def identity(source_activity_id: str) -> str:
        whole = begun.copy()
        whole.update(source_activity_id.encode())
        return whole.hexdigest()

    return identity


def hash_of(document: object) -> str:
    """Return the SHA-256 of a document's canonical JSON, as hex."""
    return hash_of_text(canonical(document))


def hash_of_text(text: str) -> str:
    """Return the SHA-256 of canonical JSON, as hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def event_id(accepted_at: Instant, random_bits: int) -> str:
    """Return the UUIDv7 of an instant and 62 random bits.

    It increases with the instant, microsecond by microsecond.
    """
    milliseconds, rest = divmod(accepted_at, 1000)
    high, low = divmod(2 << 62 | random_bits, 1 << 48)
    return f"{_beginning(milliseconds)}{rest * 4096 // 1000:03x}-{high:04x}-{low:012x}"


@lru_cache(maxsize=64)
def _beginning(milliseconds: int) -> str:
    """Return how the UUIDs of a millisecond begin, up to their version; a batch has many of one."""
    return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7"


def id_source(random_bits: Callable[[], int]) -> IdSource:
    """Return a source of event ids that takes 62 random bits per id from `random_bits`."""
    return lambda accepted_at: event_id(accepted_at, random_bits())
