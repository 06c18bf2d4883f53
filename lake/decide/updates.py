"""Which update decides a field at an instant t, known at k, and why the others do not.

Pure functions, no files, no clock. Instants are microseconds since 1970 UTC. An update decides
within an interval [valid_from, end): it ends at its valid_until, or where a withdrawal that begins
no earlier than it begins (semantics 2.3, 2.4).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from overtide.schemas.events import Event, UndecodableError, UpdateBody, WithdrawalBody
from overtide.schemas.instants import Instant
from overtide.schemas.table import ProfileField
from overtide.schemas.types import type_of
from overtide.schemas.values import Value

Said = TypeVar("Said")


class Reason(Enum):
    """Why an update does not decide a field; of several reasons the first of these."""

    HELD = "held"
    """The base lacks the id or the record that it names."""
    NOT_STARTED = "not_started"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    UNFIT = "unfit"
    """The base has no such field to be updated, or the value is none of its type."""
    OLDER = "older"
    """Another one has a greater (valid_from, accepted_at, event_id)."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an update says of one field."""

    field: str
    value: Value
    event: Event


@dataclass(frozen=True, slots=True)
class Loser:
    """An update of a field that does not decide it, and why."""

    change: Change
    reason: Reason


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides a field: an update, or the base where `winner` is None.

    Of the `losers` the latest comes first, and those that are held come last. `changes_at` is the
    next instant at which another one decides, by what is known at k and over the same base.
    """

    winner: Change | None
    losers: tuple[Loser, ...]
    changes_at: Instant | None


class Overlay:
    """The updates of a customer that are known at an instant k, over the fields of a base.

    `events` must be all those whose target resolves to the customer in that base.
    """

    def __init__(
        self, events: Iterable[Event], fields: Mapping[str, ProfileField], k: Instant
    ) -> None:
        known = [event for event in events if event.accepted_at <= k]
        self._updates = [event for event in known if event.kind == "update"]
        self._withdrawals = _withdrawals(known)
        self._fields = fields

    def winners(self, t: Instant) -> dict[str, Change]:
        """Return, per field that an update decides at t, what that says.

        They are the winners of `decision`; only bodies of updates that are valid at t are read.
        """
        valid = (event for event in self._updates if invalid(event, t) is None)
        return {
            change.field: change
            for event in sorted(valid, key=_rank)
            for change in _changes(event)
            if self._loses(change, t) is None
        }

    def decision(self, field: str, t: Instant, held: Iterable[Event] = ()) -> Decision:
        """Return who decides a field at t, and why no other update of it does.

        `held` are updates known at k whose target the base lacks.
        """
        changes = list(_changes_of(field, sorted(self._updates, key=_rank, reverse=True)))
        reasons = [self._loses(change, t) for change in changes]
        winner = changes[reasons.index(None)] if None in reasons else None
        losers = [
            Loser(change, reason or Reason.OLDER)
            for change, reason in zip(changes, reasons, strict=True)
            if change is not winner
        ]
        losers += [Loser(change, Reason.HELD) for change in _changes_of(field, held)]
        return Decision(winner, tuple(losers), self._changes_at(winner, changes, t))

    def _loses(self, change: Change, t: Instant) -> Reason | None:
        """Return why an update could not decide its field at t; None where it could."""
        reason = invalid(change.event, t)
        if reason is not None:
            return reason
        if self._end(change) <= t:
            return Reason.WITHDRAWN
        return None if _fits(self._fields.get(change.field), change.value) else Reason.UNFIT

    def _end(self, change: Change) -> float:
        """Return the instant from which an update decides no more."""
        event = change.event
        until = event.valid_until or event.valid_from
        return min(
            until,
            *(
                _first(self._withdrawals.get(field, ()), event.valid_from)
                for field in (None, change.field)
            ),
        )

    def _changes_at(
        self, winner: Change | None, changes: Iterable[Change], t: Instant
    ) -> Instant | None:
        """Return when the winner ends, or an update begins: each begins later than the winner."""
        begins = [
            change.event.valid_from
            for change in changes
            if t < change.event.valid_from < self._end(change)
            and _fits(self._fields.get(change.field), change.value)
        ]
        ends = [] if winner is None else [int(self._end(winner))]
        return min(begins + ends, default=None)


def next_boundary(events: Iterable[Event], t: Instant) -> Instant | None:
    """Return the first instant after t at which one of the events begins or ends, None for none.

    Nothing that they decide changes before it.
    """
    boundaries = (one for event in events for one in (event.valid_from, event.valid_until))
    return min((one for one in boundaries if one is not None and one > t), default=None)


def invalid(event: Event, t: Instant) -> Reason | None:
    """Return why an update or activity is not valid at t, withdrawals aside; None where it is."""
    if t < event.valid_from:
        return Reason.NOT_STARTED
    if event.valid_until is None or event.valid_until <= t:
        return Reason.EXPIRED
    return None


def said(read: Callable[[Event], Said], event: Event) -> Said | None:
    """Return what an event's body says.

    One that cannot be read says nothing (the stream lists it in its quarantine).
    """
    try:
        return read(event)
    except UndecodableError:
        return None


def _rank(event: Event) -> tuple[Instant, Instant, str]:
    return event.valid_from, event.accepted_at, event.event_id


def _withdrawals(known: Iterable[Event]) -> dict[str | None, list[Instant]]:
    """Return the instants from which withdrawals hold, in order.

    They are given by the field that is withdrawn, None for all fields.
    """
    found: dict[str | None, list[Instant]] = {}
    for event in known:
        body = said(WithdrawalBody.read, event) if event.kind == "withdrawal" else None
        if body is not None:
            found.setdefault(body.field, []).append(event.valid_from)
    return {field: sorted(instants) for field, instants in found.items()}


def _first(instants: Sequence[Instant], since: Instant) -> float:
    """Return the first of ordered instants that is not before another, infinity where none is."""
    place = bisect_left(instants, since)
    return instants[place] if place < len(instants) else float("inf")


def _changes(event: Event) -> Iterator[Change]:
    body = said(UpdateBody.read, event)
    for field, value in body.fields.items() if body else ():
        yield Change(field, value, event)


def _changes_of(field: str, events: Iterable[Event]) -> Iterator[Change]:
    return (change for event in events for change in _changes(event) if change.field == field)


def _fits(field: ProfileField | None, value: Value) -> bool:
    """Say whether a value that was accepted earlier still is one of an updatable field."""
    return field is not None and field.updatable and type_of(field.type).misfit(value) is None
