"""Instants as whole microseconds since 1970 UTC, their RFC 3339 text, and durations such as `4h`."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from schemas.errors import OvertideError

Instant = int
"""Microseconds since 1970-01-01T00:00:00Z."""

Clock = Callable[[], Instant]
"""Gives the instant of the clock; functions that need "now" take one, or the instant itself."""

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
HISTORY_DAYS = 400
"""How many days back an instant may be asked for where the configuration does not say."""
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC throughout this module
EARLIEST, LATEST = -62_135_596_800 * SECOND, 253_402_300_800 * SECOND - 1
"""The first and the last instant that RFC 3339 can write: years 1 to 9999."""

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII)
_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)


def parse_instant(text: str) -> Instant:
    """Read an RFC 3339 instant with its offset; digits past the microsecond are cut. Raise `invalid_instant`."""
    found = _INSTANT.fullmatch(text)
    instant = _instant_of(found) if found else None
    if instant is None:
        raise OvertideError("invalid_instant", f"{text!r} is not an instant.", None,
                            "Write RFC 3339 with an offset, such as 2026-11-24T10:00:00Z or 2026-11-24T11:00:00+01:00.")
    return instant


def _instant_of(found: re.Match[str]) -> Instant | None:
    day, time, fraction, sign, hours, minutes = found.groups()
    try:
        local = microseconds(datetime.fromisoformat(f"{day}T{time}"))
    except ValueError:
        return None
    if sign and (int(hours) > 23 or int(minutes) > 59):
        return None
    offset = (int(hours) * HOUR + int(minutes) * MINUTE) * (-1 if sign == "-" else 1) if sign else 0
    instant = local + int((fraction or "0").ljust(6, "0")[:6]) - offset
    return instant if EARLIEST <= instant <= LATEST else None


def format_instant(instant: Instant) -> str:
    """Return the RFC 3339 text in UTC, always with six digits: `2026-11-24T10:00:00.000000Z`."""
    return (EPOCH + timedelta(microseconds=instant)).isoformat(timespec="microseconds") + "Z"


def parse_duration(text: str) -> int:
    """Read a duration in microseconds from days, hours, minutes and seconds (`1h30m`). Raise `invalid_duration`."""
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise OvertideError("invalid_duration", f"{text!r} is not a duration.", None,
                            "Write whole days, hours, minutes and seconds, such as 30d, 4h, 90m, 45s or 1h30m.")
    parts = zip(found.groups(), (DAY, HOUR, MINUTE, SECOND), strict=True)
    return sum(int(number or 0) * unit for number, unit in parts)


def microseconds(naive_utc: datetime) -> Instant:
    """Return the instant of a naive UTC datetime."""
    return (naive_utc - EPOCH) // timedelta(microseconds=1)
