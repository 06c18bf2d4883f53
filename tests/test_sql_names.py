"""Macros and views mean the same wherever and by whomever they are asked.

It does not matter what names the caller has for things.
"""

import itertools
import re

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overtide.lake.definitions import FUNCTIONS
from overtide.schemas.instants import format_instant
from overtide.schemas.names import quoted
from tests.callers import (
    INSTANTS,
    LATERAL,
    answers,
    asked,
    mine,
    names_of,
    profile,
    project,
    rows_of,
    timelines,
    written,
)

__all__ = ["asked", "mine", "project", "timelines"]


def test_the_story_has_all_that_a_timeline_can_have(timelines, project, mine):
    assert max(map(len, timelines.values())) >= 5
    assert mine.execute("SELECT count(*) FROM lake.IdentityAlias_history").fetchone() != (0,)
    assert {"by id", "Pan", "Cup"} <= {
        title.split(" 1")[0] for found in timelines.values() for title in found
    }


SOME = pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.long)])
"""Each name takes a query that is long to plan: `make long` takes all of them."""


@SOME
def test_a_timeline_is_the_same_beside_any_name_of_the_caller(mine, asked, timelines, step):
    expected, rows = {number: sorted(found) for number, found in timelines.items()}, rows_of(asked)
    names = names_of(mine)
    assert len(names) > 60
    for name, place in zip(names[::step], itertools.cycle(LATERAL), strict=False):
        assert answers(mine, written(place, name, rows)) == expected, (name, place)


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_a_timeline_is_the_same_beside_several_names(mine, asked, timelines, data):
    places = data.draw(
        st.lists(
            st.tuples(st.sampled_from(names_of(mine)), st.sampled_from(list(LATERAL))),
            min_size=1,
            max_size=2,
        )
    )
    numbers = data.draw(st.sets(st.sampled_from(range(len(asked))), min_size=1, max_size=5))
    rows = rows_of(asked, numbers)
    expected = {number: sorted(found) for number, found in timelines.items() if number in numbers}
    union = " UNION ALL ".join(f"({written(place, name, rows)})" for name, place in places)
    assert answers(mine, union) == {
        number: sorted(found * len(places)) for number, found in expected.items()
    }


PROFILES = {
    "alias": """SELECT {x}._n, _z."Points" FROM {rows} AS {x}, lake.customer_as_of({x}._t, {x}._k)
      AS _z
        WHERE _z."CustomerId" = {x}._i""",
    "columns": """SELECT _q._n, _z."Points" FROM (SELECT _n, _i, _t AS {x}, _k
      FROM {rows} AS _r) AS _q,
        lake.customer_as_of(k := _k, t := {x}) AS _z WHERE _z."CustomerId" = _q._i""",
    "scalar": """SELECT _q._n, (SELECT any_value({x}."Points")
      FROM lake.customer_as_of(_q._t, _q._k) AS {x}
        WHERE {x}."CustomerId" = _q._i) FROM {rows} AS _q""",
    "exists": """WITH {x} AS {rows} SELECT _q._n, (SELECT max("Points") FROM lake.customer_as_of(
        (SELECT {x}._t FROM {x} WHERE {x}._n = _q._n), _q._k) AS _y WHERE _y."CustomerId" = _q._i)
          FROM {x} AS _q WHERE
        EXISTS (FROM lake.customer_as_of(_q._t, _q._k) AS _y WHERE _y."CustomerId" = _q._i)""",
}


@SOME
def test_profiles_are_the_same_beside_any_name_of_the_caller(mine, project, asked, step):
    cards = {
        number: profile(project, *question) for number, question in enumerate(asked) if question[0]
    }
    expected = {
        number: [card["Points"]]
        for number, card in cards.items()
        if card and card.customer_id == asked[number][0] and card["Points"] is not None
    }
    assert len(expected) > 10
    rows = rows_of(asked)
    for name, place in zip(names_of(mine)[:: 2 * step], itertools.cycle(PROFILES), strict=False):
        found = answers(mine, PROFILES[place].format(x=quoted(name), rows=rows))
        assert {number: one for number, one in found.items() if one != [None]} == expected, (
            name,
            place,
        )


VIEWS = (
    'lake."Customer_live"',
    'lake."UnifiedActivity_live"',
    "lake.flap_backs",
    "lake.overlay_state",
)


