"""Answer cards and timelines at (t, k).

The base from the serving generation (older ones from the lake), then the log.

An answer for a known instant k is final: k lies before whatever is on its way to the disk, so a
reader waits for no commit. What was acknowledged lies at or before k
(docs/decisions/an-instant-without-waiting.md).
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from overtide.eventlog.contract import (
    CustomerIndex,
    Instants,
    ReadableLog,
    expect_same_log,
)
from overtide.lake.base_of_run import Lake, Past
from overtide.lake.cards_and_timelines import (
    Card,
    MergedProfile,
    Timeline,
    live_activities,
    merged_profile,
)
from overtide.lake.catalog import Publish, nothing_published
from overtide.lake.dated_activities import dated_of
from overtide.lake.decide.present import Now, before_history, history_begins, present
from overtide.lake.generation import Generation, Profile
from overtide.lake.sealed import is_as_opened, open_generation
from overtide.lake.stand_in import LakeGeneration
from overtide.lake.standing import Standing, current_publish, standing_before
from overtide.schemas.errors import (
    CorruptGenerationError,
    GenerationError,
    NotFoundError,
)
from overtide.schemas.events import Event, Kind
from overtide.schemas.instants import Clock, Instant, format_instant
from overtide.schemas.paths import Paths
from overtide.serving.arrivals import Arrivals
from overtide.serving.bases import Base, ids_of, profile_of, records_of
from overtide.serving.fields import Target, customer_not_found
from overtide.serving.timelines import Activities, Timelines

ATTEMPTS = 5
"""How often a read starts over because a newer publish took its generation away."""

Answer = TypeVar("Answer")


class AskedLog(ReadableLog, CustomerIndex, Instants, Protocol):
    """What a reader needs of the event log."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a read is about: the instants t and k, and the publish in force now."""

    as_of: Instant
    known_at: Instant
    publish: Publish

    @property
    def base(self) -> Instant:
        """The instant whose base is shown."""
        return min(self.as_of, self.known_at)


CHANGES: tuple[Kind, ...] = ("update", "withdrawal")
"""The kinds of events that change a card."""


@dataclass(frozen=True, slots=True)
class Beneath:
    """What a view of a customer is made of: its profile in a base, and the events that reach it."""

    moment: Moment
    base: Base
    profile: Profile
    events: list[Event]

    def merged(self) -> MergedProfile:
        """Return the customer with its changes laid over the base."""
        moment, fields = self.moment, self.base.profile_fields
        events = [event for event in self.events if event.kind in CHANGES]
        known = moment.as_of, moment.known_at
        return merged_profile(self.profile, fields, events, *known, self.base.run)


