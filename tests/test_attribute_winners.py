"""Attributes that come from other records than the one that wins, against plain Python."""

import hashlib
from datetime import date
from random import Random
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.configuration import Configuration
from overtide.transforms import clusters
from overtide.transforms.identities import identify
from overtide.transforms.inheritance import NOTHING
from overtide.transforms.merge import profiles
from overtide.transforms.step import new_folder
from overtide.transforms.steps import Steps
from tests.small_plan import INSTANCE, configuration, plan_of, table_of

Row = dict[str, Any]
ENTITY, OTHER = "S_a", "S_b"
ATTRIBUTES = {
    "Id": "string",
    "Phone": "string",
    "Mail": "string",
    "Street": "string",
    "City": "string",
    "Seen": "date",
    "Points": "integer",
}
PER_ATTRIBUTE = [
    {"of": "Phone", "policy": "most_recent", "attribute": "Seen"},
    {"of": ["Street", "City"], "policy": "most_filled"},
    {"of": ["Mail"], "policy": "least_recent", "attribute": "Points"},
]
FIELDS = [
    {"name": "Phone", "from": ["S_a.Phone", "S_b.Phone"]},
    {
        "name": "Latest",
        "from": ["S_a.Phone", "S_b.Phone"],
        "policy": "most_recent",
        "by": {"S_a": "Seen", "S_b": "Seen"},
    },
    {"name": "Mail", "from": ["S_a.Mail"]},
    {"name": "Points", "from": ["S_a.Points"]},
]
GROUP = {"fields": ["Street", "City"], "from": {"S_a": ["Street", "City"]}}
DOCUMENT = configuration(
    {ENTITY: ATTRIBUTES, OTHER: ATTRIBUTES},
    unified={ENTITY: {"deduplicate": {"per_attribute": PER_ATTRIBUTE}}},
    merge={"fields": FIELDS, "groups": [GROUP]},
)


def profiles_of(
    folder, customers: list[tuple[list[Row], list[Row]]], document: Configuration = DOCUMENT
) -> list[Row]:
    """Return the profile of each customer, of its rows of the first entity and of the second."""
    plan = plan_of(folder, document)
    rows = [[row for one in customers for row in one[place]] for place in (0, 1)]
    steps = Steps(plan)
    unified = steps.unified(
        [table_of(plan, name, some, 1) for name, some in zip((ENTITY, OTHER), rows, strict=True)]
    )
    numbers: dict[str, int] = {}
    for place, some in enumerate(rows):
        numbers |= {row["Id"]: (place << 44) + number for number, row in enumerate(some)}
    edges = [
        (numbers[(one + other)[0]["Id"]], numbers[row["Id"]])
        for one, other in customers
        for row in (one + other)[1:]
    ]
    forest = clusters.forest(*(np.array(side, np.int64) for side in zip(*edges, strict=True)))
    folder = new_folder(plan.scratch, "identities")
    pq.write_table(pa.Table.from_batches([forest]), folder / "forest.parquet")
    with duckdb.connect() as connection:
        path = str(folder / "forest.parquet")
        found = identify(
            connection,
            unified,
            path,
            dict(NOTHING),
            INSTANCE,
            1,
            1000,
            folder,
            document.unification,
        )
        merged = profiles(document.unification, unified, f"FROM '{found.customers}'")
        keys = f"SELECT CustomerId, min(PrimaryKey) AS key FROM '{found.alternate_keys}' GROUP BY 1"
        query = f"SELECT * FROM ({merged}) JOIN ({keys}) USING (CustomerId)"
        by_key = {row["key"]: row for row in connection.execute(query).to_arrow_table().to_pylist()}
    return [by_key[min(row["Id"] for row in one + other)] for one, other in customers]


def expected(rows: list[Row], others: list[Row]) -> Row:
    """Return the same in plain Python."""

    def wins(row: Row) -> tuple[int, str]:
        return sum(value is not None for value in row.values()), row["Id"]

    def best(*names: str, by: Any) -> Row:
        some = [row for row in rows if any(row[name] is not None for name in names)] or rows
        return max(some, key=lambda row: (by(row), *wins(row)), default=dict.fromkeys(ATTRIBUTES))

    winner = max(rows, key=wins, default=dict.fromkeys(ATTRIBUTES))
    other = max(others, key=wins, default=dict.fromkeys(ATTRIBUTES))
    phone = best("Phone", by=lambda row: row["Seen"] or date.min)
    mail = best("Mail", by=lambda row: -99 if row["Points"] is None else -row["Points"])
    address = best(
        "Street", "City", by=lambda row: (row["Street"] is not None) + (row["City"] is not None)
    )
    dated = [
        (row["Seen"], -place, row["Phone"])
        for place, row in enumerate((phone, other))
        if row["Phone"] is not None and row["Seen"] is not None
    ]
    first = next((row["Phone"] for row in (phone, other) if row["Phone"] is not None), None)
    return {
        "Phone": first,
        "Latest": max(dated)[2] if dated else first,
        "Mail": mail["Mail"],
        "Points": winner["Points"],
        "Street": address["Street"],
        "City": address["City"],
        "S_a_Id": winner["Id"],
        "S_b_Id": other["Id"],
    }


def test_each_attribute_comes_from_the_record_that_its_preference_prefers(tmp_path):
    random, numbers = Random(7), iter(range(10_000))

    def row() -> Row:
        filled: dict[str, Any] = {
            "Phone": random.choice("123"),
            "Mail": random.choice("xyz"),
            "Street": random.choice("st"),
            "City": random.choice("cd"),
            "Seen": date(2024, 1, random.randint(1, 3)),
            "Points": random.randint(0, 3),
        }
        return {"Id": f"{next(numbers):04d}"} | {
            name: value if random.random() < 0.6 else None for name, value in filled.items()
        }

    customers = [
        ([row() for _ in range(random.randint(0, 4))], [row() for _ in range(random.randint(0, 2))])
        for _ in range(400)
    ]
    customers = [one for one in customers if one[0] or one[1]]
    found = profiles_of(tmp_path, customers)
    for one, customer in zip(found, customers, strict=True):
        want = expected(*customer)
        assert {name: one[name] for name in want} == want, customer
    phones = {row["Id"]: row["Phone"] for rows, _ in customers for row in rows}
    aside = [one for one in found if one["S_a_Id"] and one["Phone"] != phones[one["S_a_Id"]]]
    assert len(aside) > 20, "few attributes come from another record than the winner"


def test_the_values_that_make_ids_are_those_of_the_profile(tmp_path):
    """A CustomerId is made of what stands on the card, not of what the winner has."""
    rows = [
        {"Id": "1", "Phone": "new", "Seen": date(2025, 1, 1)},
        {"Id": "2", "Phone": "old", "Mail": "m", "City": "c", "Seen": date(2020, 1, 1)},
    ]
    whole = DOCUMENT.model_dump(mode="json", by_alias=True)
    whole["unification"]["customer_id"] = {"fields": ["Phone"]}
    (profile,) = profiles_of(tmp_path, [(rows, [])], Configuration.model_validate(whole))
    assert (profile["Phone"], profile["S_a_Id"]) == ("new", "2")
    text = f"{INSTANCE}\x1f\x1fPhone\x1fS_a\x1fnew"
    assert profile["CustomerId"] == hashlib.md5(text.encode()).hexdigest()  # noqa: S324
