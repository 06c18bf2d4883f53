"""Events: what a client asks (`Draft`) and what was accepted (`Event`).

The step between the two is pure.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from overtide.schemas.errors import InvalidRequestError
from overtide.schemas.instants import DAY, LATEST, MINUTE, Instant, format_instant
from overtide.schemas.values import canonical

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


@dataclass(frozen=True, slots=True)
class Event:
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


@dataclass(frozen=True, slots=True)
class Draft:
    """What a client asks for, before it has a position.

    Checked but for what depends on the instant of acceptance.

    `ttl` (microseconds after acceptance) holds where `valid_until` is None. `request_hash` is the
    hash of the request as sent, compared for an idempotency key; `body_hash` that of an activity's
    record, compared for its identity. `status` is the HTTP status of its acceptance: 204 for
    profiles, 201 for an activity, 202 for one that is held.
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
    status: int = 201


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
        body, activity_id = _named_by_event(body, event_id)
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


def _named_by_event(body: str, event_id: str) -> tuple[str, str]:
    record = json.loads(body)
    source = record.get("SourceEntityName") or UNIFIED_ACTIVITY
    identity = activity_id(source, event_id)
    record.update(SourceEntityName=source, SourceActivityId=event_id, ActivityId=identity)
    return canonical(record), identity


def activity_id(source_entity: str, source_activity_id: str) -> str:
    """Return the ActivityId of an activity's identity: 32 hex characters.

    MD5 costs two fifths of SHA-256 in a refresh, and is as good here: nobody can find an id to a
    given hash, and who makes two ids of one hash harms his own activities alone.
    """
    return hashlib.md5(
        f"{source_entity}\x1f{source_activity_id}".encode(), usedforsecurity=False
    ).hexdigest()


def hash_of(document: object) -> str:
    """Return the SHA-256 of a document's canonical JSON, as hex."""
    return hashlib.sha256(canonical(document).encode()).hexdigest()


def event_id(accepted_at: Instant, random_bits: int) -> str:
    """Return the UUIDv7 of an instant and 62 random bits.

    It increases with the instant, microsecond by microsecond.
    """
    milliseconds, rest = divmod(accepted_at, 1000)
    number = milliseconds << 80 | 7 << 76 | (rest * 4096 // 1000) << 64 | 2 << 62 | random_bits
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def id_source(random_bits: Callable[[], int]) -> IdSource:
    """Return a source of event ids that takes 62 random bits per id from `random_bits`."""
    return lambda accepted_at: event_id(accepted_at, random_bits())
