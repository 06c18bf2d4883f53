"""The merged view in SQL says what semantics 2.3, 2.4, 3.5 and 3.6 say.

Later tests compare it with the oracle.
"""

from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_lake import PROFILE, SmallLake, at, customer_id, sql

from overtide.lake.catalog import connect
from overtide.lake.views import (
    MACROS,
    OVERLAY_STATE,
    UNIFIED_ACTIVITY_LIVE,
    documented_tables,
    help_rows,
)
from overtide.schemas.table import ProfileField
from overtide.schemas.types import type_of
from overtide.schemas.values import canonical


@pytest.fixture
def lake(tmp_path):
    """One customer in Rome, published by run 1 at second 100."""
    made = SmallLake.create(tmp_path)
    made.insert(
        "Customer", CustomerId=customer_id(1), Name="Ann", City="Rome", Points=5, FirstRun=1
    )
    made.insert(
        "AlternateKey",
        EntityName="crm_people",
        PrimaryKey="a",
        CustomerId=customer_id(1),
        IsWinner=True,
        FirstRun=1,
    )
    made.insert(
        "AlternateKey",
        EntityName="crm_people",
        PrimaryKey="b",
        CustomerId=customer_id(1),
        IsWinner=False,
        FirstRun=1,
    )
    made.publish(1, 100)
    return made


def test_an_update_shows_in_its_interval_only(lake):
    lake.update(1, accepted=200, until=300, fields={"City": "Oslo"})
    lake.stream()
    assert [lake.value("City", t, 1000) for t in (199.999999, 200, 299.999999, 300)] == [
        "Rome",
        "Oslo",
        "Oslo",
        "Rome",
    ]


def test_an_update_is_not_known_before_its_acceptance(lake):
    lake.update(1, accepted=200, since=150, fields={"City": "Oslo"})
    lake.stream()
    assert [lake.value("City", 180, k) for k in (199, 200)] == ["Rome", "Oslo"]
    assert lake.value("City", 149, 200) == "Rome"


def test_the_greatest_valid_from_wins_then_the_acceptance(lake):
    lake.update(1, accepted=200, since=160, fields={"City": "later"})
    lake.update(1, accepted=201, since=150, fields={"City": "earlier"})
    lake.update(1, accepted=202, since=160, fields={"City": "same, accepted later"})
    lake.stream()
    assert lake.value("City", 300, 201) == "later"
    assert lake.value("City", 300, 202) == "same, accepted later"
    assert lake.value("City", 155, 202) == "earlier"


def test_an_older_update_shows_again_when_the_newer_one_ends(lake):
    lake.update(1, accepted=200, until=500, fields={"City": "old"})
    lake.update(1, accepted=210, until=300, fields={"City": "new"})
    lake.stream()
    assert [lake.value("City", t, 1000) for t in (250, 300, 500)] == ["new", "old", "Rome"]


def test_null_overrides_with_null(lake):
    lake.update(1, accepted=200, until=300, fields={"City": None})
    lake.update(1, accepted=190, until=400, fields={"City": "Oslo"})
    lake.stream()
    assert [lake.value("City", t, 1000) for t in (250, 350)] == [None, "Oslo"]
    assert lake.value("Name", 250, 1000) == "Ann"


@pytest.mark.parametrize("name", [field.name for field in PROFILE if field.updatable])
def test_null_is_null_in_a_field_of_any_type(lake, name):
    lake.update(1, accepted=200, until=300, fields={name: None})
    lake.stream()
    assert lake.value(name, 250, 1000) is None


def test_a_withdrawal_ends_the_updates_that_began_no_later(lake):
    lake.update(1, accepted=200, fields={"City": "before", "Points": 1})
    lake.withdraw(1, accepted=210, name="City")
    lake.update(1, accepted=220, since=205, fields={"City": "late arrival"})
    lake.update(1, accepted=230, since=210, fields={"City": "same instant"})
    lake.stream()
    assert lake.value("City", 209, 1000) == "late arrival"
    assert lake.value("City", 209, 210) == "before"
    assert lake.value("City", 300, 1000) == "Rome"
    assert lake.value("City", 300, 209) == "before"
    assert lake.value("Points", 300, 1000) == 1


