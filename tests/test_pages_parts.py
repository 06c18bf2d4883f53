"""The parts of the pages of usage, refreshes and data that need no browser."""

import datetime as dt
import re
from collections import Counter
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from overtide.lake.query_places import place_of
from overtide.schemas.errors import UsageError
from overtide.schemas.instants import parse_instant
from overtide.schemas.types import EXAMPLES, type_of
from overtide.schemas.types.attribute_type import Reading
from overtide.serving.activity_months import month_counts
from overtide.serving.pages.cron_words import cron_words
from overtide.serving.pages.formats import brief, moment, month
from overtide.serving.pages.moments import local_time
from overtide.serving.pages.preferences import Preferences, preferences_of
from overtide.serving.pages.quarantine import Reason, condition_of, reasons_of
from overtide.serving.pages.refreshes import current_of, lasting, refreshes_of
from overtide.serving.pages.relationship_map import HEIGHT, LETTERS, WIDTH, drawing
from overtide.serving.pages.rendering import Rendering
from overtide.serving.pages.spreadsheet_csv import plain
from overtide.serving.pages.sql import excerpt
from overtide.serving.pages.static_files import StaticFiles
from overtide.serving.pages.texts import Texts
from overtide.serving.pages.timeline import month_key
from overtide.serving.pages.usage import Span, buckets, chart, span_of

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
PREFERENCES = Preferences("en", AMSTERDAM)
TEXTS = Texts()


def say(language: str, name: str, **values: object) -> str:
    return TEXTS.text(language, name, values)


@pytest.mark.parametrize(
    ("expression", "english", "dutch"),
    [
        ("30 2 * * MON-FRI", "Monday to Friday at 02:30", "maandag tot en met vrijdag om 02:30"),
        ("0 6,18 * * *", "every day at 06:00 and 18:00", "elke dag om 06:00 en 18:00"),
        ("*/15 * * * *", "every 15 minutes", "elke 15 minuten"),
        ("5 * * * sun", "Sunday every hour at minute 05", "zondag elk uur op minuut 05"),
        ("0 */6 * * *", "every 6 hours at minute 00", "elke 6 uur op minuut 00"),
        ("0 0 1,15 * *", "on day 1 and 15 of the month at 00:00", None),
        ("0 9 1 1,7 *", "on day 1 of the month in January and July at 09:00", None),
        ("0 9 * * 7", "Sunday at 09:00", "zondag om 09:00"),
        ("0 9 * * 1,3", "Monday and Wednesday at 09:00", None),
    ],
)
def test_common_cron_expressions_are_said_in_words(expression, english, dutch):
    assert cron_words(expression, "en", partial(say, "en")) == english
    if dutch is not None:
        assert cron_words(expression, "nl", partial(say, "nl")) == dutch


@pytest.mark.parametrize(
    "expression",
    [
        "", "1 2 3", "0 0 L * *", "*/7 * * * *", "0 9 1 * MON", "0 9 * * MON#1", "60 9 * * *",
        "0 24 * * *", "0 9 * 13 *", "0 9 * * FRI-MON", "1-5 9 * * *", "*/0 * * * *", "² 9 * * *",
    ],
)  # fmt: skip
def test_of_other_cron_expressions_nothing_is_said(expression):
    assert cron_words(expression, "en", partial(say, "en")) is None


def test_a_span_is_one_of_three_or_ones_own():
    assert span_of({}) == Span("24h")
    assert span_of({"span": "7d"}).asked(PREFERENCES) == {"from": "7d"}
    assert span_of({"span": "nonsense"}) == Span("24h")
    own = span_of({"span": "own", "from": "2026-07-01T10:00", "to": "2026-07-02T00:00:30"})
    assert own.asked(PREFERENCES) == {
        "from": "2026-07-01T08:00:00.000000Z",
        "to": "2026-07-01T22:00:30.000000Z",
    }
    for wrong in ("", "yesterday", "0001-01-01T00:00"):
        with pytest.raises(UsageError):
            Span("own", wrong, "2026-07-02T00:00").asked(PREFERENCES)


def test_hours_without_a_call_are_there_too():
    rows = [
        {"hour": "2026-07-01T09:00:00Z", "calls": 2},
        {"hour": "2026-07-01T09:00:00Z", "calls": 1},
    ]
    found = buckets(rows, "2026-07-01T08:30:00Z", "2026-07-01T10:30:00Z", AMSTERDAM, ("calls",))
    assert [(one.start.hour, one.sums["calls"]) for one in found] == [(10, 0), (11, 3), (12, 0)]


