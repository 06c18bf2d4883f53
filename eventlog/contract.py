"""The contracts of the event log: each says what one kind of caller needs of it.

Events are accepted once, durably and in order, and read by position.

There is one sequence of positions. They start at 0 and grow by one per event; `accepted_at`
strictly increases with the position.
An instant that an event or a publish takes lies after all those that either kind has taken before.
A process may die at any instant: what `append` returned is there afterwards, once; what it had not
returned is there whole or not at all.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from overtide.eventlog.failures import another
from overtide.schemas.errors import OvertideError
from overtide.schemas.events import DAMAGED, KINDS, Draft, Event, Kind, Outcome
from overtide.schemas.instants import Instant


class Decision(NamedTuple):
    """What became of one draft: its `event`, or an OvertideError as its `refusal`.

    `repeated`: the event was accepted before, for the same request, whose `outcome` it gets.
    """

    event: Event | None = None
    refusal: OvertideError | None = None
    repeated: bool = False
    outcome: Outcome = Outcome.CREATED


@dataclass
class Tail:
    """Where the log ends: one past its last position, and the last instant taken.

    An event or a publish has taken that instant.
    """

    position: int
    accepted_at: Instant


class ReadableLog(Protocol):
    """The log as a sequence that is read by position: one, whatever its files are."""

    def read(self, from_position: int, limit: int) -> list[Event]:
        """Return up to `limit` events from a position on, in order.

        Fewer only at the end of the log.

        The stream calls this with the position it last committed, and after a restart again: the
        same range always holds the same events, but for those that retention removed. One that is
        not as it was written comes as one of the kind DAMAGED, for the quarantine: the other
        methods raise `log_corrupt`, with its position.
        """

    def end(self) -> int:
        """Return one past the last position; 0 for a log without events. It never goes back."""

    def tail(self) -> Tail:
        """Return where the log ends and its last acceptance, asked at once.

        Whoever asks for one after the other may have an event between them. What retention removed
        counts; both are 0 before the first event.
        """

    def damage(self) -> OvertideError | None:
        """Return `log_corrupt` for events that are known to be changed, None where none is.

        Known of is what was changed behind the log's back: then it was looked through. Every other
        method that such an event concerns raises the same.
        """

    def identity(self) -> object:
        """Return what compares unequal once another log has taken this one's place.

        As cheap as a look at a file's name: every read asks. Equal ones promise nothing.
        """


Request = tuple[Sequence[Draft], bool]
"""Drafts, and whether all of them are accepted or none."""
Come = Callable[[], Sequence[Request]]
"""Gives the requests that have come by now."""


class WritableLog(Protocol):
    """The log as what accepts events."""

    def append(self, drafts: Sequence[Draft], atomic: bool = False) -> list[Decision]:
        """Accept drafts, one decision each in their order.

        Every event in them is durable when this returns.

        A refused draft does not hinder the others unless `atomic`: then all are accepted or none,
        and the ones that were in order are refused with `batch_refused`. Callable from any thread
        and any process. A raised error (`log_unwritable`, `log_corrupt`) means that none was
        acknowledged; sending them again with the same idempotency keys is safe.
        """

    def append_together(self, come: Come) -> list[list[Decision]]:
        """Do what `append` does for several requests, each as (drafts, atomic), in one commit.

        Each is decided by itself, in their order. An error is that of all of them. `come` gives
        them, in the thread that calls this: it is asked once, when nobody else writes any more, so
        that what came while others wrote is among them, and not at all where it does not come to
        that.
        """


class RequestIndex(Protocol):
    """What a log remembers by idempotency key and by activity."""

    def decided_before(self, draft: Draft) -> Decision | None:
        """Return the decision that `append` would take without accepting anything.

        A repetition or a conflict.

        None for a draft that is new. Called before checks against the base, which may have changed
        since the first request; `append` decides again, so nothing is lost in between.
        """


class CustomerIndex(Protocol):
    """The events of a log by whom they are about."""

    def of_customer(
        self,
        customer_ids: Iterable[str],
        records: Iterable[tuple[str, str]] = (),
        kinds: Sequence[Kind] = KINDS,
    ) -> list[Event]:
        """Return, in order, the events of these kinds for one of the ids or records.

        What counts is the target as it was posted.
        """


class Instants(Protocol):
    """The order of the instants that events and publishes take."""

    def durable_until(self, now: Instant) -> tuple[Instant, int]:
        """Return the latest instant up to which all is durable, and where the log ended then.

        No event and no publish will take it or an earlier one.

        It lies before `now`, what the clock said just before the call, or is the last acceptance.
        Never waits: while an append or a publish is in progress it is an instant before theirs.
        Whatever is read afterwards (the publish that is in force first, then the events) holds all
        that lies at or before it.
        """

    def is_idle(self) -> bool:
        """Say whether no append and no publish is taking an instant at the moment; never waits."""

    def taking(self) -> AbstractContextManager[Instant]:
        """Let nothing be accepted until the block ends.

        In the block a publish takes its instant and commits.

        Gives the earliest instant that it may take: the clock's, or just after the last acceptance.
        """


class CarriedLog(ReadableLog, Protocol):
    """The log as the stream needs it: read by workers, and forgetting what nobody may ask for."""

    def reader(self) -> Callable[[int, int], list[Event]]:
        """Return what `read` does as something that may be pickled, for another process."""

    def forget(self, before: Instant, committed: int) -> int:
        """Remove updates and activities below `committed` that ended at or before `before`.

        `committed` is a position.

        Returns how many went. Withdrawals stay: they also end updates that arrive late. Called by
        maintenance only; what is forgotten can no longer be compared with a repeated request.
        """

    def take_for_whole(self) -> None:
        """Take the log that is there, or none, for whole, although more events were accepted.

        They are lost.
        """


def continues(log: ReadableLog, position: int, accepted_at: Instant | None) -> bool:
    """Say whether a log is the one whose events below a position were read before.

    The last of them was accepted at `accepted_at`.

    What retention removed counts as there; a log that was lost and begun anew, or restored from an
    old backup, does not continue. Of an event that was changed, or is gone, those beside it say
    when it was accepted at the latest.
    """
    if not position or accepted_at is None:
        return log.end() >= position
    tail = log.tail()
    if tail.position < position:
        return False
    if tail.position == position:
        return tail.accepted_at == accepted_at
    last, after = [*log.read(position - 1, 2), None, None][:2]
    if last is not None and last.position == position - 1 and last.kind != DAMAGED:
        return last.accepted_at == accepted_at
    following = after if last is not None and last.position < position else last
    return following is None or following.kind == DAMAGED or following.accepted_at > accepted_at


def expect_same_log(log: ReadableLog, marks: Iterable[tuple[int, Instant | None]]) -> None:
    """Raise `log_replaced` unless the log continues each of these.

    A position, and the acceptance of the last before.

    Read the marks before this: a log that goes on meanwhile only continues them the more.
    """
    for position, accepted_at in marks:
        if not continues(log, position, accepted_at):
            raise another(position)
