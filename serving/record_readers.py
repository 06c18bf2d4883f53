"""How the values of posted records are read, made ready once for all records of an entity."""

import math
from collections.abc import Callable
from functools import lru_cache, partial

from overtide.schemas.null_words import is_null_word
from overtide.schemas.numbers import Number
from overtide.schemas.serving_metadata import ServedAttribute
from overtide.schemas.types import type_of
from overtide.schemas.types.attribute_type import AttributeType
from overtide.schemas.types.double import DoubleType
from overtide.schemas.values import BLANKS, Value, checked_text

Read = Callable[[object], Value]
"""Returns the canonical value of what a record has; raises `invalid_value`."""
MOST_REMEMBERED = 4096
"""Texts of times of one attribute whose values are remembered: days come again and again."""


def reader_of(attribute: ServedAttribute, time_zone: str, made: str = "text") -> Read:
    """Return what reads the values of an attribute just as a refresh reads them from a file.

    `made` is the kind of what an expression makes of it.
    """
    kind = type_of(attribute.type)
    read: Read = partial(kind.from_source, attribute.reading.of_kind(made), time_zone)
    if attribute.null_words:
        return partial(_unless_null_word, kind, attribute.null_words, read)
    if kind.is_text:
        return partial(_trimmed_text if attribute.trim else _text, read)
    if isinstance(kind, DoubleType):
        return partial(_double, read)
    return partial(_remembered, lru_cache(MOST_REMEMBERED)(read), read) if kind.is_time else read


def _unless_null_word(kind: AttributeType, words: list[str], read: Read, value: object) -> Value:
    return None if is_null_word(kind, value, words) else read(value)


def _text(read: Read, value: object) -> Value:
    """Return a text that is one as it is; what else is read goes the long way."""
    return checked_text(value) or read(value) if type(value) is str else read(value)


def _trimmed_text(read: Read, value: object) -> Value:
    """Return a text that has no blanks around it as it is."""
    if type(value) is str and value and value[0] not in BLANKS and value[-1] not in BLANKS:
        return checked_text(value)
    return read(value)


def _double(read: Read, value: object) -> Value:
    """Return a finite number that was sent as one; the zero has no sign."""
    if type(value) is Number or type(value) is float:
        number = float(value) + 0.0
        if math.isfinite(number):
            return number
    return read(value)


def _remembered(known: Read, read: Read, value: object) -> Value:
    return known(value) if type(value) is str else read(value)
