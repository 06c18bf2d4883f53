"""Canonical values: checked for updates, and read from sources as the refresh reads.

They are read exactly as the refresh reads files.
"""

import json
import math
from datetime import datetime

import duckdb
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from overtide.schemas.configuration.entities import Attribute
from overtide.schemas.errors import OvertideError
from overtide.schemas.local_times import midnight
from overtide.schemas.strict_json import parse_json
from overtide.schemas.strptime import read_time, unsupported
from overtide.schemas.types import type_of
from overtide.schemas.types.attribute_type import Reading
from overtide.schemas.values import canonical, text_of
from overtide.transforms.rare_values import allow_rare_values

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", "", ""),
        ("string", " é ", " é "),
        ("string", None, None),
        ("guid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("integer", 5, 5),
        ("integer", "-07", -7),
        ("integer", 2**53, 2**53),
        ("integer", 2**53 + 1, "9007199254740993"),
        ("integer", -(2**63), "-9223372036854775808"),
        ("integer", 1.0, 1),
        ("integer", "1.0", 1),
        ("integer", 1e3, 1000),
        ("integer", "0" * 5000 + "7", 7),
        ("double", -0.0, 0.0),
        ("double", np.float64(0.5), 0.5),
        ("decimal(10,2)", np.float64(0.5), "0.50"),
        ("double", 5, 5.0),
        ("double", "1e3", 1000.0),
        ("double", 0.1, 0.1),
        ("decimal(10,2)", 1.005, "1.01"),
        ("decimal(10,2)", "1,5".replace(",", "."), "1.50"),
        ("decimal(10, 2)", 7, "7.00"),
        ("decimal(10,2)", -0.001, "0.00"),
        ("decimal(38,10)", "1e3", "1000.0000000000"),
        ("decimal(4,0)", 9999, "9999"),
        ("boolean", True, True),
        ("boolean", False, False),
        ("date", "2024-02-29", "2024-02-29"),
        ("datetime", "2024-02-29T12:00:00+02:00", "2024-02-29T10:00:00.000000Z"),
    ],
)
def test_json_values_become_canonical(kind, value, expected):
    found = type_of(kind).from_json(value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", 5),
        ("string", True),
        ("string", ["a"]),
        ("string", "a\0b"),
        ("string", "\ud800"),
        ("guid", "a0eebc99"),
        ("guid", 5),
        ("integer", 1.5),
        ("integer", math.nan),
        ("integer", True),
        ("integer", 2**63),
        ("integer", "1.5"),
        ("integer", "9" * 5000),
        ("integer", "٤"),
        ("double", math.nan),
        ("double", math.inf),
        ("double", "nan"),
        ("double", "1e999"),
        ("double", 10**400),
        ("double", False),
        ("double", {}),
        ("decimal(4,2)", 100),
        ("decimal(4,2)", 99.995),
        ("decimal(4,2)", "1e400"),
        ("decimal(4,2)", True),
        ("decimal(4,2)", "x"),
        ("boolean", 1),
        ("boolean", "true"),
        ("date", "2023-02-29"),
        ("date", "2024-1-1"),
        ("date", 20240101),
        ("date", "2024-01-01T00:00:00Z"),
        ("datetime", "2024-01-01T00:00:00"),
        ("datetime", "2024-01-01"),
        ("datetime", 0),
    ],
)
def test_json_values_of_another_type_are_refused(kind, value):
    with pytest.raises(OvertideError) as refusal:
        type_of(kind).from_json(value)
    assert refusal.value.code == "invalid_value"


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("integer", None, None),
        ("integer", 5, None),
        ("integer", "5", '"5" is not written as a value of type integer.'),
        ("integer", "9007199254740993", None),
        ("integer", True, "true is not a whole number of 64 bits."),
        ("double", 5, None),
        ("double", "5", '"5" is not written as a value of type double.'),
        ("integer", 5.0, "5.0 is not written as a value of type integer."),
        ("string", 5, "5 is not a text."),
        ("decimal(4,2)", "1.50", None),
        ("decimal(4,2)", 1.5, "1.5 is not written as a value of type decimal(4,2)."),
        ("decimal(4,2)", "1.5", '"1.5" is not written as a value of type decimal(4,2).'),
    ],
)
def test_a_misfit_is_what_is_not_a_value_of_the_type_as_it_stands(kind, value, reason):
    assert type_of(kind).misfit(value) == reason


def test_decimals_keep_the_digits_that_doubles_lose():
    assert (
        type_of("decimal(22,2)").from_json(parse_json("12345678901234567890.12"))
        == "12345678901234567890.12"
    )
    assert (
        type_of("string").from_source(Reading(), "UTC", parse_json("12345678901234567890.120"))
        == "12345678901234567890.12"
    )


