"""Instants of any type and time zone in macros, and what is none."""

import duckdb
import pytest

from overtide.lake.asked import INVALID_INSTANT
from tests.callers import asked, mine, project

__all__ = ["asked", "mine", "project"]


UTC_MIDNIGHT = "TIMESTAMPTZ '2027-01-16 00:00:00+00'"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize(
    "given",
    [
        "'2027-01-16'",
        "'2027-01-16 00:00'",
        "'2027-01-16T00:00:00'",
        "'2027-01-16T00:00:00Z'",
        "'2027-01-16t00:00:00z'",
        "'2027-01-16T05:30:00+05:30'",
        "'2027-01-15T19:00:00.0000009-05'",
        "DATE '2027-01-16'",
        "TIMESTAMP '2027-01-16 00:00:00'",
        "TIMESTAMP_S '2027-01-16 00:00:00'",
        "TIMESTAMP_MS '2027-01-16 00:00:00'",
        "TIMESTAMP_NS '2027-01-16 00:00:00.000000999'",
        UTC_MIDNIGHT,
        "'2027-01-16 01:00:00 Europe/Berlin'",
        f"({UTC_MIDNIGHT})::VARCHAR",
    ],
)
def test_an_instant_is_the_same_in_any_type_and_time_zone(mine, zone, given):
    from overtide.lake.asked import instant_sql

    mine.execute(f"SET TimeZone = '{zone}'")
    try:
        query = f"SELECT {instant_sql('a.x')} = {UTC_MIDNIGHT} FROM (SELECT {given} AS x) a"
        assert mine.execute(query).fetchall() == [(True,)]
    finally:
        mine.execute("SET TimeZone = 'UTC'")


NO_INSTANTS = [
    "NULL",
    "NULL::TIMESTAMPTZ",
    "''",
    "'yesterday'",
    "'2027-02-30'",
    "'10:00'",
    "5",
    "20270116",
    "1.5",
    "true",
    "TIME '10:00'",
    "[now()]",
    "INTERVAL 1 DAY",
    "'2027-01-16T00:00:60Z'",
    "(SELECT now() WHERE false)",
]


@pytest.mark.parametrize("given", NO_INSTANTS)
@pytest.mark.parametrize(
    "macro",
    [
        "customer_as_of({0}, now())",
        "customer_as_of(t := now(), k := {0})",
        "timeline_as_of('x', {0}, now())",
        "timeline_as_of(NULL, now(), {0})",
    ],
)
def test_what_is_no_instant_is_refused(mine, macro, given):
    with pytest.raises(
        duckdb.InvalidInputException, match=f"{INVALID_INSTANT}: the argument [tk] is null or no"
    ):
        mine.execute(f"SELECT count(*) FROM lake.{macro.format(given)}")


@pytest.mark.parametrize(
    "macro", ["customer_as_of(x.t, now())", "timeline_as_of('nobody', now(), x.t)"]
)
@pytest.mark.parametrize(
    ("instant", "code"), [("NULL", "invalid_instant"), ("'-infinity'", "invalid_instant")]
)
def test_one_refused_instant_of_many_is_refused(mine, macro, instant, code):
    asked = f"(VALUES (now()), ({instant}::TIMESTAMPTZ)) AS x(t)"
    for query in (
        f"SELECT count(*) FROM {asked}, lake.{macro}",
        f"SELECT (SELECT count(*) FROM lake.{macro}) FROM {asked}",
        f"SELECT 1 FROM {asked} WHERE EXISTS (FROM lake.{macro})",
    ):
        with pytest.raises(duckdb.InvalidInputException, match=f"{code}: "):
            mine.execute(query).fetchall()
    assert mine.execute(
        f"SELECT count(*) FROM (FROM {asked} WHERE t > '2026-01-01') x, lake.{macro}"
    ).fetchone()
