"""Find the type of a column by its texts: the first that reads all of them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from overtide.schemas.types import type_of
from overtide.schemas.values import BLANKS, plain_word
from overtide.transforms.first_project.found import TRIED, Found, reads
from overtide.transforms.first_project.samples import Column
from overtide.transforms.first_project.times import (
    DAYS,
    FOUR_DIGITS,
    leads,
    ways_of_several,
    ways_of_times,
)

STANDS_FOR_NULL = (
    *("n/a", "na", "#n/a", "null", "(null)", "none", "nil", "nan", "-", "--", "?", "."),
    *("\\n", "unknown", "k.a.", "n.a.", "n.v.t.", "unbekannt", "onbekend", "0000-00-00"),
)
SURELY_NULL = ("null", "(null)", "\\n", "#n/a", "n/a")
"""Those that mean nothing in a text, too."""
TRUTHS = (
    *(("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f")),
    *(("ja", "nein"), ("ja", "nee"), ("oui", "non"), ("si", "no"), ("sí", "no"), ("on", "off")),
    *(("wahr", "falsch"), ("vrai", "faux"), ("sim", "não"), ("j", "n"), ("tak", "nie")),
)
USUAL_TRUTHS = 4
CALLED_KEY = re.compile(r"\b(id|key|no|code|uuid|guid|num|ref)$|(nr|number|nummer)$")
WHOLE_NUMBER = re.compile(r"-?\d{1,18}")
PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
COMMA_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?")
POINT_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?")
EXPONENT = re.compile(r"[+-]?\d+(\.\d+)?[eE][+-]?\d+")
LEADING_ZERO = re.compile(r"[+-]?0\d+")
EIGHT_DIGITS = re.compile(r"(1[89]|20)\d{6}")
DIGITS_OF_A_DAY = re.compile(r"(?i)date|day|datum|birth|geburt|geboorte|tag$")
GUID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
LONGEST_NUMBER = 18
LOOKS_LIKE_A_FLAG = re.compile(r"^(is|has|flag|opt)([A-Z_ -]|$)|(flag|_yn|optin)$")
BORN = re.compile(r"birth|\bdob\b|\bborn\b|\bgeb\b|geburt|geboorte|naissance")
NEARLY_EVERY, ALMOST, NEARLY, MOSTLY = 0.995, 0.98, 0.95, 0.9


def words_of(name: str) -> str:
    """Return the words of a name in lower case: `customer.EMail_Address` is `e mail address`."""
    parted = re.sub(r"([a-zà-ÿ0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3 \2\4", name)
    return " ".join(re.findall(r"[^\W_]+", parted)).lower()


def found_type(column: Column, months_first: bool = False) -> Found:
    """Return the type of a column; `months_first` where a day and a month can't be told apart."""
    texts = list(dict.fromkeys(one.strip(BLANKS) for one in column.filled))
    if column.type is not None:
        return _of_file(column, column.type, texts)
    if not texts:
        return Found("string", why="nothing in it")
    found = _digits_of_days(column, texts) or _read_all(column, texts, months_first)
    words = [one for one in texts if stands_for_null(one)]
    rest = [one for one in texts if not stands_for_null(one)]
    if found is None and words and rest:
        found = _read_all(column, rest, months_first) or _days_of_birth(column, rest, months_first)
        if found is not None:
            return without(found, words)
    return (
        found or _days_of_birth(column, texts, months_first) or _text(column, texts, months_first)
    )


def _of_file(column: Column, kind: str, texts: list[str]) -> Found:
    """Return the file's own type, but of whole numbers that are called like a key: integer.

    Writers that know no missing whole numbers write them as floating-point ones.
    """
    whole = kind == "double" and texts and all(map(WHOLE_NUMBER.fullmatch, texts))
    if whole and CALLED_KEY.search(words_of(column.name)):
        return Found("integer", why="whole numbers that the file has as floating-point ones")
    return Found(kind, why="the file's own type")


