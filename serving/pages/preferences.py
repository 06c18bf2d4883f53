"""How a person's browser wants things shown: its language, and the zone of its clock."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.localedata import exists

LANGUAGE, ZONE = "overtide_language", "overtide_zone"
"""Cookies: a language that was chosen, and the zone that the script of the pages tells."""
COUNTRY = re.compile(r"[a-z]{2,3}_[A-Z]{2}")
UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Preferences:
    """A language that there are texts of, a time zone, and the country that the browser tells.

    A language is written in many countries, each with numbers and dates of its own.
    """

    language: str = "en"
    zone: ZoneInfo = UTC
    country: str = ""

    @property
    def locale(self) -> str:
        """How numbers and dates are written, such as `en_GB`."""
        return f"{self.language}_{self.country}" if self.country else self.language


def preferences_of(
    cookies: Mapping[str, str], accepted: str, languages: Sequence[str]
) -> Preferences:
    """Return them by cookies, or by `Accept-Language`; English and UTC where neither says."""
    liked = _liked(accepted)
    chosen = cookies.get(LANGUAGE, "")
    known = (one.partition("-")[0] for one in liked)
    language = (
        chosen if chosen in languages else next((one for one in known if one in languages), "en")
    )
    return Preferences(language, _zone(cookies.get(ZONE, "")), _country(language, liked))


def _liked(accepted: str) -> list[str]:
    """Return the languages of an `Accept-Language`, the best first (RFC 9110, 12.5.4)."""
    wanted: list[tuple[float, str]] = []
    for part in accepted.lower().split(",")[:20]:
        name, _, quality = part.strip().partition(";q=")
        with suppress(ValueError):
            wanted.append((float(quality or 1), name))
    wanted = [one for one in wanted if one[0] > 0]
    return [name for _, name in sorted(wanted, key=_quality, reverse=True)]


def _quality(wanted: tuple[float, str]) -> float:
    return wanted[0]


def _country(language: str, liked: Sequence[str]) -> str:
    """Return the first country in which the person reads a language; nothing without one."""
    for one in liked:
        name, _, country = one.upper().partition("-")
        if name == language.upper() and _is_known(f"{language}_{country}"):
            return country
    return ""


@lru_cache(maxsize=1024)
def _is_known(locale: str) -> bool:
    return COUNTRY.fullmatch(locale) is not None and exists(locale)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name) if len(name) < 64 else UTC
    except (KeyError, OSError, ValueError):  # unknown, a folder, or no name of a file at all
        return UTC
