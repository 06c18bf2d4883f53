"""The ways in which columns of texts may be days and times."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from overtide.schemas.types import type_of
from overtide.schemas.types.attribute_type import ISO
from overtide.transforms.first_project.found import TRIED, Found, reads

DAYS = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y"),
    "%B %d, %Y",
)
CLOCKS = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%I:%M:%S %p", "%I:%M %p", "%H:%M:%S %z")
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d(?!\d)")
FOUR_DIGITS = re.compile(r"(?<!\d)\d{4}(?!\d)")
LONGEST_TIME = 40
MOST_WAYS = 3
"""In how many ways the days or times of a column may be written."""


def ways_of_times(texts: list[str], months_first: bool) -> Iterator[Found]:
    """Give the ways in which texts may be days or times, the narrowest first."""
    if not all(re.search(r"\d", one) and len(one) < LONGEST_TIME for one in texts):
        return
    if all(ISO_DAY.fullmatch(one) for one in texts):
        yield Found("date", why="days as ISO 8601")
    if all(ISO_DAY.match(one) for one in texts):
        yield Found("datetime", why="times as ISO 8601")
    fitting = [one for one in _formats() if _all_in(one, texts)]
    turned = [one for one in fitting if leads(one) in ("", "%m" if months_first else "%d")]
    for one in [*turned, *fitting]:
        other = {"%d": "%m", "%m": "%d"}.get(leads(one))
        doubtful = other and any(leads(two) == other for two in fitting)
        check = _told_of(one) if doubtful else ""
        yield Found(
            _kind(one), {"format": one}, f"{'times' if _has_clock(one) else 'days'} as {one}", check
        )
    for short, long in ((one, one.replace("%y", "%Y")) for one in DAYS if "%y" in one):
        yield Found("date", {"format": [short, long]}, "days, some with a year of two digits")
    yield from ways_of_several(texts, months_first)


def ways_of_several(texts: list[str], months_first: bool, odd: int = 0) -> Iterator[Found]:
    """Give how texts may be days, or times, of which some are written otherwise than others.

    So many `odd` ones of those that are tried may be none. Where one separator would stand in days
    of either order, there is no such way.
    """
    first = "%m" if months_first else "%d"
    patterns = [ISO, *sorted(_formats(), key=lambda one: leads(one) not in ("", first))]
    days = [one for one in patterns if not _has_clock(one)]
    for called, able in (("days", days), ("times", patterns)):
        kind = "date" if able is days else "datetime"
        chosen = _chosen(kind, texts[:TRIED], able, odd)
        turns = {(one[2], leads(one)) for one in chosen if leads(one)}
        if len(chosen) > 1 and len(turns) == len({separator for separator, _ in turns}):
            ordered = sorted(chosen, key=lambda one: (one == ISO, "%Y" in one, one))
            why = f"{called} as {', '.join(ordered)}"
            made = Found(kind, {"format": ordered}, why)
            yield replace(made, check=doubt(made, texts[:TRIED]))


def _chosen(kind: str, texts: list[str], patterns: list[str], odd: int) -> list[str]:
    """Return patterns of which each reads most of what those before it do not; none if too many."""
    chosen: list[str] = []
    left = texts
    while left:
        able = [one for one in patterns if _fits(kind, one, left[0])]
        if not able:
            left, odd = left[1:], odd - 1
        else:
            some = left
            chosen.append(max(able, key=lambda one: sum(_fits(kind, one, text) for text in some)))
            left = [text for text in left if not _fits(kind, chosen[-1], text)]
        if odd < 0 or len(chosen) > MOST_WAYS:
            return []
    return chosen


def _fits(kind: str, pattern: str, text: str) -> bool:
    if pattern == ISO:
        whole = ISO_DAY.fullmatch(text) if type_of(kind).is_day else ISO_DAY.match(text)
        return whole is not None and reads(Found(kind), text)
    year = "%Y" not in pattern or FOUR_DIGITS.search(text) is not None
    return year and reads(Found(kind, {"format": pattern}), text)


def doubt(found: Found, texts: Sequence[str]) -> str:
    """Return what is to be checked, if days of one of its formats may be turned."""
    formats = found.settings.get("format", [])
    for one in [formats] if isinstance(formats, str) else formats:
        turned = one[3:5] + one[2] + one[:2] + one[5:]
        fitting = (text for text in texts if _fits(found.type, one, text))
        if leads(one) and all(_fits(found.type, turned, text) for text in fitting):
            return _told_of(one)
    return ""


def _told_of(pattern: str) -> str:
    return f"days and months can't be told apart; {pattern} was taken"


def leads(pattern: str) -> str:
    """Return which of day and month in digits comes first, nothing where it is said otherwise."""
    return pattern[:2] if re.match(r"%[dm].%[dm]", pattern) else ""


def _kind(pattern: str) -> str:
    return "datetime" if _has_clock(pattern) else "date"


def _has_clock(pattern: str) -> bool:
    return "%H" in pattern or "%I" in pattern


def _formats() -> Iterator[str]:
    yield from DAYS
    for day in ("%Y-%m-%d", *DAYS):
        for clock in CLOCKS:
            yield f"{day} {clock}"


def _all_in(pattern: str, texts: list[str]) -> bool:
    """Say whether a format reads some of the texts, all that are tried.

    strptime takes 24 for the year 24.
    """
    found = Found(_kind(pattern), {"format": pattern})
    whole = "%Y" in pattern
    return all(
        (not whole or FOUR_DIGITS.search(one)) and reads(found, one) for one in texts[:TRIED]
    )
