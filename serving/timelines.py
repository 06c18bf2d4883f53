"""The activities of customers: where those of a base are read from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock

from overtide.lake.activity_files import ActivityFiles, open_activities
from overtide.lake.base_of_run import Lake
from overtide.lake.cards_and_timelines import Timeline, TimelineEntry
from overtide.lake.dated_activities import Dated
from overtide.lake.generation import Generation
from overtide.lake.own_activities import EVERYTHING, LoadedActivities, Merged, Page
from overtide.lake.standing import is_in_force
from overtide.schemas.errors import GenerationError
from overtide.schemas.instants import Instant
from overtide.schemas.paths import Paths
from overtide.schemas.values import Value
from overtide.serving.bases import Base

OPEN = 4
"""How many bases' files stay open: those of the base in force, and of earlier ones asked for."""


@dataclass(frozen=True)
class Activities:
    """The activities of a customer at an instant, to be read as far as they are asked for."""

    customer_id: str
    as_of: Instant
    known_at: Instant
    run: int
    merged: Merged

    def timeline(self, page: Page = EVERYTHING) -> tuple[Timeline, int]:
        """Return a page of them, newest first, and how many are wanted in all."""
        entries, number = self.merged.page(page)
        return Timeline(self.customer_id, self.as_of, self.known_at, self.run, entries), number

    def in_calendar(self, time_zone: str) -> "Activities":
        """Return them as somebody in a time zone sees them: a date is that day there, too."""
        dated = replace(self.merged.dated, calendar=time_zone)
        return replace(self, merged=replace(self.merged, dated=dated))


class Timelines:
    """Finds the activities of a base: in its files, or else in the lake. Any thread."""

    def __init__(self, paths: Paths, lake: Lake) -> None:
        self._paths, self._lake, self._lock = paths, lake, Lock()
        self._opened: dict[str, ActivityFiles | None] = {}

    def merged(
        self, base: Base, customer_id: str, live: Sequence[TimelineEntry], dated: Dated
    ) -> Merged:
        """Return a customer's activities of a base, and those of `live` that it does not have."""
        hidden = base.hidden_activities
        live = [one for one in live if one["SourceEntityName"] not in hidden]
        files = self._files(base)
        if files is not None:
            has = files.having(str(one["ActivityId"]) for one in live)
            return Merged(files.of(customer_id, hidden), _without(live, has), dated)
        own = self._loaded(base, customer_id)
        own = [one for one in own if one["SourceEntityName"] not in hidden]
        has = {str(row["ActivityId"]) for row in own}
        left = _without(live, has)
        elsewhere = self._lake.having(base.run, [one.activity for one in left])
        return Merged(LoadedActivities(own), _without(left, elsewhere), dated)

    def _files(self, base: Base) -> ActivityFiles | None:
        """Return the files of a base's activities.

        None of one that has none, or whose are lost or damaged: the lake says the same.
        """
        name = base.timelines if isinstance(base, Generation) else None
        if name is None:
            return None
        with self._lock:
            files = self._opened.get(name)
            if name not in self._opened or (files is not None and not files.is_as_opened()):
                self._opened.pop(name, None)
                while len(self._opened) >= OPEN:
                    self._opened.pop(next(iter(self._opened)))
                try:
                    self._opened[name] = open_activities(self._paths, name)
                except GenerationError:
                    self._opened[name] = None
            return self._opened[name]

    def _loaded(self, base: Base, customer_id: str) -> list[dict[str, Value]]:
        """Return a customer's activities as the lake has them.

        While the run stays published its history need not be read.
        """
        if is_in_force(self._paths, base.run):
            found = self._lake.activities(base.run, customer_id, current=True)
            if is_in_force(self._paths, base.run):
                return found
        return self._lake.activities(base.run, customer_id, current=False)


def _without(live: Sequence[TimelineEntry], ids: set[str]) -> list[TimelineEntry]:
    return [one for one in live if one["ActivityId"] not in ids]
