"""Instants as people give them: a time of their clock, or one that an address keeps."""

import datetime as dt
from collections.abc import Mapping
from urllib.parse import urlencode

from overtide.schemas.errors import UsageError
from overtide.schemas.instants import format_instant, parse_instant
from overtide.serving.pages.formats import local
from overtide.serving.pages.page import Visit
from overtide.serving.pages.preferences import Preferences

AS_OF, KNOWN_AT = "asOf", "knownAt"


def asked_moments(visit: Visit) -> dict[str, str]:
    """Return the instants that an address names, as operations take them; none for now."""
    return {name: visit.query[name] for name in (AS_OF, KNOWN_AT) if visit.query.get(name)}


def instant_of(preferences: Preferences, text: str, target: str) -> str:
    """Return the instant of a time of the person's clock, such as `2026-11-29T10:00`.

    Raise `invalid_instant`. An hour that comes twice is the earlier.
    """
    try:
        given = dt.datetime.fromisoformat(text)
        if given.tzinfo is None:
            given = given.replace(tzinfo=preferences.zone)
        return format_instant(parse_instant(given.astimezone(dt.UTC).isoformat()))
    except (ValueError, OverflowError):
        raise UsageError(
            "invalid_instant", f"{text!r} is no date with a time.", target, "Choose one."
        ) from None


def day_begins(preferences: Preferences, text: str, target: str, days: int = 0) -> str:
    """Return the instant at which a day of the person's calendar begins, or one days after it.

    Raise `invalid_parameter`.
    """
    try:
        day = dt.date.fromisoformat(text) + dt.timedelta(days)
    except (ValueError, OverflowError):
        raise UsageError(
            "invalid_parameter", f"{text!r} is no date.", target, "Choose one."
        ) from None
    return instant_of(preferences, f"{day.isoformat()}T00:00", target)


def local_time(preferences: Preferences, text: str) -> str:
    """Return an instant as a time of the person's clock, as a field of a form has it."""
    shown = local(preferences, dt.datetime.fromisoformat(text))
    return shown.replace(tzinfo=None).isoformat(timespec="seconds")


def with_moments(address: str, moments: Mapping[str, str]) -> str:
    """Return an address that keeps instants."""
    query = urlencode(moments, safe=":")
    return f"{address}?{query}" if query else address
