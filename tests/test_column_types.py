"""The refresh and a posted record read the same value from the same text.

This holds for every type, format and zone.
"""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.schemas.configuration.entities import Attribute
from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import format_instant
from overtide.schemas.local_times import midnight
from overtide.schemas.types import type_of
from overtide.schemas.types.attribute_type import Reading
from overtide.schemas.values import text_of
from overtide.transforms.rare_values import allow_rare_values
from tests.texts_of_types import FORMATS, ISO, MARKS, PLAIN, TYPES, WORDS, ZONES


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET threads = 1")
        allow_rare_values(connection)
        yield connection


def read_by_sql(connection, attribute, time_zone, texts):
    """The canonical values of texts as the refresh reads them from a file."""
    value = type_of(attribute.type).read_sql(
        type_of(attribute.type).stripped_sql("text", attribute.reading),
        attribute.reading,
        time_zone,
    )
    typed = f"SELECT place, {value} AS value FROM texts"
    connection.execute("CREATE OR REPLACE TEMP TABLE texts (place INTEGER, text VARCHAR)")
    connection.execute(
        "INSERT INTO texts SELECT generate_subscripts(?, 1), unnest(?)", [texts, texts]
    )
    rows = connection.execute(
        f"SELECT {type_of(attribute.type).json_sql('value')}::VARCHAR FROM ({typed}) ORDER BY place"
    ).fetchall()
    return [None if row[0] is None else json.loads(row[0]) for row in rows]


def read_alone(attribute, time_zone, text):
    """The canonical value of a text as a posted record has it; null where it is refused."""
    try:
        return type_of(attribute.type).from_source(
            Reading.of(attribute.model_dump()), time_zone, text
        )
    except OvertideError:
        return None


def differences(connection, attribute, time_zone, texts):
    found = read_by_sql(connection, attribute, time_zone, texts)
    expected = [read_alone(attribute, time_zone, text) for text in texts]
    return [
        (text, value, other)
        for text, value, other in zip(texts, found, expected, strict=True)
        if (type(value), value) != (type(other), other)
    ]


def same(connection, attribute, time_zone, texts):
    assert differences(connection, attribute, time_zone, texts) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PLAIN, min_size=1, max_size=40))
def test_texts_of_every_type_are_read_alike(connection, texts):
    for attribute in [*TYPES, *MARKS]:
        same(connection, attribute, "Europe/Berlin", texts)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(ZONES), st.lists(ISO, min_size=1, max_size=60))
def test_iso_dates_and_times_are_read_alike(connection, time_zone, texts):
    same(connection, Attribute(type="date"), time_zone, texts)
    same(connection, Attribute(type="datetime"), time_zone, texts)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from(FORMATS), st.sampled_from(ZONES))
def test_formatted_times_are_read_alike(connection, data, form, time_zone):
    offset = data.draw(st.sampled_from(["-0330", "+02:00", "+01", "Z", "z", "UTC"]))
    shown = st.datetimes(min_value=datetime(1000, 1, 1)).map(
        lambda time: time.strftime(form.replace("%z", offset).replace("%-", "%"))
    )
    longer = st.tuples(shown, st.text("0123456789", max_size=4)).map("".join)
    changed = st.tuples(
        st.one_of(shown, longer), st.integers(0, 30), st.text("0123456789/ PMay", max_size=2)
    ).map(lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + 1 :])
    texts = data.draw(
        st.lists(
            st.one_of(shown, longer, changed, WORDS.filter(lambda word: "\0" not in word)),
            min_size=1,
            max_size=40,
        )
    )
    same(connection, Attribute(type="date", format=form), time_zone, texts)
    same(connection, Attribute(type="datetime", format=form), time_zone, texts)


TURNS = [
    datetime(2024, 3, 31, 1),
    datetime(2024, 10, 27, 1),
    datetime(2024, 3, 10, 7),
    datetime(2024, 11, 3, 6),
    datetime(2024, 4, 6, 15),
    datetime(2024, 10, 5, 15, 30),
    datetime(2011, 12, 30, 10),
    datetime(1883, 11, 18, 17),
    datetime(2024, 4, 14, 2),
    datetime(2024, 3, 10, 3),
    datetime(1986, 1, 1),
    datetime(1947, 5, 11, 1),
]
"""Instants at which the clocks of some of the zones turned.

Hours, half hours, minutes, and a whole day.
"""


