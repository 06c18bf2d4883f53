"""Which instants macros answer, and which they refuse (semantics 1 and 6)."""

import duckdb
import pytest
from small_lake import SmallLake, at, customer_id, sql

from tests.lake_with_ann import lake

__all__ = ["lake"]


def test_instants_may_be_text_with_an_offset(lake):
    lake.update(1, accepted=200, fields={"City": "Oslo"})
    lake.stream()
    assert at(200) == 1_800_000_200_000_000
    query = (
        "SELECT \"City\" FROM lake.customer_as_of('2027-01-15T09:03:20{}', '2027-01-16T00:00:00Z')"
    )
    assert lake.query(query.format("+01:00")) == [("Oslo",)]
    assert lake.query(query.format("+02:00")) == []


DAYS = 86_400


@pytest.mark.parametrize(
    "macro", ["customer_as_of({0}, {1})", f"timeline_as_of('{customer_id(1)}', {{0}}, {{1}})"]
)
def test_an_instant_before_the_history_is_refused(tmp_path, macro):
    old = SmallLake.create(tmp_path)
    old.publish(1, -600 * DAYS)
    old.publish(2, 0)
    for moment in ((sql(-500 * DAYS), sql(1000)), (sql(1000), sql(-500 * DAYS))):
        with pytest.raises(
            duckdb.InvalidInputException, match="before_history: the base of this instant"
        ):
            old.query(f"FROM lake.{macro.format(*moment)}")
    assert old.query(f"FROM lake.{macro.format(sql(-700 * DAYS), sql(1000))}") == []


@pytest.mark.parametrize(
    "macro", ["customer_as_of({0}, {1})", f"timeline_as_of('{customer_id(1)}', {{0}}, {{1}})"]
)
@pytest.mark.parametrize("days", [1, 500, 5000])
def test_before_the_first_publish_there_is_no_row_however_long_ago(lake, macro, days):
    for moment in ((sql(-days * DAYS), sql(1000)), (sql(1000), sql(-days * DAYS))):
        assert lake.query(f"FROM lake.{macro.format(*moment)}") == []


@pytest.mark.parametrize(
    "instant",
    [
        "'infinity'",
        "'-infinity'",
        "'infinity'::TIMESTAMPTZ",
        "'infinity'::DATE",
        "'2027-01-15T24:00:00Z'",
        "'2027-01-15 24:00:00'",
        "'2027-01-15 024:00:00Z'",
        "'2027-01-15T10:00:00+25:00'",
        "'2027-01-15T10:00:00 Europe/Nowhere'",
        "'epoch'",
        "'10000-01-01T00:00:00Z'",
        "DATE '10000-01-01'",
        "TIMESTAMPTZ '10000-01-01 00:00:00Z'",
        "TIMESTAMPTZ '0044-03-15 (BC) 00:00:00Z'",
    ],
)
def test_what_is_no_instant_elsewhere_is_none_in_a_macro(lake, instant):
    with pytest.raises(duckdb.InvalidInputException, match="invalid_instant: the argument t"):
        lake.query(f"FROM lake.customer_as_of({instant}, {sql(1000)})")


def test_history_is_reckoned_from_now_also_where_the_clock_is_behind(tmp_path):
    """Now is the last publish here, weeks after any clock that runs this."""
    lake = SmallLake.create(tmp_path)
    lake.publish(1, -600 * DAYS)
    lake.publish(2, 100)
    query = "FROM lake.customer_as_of({0}, {0})"
    assert lake.query(query.format(sql(-399 * DAYS))) == []
    with pytest.raises(duckdb.InvalidInputException, match="before_history"):
        lake.query(query.format(sql(-401 * DAYS)))