def test_canonical_text_has_sorted_keys_and_no_blanks():
    assert canonical({"b": [1, None], "a": "é\u2028"}) == '{"a":"é\u2028","b":[1,null]}'
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical({"a": math.nan})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("a", "a"),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (1.5, "1.5"),
        (5.0, "5"),
        (-0.0, "0"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
    ],
)
def test_values_have_a_plain_text(value, text):
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", "", None),
        ("string", " ", " "),
        ("integer", " ", None),
        ("integer", " 7 ", 7),
        ("integer", 7, 7),
        ("boolean", True, True),
        ("boolean", "Y", True),
        ("boolean", 0, False),
        ("string", True, "true"),
        ("string", 1.5, "1.5"),
        ("datetime", "2024-10-27 02:30:00", "2024-10-27T00:30:00.000000Z"),
        ("datetime", "2024-03-31 02:30:00", "2024-03-31T01:30:00.000000Z"),
        ("datetime", None, None),
    ],
)
def test_values_of_source_records_are_read_as_from_a_file(kind, value, expected):
    assert type_of(kind).from_source(Reading(), "Europe/Berlin", value) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", ["a"]),
        ("string", {"a": 1}),
        ("integer", "1,000"),
        ("integer", 1.5),
        ("boolean", "maybe"),
        ("double", math.inf),
        ("string", "\0"),
        ("date", "31.12.2024"),
    ],
)
def test_values_that_no_file_could_hold_are_refused(kind, value):
    with pytest.raises(OvertideError) as refusal:
        type_of(kind).from_source(Reading(), "UTC", value)
    assert refusal.value.code == "invalid_value"


def test_a_date_begins_at_midnight_in_its_zone():
    assert (
        midnight("2024-07-01", "Europe/Berlin")
        == midnight("2024-06-30", "UTC") + 22 * 3600 * 1_000_000
    )


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [
        ("%m/%d/%Y", []),
        ("%-d.%-m.%y %H:%M:%S.%f %p%%", []),
        ("%j", ["%j"]),
        ("%Y-%U %Q", ["%U", "%Q"]),
        ("%", ["%"]),
    ],
)
def test_specifiers_that_cannot_be_read_are_named(pattern, wrong):
    assert unsupported(pattern) == wrong


def test_a_year_before_the_first_is_no_time():
    assert read_time("1.1.0", "%d.%m.%Y") is None


FORMATS = (
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%Y%m%d",
    "%d %b %Y",
    "%B %d, %Y",
    "%m/%d/%y",
    "%Y-%m-%dT%H:%M:%S%z",
    "%m/%d/%Y %I:%M %p",
    "%Y-%m-%d %H:%M:%S.%f",
    "%a %d %h %Y %T",
    "%c",
)
ALPHABET = "0123456789-+:./, TZeE apmJanueMr"
NUMBERS = st.one_of(
    st.integers(-(2**64), 2**64).map(str),
    st.floats(allow_nan=False).map(repr),
    st.decimals(-(10**8), 10**8, allow_nan=False, places=3).map(str),
    st.text("0123456789+-.eE ", max_size=12),
)
TIMES = st.one_of(
    st.datetimes().map(lambda time: time.isoformat(" ")),
    st.dates().map(str),
    st.text(ALPHABET, max_size=20),
    st.builds(
        "{}{}".format,
        st.datetimes().map(lambda time: time.isoformat()),
        st.sampled_from(["Z", "+01:00", "-0530"]),
    ),
)
FORMATTED = st.builds(
    lambda time, pattern: (pattern, time.strftime(pattern.replace("%z", "+0100"))),
    st.datetimes(min_value=datetime(1000, 1, 1)),
    st.sampled_from(FORMATS),
)


def as_the_refresh(kind: str, reading: Reading, zone: str, text: str) -> tuple[object, str | None]:
    attribute = Attribute(type=kind, format=reading.format, decimal_mark=reading.decimal_mark)
    typed = type_of(kind).read_sql(
        type_of(kind).stripped_sql("raw", attribute.reading), attribute.reading, zone
    )
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        allow_rare_values(connection)
        row = connection.execute(
            f"SELECT ({type_of(kind).json_sql('value')})::VARCHAR, "
            f"{type_of(kind).text_sql('value')}, value IS NULL "
            f"FROM (SELECT {typed} AS value FROM (SELECT ?::VARCHAR AS raw))",
            [text],
        ).fetchone()
    return (None, None) if row[2] else (json.loads(row[0]), row[1])


def assert_same(kind: str, reading: Reading, zone: str, text: str) -> None:
    try:
        value = type_of(kind).from_source(reading, zone, text)
    except OvertideError:
        value = None
    assert (value, text_of(value)) == as_the_refresh(kind, reading, zone, text)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["integer", "double", "decimal(10,2)", "decimal(38,10)"]),
    st.sampled_from(".,"),
    NUMBERS,
)
@example("decimal(10,2)", ".", "99999999.995")
@example("decimal(10,2)", ".", "0.005")
@example("double", ".", "1e400")
@example("integer", ".", "9223372036854775808")
def test_numbers_are_read_as_by_the_refresh(kind, mark, text):
    assert_same(kind, Reading(None, mark if kind != "integer" else "."), "UTC", text)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["date", "datetime"]), st.sampled_from(ZONES), TIMES)
@example("datetime", "Australia/Lord_Howe", "2024-04-07 01:45:00")
@example("datetime", "Australia/Lord_Howe", "2024-10-06 02:15:00")
@example("datetime", "America/New_York", "2024-11-03 01:30")
def test_times_are_read_as_by_the_refresh(kind, zone, text):
    assert_same(kind, Reading(), zone, text)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["date", "datetime"]), st.sampled_from(ZONES), FORMATTED)
@example("date", "UTC", ("%m/%d/%Y", "3/14/2017"))
@example("date", "UTC", ("%m/%d/%Y", "3/14/17"))
@example("date", "UTC", ("%m%d%Y", "112017"))
def test_formatted_times_are_read_as_by_the_refresh(kind, zone, formatted):
    assert_same(kind, Reading(formatted[0]), zone, formatted[1])
