"""Macros and views mean the same wherever and by whomever they are asked.

It does not matter what names the caller has for things.
"""

import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overtide.lake.asked import INVALID_INSTANT
from overtide.lake.cards_and_timelines import Card
from overtide.lake.definitions import FUNCTIONS
from overtide.project import Project
from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import HOUR, format_instant
from overtide.schemas.names import quoted
from tests import shop
from tests.published_people import ANN, BEN, T0, Clock, make_project, people, publish

INSTANTS = (
    T0 - HOUR,
    T0 + HOUR // 2,
    T0 + HOUR + HOUR // 2,
    T0 + 3 * HOUR + HOUR // 2,
    T0 + 5 * HOUR,
)
Question = tuple[str | None, int, int]
"""An id, t and k."""
ACTIVITY = {"ActivityType": "Call", "ActivityTime": "2026-11-01T10:00:00Z"}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Iterator[Project]:
    """Four runs, an hour apart.

    In the second Ann's second account is Ben's, in the third Ben is merged into Ann.

    Each has updates and activities in real time, by id and by record, and one update is withdrawn.
    """
    made = make_project(tmp_path_factory.mktemp("names") / "shop")
    publish(made, T0, people(1, same=False))
    live(made, T0)
    publish(made, T0 + HOUR, people(2, same=True))
    live(made, T0 + HOUR)
    merged = {**people(3, same=False)}
    merged[shop.CONTACTS] = {
        key: {**row, "EMail": "ann@x"} for key, row in merged[shop.CONTACTS].items()
    }
    publish(made, T0 + 2 * HOUR, merged)
    live(made, T0 + 2 * HOUR)
    publish(made, T0 + 3 * HOUR, people(3, same=False))
    made.withdraw(key=ANN, field="Points")
    made.stream()
    with Project(made.folder, Clock(T0 + 5 * HOUR)) as opened:
        yield opened


