"""How a person's browser wants things shown: its language, and the zone of its clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

LANGUAGE, ZONE = "overtide_language", "overtide_zone"
"""Cookies: a language that was chosen, and the zone that the script of the pages tells."""
UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Preferences:
    """A language that there are texts of, and a time zone."""

    language: str = "en"
    zone: ZoneInfo = UTC


def preferences_of(
    cookies: Mapping[str, str], accepted: str, languages: Sequence[str]
) -> Preferences:
    """Return them by cookies, or by `Accept-Language`; English and UTC where neither says."""
    chosen = cookies.get(LANGUAGE, "")
    language = chosen if chosen in languages else _best(accepted, languages)
    return Preferences(language, _zone(cookies.get(ZONE, "")))


def _best(accepted: str, languages: Sequence[str]) -> str:
    """Return the language that a browser likes most of those that there are (RFC 9110, 12.5.4)."""
    wanted: list[tuple[float, str]] = []
    for part in accepted.lower().split(",")[:20]:
        name, _, quality = part.strip().partition(";q=")
        try:
            wanted.append((float(quality or 1), name.partition("-")[0]))
        except ValueError:
            continue
    best = max(
        (one for one in wanted if one[1] in languages and one[0] > 0), key=_quality, default=None
    )
    return "en" if best is None else best[1]


def _quality(wanted: tuple[float, str]) -> float:
    return wanted[0]


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name) if len(name) < 64 else UTC
    except (KeyError, OSError, ValueError):  # unknown, a folder, or no name of a file at all
        return UTC