def _digits_of_days(column: Column, texts: list[str]) -> Found | None:
    """Return days of eight digits in a column that is called so; a few may be none."""
    called = DIGITS_OF_A_DAY.search(column.name)
    if not called or not all(EIGHT_DIGITS.fullmatch(one) for one in texts):
        return None
    days = Found("date", {"format": "%Y%m%d"}, "days as %Y%m%d")
    others = [one for one in texts if not reads(days, one)]
    if not others:
        return days
    told = f"{len(others)} of {len(texts)} are no days, such as {others[0]}: they become null"
    return replace(days, check=told) if len(others) <= (1 - NEARLY) * len(texts) else None


def stands_for_null(text: str) -> bool:
    """Say whether a text is what people and systems write for nothing."""
    return plain_word(text) in STANDS_FOR_NULL


def _days_of_birth(column: Column, texts: list[str], months_first: bool) -> Found | None:
    """Return days in a column that is called so, although a tenth of them may be mistyped."""
    if not BORN.search(words_of(column.name)):
        return None
    first = "%m" if months_first else "%d"
    formats = sorted(DAYS, key=lambda one: leads(one) not in ("", first))
    ways = [Found("date", why="days as ISO 8601")]
    ways += [Found("date", {"format": one}, f"days as {one}") for one in formats]
    ways += ways_of_several(texts, months_first, int((1 - MOSTLY) * len(texts[:TRIED])))
    read = ((one, [text for text in texts if not _is_day(one, text)]) for one in ways)
    days, others = min(read, key=lambda one: len(one[1]))
    if not 0 < len(others) <= (1 - MOSTLY) * len(texts):
        return None
    several = f"{len(others):,} of {len(texts):,} different values"
    told = f"{several} are no days, such as {others[0]!r}"
    return replace(days, check=f"{told}: they become null")


def _is_day(days: Found, text: str) -> bool:
    whole = "%y" not in str(days.settings.get("format", ""))
    return (not whole or FOUR_DIGITS.search(text) is not None) and reads(days, text)


def without(found: Found, words: Sequence[str]) -> Found:
    """Return what is found where some words stand for null."""
    listed = ", ".join(words)
    return Found(
        found.type,
        {**found.settings, "null_words": sorted(set(map(plain_word, words)))},
        f"{found.why}; {listed} read as null",
        found.check,
    )


def _text(column: Column, texts: list[str], months_first: bool) -> Found:
    """Return a column of texts, with what nearly all of them would be."""
    sure = [one for one in texts if plain_word(one) in SURELY_NULL]
    settings = {"null_words": sorted(set(map(plain_word, sure)))} if sure else {}
    why = "text" + (f"; {', '.join(sure)} read as null" if sure else "")
    odd = _odd_ones(column, [one for one in texts if one not in sure], months_first)
    if odd is None:
        return Found("string", settings, why)
    nearly, others = odd
    shown = ", ".join(map(repr, others[:3]))
    if type_of(nearly.type).is_time and len(others) <= (1 - NEARLY_EVERY) * len(texts):
        several = f"{len(others):,} of {len(texts):,} different values"
        return replace(nearly, check=f"{several} are no {nearly.type}, such as {shown}: null")
    check = f"nearly all of it is {nearly.type}, but not {shown}: kept as text"
    return Found("string", settings, why, check)


def _odd_ones(
    column: Column, texts: list[str], months_first: bool
) -> tuple[Found, list[str]] | None:
    """Return what nearly all texts are, and the others."""
    for one in _ways(column, texts[:50], months_first) if texts else ():
        if not type_of(one.type).is_text:
            others = [text for text in texts if not reads(one, text)]
            if others and len(others) <= (1 - ALMOST) * len(texts):
                return one, others
    return None


def _read_all(column: Column, texts: list[str], months_first: bool) -> Found | None:
    """Return the first way that reads all texts."""
    for one in _ways(column, texts, months_first):
        if all(reads(one, text) for text in texts[:TRIED]) and all(
            reads(one, text) for text in texts[TRIED:]
        ):
            return one
    return None


