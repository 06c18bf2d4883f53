"""What a profile's columns are made of.

Importance, recency, groups and alternate keys, against plain Python.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.schemas.configuration import Configuration
from overtide.transforms.merge import alternate_key, profile_types, profiles
from overtide.transforms.records import ENTITY_SHIFT
from overtide.transforms.steps import Steps
from tests.small_plan import configuration, plan_of, table_of

NAMES = ("S_a", "S_b", "S_c")
ATTRIBUTES = {
    "Id": "string",
    "Mail": "string",
    "Street": "string",
    "City": "string",
    "Seen": "date",
    "Points": "integer",
}
Row = dict[str, Any]


def merged(
    folder: Path,
    document: Configuration,
    rows: dict[str, list[Row]],
    customers: list[dict[str, int | None]],
) -> list[Row]:
    """Return the profiles of customers, each a row number per entity (None: no record of it)."""
    plan = plan_of(folder, document)
    unified = Steps(plan).unified([table_of(plan, name, records) for name, records in rows.items()])

    def record(place: int, row: int | None) -> str:
        return (
            f"{'NULL' if row is None else (place << ENTITY_SHIFT) + row}::BIGINT AS record_{place}"
        )

    chosen = " UNION ALL ".join(
        f"SELECT '{number}' AS CustomerId, NULL::VARCHAR AS PreviousCustomerId, "
        + ", ".join(record(place, customer[name]) for place, name in enumerate(rows))
        for number, customer in enumerate(customers)
    )
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(
            f"{profiles(document.unification, unified, chosen)} ORDER BY CustomerId::INTEGER"
        )
        return [
            dict(zip([column[0] for column in found.description], row, strict=True))
            for row in found.fetchall()
        ]


def one(folder: Path, merge: dict[str, Any], *records: Row | None) -> Row:
    """Return the profile of one customer with one record per entity."""
    names = NAMES[: len(records)]
    document = configuration(dict.fromkeys(names, ATTRIBUTES), merge=merge)
    empty = dict.fromkeys(ATTRIBUTES) | {"Id": "none"}
    rows = {name: [empty | (record or {})] for name, record in zip(names, records, strict=True)}
    return merged(
        folder,
        document,
        rows,
        [
            {
                name: None if record is None else 0
                for name, record in zip(names, records, strict=True)
            }
        ],
    )[0]


def field(policy: str = "importance", **by: str) -> dict[str, Any]:
    sources = ["S_a.Mail", "S_b.Mail", "S_c.Mail"]
    return {
        "fields": [
            {
                "name": "Mail",
                "from": sources,
                "policy": policy,
                "by": {f"S_{name}": column for name, column in by.items()},
            }
        ]
    }


SEEN = {"a": "Seen", "b": "Seen", "c": "Seen"}
OLD, NEW = date(2023, 1, 1), date(2024, 1, 1)


@pytest.mark.parametrize(
    ("policy", "records", "found"),
    [
        ("importance", ({"Mail": "a"}, {"Mail": "b"}, None), "a"),
        ("importance", ({}, {"Mail": "b"}, {"Mail": "c"}), "b"),
        ("importance", (None, None, {"Mail": "c"}), "c"),
        ("importance", ({}, None, {}), None),
        ("most_recent", ({"Mail": "a", "Seen": OLD}, {"Mail": "b", "Seen": NEW}, None), "b"),
        ("least_recent", ({"Mail": "a", "Seen": OLD}, {"Mail": "b", "Seen": NEW}, None), "a"),
        ("most_recent", ({"Mail": "a", "Seen": OLD}, {"Mail": None, "Seen": NEW}, None), "a"),
        (
            "most_recent",
            ({"Mail": "a", "Seen": NEW}, {"Mail": "b", "Seen": NEW}, {"Mail": "c", "Seen": NEW}),
            "a",
        ),
        (
            "least_recent",
            ({"Mail": None, "Seen": NEW}, {"Mail": "b", "Seen": NEW}, {"Mail": "c", "Seen": NEW}),
            "b",
        ),
        ("most_recent", ({"Mail": "a"}, {"Mail": "b", "Seen": OLD}, None), "b"),
        ("least_recent", ({"Mail": "a"}, {"Mail": "b", "Seen": OLD}, None), "b"),
        ("most_recent", ({"Mail": "a"}, {"Mail": "b"}, None), "a"),
        ("most_recent", ({}, None, {"Seen": NEW}), None),
    ],
)
def test_policies(tmp_path, policy, records, found):
    merge = field(policy, **(SEEN if policy != "importance" else {}))
    assert one(tmp_path, merge, *records)["Mail"] == found


@pytest.mark.parametrize(
    ("kinds", "records", "found"),
    [
        (("integer", "double"), (7, 7.5), "b"),
        (("integer", "decimal(38,38)"), (7, Decimal("0.5")), "a"),
        (("decimal(9,2)", "decimal(18,4)"), (Decimal("1.50"), Decimal("1.5001")), "b"),
        (("double", "double"), (1e300, -1e300), "a"),
        (("integer", "integer"), (2**53, 2**53 + 1), "b"),
        (("date", "datetime"), (NEW, datetime(2023, 12, 31, 22, 30, tzinfo=UTC)), "a"),
        (("date", "datetime"), (NEW, datetime(2023, 12, 31, 23, 30, tzinfo=UTC)), "b"),
        (
            ("datetime", "datetime"),
            (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
            "b",
        ),
    ],
)
def test_what_is_compared_may_be_of_two_kinds(tmp_path, kinds, records, found):
    documents = {
        name: {"Id": "string", "Mail": "string", "By": kind}
        for name, kind in zip(NAMES, kinds, strict=False)
    }
    merge = {
        "fields": [
            {
                "name": "Mail",
                "from": ["S_a.Mail", "S_b.Mail"],
                "policy": "most_recent",
                "by": {"S_a": "By", "S_b": "By"},
            }
        ]
    }
    document = configuration(documents, merge=merge, entity={"S_a": {"time_zone": "Europe/Berlin"}})
    rows = {
        name: [{"Id": "1", "Mail": name[-1], "By": value}]
        for name, value in zip(NAMES, records, strict=False)
    }
    assert merged(tmp_path, document, rows, [{"S_a": 0, "S_b": 0}])[0]["Mail"] == found


def test_dates_of_different_zones_are_their_midnights(tmp_path):
    merge = {
        "fields": [
            {
                "name": "Mail",
                "from": ["S_a.Mail", "S_b.Mail"],
                "policy": "most_recent",
                "by": {"S_a": "Seen", "S_b": "Seen"},
            }
        ]
    }
    document = configuration(
        {"S_a": ATTRIBUTES, "S_b": ATTRIBUTES},
        merge=merge,
        entity={"S_a": {"time_zone": "Asia/Tokyo"}, "S_b": {"time_zone": "America/New_York"}},
    )
    row = dict.fromkeys(ATTRIBUTES) | {"Id": "1", "Seen": NEW}
    rows = {"S_a": [row | {"Mail": "a"}], "S_b": [row | {"Mail": "b"}]}
    assert merged(tmp_path, document, rows, [{"S_a": 0, "S_b": 0}])[0]["Mail"] == "b"


GROUP = {
    "groups": [
        {
            "fields": ["Street", "City"],
            "from": {"S_a": ["Street", "City"], "S_b": [None, "City"], "S_c": ["Street", None]},
        }
    ]
}


@pytest.mark.parametrize(
    ("records", "street", "city"),
    [
        (({"Street": "s", "City": "c"}, {"City": "d"}, {"Street": "t"}), "s", "c"),
        (({"Street": "s"}, {"City": "d"}, {"Street": "t"}), "s", None),
        (({}, {"City": "d"}, {"Street": "t"}), None, "d"),
        (({}, {"Street": "ignored"}, {"Street": "t", "City": "ignored"}), "t", None),
        ((None, None, {"Street": "t"}), "t", None),
        (({}, {}, {}), None, None),
    ],
)
def test_a_group_is_taken_as_a_whole_from_the_first_source_that_has_any_of_it(
    tmp_path, records, street, city
):
    found = one(tmp_path, GROUP, *records)
    assert (found["Street"], found["City"]) == (street, city)


def test_a_source_that_names_nothing_gives_nothing(tmp_path):
    merge = {"groups": [{"fields": ["Street"], "from": {"S_a": [None], "S_b": ["Street"]}}]}
    assert one(tmp_path, merge, {"Street": "a"}, {"Street": "b"})["Street"] == "b"


@pytest.mark.parametrize(
    ("kind", "key", "text"),
    [
        ("string", "007", "007"),
        ("integer", 7, "7"),
        ("integer", -(2**62), str(-(2**62))),
        ("guid", "0a-0b", "0a-0b"),
    ],
)
def test_alternate_keys_are_the_winning_keys_as_text(tmp_path, kind, key, text):
    document = configuration({"S_a": {"Key": kind}, "S_b": {"Id": "string"}}, merge={})
    found = merged(
        tmp_path,
        document,
        {"S_a": [{"Key": key}], "S_b": [{"Id": "x"}]},
        [{"S_a": 0, "S_b": None}, {"S_a": None, "S_b": 0}],
    )
    assert [(row["S_a_Key"], row["S_b_Id"]) for row in found] == [(text, None), (None, "x")]


def test_the_columns_of_customer_keep_their_order_and_types(tmp_path):
    attributes = {"Id": "integer", "Paid": "decimal(9,2)", "Street": "string", "Seen": "datetime"}
    document = configuration(
        {"S_a": attributes, "S_b": attributes},
        merge={
            "fields": [
                {"name": "Total", "from": ["S_b.Paid", "S_a.Paid"]},
                {"name": "Since", "from": ["S_a.Seen"]},
            ],
            "groups": [
                {
                    "fields": ["Line", "When"],
                    "from": {"S_a": [None, "Seen"], "S_b": ["Street", None]},
                }
            ],
        },
    )
    plan = plan_of(tmp_path, document)
    unified = Steps(plan).unified([table_of(plan, name, []) for name in ("S_a", "S_b")])
    assert list(profile_types(document.unification, unified).items()) == [
        ("CustomerId", "string"),
        ("Total", "decimal(9,2)"),
        ("Since", "datetime"),
        ("Line", "string"),
        ("When", "datetime"),
        ("S_a_Id", "string"),
        ("S_b_Id", "string"),
        ("PreviousCustomerId", "string"),
    ]
    assert [alternate_key(one) for one in unified] == ["S_a_Id", "S_b_Id"]


# ---- against plain Python

VALUES = st.fixed_dictionaries(
    {
        "Mail": st.none() | st.sampled_from("xyz"),
        "Street": st.none() | st.sampled_from("st"),
        "City": st.none() | st.just("c"),
        "Seen": st.none() | st.sampled_from([OLD, NEW]),
        "Points": st.none() | st.integers(-1, 1),
    }
)


def expected(records: dict[str, Row | None]) -> Row:
    there = {name: record for name, record in records.items() if record is not None}

    def first(column: str) -> Any:
        return next(
            (record[column] for record in there.values() if record[column] is not None), None
        )

    def recent(sign: int, by: str) -> Any:
        dated = [
            (record[by].toordinal() if by == "Seen" else record[by], record["Mail"])
            for record in there.values()
            if record["Mail"] is not None and record[by] is not None
        ]
        return max(dated, key=lambda pair: sign * pair[0])[1] if dated else first("Mail")

    group = next(
        (record for record in there.values() if (record["Street"], record["City"]) != (None, None)),
        {},
    )
    return {
        "First": first("Mail"),
        "Newest": recent(1, "Seen"),
        "Oldest": recent(-1, "Seen"),
        "Best": recent(1, "Points"),
        "Street": group.get("Street"),
        "City": group.get("City"),
    }


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_profiles_are_those_of_plain_python(tmp_path, data):
    drawn = {name: data.draw(st.lists(VALUES, min_size=1, max_size=4)) for name in NAMES}
    rows = {
        name: [row | {"Id": str(number)} for number, row in enumerate(found)]
        for name, found in drawn.items()
    }
    places = st.tuples(*(st.none() | st.integers(0, len(records) - 1) for records in rows.values()))
    customers = [
        dict(zip(NAMES, one, strict=True))
        for one in data.draw(st.lists(places, min_size=1, max_size=6))
    ]
    sources, by = [f"{name}.Mail" for name in NAMES], dict.fromkeys(NAMES, "Seen")
    document = configuration(
        dict.fromkeys(NAMES, ATTRIBUTES),
        merge={
            "fields": [
                {"name": "First", "from": sources},
                {"name": "Newest", "from": sources, "policy": "most_recent", "by": by},
                {"name": "Oldest", "from": sources, "policy": "least_recent", "by": by},
                {
                    "name": "Best",
                    "from": sources,
                    "policy": "most_recent",
                    "by": dict.fromkeys(NAMES, "Points"),
                },
            ],
            "groups": [
                {"fields": ["Street", "City"], "from": {name: ["Street", "City"] for name in NAMES}}
            ],
        },
    )
    found = merged(tmp_path, document, rows, customers)
    assert [
        {name: row[name] for name in ("First", "Newest", "Oldest", "Best", "Street", "City")}
        for row in found
    ] == [
        expected(
            {name: None if place is None else rows[name][place] for name, place in customer.items()}
        )
        for customer in customers
    ]
