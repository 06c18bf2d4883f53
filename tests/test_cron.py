"""When cron expressions are due: in time zones, over changes of the clock, and what is refused."""

from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overtide.schemas.errors import OvertideError, UsageError
from overtide.schemas.instants import DAY, HOUR, MINUTE, format_instant, parse_instant
from overtide.serving.workflows.cron import expect_cron, last_due, next_due
from overtide.serving.workflows.time_zones import supported, zone_of
from overtide.serving.workflows.windows_zones import WINDOWS_ZONES

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


def dues(expression: str, zone: ZoneInfo, after: str, until: str) -> list[str]:
    """Return every instant of a stretch at which an expression is due, as minutes in UTC."""
    found, now, end = [], parse_instant(after), parse_instant(until)
    while (now := next_due([expression], zone, now) or end) < end:
        found.append(format_instant(now)[:16])
    return found


CHANGES = [
    # What names its hour is due once in a repeated one, and after a skipped one.
    (BERLIN, "30 2 * * *", "2026-10-25T00:00:00Z", "2026-10-25T23:00:00Z", ["2026-10-25T00:30"]),
    (BERLIN, "30 2 * * *", "2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z", ["2026-03-29T01:00"]),
    (NEW_YORK, "30 1 * * *", "2026-11-01T04:00:00Z", "2026-11-02T04:00:00Z", ["2026-11-01T05:30"]),
    (NEW_YORK, "30 2 * * *", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z", ["2026-03-08T07:00"]),
    # Two that meet after a skipped hour are one.
    (BERLIN, "0 2,3 * * *", "2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z", ["2026-03-29T01:00"]),
    # What is due every hour goes by time that passes.
    (
        BERLIN,
        "30 * * * *",
        "2026-10-25T00:00:00Z",
        "2026-10-25T03:00:00Z",
        ["2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30"],
    ),
    (
        NEW_YORK,
        "30 * * * *",
        "2026-03-08T06:00:00Z",
        "2026-03-08T08:00:00Z",
        ["2026-03-08T06:30", "2026-03-08T07:30"],
    ),
    # An ordinary day, in winter and in summer.
    (BERLIN, "30 2 * * *", "2026-01-10T00:00:00Z", "2026-01-10T23:00:00Z", ["2026-01-10T01:30"]),
    (BERLIN, "30 2 * * *", "2026-07-10T00:00:00Z", "2026-07-10T23:00:00Z", ["2026-07-10T00:30"]),
]


@pytest.mark.parametrize(("zone", "expression", "after", "until", "expected"), CHANGES)
def test_an_hour_that_is_repeated_or_skipped_counts_once(zone, expression, after, until, expected):
    assert dues(expression, zone, after, until) == expected


def test_within_a_repeated_hour_what_was_due_in_its_first_time_is_over():
    second = parse_instant("2026-10-25T01:10:00Z")  # 02:10 for the second time
    assert next_due(["30 2 * * *"], BERLIN, second) == parse_instant("2026-10-26T01:30:00Z")
    assert last_due(["30 2 * * *"], BERLIN, second, second + HOUR) is None


@settings(deadline=None)
@given(
    st.sampled_from(sorted(available_timezones())),
    st.integers(parse_instant("2013-01-01T00:00:00Z"), parse_instant("2035-01-01T00:00:00Z")),
    st.tuples(st.integers(0, 59), st.integers(0, 23)),
)
def test_a_daily_time_is_due_once_on_every_day_of_every_zone(name, after, time):
    """No day has two, and none is left out, but where the zone itself leaves out a day."""
    zone, (minute, hour) = ZoneInfo(name), time
    expression = [f"{minute} {hour} * * *"]
    due = next_due(expression, zone, after)
    assert due is not None
    assert after < due <= after + 2 * DAY + 2 * HOUR
    then = next_due(expression, zone, due)
    days = [
        datetime.fromtimestamp(one // 10**6, UTC).astimezone(zone).date() for one in (due, then)
    ]
    assert days[0] < days[1]


@settings(deadline=None)
@given(st.integers(0, 10**15), st.integers(0, 40), st.integers(1, 50))
def test_the_last_due_is_the_last_of_all(after, length, step):
    until, expressions = after + length * MINUTE, [f"*/{step} * * * *", "7 3 * * *"]
    found, now = None, after
    while (now := next_due(expressions, BERLIN, now) or until + 1) <= until:
        found = now
    assert last_due(expressions, BERLIN, after, until) == found


@pytest.mark.parametrize(
    ("days", "same"),
    [("MON-SUN", "*"), ("fri-sun", "5-7"), ("FRI-SUN/2,WED", "5-7/2,3"), ("SUN-TUE", "0-2")],
)
def test_sunday_may_be_the_last_of_several_days(days, same):
    expect_cron(f"30 2 * * {days}", BERLIN, 0)
    now: int | None = 0
    for _ in range(9):
        assert now is not None
        found = next_due([f"30 2 * * {days}"], BERLIN, now)
        assert found == next_due([f"30 2 * * {same}"], BERLIN, now)
        now = found


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "* * * * * *",
        "61 * * * *",
        "0 0 30 2 *",
        "@daily",
        "x",
        "0 0 0 * *",
        "1-0 * * * *",
        "*/0 * * * *",
        "٣ * * * *",
        "0 0 */9 * MON#5",
    ],
)
def test_what_is_no_cron_expression_is_refused(expression):
    with pytest.raises(OvertideError) as refused:
        expect_cron(expression, BERLIN, 0)
    assert refused.value.code == "invalid_cron"


@settings(deadline=None)
@given(st.text(alphabet="0123456789*/-,LW#?MONFRI ", max_size=20))
def test_any_text_is_a_cron_expression_or_is_refused(expression):
    with suppress(UsageError):
        expect_cron(expression, BERLIN, 0)


def test_every_name_of_windows_is_a_zone_of_iana():
    assert set(WINDOWS_ZONES.values()) <= available_timezones()
    assert zone_of("Pacific Standard Time") == ZoneInfo("America/Los_Angeles")
    listed = [name for name, _ in supported()]
    assert len(set(listed)) == len(listed)
    assert set(listed) == set(WINDOWS_ZONES) | available_timezones()


def test_a_time_zone_that_nobody_knows_is_refused_with_the_one_that_was_meant():
    with pytest.raises(OvertideError) as refused:
        zone_of("Pacific Standart Time")
    assert refused.value.code == "unknown_time_zone"
    assert "Pacific Standard Time" in str(refused.value)
