"""Rows become unified activities.

The same that a posted record becomes, with the customer of their foreign key.
"""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.schemas.activities import COLUMNS, UnifiedActivities, range_index
from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.activities import Activity
from overtide.schemas.events import activity_id
from overtide.schemas.instants import format_instant, microseconds
from overtide.schemas.names import parquet_rows
from overtide.schemas.serving_metadata import ServedActivity, ServedAttribute, ServedEntity
from overtide.transforms.activities import TYPES, activity_rows, of_customers, timeline_rows
from tests.small_plan import configuration, plan_of, table_of

CUSTOMERS = {"S_a": {"Id": "string"}}
KINDS = {
    "Key": "string",
    "Owner": "string",
    "At": "datetime",
    "Day": "date",
    "Text": "string",
    "Number": "integer",
    "Rate": "double",
    "Paid": "decimal(9,2)",
    "Vip": "boolean",
    "Token": "guid",
}
Row = dict[str, Any]


def world(
    activities: list[dict[str, Any]],
    zone: str = "UTC",
    kinds: dict[str, str] | None = None,
    entities: tuple[str, ...] = ("S_e",),
) -> Configuration:
    """Return a configuration with the rows of `entities` as activities of S_a's records."""
    names = CUSTOMERS | dict.fromkeys(entities, kinds or KINDS)
    zones = {name: {"time_zone": zone} for name in entities}
    return configuration(
        names,
        unified=dict.fromkeys(entities),
        entity=zones,
        relationships=[
            {"name": name, "entity": name, "foreign_key": "Owner", "to": "S_a"} for name in entities
        ],
        activities=[
            {"entity": entity, "relationship": entity, "name": "n"} | one
            for entity, one in zip(entities, activities, strict=True)
        ],
    )


def timeline(
    folder, document: Configuration, rows: dict[str, list[Row]], owners: dict[str, str]
) -> list[Row]:
    """Return the unified activities of rows, in the order in which they are written."""
    plan = plan_of(folder, document)
    queries = []
    for number, (activity, relationship) in enumerate(plan.activities):
        table = table_of(plan, activity.entity, rows[activity.entity])
        source = f"FROM {parquet_rows(table.files)}"
        queries.append(
            activity_rows(activity, relationship, plan.entities[activity.entity], source, number)
        )
    keys = " UNION ALL ".join(
        f"SELECT '{key}' AS PrimaryKey, '{owner}' AS CustomerId" for key, owner in owners.items()
    )
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        activities = [activity for activity, _ in plan.activities]
        found = connection.execute(
            timeline_rows(activities, of_customers(" UNION ALL ".join(queries), keys))
        )
        assert [column[0] for column in found.description] == list(TYPES)
        return [dict(zip(TYPES, map(value_of, row), strict=True)) for row in found.fetchall()]


def row(key: str, owner: str | None = "1", **values: Any) -> Row:
    return (
        dict.fromkeys(KINDS)
        | {"Key": key, "Owner": owner, "At": datetime(2024, 1, 1, tzinfo=UTC)}
        | values
    )


