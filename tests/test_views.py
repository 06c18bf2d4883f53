"""The merged view in SQL says what semantics 2.3, 2.4, 3.5 and 3.6 say.

Later tests compare it with the oracle.
"""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from small_lake import PROFILE, customer_id, sql

from overtide.lake.catalog import connect
from overtide.schemas.table import ProfileField
from tests.lake_with_ann import lake

__all__ = ["lake"]


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
