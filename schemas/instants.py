"""Instants, their ISO 8601 text, and durations such as `4h`.

Instants are whole microseconds since 1970 UTC.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache

from overtide.schemas.errors import InvalidValueError

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

ISO_DATE = r"\d{4}-\d{2}-\d{2}"
HOUR_MINUTE = r"(?:[01]\d|2[0-3]):[0-5]\d"
"""Patterns for Python's `re` and for SQL alike."""
_TIME = re.compile(
    rf"({ISO_DATE})(?:[Tt ]({HOUR_MINUTE})(?::([0-5]\d)(?:[.,](\d+))?)?"
    rf"( ?(?:[Zz]|UTC|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d|:[0-5]\d:[0-5]\d)?))?)?",
    re.ASCII,
)
_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)


def parse_instant(text: str) -> Instant:
    """Read an instant with its offset; digits past the microsecond are cut.

    Raise `invalid_instant`.
    """
    found = read_iso(text)
    instant = None if found is None or found[1] is None else found[0] - found[1]
    if instant is None or not EARLIEST <= instant <= LATEST:
        raise InvalidValueError(
            "invalid_instant",
            f"{text!r} is not an instant.",
            None,
            (
                "Write RFC 3339 with an offset, such as 2026-11-24T10:00:00Z or "
                "2026-11-24T11:00:00+01:00."
            ),
        )
    return instant


def read_iso(text: str) -> tuple[Instant, int | None] | None:
    """Return a text's local time, as if it were UTC, and its offset in microseconds.

    The offset is given if the text has one.

    It is ISO 8601 as databases and RFC 3339 write it: `2026-11-24`, or with a time, to the minute,
    second or a fraction of it (behind a point or comma, cut at the microsecond), with `Z`, ` UTC`,
    `+01`, `+0545` or `+05:45`.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    day, minute, second, fraction, offset = found.groups()
    try:
        local = microseconds(datetime.fromisoformat(f"{day}T{minute or '00:00'}:{second or '00'}"))
    except ValueError:
        return None
    return local + int((fraction or "0")[:6].ljust(6, "0")), None if offset is None else _shift(
        offset.lstrip(" ")
    )


def _shift(offset: str) -> int:
    if offset in ("Z", "z", "UTC"):
        return 0
    digits = offset[1:].replace(":", "")
    shift = int(digits[:2]) * HOUR + int(digits[2:4] or 0) * MINUTE + int(digits[4:] or 0) * SECOND
    return -shift if offset[0] == "-" else shift


def format_instant(instant: Instant) -> str:
    """Return the RFC 3339 text in UTC, always with six digits: `2026-11-24T10:00:00.000000Z`."""
    second, rest = divmod(instant, SECOND)
    return f"{_second_text(second)}.{rest:06d}Z"


@lru_cache(maxsize=1024)
def _second_text(second: int) -> str:
    """Return the text of whole seconds since 1970; an answer has many instants of few of them."""
    return (EPOCH + timedelta(seconds=second)).isoformat(timespec="seconds")


@lru_cache(maxsize=256)
def parse_duration(text: str) -> int:
    """Read a duration in microseconds from days, hours, minutes and seconds (`1h30m`).

    Raise `invalid_duration`.
    """
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise InvalidValueError(
            "invalid_duration",
            f"{text!r} is not a duration.",
            None,
            "Write whole days, hours, minutes and seconds, such as 30d, 4h, 90m, 45s or 1h30m.",
        )
    parts = zip(found.groups(), (DAY, HOUR, MINUTE, SECOND), strict=True)
    return sum(int(number or 0) * unit for number, unit in parts)


def microseconds(naive_utc: datetime) -> Instant:
    """Return the instant of a naive UTC datetime."""
    return (naive_utc - EPOCH) // timedelta(microseconds=1)