def test_a_long_span_has_the_persons_days_also_when_the_clock_changes():
    rows = [
        {"hour": "2026-10-24T22:00:00Z", "calls": 1},
        {"hour": "2026-10-25T22:00:00Z", "calls": 4},
    ]
    found = buckets(rows, "2026-10-23T12:00:00Z", "2026-10-27T12:00:00Z", AMSTERDAM, ("calls",))
    assert [(one.start.day, one.sums["calls"]) for one in found] == [
        (23, 0), (24, 0), (25, 5), (26, 0), (27, 0),
    ]  # fmt: skip
    told = chart(found, ("calls",), ("Calls",), "bars")
    assert told["daily"] is True
    assert told["times"][3] - told["times"][2] == 25 * 3600
    assert told["series"] == [{"label": "Calls", "values": [0, 0, 5, 0, 0]}]


def test_a_repeated_hour_is_two_hours():
    found = buckets([], "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z", AMSTERDAM, ("calls",))
    assert [one.start.hour for one in found] == [1, 2, 2, 3]
    times = chart(found, (), (), "bars")["times"]
    assert [later - sooner for sooner, later in pairwise(times)] == [3600] * 3


def test_a_span_of_centuries_is_cut_to_what_is_kept():
    assert len(buckets([], "1900-01-01T00:00:00Z", "2026-01-01T00:00:00Z", AMSTERDAM)) < 40


def test_reasons_are_told_by_column_with_the_value_that_stands_there():
    record = '{"Id":"1","Points":"many; or: few","Since":"2020-02-30"}'
    details = "Points: 'many; or: few' is no whole number; Since: no date"
    assert reasons_of(details, record, ["Id", "Points", "Since"]) == [
        Reason("Points", "'many; or: few' is no whole number", "many; or: few"),
        Reason("Since", "no date", "2020-02-30"),
    ]
    assert reasons_of("line: no end", '9,"x', ["Id"]) == [Reason("", "no end", None)]
    assert reasons_of("broken", None, []) == [Reason("", "broken", None)]


@pytest.mark.parametrize(
    ("sentence", "dutch"),
    [
        ('expected date as %m/%d/%Y or ISO 8601 but found "13/45/1999"',
         'verwacht werd een datum als %m/%d/%Y, ISO 8601, er staat "13/45/1999"'),
        ('expected datetime in ISO 8601 but found "a but found"',
         'verwacht werd een datum met tijd als ISO 8601, er staat "a but found"'),
        ('expected boolean (true/false, yes/no) but found "maybe"',
         'verwacht werd ja of nee (true/false, yes/no), er staat "maybe"'),
        ('expected double but found "a\\nlot"', 'verwacht werd een getal, er staat "a\\nlot"'),
        ('another row with the key "7" is kept: {"Name":"Xavier"}',
         'een andere rij met de sleutel "7" is behouden; daar staat {"Name":"Xavier"}'),
        ("expected number of columns: 3 found: 2",
         "er staan 2 kolommen, verwacht werden er 3"),
        ("it is not windows-1252", "het is geen windows-1252"),
        ("expected wonders but found none", None),
        ('expected wonders but found "x"', None),
    ],
)  # fmt: skip
def test_a_reason_is_told_in_ones_language_where_it_is_known(sentence, dutch):
    assert Reason("A", sentence, None).words(partial(say, "nl")) == dutch


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("formats", [None, "%d.%m.%Y", ["%d.%m.%Y", "%Y"]])
def test_what_is_expected_of_every_type_is_known_in_every_language(name, formats):
    reading = Reading.of({"format": formats})
    sentence = f'expected {type_of(name).expectation(reading)} but found "x"'
    for language in TEXTS.languages:
        told = Reason("A", sentence, None).words(partial(say, language))
        assert told is not None or type_of(name).is_text
        assert language != "nl" or "expected" not in (told or "")


def test_what_is_looked_for_is_a_filter_with_its_quotes_doubled():
    assert condition_of({}) == ""
    assert condition_of({"kept": "maybe", "text": " "}) == ""
    found = condition_of({"text": "O'Neil", "kept": "false"})
    assert "tolower('O''Neil')" in found
    assert found.endswith(" and IsKept eq false")


