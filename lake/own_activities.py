"""A customer's activities in a base, and the pages that a timeline has of them.

A page needs the times of all, and reads no more of the others than that: it is as fast for a
customer with ten thousand activities as for one with ten. The order is that of
`lake.decide.activities.in_order`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from overtide.lake.cards_and_timelines import TimelineEntry
from overtide.lake.dated_activities import NOTHING_DATED, Dated
from overtide.lake.decide.activities import in_order
from overtide.schemas.instants import EARLIEST, Instant, parse_instant
from overtide.schemas.values import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNTIMED: Instant = EARLIEST - 1
"""Stands for the time of an activity that has none."""


class OwnActivities(ABC):
    """A customer's activities in a base, in any order."""

    @property
    @abstractmethod
    def times(self) -> "NDArray[np.int64]":
        """When each happened, UNTIMED where that is not known."""

    @property
    @abstractmethod
    def types(self) -> "NDArray[np.int64]":
        """The ActivityType of each, as its place in `type_names`."""

    @property
    @abstractmethod
    def type_names(self) -> Sequence[Value]:
        """The types; more of them than the activities have, and one may be there twice."""

    @property
    @abstractmethod
    def entity_names(self) -> Sequence[Value]:
        """The SourceEntityName of each of the types, in their order."""

    @property
    @abstractmethod
    def shown(self) -> "NDArray[np.bool_]":
        """Which of them a timeline shows: not those that the configuration hides."""

    @abstractmethod
    def rows(self, places: Sequence[int]) -> list[dict[str, Value]]:
        """Return the activities at these places, by the columns of UnifiedActivity."""


