"""How many activities happened in each month of somebody's calendar. Pure functions."""

import datetime as dt
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from overtide.schemas.instants import LATEST, Instant

EPOCH, MICROSECOND = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.timedelta(microseconds=1)


def month_counts(
    activities: Iterable[tuple[Instant | None, str]], zone: ZoneInfo
) -> list[dict[str, Any]]:
    """Return months with the number of their activities, in all and by type, newest first.

    `activities` are when each happened (None: nobody knows) and its type; a month is `2026-11` as
    the calendar of the zone has it, None for those without a time, which come last.
    """
    found = list(activities)
    timed = sorted((time, kind) for time, kind in found if time is not None)
    untimed = [kind for time, kind in found if time is None]
    months = [_counted(None, untimed)] if untimed else []
    begin = 0
    while begin < len(timed):
        name, ends = _month(timed[begin][0], zone)
        end = bisect_left(timed, (ends, ""))
        months.append(_counted(name, (kind for _, kind in timed[begin:end])))
        begin = end
    return sorted(months, key=lambda one: one["month"] or "", reverse=True)


def _counted(month: str | None, kinds: Iterable[str]) -> dict[str, Any]:
    counts = Counter(kinds)
    types = [{"activityType": kind, "count": count} for kind, count in sorted(counts.items())]
    return {"month": month, "count": counts.total(), "activityTypes": types}


def _month(instant: Instant, zone: ZoneInfo) -> tuple[str, Instant]:
    """Return the month in which an instant lies, and the instant at which that ends."""
    moment = EPOCH + instant * MICROSECOND
    try:
        here = moment.astimezone(zone)
        begin = here.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
        after = (begin + dt.timedelta(days=32)).replace(day=1)
        ends = (after.astimezone(dt.UTC) - EPOCH) // MICROSECOND
    except OverflowError:  # at an edge of the calendar: in UTC, beyond it
        here, ends = moment, LATEST + 1 if moment.year == dt.MAXYEAR else instant + 1
    return f"{here.year:04}-{here.month:02}", ends