def _ways(column: Column, texts: list[str], months_first: bool) -> Iterator[Found]:
    """Give the ways in which texts may be read, the narrowest first."""
    yield from _truths(column, texts)
    if all(GUID.fullmatch(one) for one in texts):
        yield Found("guid", why="UUIDs")
    if any(map(LEADING_ZERO.fullmatch, texts)) and all(map(PLAIN_NUMBER.fullmatch, texts)):
        yield Found("string", why="numbers with leading zeros: text, so that they stay")
    yield from _numbers(texts)
    yield from ways_of_times(texts, months_first)


def _truths(column: Column, texts: list[str]) -> Iterator[Found]:
    lower = {one.lower() for one in texts}
    if lower == {"0", "1"} and LOOKS_LIKE_A_FLAG.search(column.name):
        yield Found("boolean", why="0 and 1, and called like a flag")
    for place, pair in enumerate(TRUTHS):
        if lower == set(pair):
            words = {"true_words": [pair[0]], "false_words": [pair[1]]}
            yield Found("boolean", {} if place < USUAL_TRUTHS else words, f"{pair[0]} or {pair[1]}")


def _numbers(texts: list[str]) -> Iterator[Found]:
    """Give the ways to read numbers; of one where a mark may be either, the point is taken."""
    several = "," in "".join(texts) or "." in "".join(texts)
    if all(PLAIN_NUMBER.fullmatch(one) for one in texts):
        in_thousands = several and all(re.fullmatch(r"[+-]?\d{1,3}\.\d{3}", one) for one in texts)
        check = "its points may separate thousands" if in_thousands else ""
        yield _number(texts, ".", {}, check)
    elif all(COMMA_NUMBER.fullmatch(one) for one in texts):
        settings = {"decimal_mark": ","}
        if any("." in one for one in texts):
            settings["thousands_separator"] = "."
        only = all(re.fullmatch(r"[+-]?\d{1,3}(,\d{3})?", one) for one in texts)
        yield _number(texts, ",", settings, "its commas may separate thousands" if only else "")
    elif all(POINT_NUMBER.fullmatch(one) for one in texts):
        yield _number(texts, ".", {"thousands_separator": ","}, "")
    elif all(PLAIN_NUMBER.fullmatch(one) or EXPONENT.fullmatch(one) for one in texts):
        yield Found("double", why="numbers, some with an exponent")


def _number(texts: list[str], mark: str, settings: dict[str, Any], check: str) -> Found:
    """Return the narrowest type of numbers: whole, exact with so many places, or double."""
    parts = [one.lstrip("+-").partition(mark) for one in texts]
    whole = max(len(re.sub(r"\D", "", before)) for before, _, _ in parts)
    places = max(len(after) for _, _, after in parts)
    written = " with a decimal comma" if mark == "," else ""
    if places == 0:
        kept = {name: value for name, value in settings.items() if name != "decimal_mark"}
        if whole > LONGEST_NUMBER:
            return Found("string", why=f"digits, up to {whole}: too many for a number")
        if settings.get("thousands_separator") == ".":
            kept = settings
        return Found("integer", kept, "whole numbers", check)
    if whole + places > LONGEST_NUMBER or places > 6:
        return Found("double", settings, f"numbers{written} of many digits", check)
    why = f"numbers{written}, up to {places} {'place' if places == 1 else 'places'}"
    return Found(f"decimal(18, {places})", settings, why, check)


def tells_months_first(column: Column) -> bool | None:
    """Say whether a column's dates have the month first, None where they do not tell."""
    parts = [re.match(r"(\d{1,2})[/.-](\d{1,2})[/.-]\d", one.strip()) for one in column.filled]
    pairs = [(int(one[1]), int(one[2])) for one in parts if one]
    if not pairs or len(pairs) < len(column.filled):
        return None
    if any(second > 12 for _, second in pairs):
        return True
    return False if any(first > 12 for first, _ in pairs) else None