ONE = {"timestamp": "At", "title": "Text"}
ID, OTHER = "0" * 31 + "1", "f" * 32
# DuckDB writes some control characters as \u001F, Python as \u001f.
WRITTEN_OTHERWISE = "\0\x0b\x0e\x0f\x1a\x1b\x1c\x1d\x1e\x1f"
TEXTS = st.none() | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=WRITTEN_OTHERWISE), max_size=5
)
ROWS = st.fixed_dictionaries(
    {
        "At": st.none()
        | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
        "Day": st.dates(date(2, 1, 1), date(9998, 1, 1)),
        "Text": TEXTS,
        "Number": st.none() | st.integers(-(2**63), 2**63 - 1),
        "Rate": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "Vip": st.none() | st.booleans(),
        "Paid": st.none() | st.decimals(-9_999_999, 9_999_999, places=2),
        "Token": st.none() | st.uuids().map(str),
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(ROWS, min_size=1, max_size=8),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
    st.sampled_from(["At", "Day"]),
    st.permutations([name for name in KINDS if name != "Owner"]),
    st.booleans(),
)
def test_an_activity_is_that_of_the_posted_record(
    tmp_path, values, zone, timestamp, names, display
):
    one = {
        "timestamp": timestamp,
        "title": names[0],
        "description": names[1],
        "url": names[2],
        "icon": names[3],
        "type": "O'Order",
        "type_display": 'Or"der' if display else None,
        "semantic": {f"{name}é '\"": name for name in names[4:]},
    }
    document = world([one], zone)
    rows = [row(f"k{number}", **found) for number, found in enumerate(values)]
    attributes = {name: ServedAttribute(kind) for name, kind in KINDS.items()}
    entity = ServedEntity(attributes, zone, "Key")
    activity = Activity.model_validate(document.activities[0])
    served = ServedActivity(**activity.model_dump(), foreign_key="Owner", to="S_c")
    expected = {}
    for found in rows:
        if found[timestamp] is not None:
            identity, posted = UnifiedActivities("S_e", entity, served)(
                {name: value_of(value) for name, value in found.items()}
            )
            expected[identity] = {"CustomerId": ID} | json.loads(posted)
    shown = {
        one["ActivityId"]: one for one in timeline(tmp_path, document, {"S_e": rows}, {"1": ID})
    }
    assert len(shown) == len(rows)
    assert {
        one: found for one, found in shown.items() if found["ActivityTime"] is not None
    } == expected
    assert set(TYPES) == {"CustomerId", *COLUMNS}


def value_of(value: Any) -> Any:
    """Return a typed value as the canonical one that a posted record has."""
    if isinstance(value, datetime):
        return format_instant(microseconds(value.astimezone(UTC).replace(tzinfo=None)))
    big = isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53
    return str(value) if big or isinstance(value, date | Decimal) else value


def test_rows_belong_to_the_customer_of_their_foreign_key_and_others_are_left_out(tmp_path):
    rows = [
        row("a"),
        row("b", "2"),
        row("c", "unknown"),
        row("d", None),
        row("e", " 1"),
        row("f", "1"),
    ]
    found = timeline(tmp_path, world([ONE]), {"S_e": rows}, {"1": OTHER, "2": ID})
    assert [(one["CustomerId"], one["SourceActivityId"]) for one in found] == [
        (ID, "b"),
        (OTHER, "a"),
        (OTHER, "f"),
    ]


def test_several_records_of_one_customer_give_one_timeline(tmp_path):
    found = timeline(
        tmp_path, world([ONE]), {"S_e": [row("a", "1"), row("b", "2")]}, {"1": ID, "2": ID}
    )
    assert [one["SourceActivityId"] for one in found] == ["a", "b"]
    assert {one["CustomerId"] for one in found} == {ID}


@pytest.mark.parametrize(
    ("kind", "key", "text"), [("integer", 7, "7"), ("guid", "0a", "0a"), ("string", "007", "007")]
)
def test_a_foreign_key_is_compared_as_its_value(tmp_path, kind, key, text):
    document = world([ONE], kinds=KINDS | {"Owner": kind})
    found = timeline(tmp_path, document, {"S_e": [row("a", key)]}, {text: ID, f"0{text}": OTHER})
    assert [one["CustomerId"] for one in found] == [ID]


def test_timelines_are_sorted_by_customer_and_time_then_by_what_is_unique(tmp_path):
    at = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2)]
    rows = {
        "S_e": [row("b", At=at[1]), row("a", At=at[1]), row("c", "2", At=at[0]), row("d", At=None)],
        "S_f": [row("a", At=at[1]), row("e", At=at[0])],
    }
    document = world([ONE, ONE | {"name": "other"}], entities=("S_e", "S_f"))
    found = timeline(tmp_path, document, rows, {"1": ID, "2": OTHER})
    assert [
        (one["SourceEntityName"], one["SourceActivityId"], one["ActivityName"]) for one in found
    ] == [
        ("S_f", "e", "other"),
        ("S_e", "a", "n"),
        ("S_e", "b", "n"),
        ("S_f", "a", "other"),
        ("S_e", "d", "n"),
        ("S_e", "c", "n"),
    ]


def test_what_is_not_configured_is_null_and_the_type_is_shown_as_it_is(tmp_path):
    (found,) = timeline(tmp_path, world([ONE]), {"S_e": [row("k", Text="t")]}, {"1": ID})
    assert found == {
        "CustomerId": ID,
        "ActivityId": activity_id("S_e", "k"),
        "ActivityType": "Other",
        "ActivityTypeDisplay": "Other",
        "ActivityName": "n",
        "ActivityTime": "2024-01-01T00:00:00.000000Z",
        "Title": "t",
        "Description": None,
        "URL": None,
        "Icon": None,
        "SourceEntityName": "S_e",
        "SourceActivityId": "k",
        "SemanticData": None,
        "RangeIndex": "1704067200",
    }


@pytest.mark.parametrize(
    "time",
    [
        "0001-01-01T00:00:00.000001Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "2300-01-01T00:00:00.999999Z",
        "9999-12-31T23:59:59.999999Z",
    ],
)
def test_the_range_index_is_the_second_that_began(tmp_path, time):
    (found,) = timeline(
        tmp_path, world([ONE]), {"S_e": [row("k", At=datetime.fromisoformat(time))]}, {"1": ID}
    )
    assert found["RangeIndex"] == range_index(time)


def test_semantic_data_is_canonical_json(tmp_path):
    names = {"z": "Paid", "a": "Number", "m": "Rate", "n": "Text"}
    rows = [row("k", Paid=Decimal("5"), Number=2**60)]
    (found,) = timeline(tmp_path, world([ONE | {"semantic": names}]), {"S_e": rows}, {"1": ID})
    assert found["SemanticData"] == '{"a":"1152921504606846976","m":null,"n":null,"z":"5.00"}'
    assert list(json.loads(found["SemanticData"])) == sorted(names)