class Reader:
    """Answers reads of one project; a new publish is noticed by the next read.

    Usable from every thread.
    """

    def __init__(self, paths: Paths, log: AskedLog, clock: Clock) -> None:
        self._log, self._clock, self._paths = log, clock, paths
        self._lake = Lake(paths)
        self._timelines = Timelines(paths, self._lake)
        self._opening = threading.Lock()
        self._serves: tuple[tuple[int, str], Generation | None] = ((0, ""), None)
        self._bases: dict[tuple[Publish, Path], Base] = {}
        self._broken: set[str] = set()
        self.arrivals = Arrivals()
        self._continued: object = None
        self._end = 0

    def get(
        self,
        target: Target,
        as_of: Instant | None = None,
        known_at: Instant | None = None,
        base: bool = False,
    ) -> Card:
        """Return the card of a customer; `base` leaves the overlay out.

        Both instants default to now.

        Raises `nothing_published`, `before_first_publish`, `before_history`, `customer_not_found`,
        `unknown_entity`, `entity_not_unified`.
        """
        return self.merged(target, as_of, known_at, base).card()

    def merged(
        self,
        target: Target,
        as_of: Instant | None = None,
        known_at: Instant | None = None,
        base: bool = False,
        shared: bool = False,
    ) -> MergedProfile:
        """Return what the card of a customer says; parameters and errors as in `get`.

        `shared`: by a look at the present that serves all requests which have come; `arrivals`
        must be told of them.
        """
        return self._retried(partial(self._merged, target, as_of, known_at, base, shared))

    def beneath(
        self, target: Target, as_of: Instant | None, known_at: Instant | None, *kinds: Kind
    ) -> Beneath:
        """Return what a view of a customer is made of, with its events of these kinds.

        Parameters and errors as in `get`.
        """
        return self._retried(partial(self._beneath, target, as_of, known_at, kinds))

    def timeline(
        self,
        target: Target,
        as_of: Instant | None = None,
        known_at: Instant | None = None,
        base: bool = False,
    ) -> Timeline:
        """Return the activities of a customer, newest first; parameters and errors as in `get`."""
        return self.activities(target, as_of, known_at, base).timeline()[0]

    def activities(
        self,
        target: Target,
        as_of: Instant | None = None,
        known_at: Instant | None = None,
        base: bool = False,
    ) -> Activities:
        """Return the activities of a customer, of which pages are read at little cost.

        Parameters and errors as in `get`.
        """
        return self._retried(partial(self._activities, target, as_of, known_at, base))

    def now(self) -> Now:
        """Return the present as the next read will take it.

        Raise `log_replaced` where the event log is another one.
        """
        clock = self._clock()
        # The order matters: what is read later may be newer, and is then left out or known to be
        # complete.
        known, end = self._log.durable_until(clock)
        standing = standing_before(self._paths, known, self._log.is_idle)
        self._expect_same_log(standing, end)
        return present(clock, known, standing.publish)

    def _expect_same_log(self, standing: Standing, end: int) -> None:
        """Raise `log_replaced` where the event log does not belong to the catalog.

        What counts is what the catalog says; `end` is where the log ended a moment ago.
        """
        known = standing.marks, self._log.identity()
        if known != self._continued or end < self._end:
            expect_same_log(self._log, standing.marks)
        self._continued, self._end = known, end

    def published(self) -> Publish | None:
        """Return the publish that the catalog names now, or None before the first.

        Waits for one in progress.
        """
        return current_publish(self._paths)

    def current(self, shared: bool = False) -> Generation | None:
        """Return the serving generation of the current publish, or None before the first.

        `shared` as in `merged`.
        """
        return self._retried(partial(self._current, shared))

    def close(self) -> None:
        """Release the files that were opened, whichever thread opened them.

        A later read opens them anew.
        """
        self._lake.close()
        for base in (self._serves[1], *self._bases.values()):
            if isinstance(base, Generation):
                base.close()

    def _retried(self, read: Callable[[], Answer]) -> Answer:
        for _ in range(ATTEMPTS - 1):
            try:
                return read()
            except GenerationError as error:
                if isinstance(error, CorruptGenerationError):
                    self._broken.add(Path(error.target or "").stem)
                self._serves, self._bases = ((0, ""), None), {}
                self.arrivals.forget()
        return read()

    def _present(self, shared: bool) -> Now:
        return self.arrivals.present(self.now) if shared else self.now()

    def _current(self, shared: bool = False) -> Generation | None:
        publish = self._present(shared).publish
        return None if publish is None else self._serving(publish)

    def _merged(
        self,
        target: Target,
        as_of: Instant | None,
        known_at: Instant | None,
        base_only: bool,
        shared: bool,
    ) -> MergedProfile:
        kinds = () if base_only else CHANGES
        return self._beneath(target, as_of, known_at, kinds, shared).merged()

    def _beneath(
        self,
        target: Target,
        as_of: Instant | None,
        known_at: Instant | None,
        kinds: Sequence[Kind],
        shared: bool = False,
    ) -> Beneath:
        moment = self.moment(as_of, known_at, shared)
        base, profile = self._found(moment, target)
        return Beneath(moment, base, profile, self._events(base, profile, kinds))

    def _events(self, base: Base, profile: Profile, kinds: Sequence[Kind]) -> list[Event]:
        if not kinds:
            return []
        records = records_of(profile, activities="activity" in kinds)
        return self._log.of_customer(ids_of(base, profile), records, kinds)

    def _activities(
        self, target: Target, as_of: Instant | None, known_at: Instant | None, base_only: bool
    ) -> Activities:
        found = self._beneath(target, as_of, known_at, () if base_only else ("activity",))
        moment, base, customer_id = found.moment, found.base, found.profile.customer_id
        live = live_activities(found.events, moment.as_of, moment.known_at)
        # As the configuration in force has it, also for a base of the past.
        dated = dated_of(self._serving(moment.publish).metadata)
        merged = self._timelines.merged(base, customer_id, live, dated)
        return Activities(customer_id, moment.as_of, moment.known_at, base.run, merged)

    def moment(
        self, as_of: Instant | None, known_at: Instant | None, shared: bool = False
    ) -> Moment:
        """Return what a read is about.

        Raises `nothing_published`, `before_history`.
        """
        now = self._present(shared)
        if now.publish is None:
            raise nothing_published(self._paths)
        moment = Moment(
            now.as_of if as_of is None else as_of,
            now.known_at if known_at is None else min(known_at, now.known_at),
            now.publish,
        )
        begins = history_begins(now.as_of, now.publish)
        if moment.base < begins and self._lake.publish_at(moment.base, now.publish) is not None:
            raise before_history(moment.base, begins)
        return moment

    def _found(self, moment: Moment, target: Target) -> tuple[Base, Profile]:
        """Return the base of a moment and the profile that a target has in it."""
        serving = self._serving(moment.publish)
        base = (
            serving if moment.base >= moment.publish.published_at else self._past(moment, serving)
        )
        profile = profile_of(base, serving, target)
        if profile is None:
            when = "" if base is serving else f" in the base of {format_instant(moment.base)}"
            raise customer_not_found(target, when)
        return base, profile

    def _past(self, moment: Moment, serving: Generation) -> Base:
        """Return an earlier base.

        Its serving generation while that is kept, else the lake's history.
        """
        publish = self._publish_at(moment)
        key = (publish, serving.path)
        if key not in self._bases:
            self._bases = {
                known: base for known, base in self._bases.items() if known[1] == serving.path
            }
            self._bases[key] = self._kept(publish) or Past(self._lake, publish.run, serving)
        return self._bases[key]

    def run_at(self, moment: Moment) -> int:
        """Return the run whose base a moment shows; raise `before_first_publish`."""
        if moment.base >= moment.publish.published_at:
            return moment.publish.run
        return self._publish_at(moment).run

    def events_since(self, position: int, known_at: Instant, most: int) -> list[Event]:
        """Return up to so many of the events from a position on that were known at an instant."""
        found: list[Event] = []
        while len(found) < most:
            events = self._log.read(position + len(found), most - len(found))
            found += events
            if not events or events[-1].accepted_at > known_at:
                break
        return [event for event in found if event.accepted_at <= known_at]

    def _publish_at(self, moment: Moment) -> Publish:
        publish = self._lake.publish_at(moment.base, moment.publish)
        if publish is None:
            raise NotFoundError(
                "before_first_publish",
                f"Nothing was published at {format_instant(moment.base)} yet.",
                None,
                'Ask for a later instant; `overtide sql "SELECT Run, PublishedAt FROM '
                'runs"` lists the publishes.',
            )
        return publish

    def _kept(self, publish: Publish) -> Generation | None:
        """Return the generation of an earlier publish while it is kept, and whole."""
        with suppress(GenerationError):
            return (
                None
                if publish.generation in self._broken
                else open_generation(self._paths, publish.generation, publish.run)
            )
        return None

    def _serving(self, publish: Publish) -> Generation:
        found = self._open_for(publish)
        if found is None:
            with self._opening:
                found = self._open_for(publish)
                if found is None:
                    found = self._opened(publish)
                    self._serves = (publish.run, publish.generation), found
        return found

    def _open_for(self, publish: Publish) -> Generation | None:
        """Return what is open, where it is the publish's and nobody has touched it."""
        named, generation = self._serves
        stands = named == (publish.run, publish.generation)
        return generation if generation and stands and is_as_opened(generation) else None

    def _opened(self, publish: Publish) -> Generation:
        """Return the generation of the current publish.

        The lake itself stands in for one that is lost or damaged.
        """
        try:
            if publish.generation not in self._broken:
                return open_generation(self._paths, publish.generation, publish.run)
        except GenerationError:
            if self.published() != publish:  # a newer one took it away, and the read begins anew
                raise
        return LakeGeneration(self._lake, publish.run, self._paths.generation(publish.generation))
