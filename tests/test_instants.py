"""Instants, durations and their limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import (
    DAY,
    EARLIEST,
    HOUR,
    LATEST,
    MINUTE,
    SECOND,
    format_instant,
    parse_duration,
    parse_instant,
)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01.5z", 1_500_000),
        ("1970-01-01 01:00:00+01:00", 0),
        ("1969-12-31T20:30:00-03:30", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("1970-01-01T00:00:00.1234567Z", 123_456),
        ("1969-12-31T23:59:59.9999999Z", -1),
        ("1970-01-01T00:00:00,5Z", 500_000),
        ("1970-01-01T00:01Z", 60_000_000),
        ("1970-01-01 01:00:00 +0100", 0),
        ("1970-01-01 01:00:00+01", 0),
        ("1970-01-01 00:19:32+00:19:32", 0),
        ("1970-01-01 00:00:00 UTC", 0),
        ("0001-01-01T00:00:00Z", EARLIEST),
        ("9999-12-31T23:59:59.999999Z", LATEST),
    ],
)
def test_instants_are_read_with_their_offset(text, instant):
    assert parse_instant(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-24",
        "2026-11-24T10:00:00",
        "2026-11-24T10Z",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T23:59:60Z",
        "2026-11-24T10:00:00+100",
        "2026-11-24T10:00:00+24:00",
        "2026-11-24T10:00:00 CET",
        "2026-11-24T10:00:00  Z",
        "2026-11-24T10:00:00,Z",
        "2026-11-24T10:00:00+01:00:60",
        "2026-11-24T10:00:00+01:60",
        "2026-11-24T10:00:00.Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "٢٠٢٦-11-24T10:00:00Z",
        " 2026-11-24T10:00:00Z",
        "2026-11-24T10:00:00Z\n",
        "0000-01-01T00:00:00Z",
    ],
)
def test_what_is_no_instant_is_refused(text):
    with pytest.raises(OvertideError) as refusal:
        parse_instant(text)
    assert refusal.value.code == "invalid_instant"


@given(st.integers(EARLIEST, LATEST))
def test_writing_and_reading_gives_the_same_instant(instant):
    assert parse_instant(format_instant(instant)) == instant


def test_instants_are_written_with_six_digits():
    assert format_instant(0) == "1970-01-01T00:00:00.000000Z"
    assert format_instant(1_795_514_400_000_000) == "2026-11-24T10:00:00.000000Z"


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("4h", 4 * HOUR),
        ("90m", 90 * MINUTE),
        ("30d", 30 * DAY),
        ("45s", 45 * SECOND),
        ("1h30m", 90 * MINUTE),
        ("1d2h3m4s", DAY + 2 * HOUR + 3 * MINUTE + 4 * SECOND),
        ("0s", 0),
    ],
)
def test_durations_add_up(text, length):
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "4", "h", "4 h", "-4h", "1.5h", "30m1h", "4H", "1h1h", "٤h", "9999999999d"]
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(OvertideError) as refusal:
        parse_duration(text)
    assert refusal.value.code == "invalid_duration"
