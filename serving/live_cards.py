"""Customers that are watched: each card again whenever it changes, expiries included.

One task of the process looks at the log and the publish in force, some times a second, and wakes
the watchers of the customers that new events name; a new publish wakes all of them. When a change
begins or ends by itself its watcher knows in advance.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from overtide.eventlog.contract import ReadableLog
from overtide.lake.cards_and_timelines import MergedProfile
from overtide.lake.decide.updates import invalid, next_boundary
from overtide.lake.generation import Generation
from overtide.schemas.errors import OvertideError, UnavailableError
from overtide.schemas.events import DAMAGED, KINDS, Event
from overtide.schemas.instants import SECOND, Instant
from overtide.serving.acceptance import Target
from overtide.serving.own_threads import OwnThread
from overtide.serving.reader import Beneath, Reader

LOOK_SECONDS = 0.1
"""How often the log is looked at while somebody watches."""
MOST_EVENTS = 5_000
"""Events that are looked at one by one; after more of them all watchers are woken."""
LONGEST_WAIT = 3600.0
"""Seconds: clocks are set, so that a far instant is looked at anew before it comes."""


@dataclass(frozen=True)
class Watched:
    """A customer as it is now; `activities` is another text whenever its timeline is another."""

    card: MergedProfile
    activities: str
    changes_at: Instant | None
    """Until when no event that is known changes it; None where none ever will."""

    @classmethod
    def of(cls, found: Beneath) -> "Watched":
        """Return what there is to be seen."""
        now = found.moment.as_of
        shown = [
            event.event_id
            for event in found.events
            if event.kind == "activity" and invalid(event, now) is None
        ]
        digest = hashlib.sha256(" ".join(shown).encode()).hexdigest()[:16]
        changes_at = next_boundary(found.events, now)
        return cls(found.merged(), f"{found.base.run}-{digest}", changes_at)


class Watcher:
    """One who watches a customer; `woken` is set when it is worth reading."""

    def __init__(self, customer_id: str) -> None:
        self.customer_id, self.woken = customer_id, asyncio.Event()


@dataclass(frozen=True)
class Seen:
    """How far the log was looked at, and over which base."""

    end: int
    generation: Generation | None


class LiveCards:
    """The watchers of one project, all of them in one event loop."""

    def __init__(self, reader: Reader, log: ReadableLog) -> None:
        self._reader, self._log = reader, log
        self._watchers: set[Watcher] = set()
        self._looking: asyncio.Task[None] | None = None
        self._looks = OwnThread("looks")
        self._closed = False

    def close(self) -> None:
        """End what is watched; callable from any thread."""
        self._closed = True

    async def cards(self, target: Target, pause: float) -> AsyncGenerator[Watched | None]:
        """Give the customer now, and again whenever it may have changed, without end.

        None after `pause` seconds without news. Raises what reading the card raises.
        """
        watcher = Watcher(self._reader.get(target).customer_id)
        self._look()
        self._watchers.add(watcher)
        try:
            while not self._closed:
                watcher.woken.clear()
                seen = Watched.of(self._reader.beneath(target, None, None, *KINDS))
                watcher.customer_id = seen.card.profile.customer_id
                yield seen
                left = LONGEST_WAIT
                if seen.changes_at is not None:
                    left = (seen.changes_at - seen.card.as_of) / SECOND
                while left > 0 and not await _woken(watcher, min(pause, left)):
                    left -= pause
                    if left > 0:
                        yield None
        finally:
            self._watchers.discard(watcher)

    def _look(self) -> None:
        """Look from now on: what comes after this is not passed over by a card that is read now."""
        if self._looking is None or self._looking.done():
            seen = Seen(self._log.end(), self._reader.current())
            self._looking = asyncio.create_task(self._looking_on(seen))

    async def _looking_on(self, seen: Seen) -> None:
        """Wake watchers until none is left."""
        while self._watchers and not self._closed:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                seen, concerned = await self._looks.run(self._news, seen)
            except UnavailableError:
                continue  # the next look may be another one
            except OvertideError:
                concerned = None  # who reads a card hears of it
            self._wake(concerned)
        self._wake(None)

    def _news(self, seen: Seen) -> tuple[Seen, set[str] | None]:
        """Return what is there now, and the ids of the customers it concerns, None for all."""
        now = Seen(self._log.end(), self._reader.current())
        if now.generation is not seen.generation or now.end - seen.end > MOST_EVENTS:
            return now, None
        if now.end == seen.end or now.generation is None:
            return now, set()
        events = self._log.read(seen.end, now.end - seen.end)
        if any(event.kind == DAMAGED for event in events):
            return now, None
        named = (_customer(event, now.generation) for event in events)
        return now, {customer_id for customer_id in named if customer_id is not None}

    def _wake(self, concerned: set[str] | None) -> None:
        for watcher in self._watchers:
            if concerned is None or watcher.customer_id in concerned:
                watcher.woken.set()


def _customer(event: Event, generation: Generation) -> str | None:
    """Return the id of the customer whose card an event may change."""
    if event.entity is not None and event.key is not None:
        return generation.resolve_activity(event.entity, event.key)
    return None if event.customer_id is None else generation.resolve_id(event.customer_id)


async def _woken(watcher: Watcher, seconds: float) -> bool:
    """Wait for a watcher to be woken, no longer than so many seconds; say whether it was."""
    try:
        await asyncio.wait_for(watcher.woken.wait(), seconds)
    except TimeoutError:
        return False
    return True