def test_a_withdrawal_of_all_fields_takes_effect_at_its_own_instant(lake):
    lake.update(1, accepted=200, fields={"City": "Oslo", "Points": 1})
    lake.withdraw(1, accepted=210, since=250)
    lake.update(1, accepted=260, fields={"City": "after"})
    lake.stream()
    assert [lake.value("City", t, 1000) for t in (249, 250, 260)] == ["Oslo", "Rome", "after"]
    assert [lake.value("Points", t, 1000) for t in (249, 260)] == [1, 5]


def test_a_source_record_is_a_target_also_when_it_lost(lake):
    lake.update(record=("crm_people", "b"), accepted=200, fields={"City": "Oslo"})
    lake.update(record=("crm_people", "unknown"), accepted=201, fields={"City": "held"})
    lake.stream()
    assert lake.value("City", 300, 300) == "Oslo"
    lake.withdraw(record=("crm_people", "a"), accepted=310)
    lake.stream()
    assert lake.value("City", 320, 320) == "Rome"


def test_before_the_first_publish_there_is_no_profile(lake):
    lake.update(1, accepted=50, fields={"City": "Oslo"})
    lake.activity(1, accepted=51, name="x")
    lake.stream()
    assert lake.query(f"FROM lake.customer_as_of({sql(99.999999)}, {sql(500)})") == []
    assert lake.query(f"FROM lake.customer_as_of({sql(500)}, {sql(99.999999)})") == []
    assert lake.timeline(1, 99, 500) == []
    assert lake.value("City", 100, 100) == "Oslo"


@pytest.fixture
def merged(lake):
    """Run 2 at second 200: customer 2 came; run 3 at 300: it was merged into 1; run 4 at 400.

    It is back.
    """
    two, history = {"CustomerId": customer_id(2), "Name": "Bea", "City": "Bern"}, "Customer_history"
    lake.insert(history, **two, FirstRun=2, ReplacedRun=3)
    lake.insert(
        "AlternateKey_history",
        EntityName="crm_people",
        PrimaryKey="c",
        CustomerId=customer_id(2),
        IsWinner=True,
        FirstRun=2,
        ReplacedRun=3,
    )
    lake.publish(2, 200)
    lake.insert(
        "AlternateKey_history",
        EntityName="crm_people",
        PrimaryKey="c",
        CustomerId=customer_id(1),
        IsWinner=False,
        FirstRun=3,
        ReplacedRun=4,
    )
    lake.insert(
        "IdentityAlias_history",
        PreviousCustomerId=customer_id(2),
        CustomerId=customer_id(1),
        FirstRun=3,
        ReplacedRun=4,
    )
    lake.publish(3, 300)
    lake.insert("Customer", **two, FirstRun=4)
    lake.insert(
        "AlternateKey",
        EntityName="crm_people",
        PrimaryKey="c",
        CustomerId=customer_id(2),
        IsWinner=True,
        FirstRun=4,
    )
    lake.publish(4, 400)
    return lake


def test_ids_are_resolved_by_the_base_of_min_t_k(merged):
    merged.update(2, accepted=50, fields={"City": "Oslo"})
    merged.stream()
    with pytest.raises(KeyError):
        merged.value("City", 150, 1000, customer=2)
    assert merged.value("City", 250, 1000, customer=2) == "Oslo"
    assert merged.value("City", 250, 1000) == "Rome"
    assert merged.value("City", 350, 1000) == "Oslo"
    assert merged.value("City", 1000, 350) == "Oslo"
    assert (merged.value("City", 450, 1000), merged.value("City", 450, 1000, customer=2)) == (
        "Rome",
        "Oslo",
    )


def test_records_are_resolved_by_the_base_of_min_t_k(merged):
    merged.update(record=("crm_people", "c"), accepted=50, fields={"City": "Oslo"})
    merged.stream()
    assert [merged.value("City", t, 1000) for t in (150, 250, 350, 450)] == [
        "Rome",
        "Rome",
        "Oslo",
        "Rome",
    ]
    assert [merged.value("City", t, 1000, customer=2) for t in (250, 450)] == ["Oslo", "Oslo"]


def test_an_alias_of_an_id_that_has_a_profile_leads_nowhere_else(merged):
    merged.insert(
        "IdentityAlias", PreviousCustomerId=customer_id(2), CustomerId=customer_id(1), FirstRun=4
    )
    merged.update(2, accepted=401, fields={"City": "Oslo"})
    merged.stream()
    assert (merged.value("City", 450, 450), merged.value("City", 450, 450, customer=2)) == (
        "Rome",
        "Oslo",
    )


