"""Find the type of a column by its texts: the first that reads all of them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from overtide.schemas.types import type_of
from overtide.schemas.values import BLANKS, plain_word
from overtide.transforms.first_project.found import TRIED, Found, reads
from overtide.transforms.first_project.samples import Column
from overtide.transforms.first_project.times import (
    DAYS,
    FOUR_DIGITS,
    doubt,
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
NEARLY_EVERY, ALMOST, NEARLY = 0.995, 0.98, 0.95
FEW = 50
"""Distinct texts one after the other by which ways are found that may read nearly all."""


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
    if found is not None:
        return found
    words = [one for one in texts if stands_for_null(one)]
    rest = [one for one in texts if not stands_for_null(one)]
    found = _read_all(column, rest, months_first) if words and rest else None
    found = found or _days_of_birth(column, rest, months_first)
    return without(found, words) if found else _text(column, words, rest, months_first)


def _of_file(column: Column, kind: str, texts: list[str]) -> Found:
    """Return the file's own type, but of whole numbers that are called like a key: integer.

    Writers that know no missing whole numbers write them as floating-point ones.
    """
    whole = texts and all(map(WHOLE_NUMBER.fullmatch, texts))
    if whole and not type_of(kind).is_exact and CALLED_KEY.search(words_of(column.name)):
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
    ways += ways_of_several(texts, months_first, len(texts[:TRIED]) // 10)
    read = ((one, [text for text in texts if not _is_day(one, text)]) for one in ways)
    days, others = min(read, key=lambda one: len(one[1]))
    return _but_for(days, others, texts) if 0 < 10 * len(others) <= len(texts) else None


def _but_for(found: Found, others: Sequence[str], texts: Sequence[str]) -> Found:
    """Return what all texts but a few others are, with that to check."""
    several = f"{len(others):,} of {len(texts):,} different values"
    what = "days" if type_of(found.type).is_day else "times"
    shown = ", ".join(map(repr, others[:3]))
    told = f"{several} are no {what}, such as {shown}: they become null"
    return replace(found, check="; ".join(filter(None, (told, doubt(found, texts)))))


def _is_day(days: Found, text: str) -> bool:
    whole = "%y" not in str(days.settings.get("format", ""))
    return (not whole or FOUR_DIGITS.search(text) is not None) and reads(days, text)


def without(found: Found, words: Sequence[str]) -> Found:
    """Return what is found where some words, if any, stand for null."""
    if not words:
        return found
    listed = ", ".join(words)
    return Found(
        found.type,
        {**found.settings, "null_words": sorted(set(map(plain_word, words)))},
        f"{found.why}; {listed} read as null",
        found.check,
    )


def _text(column: Column, words: list[str], texts: list[str], months_first: bool) -> Found:
    """Return a column of texts and words for null, with what nearly all of the texts would be.

    They are times where nearly every one is.
    """
    odd = _odd_ones(column, texts, months_first)
    sure = [one for one in words if plain_word(one) in SURELY_NULL]
    found = without(Found("string", why="text"), sure)
    if odd is None:
        return found
    nearly, others = odd
    if type_of(nearly.type).is_time and len(others) <= (1 - NEARLY_EVERY) * len(texts):
        return without(_but_for(nearly, others, texts), words)
    shown = ", ".join(map(repr, others[:3]))
    check = f"nearly all of it is {nearly.type}, but not {shown}: kept as text"
    return replace(found, check=check)


def _odd_ones(
    column: Column, texts: list[str], months_first: bool
) -> tuple[Found, list[str]] | None:
    """Return what nearly all texts are, and the others, wherever they stand."""
    most = int((1 - ALMOST) * len(texts))
    for start in range(0, len(texts), max(FEW, len(texts) // 8)) if most else ():
        for one in _ways(column, texts[start : start + FEW], months_first):
            if not type_of(one.type).is_text:
                others = list(islice((text for text in texts if not reads(one, text)), most + 1))
                if 0 < len(others) <= most:
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
