"""Decide drafts in the order in which they came: accepted, the first answer again, or refused.

What was decided earlier in the same transaction counts like what the log holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from overtide.eventlog.contract import Decision, Tail
from overtide.schemas.errors import ConflictError, InvalidRequestError, OvertideError
from overtide.schemas.events import Draft, Event, IdSource, Outcome, resolve
from overtide.schemas.instants import Clock


class Entry(NamedTuple):
    """An event with what only the log keeps of its draft."""

    event: Event
    idempotency_key: str | None = None
    request_hash: str | None = None
    body_hash: str | None = None
    outcome: Outcome = Outcome.CREATED


@dataclass(frozen=True, slots=True)
class Repeat:
    """A request with its own idempotency key, answered with an activity that was there.

    The activity was there before the request.
    """

    caller: str
    idempotency_key: str
    request_hash: str | None
    position: int


@dataclass
class Remembered:
    """Entries that answer a repetition: by caller and idempotency key, and by ActivityId."""

    by_key: dict[tuple[str, str], Entry] = field(default_factory=dict)
    by_activity: dict[str, Entry] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Remember an entry."""
        if entry.idempotency_key is not None:
            self.by_key[entry.event.caller or "", entry.idempotency_key] = entry
        if entry.event.activity_id is not None:
            self.by_activity[entry.event.activity_id] = entry

    def remove(self, entry: Entry) -> None:
        """Forget an entry that was added."""
        if entry.idempotency_key is not None:
            del self.by_key[entry.event.caller or "", entry.idempotency_key]
        if entry.event.activity_id is not None:
            del self.by_activity[entry.event.activity_id]

    def use_key(self, repeat: Repeat, event: Event, outcome: Outcome) -> None:
        """Remember the key of a request that was answered with the event of another."""
        self.by_key[repeat.caller, repeat.idempotency_key] = Entry(
            event, repeat.idempotency_key, repeat.request_hash, outcome=outcome
        )


class Decisions:
    """Decides drafts against the end of a log and what it remembers of them.

    `entries` and `repeats` are to be written.
    """

    def __init__(self, remembered: Remembered, tail: Tail, clock: Clock, ids: IdSource) -> None:
        self.entries: list[Entry] = []
        self.repeats: list[Repeat] = []
        self.tail = tail
        self._remembered, self._clock, self._ids = remembered, clock, ids

    def decide(self, drafts: Sequence[Draft], atomic: bool) -> list[Decision]:
        """Decision a request; an `atomic` one with a refusal leaves nothing behind."""
        begin, tail = (
            (len(self.entries), len(self.repeats)),
            Tail(self.tail.position, self.tail.accepted_at),
        )
        answers = [self._answer(draft, tail.position) for draft in drafts]
        if not atomic or not any(answer.refusal for answer in answers):
            return answers
        self._undo(*begin, tail)
        return [
            answer if answer.refusal else Decision(refusal=batch_refused()) for answer in answers
        ]

    def _answer(self, draft: Draft, begin: int) -> Decision:
        known = repetition(draft, self._remembered, begin)
        if known is not None:
            self._use_key(draft, known)
            return known
        accepted_at = max(self._clock(), self.tail.accepted_at + 1)
        try:
            event = resolve(draft, accepted_at, self._ids(accepted_at), self.tail.position)
        except InvalidRequestError as refusal:
            return Decision(refusal=refusal)
        self._accept(
            Entry(event, draft.idempotency_key, draft.request_hash, draft.body_hash, draft.outcome)
        )
        return Decision(event, outcome=draft.outcome)

    def _accept(self, entry: Entry) -> None:
        event = entry.event
        self.entries.append(entry)
        self.tail.position, self.tail.accepted_at = event.position + 1, event.accepted_at
        self._remembered.add(entry)

    def _use_key(self, draft: Draft, known: Decision) -> None:
        """Remember a key that is new, although its request was answered without a new event."""
        caller, key = draft.caller or "", draft.idempotency_key
        if known.event is None or key is None or (caller, key) in self._remembered.by_key:
            return
        self.repeats.append(Repeat(caller, key, draft.request_hash, known.event.position))
        self._remembered.use_key(self.repeats[-1], known.event, known.outcome)

    def _undo(self, entries: int, repeats: int, tail: Tail) -> None:
        for repeat in self.repeats[repeats:]:
            del self._remembered.by_key[repeat.caller, repeat.idempotency_key]
        for entry in self.entries[entries:]:
            self._remembered.remove(entry)
        del self.entries[entries:], self.repeats[repeats:]
        self.tail = tail


def repetition(draft: Draft, remembered: Remembered, begin: int | None = None) -> Decision | None:
    """Return the first answer again, or the conflict with it; None for a draft that is new.

    Events from the position `begin` on are those of the same request.
    """
    if draft.idempotency_key is not None:
        first = remembered.by_key.get((draft.caller or "", draft.idempotency_key))
        if first is not None:
            return (
                _again(first)
                if first.request_hash == draft.request_hash
                else _key_conflict(draft, first)
            )
    if draft.activity_id is not None:
        first = remembered.by_activity.get(draft.activity_id)
        if first is not None:
            return (
                _again(first)
                if first.body_hash == draft.body_hash
                else _activity_conflict(draft, first, begin)
            )
    return None


def _again(first: Entry) -> Decision:
    return Decision(first.event, repeated=True, outcome=first.outcome)


def _key_conflict(draft: Draft, first: Entry) -> Decision:
    return Decision(
        refusal=ConflictError(
            "idempotency_conflict",
            f"The idempotency key {draft.idempotency_key!r} was used for another request "
            f"(event {first.event.event_id}).",
            "idempotencyKey",
            "Use a new key for a new request.",
        )
    )


def _activity_conflict(draft: Draft, first: Entry, begin: int | None) -> Decision:
    beside = (
        begin is not None and first.event.position >= begin
    )  # of all or none there may be no event in the end
    other = "in another row of this request" if beside else f"(event {first.event.event_id})"
    return Decision(
        refusal=ConflictError(
            "activity_conflict",
            f"The activity {draft.activity_id} exists with another content {other}.",
            "ActivityId",
            "Activities never change; post a new one.",
        )
    )


def batch_refused() -> OvertideError:
    """Return the refusal of a row that was in order, in a request that is all or none."""
    return InvalidRequestError(
        "batch_refused",
        "Not accepted, because another row of the same request was refused.",
        None,
        "Correct that row, or do not ask for all or none.",
    )
