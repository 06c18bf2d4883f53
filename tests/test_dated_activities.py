"""Activities of which only the date is known: they are of that day in everybody's calendar."""

import random

import pytest

from overtide.lake.activity_files import open_activities
from overtide.lake.cards_and_timelines import TimelineEntry
from overtide.lake.dated_activities import Dated
from overtide.lake.own_activities import LoadedActivities, Merged, Page, Wanted
from overtide.schemas.events import activity_id
from overtide.schemas.instants import EARLIEST, format_instant, parse_instant
from overtide.schemas.local_times import midnight
from overtide.schemas.paths import Paths
from tests.test_own_activities import Row, activity, customer, written

DAYS, TIMES = "Shop_Orders", "Site_Visits"
ZONES = ("UTC", "Europe/Amsterdam", "America/New_York", "Pacific/Kiritimati", "Africa/Cairo")


@pytest.mark.parametrize("zone", ZONES)
def test_a_midnight_of_the_entitys_zone_is_that_date_and_nothing_else_is_one(zone):
    dated = Dated({DAYS: zone})
    days = ["0001-01-01", "1969-12-31", "2024-02-29", "2026-03-29", "2026-04-24", "9999-12-31"]
    for day in days:
        time = midnight(day, zone)
        assert dated.day(DAYS, time) == day
        assert dated.day(TIMES, time) is None
        assert dated.day(None, time) is None
        if time > EARLIEST:
            assert dated.day(DAYS, time + 1) is None
    assert dated.day(DAYS, None) is None


@pytest.mark.parametrize("calendar", ZONES)
@pytest.mark.parametrize("in_files", [False, True])
def test_in_a_calendar_they_stand_filter_and_count_by_their_day(tmp_path, calendar, in_files):
    random_ = random.Random(3)
    days = [f"2026-{month:02}-{day:02}" for month in (9, 10, 11) for day in (1, 2, 30)]
    dates: list[Row] = [
        activity(DAYS, key, midnight(random_.choice(days), "Europe/Amsterdam")) for key in range(40)
    ]
    begin = parse_instant("2026-09-01T00:00:00Z")
    times: list[Row] = [
        activity(TIMES, key, begin + random_.randrange(91 * 24 * 60) * 60_000_000)
        for key in range(40)
    ]
    own, live = [*dates[:30], *times[:30], activity(DAYS, 99, None)], [*dates[30:], *times[30:]]
    random_.shuffle(own)
    held = LoadedActivities(own)
    if in_files:
        name = written(tmp_path, {customer(5): own})
        held = open_activities(Paths.of(tmp_path), name).of(customer(5))
    entries = [TimelineEntry(one, True) for one in live]
    merged = Merged(held, entries, Dated({DAYS: "Europe/Amsterdam"}, calendar))

    def place(row: Row) -> int | None:
        if row["ActivityTime"] is None:
            return None
        time = parse_instant(str(row["ActivityTime"]))
        day = Dated({DAYS: "Europe/Amsterdam"}).day(row["SourceEntityName"], time)
        return time if day is None else midnight(day, calendar)

    by_id = sorted([*own, *live], key=lambda row: str(row["ActivityId"]))
    expected = sorted(by_id, key=lambda row: -(place(row) or EARLIEST))
    shown, number = merged.page(Page())
    assert [one["ActivityId"] for one in shown] == [one["ActivityId"] for one in expected]
    assert number == len(expected)
    # Page by page, each behind the last one of that before.
    after, passed = None, []
    while page := merged.page(Page(top=7, after=after))[0]:
        passed += page
        last = dict(page[-1].activity)
        after = place(last) if place(last) is not None else EARLIEST - 1, str(last["ActivityId"])
    assert [one["ActivityId"] for one in passed] == [one["ActivityId"] for one in expected]
    since, before = midnight("2026-10-01", calendar), midnight("2026-11-01", calendar)
    wanted = Wanted(None, since, before)
    fitting = [row for row in expected if (at := place(row)) is not None and since <= at < before]
    assert {str(row["ActivityTime"])[:10] for row in fitting if row in dates}  # some are dates
    assert [one["ActivityId"] for one in merged.page(Page(wanted))[0]] == [
        row["ActivityId"] for row in fitting
    ]
    told = sorted(time for time, _ in merged.times_and_types(wanted) if time is not None)
    assert told == sorted(map(place, fitting))


def test_without_a_calendar_instants_are_what_they_are():
    row = activity(DAYS, 1, midnight("2026-10-01", "Europe/Amsterdam"))
    merged = Merged(LoadedActivities([row]), [], Dated({DAYS: "Europe/Amsterdam"}))
    begin = parse_instant("2026-10-01T00:00:00Z")
    assert merged.counts(Wanted(None, begin)) == {}
    assert format_instant(midnight("2026-10-01", "Europe/Amsterdam")) == row["ActivityTime"]
    assert row["ActivityId"] == activity_id(DAYS, "1")