def test_a_timeline_follows_the_identity(merged):
    merged.activity(2, accepted=50, name="two")
    merged.activity(1, accepted=51, name="one", time=5)
    merged.activity(record=("crm_people", "c"), accepted=52, name="record", time=3)
    merged.stream()
    assert merged.timeline(1, 150, 1000) == ["one"]
    assert merged.timeline(1, 350, 1000) == ["one", "record", "two"]
    assert merged.timeline(2, 350, 1000) == ["one", "record", "two"]
    assert merged.timeline(2, 450, 1000) == ["record", "two"]


def test_an_activity_that_the_base_has_is_the_bases(lake):
    lake.activity(1, accepted=150, name="x", time=7)
    lake.activity(1, accepted=151, name="y", time=7, until=180)
    lake.insert(
        "UnifiedActivity", CustomerId=customer_id(1), ActivityId="x", Title="source", FirstRun=2
    )
    lake.publish(2, 200)
    lake.stream()
    titles = f"SELECT \"Title\" FROM lake.timeline_as_of('{customer_id(1)}', {{}}, {sql(1000)})"
    assert lake.query(titles.format(sql(160))) == [("live",), ("live",)]
    assert lake.query(titles.format(sql(190))) == [("live",)]
    assert lake.query(titles.format(sql(250))) == [("source",)]


def test_the_newest_activity_comes_first_then_the_id_and_no_time_last(lake):
    lake.insert("UnifiedActivity", CustomerId=customer_id(1), ActivityId="none", FirstRun=1)
    for number, (name, time) in enumerate([("b", 5), ("a", 5), ("c", 9)]):
        lake.activity(1, accepted=110 + number, name=name, time=time)
    lake.stream()
    assert lake.timeline(1, 200, 200) == ["c", "a", "b", "none"]


def test_the_live_views_show_now(lake):
    ahead = {"accepted": 1000, "since": 500}
    lake.update(1, fields={"City": "Oslo"}, until=2000, **ahead)
    lake.update(1, fields={"Points": 6}, until=1000, **ahead)
    lake.activity(1, name="x", accepted=1000, until=2000)
    lake.stream()
    assert lake.query('SELECT "City", "Points" FROM lake."Customer_live"') == [("Oslo", 5)]
    assert lake.query('SELECT "CustomerId", "ActivityId" FROM lake."UnifiedActivity_live"') == [
        (customer_id(1), "x")
    ]
    assert lake.query('SELECT "Position" FROM lake.overlay_state') == [(3,)]
    lake.publish(2, 2000)
    assert lake.query('SELECT "City" FROM lake."Customer_live"') == [("Rome",)]
    assert lake.query('SELECT count(*) FROM lake."UnifiedActivity_live"') == [(0,)]


@pytest.mark.parametrize("later", ["event", "publish"])
def test_now_is_no_later_than_the_rows_of_the_snapshot(lake, later):
    lake.update(1, accepted=1000, until=2000, fields={"City": "Oslo"})
    lake.stream()
    with connect(lake.paths) as reader:
        reader.execute("BEGIN")
        live = 'SELECT "City" FROM lake."Customer_live"'
        assert reader.execute('SELECT count(*) FROM lake."Customer"').fetchall() == [(1,)]
        if later == "event":
            lake.update(1, accepted=3000, until=4000, fields={"City": "Bergen"})
            lake.stream()
        else:
            lake.publish(2, 3000)
        assert reader.execute(live).fetchall() == [("Oslo",)]


def test_values_are_typed(lake):
    fields = {
        "Points": "9007199254740993",
        "Paid": "12.30",
        "Share": "-0.1234",
        "Rate": 1.5,
        "Born": "1990-01-02",
        "Seen": "2026-01-02T03:04:05.000006Z",
        "Vip": True,
        "Name": 'Zoë "Z"\n',
        "Token": "0a1b2c3d-0000-1111-2222-333344445555",
    }
    lake.update(1, accepted=200, fields=fields)
    lake.stream()
    found = [lake.value(name, 300, 300) for name in fields]
    assert found == [
        9007199254740993,
        Decimal("12.30"),
        Decimal("-0.1234"),
        1.5,
        date(1990, 1, 2),
        datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        True,
        'Zoë "Z"\n',
        fields["Token"],
    ]


