"""Read a date or time by a strptime format, by exactly the rules with which DuckDB reads the files.

They differ from Python's: numbers take as many digits as they can up to their width and never give
one back, runs of blanks match each other, and `%y` turns at 69. `%f` alone takes any number of
digits, cut at the microsecond.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WIDTHS = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "I": 2, "M": 2, "S": 2, "f": 6, "g": 3}
"""Digits that a number takes at most."""
COMPOSED = {"c": "%Y-%m-%d %H:%M:%S", "x": "%Y-%m-%d", "X": "%H:%M:%S", "T": "%H:%M:%S"}
_BLANK = "[ \t\n\v\f\r]"


def _any(words: tuple[str, ...]) -> str:
    return "|".join(words)


def _short(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word[:3] for word in words)


_NAMED = {
    "b": _any(_short(MONTHS)),
    "h": _any(_short(MONTHS)),
    "B": _any(MONTHS),
    "a": _any(_short(DAYS)),
    "A": _any(DAYS),
    "p": "am|pm",
    "z": r"[+-]\d{2}(?::\d{2}(?::\d{2})?|\d{2})?|z",
}
SUPPORTED = frozenset(WIDTHS) | frozenset(_NAMED) | frozenset(COMPOSED) | {"%"}
"""The letters that may follow `%` (or `%-`, which means the same when reading)."""


def unsupported(pattern: str) -> list[str]:
    """Return the specifiers of a format that cannot be read, such as `%j`."""
    return [
        found
        for found in re.findall(r"%-?.?", pattern)
        if found[-1] not in SUPPORTED or found == "%"
    ]


@dataclass(frozen=True, slots=True)
class _Format:
    expression: re.Pattern[str]
    letters: tuple[str, ...]


@cache
def _compiled(pattern: str) -> _Format:
    for letter, parts in COMPOSED.items():
        pattern = re.sub(rf"(?<!%)%{letter}", parts, pattern)
    pieces = re.findall(rf"%-?.|{_BLANK}+|.", pattern, re.DOTALL)
    letters = tuple(
        piece[-1] for piece in pieces if len(piece) > 1 and piece[0] == "%" and piece != "%%"
    )
    expression = "".join(
        _piece(piece, following) for piece, following in zip(pieces, [*pieces[1:], ""], strict=True)
    )
    return _Format(re.compile(rf"{_BLANK}*+{expression}{_BLANK}*", re.ASCII), letters)


def _piece(piece: str, following: str) -> str:
    if piece[0] == "%" and len(piece) > 1 and piece != "%%":
        letter = piece[-1]
        if letter == "f" and not following.isdigit() and following[-1:] not in WIDTHS:
            return r"(\d{1,6}+)\d*+"
        return (
            rf"(\d{{1,{WIDTHS[letter]}}}+)" if letter in WIDTHS else f"((?>(?i:{_NAMED[letter]})))"
        )
    return f"{_BLANK}++" if re.match(_BLANK, piece) else re.escape("%" if piece == "%%" else piece)


def read_time(text: str, pattern: str) -> datetime | None:
    """Return the local time that a text holds, None when it does not fit.

    With `%z` in the format it is the time in UTC.
    """
    form = _compiled(pattern)
    found = form.expression.fullmatch(text)
    if found is None:
        return None
    parts = {
        PARTS.get(letter, letter): (letter, text)
        for letter, text in zip(form.letters, found.groups(), strict=True)
    }
    try:
        time = datetime(  # noqa: DTZ001 - local until its offset is taken
            _year(parts),
            _month(parts),
            _number(parts, "d", 1),
            _hour(parts),
            _number(parts, "M"),
            _number(parts, "S"),
            _fraction(parts),
        )
        return time - _offset(parts)
    except (ValueError, OverflowError):
        return None


PARTS = {"y": "Y", "b": "m", "h": "m", "B": "m", "I": "H", "g": "f"}
"""Specifiers of the same part of a time; the last one of a format counts."""
_Parts = dict[str, tuple[str, str]]


def _number(parts: _Parts, part: str, default: int = 0) -> int:
    return int(parts[part][1]) if part in parts else default


def _year(parts: _Parts) -> int:
    letter, text = parts.get("Y", ("Y", "1900"))
    return int(text) if letter == "Y" else int(text) + (1900 if int(text) >= 69 else 2000)


def _month(parts: _Parts) -> int:
    letter, text = parts.get("m", ("m", "1"))
    return int(text) if letter == "m" else _short(MONTHS).index(text[:3].lower()) + 1


def _hour(parts: _Parts) -> int:
    """Return the hour of 24; raise ValueError for one out of the range of its specifier."""
    letter, text = parts.get("H", ("H", "0"))
    hour, half = int(text), parts["p"][1].lower() if "p" in parts else ""
    if (letter == "I" and not 1 <= hour <= 12) or (half and hour > 12):
        raise ValueError(text)
    return hour % 12 + (12 if half == "pm" else 0) if half else hour


def _fraction(parts: _Parts) -> int:
    return int(parts["f"][1].ljust(6, "0")) if "f" in parts else 0


def _offset(parts: _Parts) -> timedelta:
    text = parts.get("z", ("z", "z"))[1].replace(":", "")
    if text in "zZ":
        return timedelta()
    shift = timedelta(hours=int(text[1:3]), minutes=int(text[3:5] or 0), seconds=int(text[5:] or 0))
    return -shift if text[0] == "-" else shift


OF_OTHERS = {
    "%Y": "yyyy",
    "%y": "yy",
    "%B": "MMMM",
    "%b": "MMM",
    "%m": "MM M",
    "%d": "dd d",
    "%H": "HH24 hh24 HH H",
    "%I": "hh h",
    "%M": "mm m MI mi",
    "%S": "SS ss s",
    "%p": "tt",
}
"""The parts of formats of other systems; where no `mm` can be minutes, they are months."""


def meant_format(text: str) -> str | None:
    """Return the strptime format that a format of other systems means (`M/d/yyyy`).

    None where that is not sure: something else stands there, a part comes twice, or none is a month
    or a year.
    """
    meant = {part: one for one, parts in OF_OTHERS.items() for part in parts.split(" ")}
    if "MM" not in text and (re.search("(?i)mi", text) or not re.search("(?i)h", text)):
        meant |= {"mm": "%m", "m": "%m"}
    known = "|".join(sorted(meant, key=len, reverse=True))
    plain = re.sub("[DY]", lambda part: part[0].lower(), text)
    found = re.sub(known, lambda part: meant[part[0]], plain)
    same = {"y": "Y", "b": "m", "B": "m", "I": "H"}
    parts = [same.get(one, one) for one in re.findall("%(.)", found)]
    sure = "%" not in text and re.search("(?<!%)[A-Za-z]", found) is None
    return found if sure and {"Y", "m"} <= {*parts} and len({*parts}) == len(parts) else None