def job(state: str, at: int, run: int | None = None) -> dict:
    ended = f"2026-01-0{at}T00:00:10Z" if state in ("successful", "failed") else None
    began = f"2026-01-0{at}T00:00:00Z"
    return {
        "jobStatus": state,
        "run": run,
        "submittedTimestamp": began,
        "startTimestamp": began,
        "endTimestamp": ended,
    }


def test_refreshes_are_jobs_with_their_runs_and_runs_without_a_job():
    jobs = [job("queued", 5), job("running", 4), job("failed", 3), job("successful", 2, 7)]
    runs = [
        {"run": 8, "publishedAt": "2026-01-04T00:00:00Z", "seconds": None},
        {"run": 7, "publishedAt": "x", "seconds": 2.5},
    ]
    found = refreshes_of(jobs, runs)
    assert [(one.state, one.run and one.run["run"]) for one in found] == [
        ("successful", 8), ("failed", None), ("successful", 7),
    ]  # fmt: skip
    assert [one.seconds for one in found] == [None, 10.0, 2.5]
    assert current_of(jobs) is jobs[1]
    assert current_of(jobs[:1]) is jobs[0]
    assert current_of(jobs[2:]) is None
    assert lasting(jobs[0]) is None
    assert refreshes_of([], []) == []


def relation(begin: str, end: str) -> dict:
    return {"fromEntityName": begin, "toEntityName": end, "name": f"{begin} of {end}"}


def test_who_holds_a_key_stands_left_of_whom_it_names_and_no_box_lies_on_another():
    kinds = dict.fromkeys(["orders", "people", "shops", "alone"], "activity")
    pairs = [
        relation("orders", "people"),
        relation("people", "shops"),
        relation("orders", "shops"),
        relation("orders", "gone"),
    ]
    found = drawing(kinds, pairs)
    places = {one.name: (one.x, one.y) for one in found.boxes}
    assert set(places) == {"orders", "people", "shops"}
    assert places["orders"][0] < places["people"][0] < places["shops"][0]
    assert len(found.lines) == 3
    assert all(x + WIDTH <= found.width and y + HEIGHT <= found.height for x, y in places.values())


def test_circles_and_long_names_are_drawn_too():
    long = "x" * 60
    found = drawing(
        {"a": "b", "b": "b", long: "b"},
        [relation("a", "b"), relation("b", "a"), relation("a", "a"), relation(long, "a")],
    )
    assert len({(one.x, one.y) for one in found.boxes}) == 3
    assert max(len(one.shown) for one in found.boxes) == LETTERS
    assert drawing({}, []).boxes == []


def test_the_place_of_an_error_is_told_from_its_excerpt():
    assert (
        place_of("Binder Error: x\n\nLINE 2:  foo\n         ^", "SELECT\n foo")
        == "line 2, column 2"
    )
    cut = "Error\n\nLINE 1: ...1, 1, foo, 2...\n                 ^"
    assert place_of(cut, "SELECT 1, 1, foo, 2, 3") == "line 1, column 14"
    assert place_of("no place", "SELECT 1") is None
    assert place_of("LINE 9: x\n        ^", "SELECT 1") is None
    assert place_of("LINE 1: ...gone\n           ^", "SELECT 1") is None


def test_the_excerpt_of_a_statement_is_the_line_that_is_wrong():
    assert excerpt("a\nbcd", "line 2, column 2") == ("bcd", 1)
    for place in (None, "Customer", "line x, column y", "line 7, column 1"):
        assert excerpt("a\nbcd", place) is None


def test_days_are_of_the_zone():
    found = buckets([], "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z", AMSTERDAM)
    assert all(one.start.hour == 0 for one in found)
    assert found[0].start.utcoffset() == dt.timedelta(hours=1)
    assert found[-1].start.utcoffset() == dt.timedelta(hours=2)


@pytest.mark.parametrize("zone", ["Nowhere/City", "Europe%2FAmsterdam", "..", "", "a\0b", "x" * 99])
def test_a_zone_that_is_not_known_is_utc(zone):
    assert str(preferences_of({"overtide_zone": zone}, "", ["en"]).zone) == "UTC"


