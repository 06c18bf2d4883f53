"""An analyst's connection to a lake that has all that timelines can have."""

import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator

import duckdb
import pytest

from overtide.lake.cards_and_timelines import Card
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