KINDS = (
    "string",
    "integer",
    "double",
    "decimal(12,2)",
    "decimal(5,0)",
    "decimal(4,4)",
    "boolean",
    "date",
    "datetime",
    "guid",
)
VALUES = [
    None,
    True,
    False,
    0,
    1,
    -5,
    2**53,
    1.5,
    -0.0,
    1e300,
    "",
    "x",
    "12",
    "-7",
    "+7",
    "007",
    str(2**53 + 1),
    str(-(2**63)),
    str(2**63),
    "1.50",
    "1.5",
    "-0.00",
    "0.1234",
    "-0.5000",
    ".1234",
    "1.0000",
    "1e3",
    "12345678901.00",
    "1990-01-02",
    "1990-02-30",
    "1990-1-2",
    "0000-01-01",
    "0001-01-01",
    "9999-12-31",
    "10000-01-01",
    "infinity",
    "-infinity",
    "epoch",
    "2026-01-02T03:04:05.000006Z",
    "2026-01-02T03:04:05Z",
    "2026-01-02T24:00:00.000000Z",
    "2026-01-02T23:59:60.000000Z",
    "2026-02-30T00:00:00.000000Z",
    "0000-01-01T00:00:00.000000Z",
    "0001-01-01T00:00:00.000000Z",
    "9999-12-31T23:59:59.999999Z",
    "true",
    "0a1b2c3d-0000-1111-2222-333344445555",
    "0A1B2C3D-0000-1111-2222-333344445555",
    "0123456789abcdef0123456789abcdef",
    "01234567-89ab-cdef-0123456789abcdef",
    "null",
    '"',
    "{}",
    "a\n",
    "\\",
]
ALMOST = st.one_of(
    st.sampled_from(VALUES),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**65), 2**65).map(str),
    st.decimals(-10, 10, places=4).map(str),
    st.dates().map(str),
    st.datetimes().map(lambda time: f"{time.isoformat(timespec='microseconds')}Z"),
    st.uuids().map(str),
    st.uuids().map(lambda one: one.hex),
    st.text("0123456789+-.:TZeE ", max_size=30),
    st.from_regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)?", fullmatch=True
    ),
    st.from_regex("[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
)
"""Canonical values of every type, and texts that are almost some."""