@dataclass(frozen=True)
class LoadedActivities(OwnActivities):
    """Activities that were read already."""

    loaded: Sequence[dict[str, Value]]

    @cached_property
    def times(self) -> "NDArray[np.int64]":
        """When each happened."""
        return _times(self.loaded)

    @cached_property
    def types(self) -> "NDArray[np.int64]":
        """The type of each."""
        import numpy as np

        return np.arange(len(self.loaded))

    @property
    def shown(self) -> "NDArray[np.bool_]":
        """All of them: what is hidden was left out."""
        import numpy as np

        return np.ones(len(self.loaded), dtype=bool)

    @property
    def type_names(self) -> Sequence[Value]:
        """The types."""
        return [one["ActivityType"] for one in self.loaded]

    @property
    def entity_names(self) -> Sequence[Value]:
        """Their entities."""
        return [one["SourceEntityName"] for one in self.loaded]

    def rows(self, places: Sequence[int]) -> list[dict[str, Value]]:
        """Return the activities at these places."""
        return [self.loaded[place] for place in places]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which activities of a timeline are asked for: of a type, in [since, before)."""

    type: str | None = None
    since: Instant | None = None
    before: Instant | None = None

    def among(self, times: "NDArray[np.int64]", fits: "NDArray[np.bool_]") -> "NDArray[np.intp]":
        """Return the places of those that are wanted, of which `fits` says that the type is.

        One without a time is in no span.
        """
        import numpy as np

        if self.since is not None:
            fits = fits & (times >= self.since)
        if self.before is not None:
            fits = fits & (times < self.before)
        if self.since is not None or self.before is not None:
            fits = fits & (times != UNTIMED)
        return np.flatnonzero(fits)


@dataclass(frozen=True, slots=True)
class Page:
    """Which of the wanted activities are given: so many (None: all) after those skipped.

    Those up to the activity that `after` names, by its time (or UNTIMED) and its ActivityId, are
    left out first; it need not be there any more.
    """

    wanted: Wanted = Wanted()
    skip: int = 0
    top: int | None = None
    after: tuple[Instant, str] | None = None


EVERYTHING = Page()


@dataclass(frozen=True)
class Merged:
    """A customer's activities of a base, and the real-time ones that it does not have.

    Times are those of the calendar of `dated`, where that has one.
    """

    own: OwnActivities
    live: Sequence[TimelineEntry]
    dated: Dated = NOTHING_DATED

    def counts(self, wanted: Wanted) -> dict[str, int]:
        """Return how many activities of each type are wanted."""
        found: dict[str, int] = {}
        own = self._of_own(wanted)
        kinds = [self.own.type_names[one] for one in self.own.types[own].tolist()]
        kinds += [self.live[place]["ActivityType"] for place in self._of_live(wanted)]
        for kind in kinds:
            found[str(kind)] = found.get(str(kind), 0) + 1
        return found

    def times_and_types(self, wanted: Wanted) -> list[tuple[Instant | None, str]]:
        """Return when each that is wanted happened (None: nobody knows), and its type."""
        own, live = self._of_own(wanted), self._of_live(wanted)
        times = [*self._own_times[own].tolist(), *self._live_times[live].tolist()]
        types = [self.own.type_names[one] for one in self.own.types[own].tolist()]
        types += [self.live[place]["ActivityType"] for place in live]
        return [
            (None if time == UNTIMED else time, str(kind))
            for time, kind in zip(times, types, strict=True)
        ]

    def page(self, page: Page) -> tuple[tuple[TimelineEntry, ...], int]:
        """Return the entries of a page, newest first, and how many are wanted in all."""
        import numpy as np

        own, live = self._of_own(page.wanted), self._of_live(page.wanted)
        times = np.concatenate([self._own_times[own], self._live_times[live]])
        order = np.argsort(-times, kind="stable")
        falling = -times[order]

        def read(first: int, last: int) -> list[TimelineEntry]:
            chosen = order[first:last]
            of_base = own[chosen[chosen < len(own)]].tolist()
            of_live = live[chosen[chosen >= len(own)] - len(own)].tolist()
            entries = [TimelineEntry(one, False) for one in self.own.rows(of_base)]
            entries += [self.live[place] for place in of_live]
            return in_order(entries, self._place)

        begin = page.skip
        if page.after is not None:
            time, name = page.after
            first, last = _at_once(falling, -time)
            begin += first + sum(str(one["ActivityId"] or "") <= name for one in read(first, last))
        end = len(order) if page.top is None else min(begin + page.top, len(order))
        if begin >= end:
            return (), len(order)
        # Ids tell apart what happened at once, so all of that is read.
        first, last = _at_once(falling, falling[begin])[0], _at_once(falling, falling[end - 1])[1]
        return tuple(read(first, last)[begin - first : end - first]), len(order)

    def _of_own(self, wanted: Wanted) -> "NDArray[np.intp]":
        import numpy as np

        times, shown = self._own_times, self.own.shown
        if wanted.type is None:
            return wanted.among(times, shown)
        fitting = [place for place, one in enumerate(self.own.type_names) if one == wanted.type]
        return wanted.among(times, shown & np.isin(self.own.types, fitting))

    def _of_live(self, wanted: Wanted) -> "NDArray[np.intp]":
        import numpy as np

        fits = [wanted.type is None or one["ActivityType"] == wanted.type for one in self.live]
        return wanted.among(self._live_times, np.array(fits, dtype=bool))

    @cached_property
    def _own_times(self) -> "NDArray[np.int64]":
        return self.dated.places(self.own.times, self.own.types, self.own.entity_names)

    @cached_property
    def _live_times(self) -> "NDArray[np.int64]":
        import numpy as np

        return np.array([self._place(one) for one in self.live], dtype=np.int64)

    def _place(self, entry: TimelineEntry) -> Instant:
        time = entry["ActivityTime"]
        if not time:
            return UNTIMED
        return self.dated.place(entry["SourceEntityName"], parse_instant(str(time)))


def _at_once(falling: "NDArray[np.int64]", time: int) -> tuple[int, int]:
    """Return the places in [first, last) of a sorted array that have a time."""
    import numpy as np

    first, last = np.searchsorted(falling, time, "left"), np.searchsorted(falling, time, "right")
    return int(first), int(last)


def _times(activities: Sequence[Mapping[str, Value]]) -> "NDArray[np.int64]":
    import numpy as np

    times = (one["ActivityTime"] for one in activities)
    return np.array(
        [UNTIMED if not time else parse_instant(str(time)) for time in times], dtype=np.int64
    )