@SOME
def test_views_are_the_same_beside_any_name_of_the_caller(mine, step):
    shown = {view: mine.execute(f"SELECT * FROM {view} ORDER BY ALL").fetchall() for view in VIEWS}
    assert all(len(rows) for view, rows in shown.items() if view != "lake.flap_backs")
    for name, view in zip(names_of(mine)[::step], itertools.cycle(VIEWS), strict=False):
        query = (
            f"WITH {quoted(name)}(_n) AS (SELECT 1) SELECT _z.* FROM {quoted(name)}, {view} "
            "AS _z ORDER BY ALL"
        )
        assert mine.execute(query).fetchall() == shown[view], name


def test_functions_and_settings_of_the_caller_change_nothing(project, asked, timelines):
    with duckdb.connect() as connection:
        for statement in project.attach_statements():
            connection.execute(statement)
        before = {
            view: connection.execute(f"SELECT * FROM {view} ORDER BY ALL").fetchall()
            for view in VIEWS
        }
        for function in FUNCTIONS:
            for parameters in ((), ("a",), ("a", "b")):
                connection.execute(
                    f'CREATE OR REPLACE TEMP MACRO "{function}"({", ".join(parameters)}) AS 7'
                )
        connection.execute("SET TimeZone = 'Asia/Kolkata'")
        connection.execute("SET default_order = 'DESC'")
        connection.execute("SET default_null_order = 'nulls_first'")
        expected = {number: sorted(found) for number, found in timelines.items()}
        assert answers(connection, written("outer", "x", rows_of(asked))) == expected
        number, found = max(timelines.items(), key=lambda pair: len(pair[1]))
        one, t, k = asked[number]
        rows = connection.execute(
            'SELECT "Title" FROM lake.timeline_as_of($1, $2, k := $3)',
            [one, format_instant(t), format_instant(k)],
        ).fetchall()
        assert [title for (title,) in rows] == found
        connection.execute("SET default_order = 'ASC'")
        connection.execute("SET default_null_order = 'nulls_last'")
        assert {
            view: connection.execute(f"SELECT * FROM {view} ORDER BY ALL").fetchall()
            for view in VIEWS
        } == before


def test_views_and_macros_call_no_function_that_a_caller_may_shadow(mine):
    known = {
        name
        for (name,) in mine.execute(
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions() "
            "WHERE database_name = 'system'"
        ).fetchall()
    }
    texts = mine.execute("""
        SELECT macro_definition FROM duckdb_functions() WHERE database_name = 'lake'
          AND function_type = 'table_macro'
        UNION ALL SELECT sql FROM duckdb_views() WHERE database_name = 'lake'""").fetchall()
    called = {
        name.lower()
        for (text,) in texts
        for name in re.findall(
            r"(?<![\w.])(\w+)\(", re.sub(r""""(?:[^"]|"")*"|'(?:[^']|'')*'""", "", text)
        )
    }
    assert called & known <= {"filter"}  # a clause as well


@pytest.mark.parametrize(
    "given", ["5", "true", "DATE '2020-01-01'", "NULL", "''", "uuid()", "'''; --'"]
)
def test_an_id_of_any_type_finds_nobody(mine, given):
    assert mine.execute(
        f"SELECT count(*) FROM lake.timeline_as_of({given}, now(), now())"
    ).fetchone() == (0,)


def test_an_argument_is_worked_out_once(mine, asked, timelines):
    numbers = [number for number in timelines if asked[number][1:] == (INSTANTS[-1], INSTANTS[-1])]
    drawn = f"(SELECT _i FROM {rows_of(asked, numbers)} ORDER BY random() LIMIT 1)"
    at = f"TIMESTAMPTZ '{format_instant(INSTANTS[-1])}'"
    for _ in range(10):
        found = mine.execute(
            f'SELECT list("Title") FROM lake.timeline_as_of({drawn}, {at}, {at})'
        ).fetchone()
        assert found[0] in [timelines[number] for number in numbers]


def test_python_and_the_command_line_s_session_ask_the_same(project, asked, timelines):
    query = written("alias", "c", rows_of(asked)).replace("lake.", "")
    found: dict[int, list[str]] = {}
    for row in project.sql(query).to_pylist():
        found.setdefault(row["_n"], []).append(row["Title"])
    assert {number: sorted(one) for number, one in found.items()} == {
        number: sorted(one) for number, one in timelines.items()
    }
