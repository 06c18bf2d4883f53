"""Time zones by name: those of the IANA database, and those that Windows and the product use."""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from overtide.schemas.errors import UsageError
from overtide.schemas.suggestions import did_you_mean
from overtide.serving.workflows.windows_zones import WINDOWS_ZONES


def zone_of(name: str, target: str = "timezoneId") -> ZoneInfo:
    """Return the zone of a name; raise `unknown_time_zone` of `target`."""
    known = _known()
    iana = WINDOWS_ZONES.get(name, name)
    if iana not in known:
        raise UsageError(
            "unknown_time_zone",
            f"There is no time zone {name!r}.",
            target,
            did_you_mean(name, [*WINDOWS_ZONES, *known])
            or "Take an id of supportedTimezones, such as Europe/Berlin.",
        )
    return ZoneInfo(iana)


def supported() -> list[tuple[str, str]]:
    """Return the id and the name of every time zone, those of Windows first."""
    known = _known()
    windows = [(name, f"{name} ({iana})") for name, iana in WINDOWS_ZONES.items() if iana in known]
    return windows + [(name, name) for name in sorted(known - WINDOWS_ZONES.keys())]


@cache
def _known() -> frozenset[str]:
    """Return the names of IANA; to look for them takes milliseconds."""
    return frozenset(available_timezones())
