"""The decision in Python and the one in SQL are one rule.

Generated events over one base, each asked for at many instants (t, k).
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.lake.counts import count_overlay
from overtide.lake.decide.activities import valid_activities
from overtide.lake.decide.sql import AS_OF, LIVE
from overtide.lake.decide.updates import Decision, Overlay, Reason, invalid
from overtide.lake.definitions import insert_rows
from overtide.lake.flap_backs import flap_back_query
from overtide.lake.merged import activity_query, customer_query
from overtide.lake.overlay import create_overlay
from overtide.schemas import tables
from overtide.schemas.events import Event, UpdateBody
from overtide.schemas.instants import SECOND, format_instant
from overtide.schemas.table import ProfileField, create_table_sql, history_of
from overtide.schemas.values import canonical
from overtide.transforms.realtime import overlay_rows, to_batch
from tests.small_lake import START, at, customer_id

PROFILE = (
    ProfileField("CustomerId", "string", False),
    ProfileField("City", "string", True),
    ProfileField("Points", "integer", True),
    ProfileField("Shop_Key", "string", False),
)
FIELDS = {field.name: field for field in PROFILE}
BASE = {"City": "Rome", "Points": 1}
ANN, BEN, MERGED, NOBODY = map(customer_id, (1, 2, 3, 4))
LEADS = {
    (ANN, None): ANN,
    (MERGED, None): ANN,
    (NOBODY, None): None,
    (BEN, None): BEN,
    (None, "a"): ANN,
    (None, "gone"): BEN,
    (None, "new"): None,
}
"""Targets, by id or by key, and the customer that each leads to; of the others the events wait."""
PAST = [f'b."{field.name}"' for field in PROFILE]


@pytest.fixture(scope="module")
def base() -> Iterator[duckdb.DuckDBPyConnection]:
    """Tables as in a lake, in memory: Ann and Ben, published by run 1."""
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS lake")
        connection.execute("SET TimeZone = 'UTC'")
        current = (tables.customer(PROFILE), *tables.VERSIONED)
        for table in (*current, *map(history_of, current), tables.RUNS, tables.PROFILE_FIELDS):
            connection.execute(create_table_sql(table.name, table.columns))
        create_overlay(connection)
        published(connection)
        connection.execute(f"CREATE VIEW lake.flap_backs AS {flap_back_query(PROFILE, PAST)}")
        yield connection


def published(connection: duckdb.DuckDBPyConnection) -> None:
    fields = [(1, field.name, field.type, field.updatable) for field in PROFILE]
    insert_rows(connection, tables.PROFILE_FIELDS, fields)
    insert_rows(connection, tables.RUNS, [(1, format_instant(at(0)), "", "", "", "{}")])
    people = [(one, *BASE.values(), "7", 1) for one in (ANN, BEN)]
    insert_rows(connection, tables.customer(PROFILE), people)
    insert_rows(connection, tables.ALTERNATE_KEY, [("Shop", "a", ANN, True, 1)])
    insert_rows(connection, tables.VANISHED_KEY, [("Shop", "gone", BEN, 1)])
    insert_rows(connection, tables.IDENTITY_ALIAS, [(MERGED, ANN, 1)])


SAID = st.fixed_dictionaries(
    {},
    optional={
        "City": st.sampled_from(["Rome", "Oslo", None, 3]),
        "Points": st.sampled_from([1, 2, None, "many"]),
        "Shop_Key": st.just("8"),
        "Hat": st.just("blue"),
    },
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(list(LEADS)),
        st.one_of(
            SAID,
            st.sampled_from(["City", "Points", "Hat", None]),
            st.sampled_from([("x",), ("y",)]),
        ),
        st.integers(-5, 3),
        st.integers(1, 6),
    ),
    max_size=12,
)
"""Who, what (fields; a field or none to be withdrawn; an activity), begin and end to acceptance."""


def event(number: int, target: tuple, what: object, start: int, until: int) -> Event:
    accepted, (customer, key) = 2 * number + 6, target
    kind, body = (
        ("update", {"fields": what})
        if isinstance(what, dict)
        else ("activity", {"ActivityId": what[0], "Title": str(number)})
        if isinstance(what, tuple)
        else ("withdrawal", {"field": what})
    )
    return Event(
        number,
        f"event-{number:04d}",
        at(accepted),
        kind,
        customer,
        key and "Shop",
        key,
        at(accepted + start),
        None if kind == "withdrawal" else at(accepted + max(start, 0) + until),
        None,
        canonical(body),
        body.get("ActivityId"),
    )


def carry(connection: duckdb.DuckDBPyConnection, events: list[Event]) -> None:
    """Write events as the stream does, in place of those before."""
    found = defaultdict(list)
    for table, row in itertools.chain.from_iterable(overlay_rows(one, None) for one in events):
        found[table].append(row)
    for table in tables.OVERLAY:
        connection.execute(f"DELETE FROM lake.{table.name}")
        if found[table.name]:
            connection.register(
                "rows", pa.Table.from_batches([to_batch(table.name, found[table.name])])
            )
            connection.execute(f"INSERT INTO lake.{table.name} FROM rows")
    last = format_instant(max((one.accepted_at for one in events), default=at(0)))
    insert_rows(connection, tables.STREAM_COMMITS, [(0, 0, len(events), last)])


def leads(one: Event) -> str | None:
    return LEADS[one.customer_id, one.key]


def shown(overlay: Overlay, t: int) -> tuple[object, ...]:
    winners = overlay.winners(t)
    return tuple(winners[name].value if name in winners else BASE[name] for name in BASE)


GENERATED = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@GENERATED
@given(EVENTS)
def test_sql_decides_as_python_at_every_instant(base, drawn):
    events = [event(number, *one) for number, one in enumerate(drawn)]
    carry(base, events)
    instants = [(t, k) for t in range(0, 40, 3) for k in range(5, 40, 7)]
    asked = ", ".join(
        f"(make_timestamptz({at(t)}), make_timestamptz({at(k)}), 1)" for t, k in instants
    )
    beside = f'FROM (VALUES {asked}) i("T", "K", "Run") CROSS JOIN LATERAL'
    at_once = 'SELECT epoch_us(i."T"), epoch_us(i."K"), z."CustomerId"'
    found = base.execute(
        f'{at_once}, z."City", z."Points" {beside} ({customer_query(AS_OF, PROFILE, PAST)}) z'
    ).fetchall()
    assert {row[:3]: row[3:] for row in found} == {
        (at(t), at(k), one): shown(Overlay(of(events, one), FIELDS, at(k)), at(t))
        for one in (ANN, BEN)
        for t, k in instants
    }


def of(events: list[Event], customer: str | None) -> list[Event]:
    return [one for one in events if leads(one) == customer]


@GENERATED
@given(EVENTS)
def test_what_is_live_held_or_fell_back_is_what_python_decides(base, drawn):
    events = [event(number, *one) for number, one in enumerate(drawn)]
    carry(base, events)
    now = max((one.accepted_at for one in events), default=at(0))
    decisions = {
        (one, name): Overlay(of(events, one), FIELDS, now).decision(name, now, of(events, None))
        for one in (ANN, BEN)
        for name in (*FIELDS, "Hat")
    }
    counts = count_overlay(base)
    live = {
        change.event.event_id
        for decision in decisions.values()
        for change, reason in everyone(decision)
        if reason in (None, Reason.OLDER, Reason.UNFIT)
    }
    waiting = [one for one in of(events, None) if invalid(one, now) is None]
    posted = [one for one in events if one.kind == "activity" and invalid(one, now) is None]
    assert counts.live_updates == len(live)
    assert counts.live_activities == len([one for one in posted if leads(one)])
    assert counts.held == len([one for one in waiting if one.kind != "update" or says(one)])
    titles = base.execute(f'SELECT "CustomerId", "Title" FROM ({activity_query(LIVE)})').fetchall()
    assert sorted(titles) == sorted(
        (one, body.columns["Title"])
        for one in (ANN, BEN)
        for _, body in valid_activities(of(events, one), now, now)
    )
    found = base.execute('SELECT "CustomerId", "Field", "EventId" FROM lake.flap_backs').fetchall()
    assert set(found) == {
        (*of_field, last)
        for of_field, decision in decisions.items()
        if (last := fell_back(of_field[1], decision))
    }


def says(update: Event) -> bool:
    """Whether an update names a field at all: one row of `updates` stands for each."""
    return bool(UpdateBody.read(update).fields)


def everyone(decision: Decision) -> list[tuple]:
    losers = [(one.change, one.reason) for one in decision.losers]
    return losers if decision.winner is None else [(decision.winner, None), *losers]


def fell_back(name: str, decision: Decision) -> str | None:
    """The last update of a field that shows the base again, which had its value from the start."""
    if decision.winner is not None or name not in BASE:
        return None
    kind = int if name == "Points" else str
    ended = [
        one.change
        for one in decision.losers
        if one.reason in (Reason.EXPIRED, Reason.WITHDRAWN)
        and isinstance(one.change.value, kind | None)
    ]
    last = ended[0] if ended else None
    return last.event.event_id if last and last.value != BASE[name] else None


@GENERATED
@given(EVENTS, st.integers(0, 40))
def test_a_decision_says_when_it_changes_next(drawn, t):
    events = [event(number, *one) for number, one in enumerate(drawn)]
    overlay = Overlay(events, FIELDS, at(100))
    for name in BASE:
        decision = overlay.decision(name, at(t))
        assert decision.winner == overlay.winners(at(t)).get(name)
        later = [
            at(x)
            for x in range(t + 1, 60)
            if overlay.decision(name, at(x)).winner != decision.winner
        ]
        assert decision.changes_at == min(later, default=None)


def test_every_loser_has_its_reason():
    def update(number: int, value: object, start: int = 0, until: int = 20) -> Event:
        return event(number, (ANN, None), {"City": value}, start, until)

    events = [
        update(0, "expired", until=1),
        update(1, "withdrawn"),
        event(2, (ANN, None), "City", 0, 0),
        update(3, "older"),
        update(4, 4),
        update(5, "wins"),
        update(6, "not started", start=3),
        update(7, "not known"),
    ]
    held = [event(8, (NOBODY, None), {"City": "held"}, 0, 9)]
    decision = Overlay(events, FIELDS, at(18)).decision("City", at(18), held)
    assert decision.winner is not None
    assert decision.winner.value == "wins"
    assert [(one.change.value, one.reason) for one in decision.losers] == [
        ("not started", Reason.NOT_STARTED),
        (4, Reason.UNFIT),
        ("older", Reason.OLDER),
        ("withdrawn", Reason.WITHDRAWN),
        ("expired", Reason.EXPIRED),
        ("held", Reason.HELD),
    ]
    assert decision.changes_at == START + 21 * SECOND