def live(made: Project, at: int) -> None:
    made.update(key=ANN, fields={"Points": at // HOUR})
    ben = made.get(key=BEN).customer_id
    made.update(ben, {"FullName": f"B {at}"})
    made.post("UnifiedActivity", [{**ACTIVITY, "CustomerId": ben, "Title": f"by id {at}"}])
    made.post(
        shop.ORDERS,
        [
            {
                "OrderId": f"new {at}",
                "AccountId": "2",
                "PlacedAt": "2026-01-03T00:00:00Z",
                "Item": "Pan",
                "Amount": "1.00",
            }
        ],
    )
    made.stream()


@pytest.fixture(scope="module")
def mine(project) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of the user's own, as docs/sql.md tells."""
    with duckdb.connect() as connection:
        for statement in project.attach_statements():
            connection.execute(statement)
        # Names are bound before a query is planned, which takes longer than all the rest.
        connection.execute("SET disabled_optimizers = 'statistics_propagation,join_order'")
        yield connection


@pytest.fixture(scope="module")
def asked(project) -> list[Question]:
    """Ids of now and before, an unknown one and none, at instants around the runs.

    The instants are before, between and after the runs.
    """
    ids = {project.get(key=key, as_of=at).customer_id for key in (ANN, BEN) for at in INSTANTS[1:]}
    return [
        (one, t, k)
        for one in [*sorted(ids), "nobody", None]
        for t, k in itertools.product(INSTANTS, INSTANTS)
    ]


@pytest.fixture(scope="module")
def timelines(project, asked) -> dict[int, list[str]]:
    """What Python says of each question by its number: the titles, newest first.

    A question without any is missing.
    """
    return {
        number: found
        for number, question in enumerate(asked)
        if (found := titles(project, *question))
    }


def titles(project: Project, one: str | None, t: int, k: int) -> list[str]:
    if one is None or min(t, k) < T0 or profile(project, one, t, k) is None:
        return []
    return [entry["Title"] for entry in project.timeline(one, as_of=t, known_at=k).entries]


def profile(project: Project, one: str, t: int, k: int) -> Card | None:
    """Return the card that an id leads to; None where there is none."""
    with contextlib.suppress(OvertideError):
        return project.get(one, as_of=t, known_at=k)
    return None


def rows_of(asked: list[Question], numbers: Iterable[int] | None = None) -> str:
    """Return the questions (of these numbers: all) as a relation of number, id, t and k.

    What a query of these tests names itself begins with an underscore, as no name of ours does.
    """
    values = (
        (number, *asked[number]) for number in (range(len(asked)) if numbers is None else numbers)
    )
    written = ", ".join(
        f"({number}, {'NULL' if one is None else repr(one)}, TIMESTAMPTZ '{format_instant(t)}', "
        f"TIMESTAMPTZ '{format_instant(k)}')"
        for number, one, t, k in values
    )
    return f"(SELECT * FROM (VALUES {written}) AS _v(_n, _i, _t, _k))"


LATERAL = {
    "alias": (
        'SELECT {x}._n, _z."Title" FROM {rows} AS {x}, lake.timeline_as_of({x}._i, {x}._t, '
        "{x}._k) AS _z"
    ),
    "columns": """SELECT _q._n, _z."Title"
        FROM (SELECT _n, _i AS {x}, _t AS "{x0}1", _k AS "{x0}2" FROM {rows} AS _r) AS _q,
             lake.timeline_as_of({x}, "{x0}1", "{x0}2") AS _z""",
    "an id column": """SELECT _q._n, _z."Title" FROM (SELECT _n, _i AS {x}, _t, _k
      FROM {rows} AS _r) AS _q,
        LATERAL (FROM lake.main.timeline_as_of({x}, _q._t, _q._k)) AS _z""",
    "an instant column": """SELECT _q._n, _z."Title" FROM (SELECT _n, _i, _t AS {x}, _k
      FROM {rows} AS _r) AS _q,
        lake.timeline_as_of(_i, {x}, _k) AS _z""",
    "another one": """SELECT _q._n, _z."Title" FROM (SELECT _n, _i, _t, _k AS {x}
      FROM {rows} AS _r) AS _q,
        lake.timeline_as_of(t := _q._t, k := {x}, customer_id := _q._i) AS _z""",
    "scalar": """SELECT _n, unnest(_s) FROM (SELECT {x}._n, (SELECT list(_z."Title") FROM
        lake.timeline_as_of({x}._i, {x}._t, {x}._k) AS _z) AS _s FROM {rows} AS {x})""",
    "a CTE": """WITH {x} AS {rows} SELECT {x}._n, _z."Title" FROM {x},
        lake.timeline_as_of({x}._i, {x}._t, {x}._k) AS _z""",
    "a CTE beside": """WITH {x}(_c) AS (SELECT 1) SELECT _q._n, _z."Title" FROM {rows} AS _q, {x},
        lake.timeline_as_of(_q._i, _q._t, _q._k) AS _z""",
    "subqueries": """WITH {x} AS {rows} SELECT _q._n, _z."Title"
      FROM {x} AS _q, lake.timeline_as_of(
        (SELECT {x}._i FROM {x} WHERE {x}._n = _q._n), (SELECT max({x}._t) FROM {x}
          WHERE {x}._n = _q._n), _q._k)
        AS _z""",
    "outer": """SELECT {x}._n, _z."Title" FROM {rows} AS {x} LEFT JOIN LATERAL (SELECT "Title" FROM
        lake.timeline_as_of({x}._i, {x}._t, {x}._k)) AS _z ON true WHERE _z."Title" IS NOT NULL""",
    "nested": """SELECT {x}._n, _z."Title" FROM {rows} AS {x}, lake.timeline_as_of((SELECT
        max({x}."CustomerId") FROM lake.timeline_as_of({x}._i, {x}._t, {x}._k) AS {x}), {x}._t,
          {x}._k) AS _z""",
    "nested twice": """SELECT {x}._n, _z."Title" FROM {rows} AS {x}, LATERAL (SELECT _y."Title" FROM
        (SELECT {x}._i AS {x}, {x}._t, {x}._k) AS _q, lake.timeline_as_of(_q.{x}, _q._t, _q._k) AS
          _y) AS _z""",
}
"""Where a macro can stand beside names of the caller."""


def names_of(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return every identifier in the texts of our macros and views.

    Parameters and keywords are among them.
    """
    texts = connection.execute("""
        SELECT macro_definition FROM duckdb_functions() WHERE database_name = 'lake'
          AND function_type = 'table_macro'
        UNION ALL SELECT sql FROM duckdb_views() WHERE database_name = 'lake'""").fetchall()
    found = {name for (text,) in texts for name in re.findall(r'"([^"]+)"|([A-Za-z_]\w*)', text)}
    return sorted({one for pair in found for one in pair if one} | {"t", "k", "customer_id"})


def answers(connection: duckdb.DuckDBPyConnection, query: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for number, title in connection.execute(query).fetchall():
        found.setdefault(number, []).append(title)
    return {number: sorted(one) for number, one in found.items()}


def written(place: str, name: str, rows: str) -> str:
    return LATERAL[place].format(x=quoted(name), x0=name, rows=rows)


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
