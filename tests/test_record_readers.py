"""Values of posted records are read, ready made, as the types read them from a file."""

import math
from itertools import product

import pytest

from overtide.schemas.errors import InvalidValueError
from overtide.schemas.null_words import is_null_word
from overtide.schemas.serving_metadata import ServedAttribute
from overtide.schemas.strict_json import parse_json
from overtide.schemas.types import type_of
from overtide.serving.record_readers import reader_of

VALUES = (
    *map(
        parse_json,
        (
            "9.5",
            "-0.0",
            "1e400",
            "1E5",
            "0.1",
            "12345678901234567890",
            "7",
            "true",
            "[]",
            '{"a":1}',
        ),
    ),
    -0.0,
    math.nan,
    math.inf,
    *("", " ", "a", " 7 ", "7,5", "n/a", "2026-11-28", "11/28/2026", "2026-11-28T10:00:00Z", "a\0"),
    "\ud800",
)
ATTRIBUTES = (
    *(ServedAttribute(one) for one in ("string", "double", "integer", "boolean", "decimal(9,2)")),
    *(ServedAttribute(one) for one in ("date", "datetime", "guid")),
    ServedAttribute("date", format="%m/%d/%Y"),
    ServedAttribute("double", decimal_mark=","),
    ServedAttribute("string", null_words=["n/a"]),
    ServedAttribute("double", null_words=["7", "9.5"]),
)


def outcome(read, value):
    try:
        found = read(value)
    except InvalidValueError as error:
        return error.message
    return type(found), found, math.copysign(1, found) if isinstance(found, float) else 0


@pytest.mark.parametrize(("attribute", "zone"), [*product(ATTRIBUTES, ("UTC", "Europe/Berlin"))])
def test_a_ready_made_reader_reads_as_the_type_does(attribute, zone):
    kind = type_of(attribute.type)

    def as_the_type(value):
        if is_null_word(kind, value, attribute.null_words):
            return None
        return kind.from_source(attribute.reading, zone, value)

    read = reader_of(attribute, zone)
    for value in VALUES * 2:  # the second time it may be remembered
        assert outcome(read, value) == outcome(as_the_type, value), value
