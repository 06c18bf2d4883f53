"""Views and macros read no table of the base that holds no row, and read it once it does."""

from small_lake import customer_id, sql

from overtide.lake.views import MAY_BE_EMPTY
from tests.lake_with_ann import lake

__all__ = ["lake"]
RECORD = ("crm_people", "a")


def read_by_macros_and_views(lake):
    """Return those of the tables that may be empty which a definition names."""
    found = lake.query(
        """SELECT macro_definition FROM duckdb_functions() WHERE database_name = 'lake'
        UNION ALL SELECT sql FROM duckdb_views() WHERE database_name = 'lake'
          AND view_name IN ('Customer_live', 'UnifiedActivity_live')"""
    )
    text = "\n".join(row[0].replace('"', "") + " " for row in found)
    return {name for name in MAY_BE_EMPTY if f"main.{name} " in text or f"main.{name})" in text}


def test_what_holds_no_row_is_not_read(lake):
    assert read_by_macros_and_views(lake) == set()


def test_what_a_publish_puts_rows_into_is_read_from_then_on(lake):
    gone = {"CustomerId": customer_id(2), "FirstRun": 1, "ReplacedRun": 2}
    lake.insert("Customer_history", Name="Bea", City="Bern", **gone)
    lake.insert(
        "AlternateKey_history",
        EntityName="crm_people",
        PrimaryKey="c",
        IsWinner=True,
        **gone,
    )
    lake.insert(
        "IdentityAlias",
        PreviousCustomerId=customer_id(2),
        CustomerId=customer_id(1),
        FirstRun=2,
    )
    lake.publish(2, 200)
    assert read_by_macros_and_views(lake) == {
        "Customer_history",
        "AlternateKey_history",
        "IdentityAlias",
    }
    assert lake.value("City", 150, 300, customer=2) == "Bern"


def test_events_find_their_customer_where_nothing_was_ever_merged_or_gone(lake):
    lake.update(1, accepted=110, fields={"City": "Oslo"})
    lake.update(2, accepted=111, fields={"City": "nobody's"})
    lake.update(record=RECORD, accepted=112, fields={"Points": 7})
    lake.activity(record=RECORD, accepted=113, name="Visit")
    lake.activity(1, accepted=114, name="Call")
    lake.stream()
    assert [lake.value(name, 120, 120) for name in ("City", "Points")] == ["Oslo", 7]
    assert lake.query(f"SELECT count(*) FROM lake.customer_as_of({sql(120)}, {sql(120)})") == [(1,)]
    assert len(lake.timeline(1, 120, 120)) == 2
    assert lake.timeline(2, 120, 120) == []