def fit_in_sql(kind, values):
    """Return which of these values fit the type, as SQL says it."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT coalesce({type_of(kind).fits_sql('v')}, false) FROM (SELECT unnest(?) AS v)",
            [[canonical(value) for value in values]],
        ).fetchall()
    return [value for value, (fits,) in zip(values, rows, strict=True) if fits]


def fit_in_python(kind, values):
    """Return which of these values are of the type as they are written."""
    return [value for value in values if type_of(kind).misfit(value) is None]


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_fits_in_sql_as_in_python(kind):
    assert fit_in_sql(kind, VALUES) == fit_in_python(kind, VALUES)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(KINDS), st.lists(ALMOST, min_size=1, max_size=50))
def test_any_value_fits_in_sql_as_in_python(kind, values):
    assert fit_in_sql(kind, values) == fit_in_python(kind, values)


@pytest.mark.parametrize("kind", KINDS)
def test_a_live_value_has_the_type_of_its_column(kind):
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT typeof({type_of(kind).typed_sql('v')}) FROM (SELECT 'null' AS v)"
        ).fetchone()
    assert row[0].replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ") == type_of(kind).duckdb


def test_a_value_that_no_longer_fits_is_not_shown(lake):
    lake.update(1, accepted=110, fields={"City": "7"})
    lake.update(1, accepted=120, fields={"City": "Oslo"})
    lake.stream()
    number = tuple(
        ProfileField(field.name, "guid" if field.name == "City" else field.type, field.updatable)
        for field in PROFILE
    )
    assert lake.value("City", 150, 150) == "Oslo"
    lake.publish(2, 200, number)
    assert lake.value("City", 250, 250) == "Rome"


def test_a_field_that_the_base_lacked_is_not_shown(lake):
    lake.update(1, accepted=110, fields={"Points": 9})
    lake.stream()
    without = tuple(field for field in PROFILE if field.name != "Points")
    lake.publish(2, 200, without)
    lake.publish(3, 300)
    assert [lake.value("Points", t, 1000) for t in (150, 350)] == [9, 9]
    assert lake.value("Points", 250, 1000) == 5


def test_columns_named_like_parameters_and_keywords(tmp_path):
    names = ("t", "k", "Value", "Field", "r", "select", 'quo"te')
    profile = (PROFILE[0], *(ProfileField(name, "string", True) for name in names), PROFILE[-1])
    lake = SmallLake.create(tmp_path, profile)
    lake.insert("Customer", CustomerId=customer_id(1), FirstRun=1)
    lake.publish(1, 100, profile)
    lake.update(1, accepted=150, fields={name: f"new {name}" for name in names})
    lake.stream()
    row = lake.query(f"FROM lake.customer_as_of({sql(200)}, {sql(200)})")[0]
    assert row == (customer_id(1), *(f"new {name}" for name in names), None)


def flap_backs(lake):
    return lake.query(
        'SELECT "Field", "Value", epoch_us("EndedAt") FROM lake.flap_backs ORDER BY 1'
    )


def test_a_field_that_shows_an_older_value_again_has_fallen_back(lake):
    lake.update(1, accepted=200, until=300, fields={"City": "Oslo", "Points": 5, "Name": None})
    lake.update(1, accepted=210, until=250, fields={"City": "Bergen"})
    lake.withdraw(1, accepted=260, name="Name")
    lake.update(1, accepted=400, until=500, fields={"Vip": True})
    lake.stream()
    ended = [("City", '"Bergen"', at(250)), ("Name", "null", at(260))]
    assert flap_backs(lake) == ended  # now is 400, the last acceptance: Vip is live
    lake.update(1, accepted=500, until=900, fields={"Rate": 1.5})
    lake.stream()
    assert flap_backs(lake) == [*ended, ("Vip", "true", at(500))]


def test_what_a_source_took_over_or_changed_since_has_not_fallen_back(lake):
    lake.update(1, accepted=200, until=300, fields={"City": "Oslo", "Name": "Anna", "Points": 6})
    lake.update(1, accepted=400, until=900, fields={"Name": "Anne"})
    lake.stream()
    assert [name for name, *_ in flap_backs(lake)] == ["City", "Points"]
    lake.query(
        """INSERT INTO lake.main."Customer_history" SELECT *, 2 FROM lake.main."Customer" """
    )
    lake.query("""UPDATE lake.main."Customer" SET "City" = 'Paris', "FirstRun" = 2""")
    lake.publish(2, 500)
    assert [name for name, *_ in flap_backs(lake)] == ["Points"]


def test_everything_carries_a_comment(lake):
    names = {table.name for table in documented_tables(PROFILE)}
    commented = dict(
        lake.query("""SELECT table_name, comment FROM duckdb_tables() WHERE database_name = 'lake'
                                   UNION ALL SELECT view_name, comment FROM duckdb_views()
                                   WHERE database_name = 'lake' AND NOT internal""")
    )
    written_by_the_refresh = {
        "Customer",
        "UnifiedActivity",
        "AlternateKey",
        "VanishedKey",
        "RelatedKey",
        "HiddenActivity",
        "IdentityAlias",
        "Registry",
        "Departure",
        "Identity",
        "runs",
        "ConflationMatchPairs",
        "DeduplicationPairs",
        "ClusterPairs",
        "ClusterRegistry",
        "oversized_blocks",
        "ignored_values",
        "MatchBlock",
        "serving_meta",
    }
    written_by_the_refresh |= {f"{name}_history" for name in written_by_the_refresh}
    assert [name for name in names - written_by_the_refresh if not commented[name]] == []
    assert all(
        commented[name]
        for name in ("Customer_live", UNIFIED_ACTIVITY_LIVE.name, OVERLAY_STATE.name)
    )
    assert "Field: column of Customer that it overrides" in commented["updates"].splitlines()


def test_help_describes_what_there_is(lake):
    assert lake.query("SELECT * FROM lake.lake_help") == help_rows(PROFILE, [])
    macros = lake.query(
        "SELECT function_name, parameters FROM duckdb_functions() WHERE database_name = 'lake'"
    )
    assert dict(macros) == {macro.name: list(macro.parameters) for macro in MACROS}


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