@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "America/Chicago"])
@pytest.mark.parametrize("text", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_an_edge_of_the_calendar_is_shown(text, zone):
    preferences = Preferences("en", ZoneInfo(zone))
    assert text in moment(preferences, text)
    assert text[:4].lstrip("0") in month(preferences, text)
    assert month_key(preferences, {"ActivityTime": text}) == text[:7]
    assert local_time(preferences, text).startswith(text[:7])


@pytest.mark.parametrize(
    ("language", "code", "hint"),
    [
        ("en", "forged_request", "Load the page again, then do it once more."),
        ("nl", "forged_request", "Laad de pagina opnieuw en doe het dan nog eens."),
        ("en", "invalid_parameter", "Do this."),
        ("nl", "invalid_parameter", "Kies een andere waarde, of ga naar het begin."),
        ("en", "unknown_path", "Go to the start, or search for the customer."),
        ("nl", "unknown_path", "Ga naar het begin, of zoek de klant."),
        ("nl", "of_no_page", "Do this."),
    ],
)
def test_a_refusal_that_is_told_in_a_language_has_no_hint_in_another(language, code, hint):
    files, preferences = StaticFiles(), preferences_of({}, language, TEXTS.languages)
    error = UsageError(code, "It is wrong.", None, "Do this.")
    shown = Rendering(TEXTS, files).rendered("_problem.html", preferences, {"error": error})
    paragraphs = re.findall("<p>([^<]*)</p>", shown.decode())
    assert paragraphs == ([] if hint is None else [hint])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"=a,+b\r\n-c,@d\r\n", b"'=a,'+b\r\n'-c,'@d\r\n"),
        (b"-5,-1.5e-3,-x,+31,5\n", b"-5,-1.5e-3,'-x,'+31,5\n"),
        (b'"=""a""","x,=y","x\n=y",\tz\n', b'"\'=""a""","x,=y","x\n=y",\'\tz\n'),
        (b'"\ra",,""\n', b'"\'\ra",,""\n'),
        (b"", b""),
    ],
)
def test_spreadsheets_find_no_formulas_in_downloads(content, expected):
    assert plain(content) == expected


def test_numbers_and_dates_are_those_of_the_country_that_the_browser_tells():
    def locale(accepted: str, **cookies: str) -> str:
        return preferences_of(cookies, accepted, TEXTS.languages).locale

    assert locale("en-GB,en;q=0.9") == "en_GB"
    assert locale("de-DE,nl-BE;q=0.8,nl;q=0.7,en-US;q=0.5") == "nl_BE"
    assert locale("en-GB,nl-NL;q=0.5", overtide_language="nl") == "nl_NL"
    for accepted in ("en", "en-XX", "en-../../etc", "en-GBGB", "tlh-KL", "", ";q=,,"):
        assert locale(accepted) == "en"
    british = Preferences("en", AMSTERDAM, "GB")
    assert ">29 Nov 2026, 12:41:33<" in moment(british, "2026-11-29T11:41:33Z")
    assert ">29 Nov, 12:41<" in brief(british, "2026-11-29T11:41:33Z")


EARLY = "0001-01-01T00:00:00Z"


@pytest.mark.parametrize("zone", ["UTC", "Europe/Amsterdam", "Pacific/Kiritimati"])
def test_months_are_counted_by_the_calendar_of_a_zone(zone):
    # The first and the last instants, both sides of where months begin, and of a change of clocks.
    texts = [
        EARLY, "9999-12-31T23:59:59Z", "2026-10-31T22:59:59Z", "2026-10-31T23:00:00Z",
        "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-31T09:59:59Z",
        "2026-10-31T10:00:00Z", "1969-12-31T23:59:59Z", "2024-02-29T12:00:00Z",
    ]  # fmt: skip
    preferences = Preferences("en", ZoneInfo(zone))
    expected = Counter(month_key(preferences, {"ActivityTime": one}) for one in texts)
    times = [(parse_instant(one), "Visit") for one in texts]
    found = month_counts([*times, (None, "Call"), (None, "Visit")], ZoneInfo(zone))
    assert {one["month"]: one["count"] for one in found} == {**expected, None: 2}
    assert found[-1]["activityTypes"] == [
        {"activityType": "Call", "count": 1}, {"activityType": "Visit", "count": 1},
    ]  # fmt: skip


def test_every_problem_says_what_to_do_in_every_language():
    for language in TEXTS.languages:
        names = TEXTS.names(language)
        codes = {one.removeprefix("problem.") for one in names if one.startswith("problem.")}
        silent = {one for one in codes - SELF_EXPLAINING if f"hint.{one}" not in names}
        assert silent == set(), language


SELF_EXPLAINING = {
    "title", "start", "offline", "invalid_value", "sign_in_refused", "sign_in_expired",
}  # fmt: skip
"""Texts that are no codes, or say it themselves."""
