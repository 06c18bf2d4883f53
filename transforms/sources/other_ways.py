"""How else values may be written that are not of their attribute's type."""

from collections.abc import Iterator

from overtide.schemas.configuration.entities import Attribute
from overtide.schemas.errors import InvalidValueError
from overtide.schemas.types import type_of
from overtide.schemas.types.attribute_type import ISO, Reading
from overtide.schemas.values import Value
from overtide.transforms.sources.contract import TypedTime

DAYS = (
    "%d{0}%m{0}%y",
    "%m{0}%d{0}%y",
    "%y{0}%m{0}%d",
    "%d{0}%m{0}%Y",
    "%m{0}%d{0}%Y",
    "%Y{0}%m{0}%d",
    "%d{0}%b{0}%Y",
    "%b{0}%d{0}%Y",
    "%d{0}%B{0}%Y",
    "%B{0}%d{0}%Y",
)
"""Dates as people write them.

Two digits of a year come first, since `%Y` takes them for a year of antiquity.
"""
SEPARATORS = ("-", "/", ".", " ", "")
TIMES = (
    "",
    " %H:%M",
    " %H:%M:%S",
    " %H:%M:%S.%f",
    " %I:%M %p",
    " %I:%M:%S %p",
    "T%H:%M",
    "T%H:%M:%S",
    "T%H:%M:%S.%f",
    "T%H:%M:%S%z",
    " %H:%M:%S%z",
    " %H:%M:%S %z",
)


def fits(value: object, attribute: Attribute, time_zone: str) -> bool:
    """Say whether a refresh reads a value."""
    return read(value, attribute, time_zone) is not None


def read(value: object, attribute: Attribute, time_zone: str) -> Value:
    """Return the value that a refresh reads, None where it reads none."""
    reading = Reading() if isinstance(value, TypedTime) else attribute.reading
    try:
        return type_of(attribute.type).from_source(reading, time_zone, value)
    except InvalidValueError:
        return None


def better(
    values: list[object], attribute: Attribute, time_zone: str
) -> tuple[str | None, str | None]:
    """Return what fits all values where the attribute's own way to read does not.

    In words, and the one to write.
    """
    for other in _other_ways(attribute):
        if all(fits(value, other, time_zone) for value in values):
            if not type_of(attribute.type).is_time:
                return _marks(attribute, other)
            return _format(values, attribute, other, time_zone)
    return None, None


def _marks(attribute: Attribute, other: Attribute) -> tuple[str, str | None]:
    mark = f'`decimal_mark: "{other.decimal_mark}"`'
    if other.decimal_mark == attribute.thousands_separator and not other.thousands_separator:
        return f"{mark} without `thousands_separator`", None
    if other.thousands_separator is None:
        return mark, other.decimal_mark
    return f'{mark} and `thousands_separator: "{other.thousands_separator}"`', None


def _format(
    values: list[object], attribute: Attribute, other: Attribute, time_zone: str
) -> tuple[str, str | None]:
    if other.format is None:
        return "ISO 8601: leave `format` out", None
    one, *more = [other.format] if isinstance(other.format, str) else other.format
    written = f'`format: ["{one}", {ISO}]`' if more else f'`format: "{one}"`'
    both = one.replace("%d", "%0").replace("%m", "%d").replace("%0", "%m")
    swapped = attribute.model_copy(update={"format": [both, *more]})
    turns = "%d" in both and "%m" in both
    if turns and all(fits(value, swapped, time_zone) for value in values):
        return f"{written}, and `{both}` as well", None
    return written, None if more else one


def _other_ways(attribute: Attribute) -> Iterator[Attribute]:
    """Give the other ways in which values of a type are written, the plainest first."""
    kind = type_of(attribute.type)
    if kind.has_decimal_mark:
        marks = [(mark, None) for mark in ".,"] + [(",", "."), (".", ","), (",", " "), (".", "'")]
        for mark, separator in marks:
            yield attribute.model_copy(
                update={"decimal_mark": mark, "thousands_separator": separator}
            )
    if kind.is_time:
        yield attribute.model_copy(update={"format": None})
        formats = [
            day.format(mark) + time
            for time in (TIMES[:1] if kind.is_day else TIMES)
            for mark in SEPARATORS
            for day in DAYS
        ]
        for one in (*formats, *([each, ISO] for each in formats)):
            yield attribute.model_copy(update={"format": one})
