"""Local times as instants: by the clocks of a time zone, in Python and in SQL alike.

A repeated time is the earlier one, a skipped one is moved forward.
"""

from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from overtide.schemas.instants import EARLIEST, Instant, microseconds
from overtide.schemas.names import literal

FIRST = "TIMESTAMPTZ '0001-01-01 00:00:00+00'"
"""The SQL of the first instant that RFC 3339 can write."""


@cache
def zone(time_zone: str) -> ZoneInfo:
    """Return a time zone by its name."""
    return ZoneInfo(time_zone)


def instant_in(local: datetime, time_zone: str) -> Instant:
    """Return the instant of a local time."""
    if time_zone == "UTC":
        return microseconds(local)
    offset = zone(time_zone).utcoffset(local.replace(fold=0))
    return microseconds(local) - (offset or timedelta()) // timedelta(microseconds=1)


def midnight(day: str, time_zone: str) -> Instant:
    """Return the instant at which a date (`YYYY-MM-DD`) begins in a time zone.

    The first day begins in year 0 east of Greenwich, which no text can say: there it is the first
    instant of year 1.
    """
    return max(EARLIEST, instant_in(datetime.fromisoformat(day), time_zone))


def in_zone_sql(local: str, time_zone: str) -> str:
    """Return the SQL of the instant of a local TIMESTAMP.

    It is the local time by the offset of the day before where that fits or nothing does, else by
    that of the day after.
    """
    if time_zone == "UTC":  # a cast asks the calendar for every value
        return f"make_timestamptz(epoch_us({local}))"
    before, after = _by_offset("-", time_zone), _by_offset("+", time_zone)
    fits = f"timezone({literal(time_zone)}, {{}}) = local"
    return (
        f"list_transform([{local}], local -> list_transform([{before}], early -> CASE WHEN "
        f"{fits.format('early')} "
        f"THEN early WHEN {fits.format(after)} THEN {after} ELSE early END)[1])[1]"
    )


def _by_offset(sign: str, time_zone: str) -> str:
    day = f"(local {sign} INTERVAL 1 DAY)"
    return f"(local - (timezone({literal(time_zone)}, {day}::TIMESTAMPTZ) - {day}))::TIMESTAMPTZ"