@pytest.mark.parametrize("time_zone", ZONES)
def test_repeated_and_skipped_times_are_read_alike(connection, time_zone):
    here = ZoneInfo(time_zone)
    times = [
        turn.replace(tzinfo=UTC).astimezone(here).replace(tzinfo=None) + timedelta(minutes=minutes)
        for turn in TURNS
        for minutes in range(-1560, 1560, 30)
    ]
    same(connection, Attribute(type="datetime"), time_zone, [time.isoformat(" ") for time in times])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(
        ["string", "integer", "double", "boolean", "date", "datetime", "guid", "decimal(18, 2)"]
    ),
    st.one_of(st.one_of(PLAIN, ISO), st.floats(), st.integers(-(2**65), 2**65), st.booleans()),
)
def test_an_update_reads_a_value_as_a_record_has_it_or_refuses_it(kind, value):
    try:
        found = type_of(kind).from_json(value)
    except OvertideError:
        return
    expected = type_of(kind).from_source(Reading(), "UTC", value)
    assert (type(found), found) == (type(expected), expected) or (kind, value) == ("string", "")


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.lists(st.one_of(st.dates(), st.just(date.min)), min_size=1, max_size=30),
)
def test_a_date_is_its_midnight_in_the_zone(connection, time_zone, days):
    instant = type_of("datetime").text_sql(f"({type_of('date').instant_sql('day', time_zone)})")
    rows = connection.execute(f"SELECT {instant} FROM (SELECT unnest(?) AS day)", [days]).fetchall()
    assert [row[0] for row in rows] == [
        format_instant(midnight(day.isoformat(), time_zone)) for day in days
    ]


@pytest.mark.parametrize(
    ("kind", "settings_of", "text", "value"),
    [
        ("integer", {}, " +007 ", 7),
        ("integer", {}, "9007199254740993", "9007199254740993"),
        ("integer", {}, "9223372036854775808", None),
        ("integer", {}, "٣", None),
        ("integer", {}, "1,000", None),
        ("integer", {}, "1.0", 1),
        ("integer", {}, "1.5", None),
        ("decimal(18, 2)", {}, "2.675", "2.68"),
        ("decimal(18, 2)", {}, "-0.004", "0.00"),
        ("decimal(18, 2)", {"decimal_mark": ","}, "-12,5", "-12.50"),
        ("decimal(3,3)", {}, "-.5", "-0.500"),
        ("decimal(18, 2)", {"decimal_mark": ","}, "1.234,5", None),
        ("double", {"decimal_mark": ","}, "1,5e1", 15.0),
        ("double", {}, "1e400", None),
        ("double", {}, "NaN", None),
        ("boolean", {}, "YES", True),
        ("boolean", {}, "2", None),
        ("guid", {}, "0000000A00000000000000000000000A", "0000000a-0000-0000-0000-00000000000a"),
        (
            "datetime",
            {"format": "%Y-%m-%dT%H:%M:%S%z"},
            "2024-02-29T10:00:00Z",
            "2024-02-29T10:00:00.000000Z",
        ),
        (
            "datetime",
            {"format": "%Y-%m-%dT%H:%M:%S%z"},
            "2024-02-29T10:00:00+01:00",
            "2024-02-29T09:00:00.000000Z",
        ),
        (
            "guid",
            {},
            "0000000A-0000-0000-0000-00000000000A",
            "0000000a-0000-0000-0000-00000000000a",
        ),
        ("string", {}, "", None),
        ("string", {}, " ", " "),
        ("date", {"format": "%m/%d/%Y"}, "2/29/2024", "2024-02-29"),
        ("date", {"format": "%m/%d/%Y"}, "2/29/2023", None),
        ("date", {"format": "%m/%d/%Y"}, "epoch", None),
        ("date", {"format": "%m/%d/%Y"}, "-Infinity", None),
        ("date", {}, "0000-01-01", None),
        ("datetime", {}, "2024-02-29T24:00:00", None),
        ("datetime", {}, "2024-10-27 02:30", "2024-10-27T00:30:00.000000Z"),
        ("datetime", {}, "2024-03-31 02:30", "2024-03-31T01:30:00.000000Z"),
        ("datetime", {}, "2024-03-31T02:30-01", "2024-03-31T03:30:00.000000Z"),
        ("datetime", {}, "9999-12-31T23:30:00-01:00", None),
        ("datetime", {}, "0001-01-01", None),
    ],
)
def test_values_are_what_they_should_be(connection, kind, settings_of, text, value):
    attribute = Attribute(type=kind, **settings_of)
    assert read_by_sql(connection, attribute, "Europe/Berlin", [text]) == [value]
    assert read_alone(attribute, "Europe/Berlin", text) == value


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.floats(allow_nan=False, allow_infinity=False),
            st.integers(-(2**60), 2**60).map(float),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_a_double_has_the_same_text_in_sql(connection, numbers):
    query = (
        f"SELECT {type_of('double').text_sql('number')} FROM (SELECT unnest(?::DOUBLE[]) AS number)"
    )
    rows = connection.execute(query, [numbers]).fetchall()
    assert [row[0] for row in rows] == [text_of(number) for number in numbers]


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        (Attribute(type="date", format="%m/%d/%Y"), "date as %m/%d/%Y"),
        (Attribute(type="date"), "date as YYYY-MM-DD"),
        (Attribute(type="decimal(18, 2)"), "decimal(18, 2)"),
        (Attribute(type="boolean"), "boolean (true/false, yes/no)"),
    ],
)
def test_what_was_expected_is_said_in_words(attribute, words):
    assert type_of(attribute.type).expectation(attribute.reading) == words
