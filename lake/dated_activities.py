"""Activities of which only the date is known: which day that is, and where it lies in a calendar.

The column that they have their time from is a date, which is kept as the instant at which that day
begins in the time zone of its entity. To somebody elsewhere that instant is a time of day which
nobody told, or even the day before.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from overtide.schemas.instants import Instant
from overtide.schemas.local_times import midnight, zone
from overtide.schemas.serving_metadata import ServingMetadata
from overtide.schemas.types import type_of
from overtide.schemas.values import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EPOCH, MICROSECOND = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Dated:
    """The entities whose activities have only a date, with the zones in which their days begin.

    `calendar` is the time zone of whoever looks, in which each is to be of its own day: it stands
    where that day begins there. None where instants are to be what they are.
    """

    zones: Mapping[str, str] = field(default_factory=dict)
    calendar: str | None = None

    def day(self, entity: Value, time: Instant | None) -> str | None:
        """Return the date that an activity of an entity has for its time; None where it has a time.

        A real-time activity may be of such an entity and yet say a time.
        """
        time_zone = self.zones.get(str(entity))
        return None if time_zone is None or time is None else _day(time, time_zone)

    def place(self, entity: Value, time: Instant) -> Instant:
        """Return where an activity stands for whoever looks."""
        time_zone = self.zones.get(str(entity))
        if self.calendar is None or time_zone in (None, self.calendar):
            return time
        return _placed(time, str(time_zone), self.calendar)

    def places(
        self, times: "NDArray[np.int64]", kinds: "NDArray[np.int64]", entities: Sequence[Value]
    ) -> "NDArray[np.int64]":
        """Return where activities stand; a kind is a place in `entities`."""
        import numpy as np

        if self.calendar is None:
            return times
        placed = times.copy()
        for name in {str(one) for one in entities} & self.zones.keys():
            of_it = [number for number, one in enumerate(entities) if one == name]
            theirs = np.flatnonzero(np.isin(kinds, of_it))
            once, which = np.unique(times[theirs], return_inverse=True)
            moved = [self.place(name, one) for one in once.tolist()]
            placed[theirs] = np.array(moved, dtype=np.int64)[which]
        return placed


NOTHING_DATED = Dated()


def dated_of(metadata: ServingMetadata) -> Dated:
    """Return which activities have only a date, as the configuration of a run has it."""
    return Dated(
        {
            name: entity.time_zone
            for name, activity in metadata.activities.items()
            if (entity := metadata.entities.get(name)) is not None
            and activity.timestamp in entity.attributes
            and type_of(entity.attributes[activity.timestamp].type).is_day
        }
    )


@lru_cache(maxsize=1 << 14)
def _placed(time: Instant, time_zone: str, calendar: str) -> Instant:
    """Return where the date that begins at an instant in a zone begins in a calendar."""
    day = _day(time, time_zone)
    return time if day is None else midnight(day, calendar)


@lru_cache(maxsize=1 << 14)
def _day(time: Instant, time_zone: str) -> str | None:
    """Return the date that begins at an instant in a zone, None where none does."""
    try:
        day = (EPOCH + time * MICROSECOND).astimezone(zone(time_zone)).date().isoformat()
    except OverflowError:  # before the first day or after the last one, or no time at all
        return None
    return day if midnight(day, time_zone) == time else None
