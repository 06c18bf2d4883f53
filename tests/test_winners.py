"""Which record represents its entity in a customer.

The entity's preference, then the greatest key (semantics 4.8).
"""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.transforms import clusters
from overtide.transforms.identities import Identified, identify
from overtide.transforms.inheritance import NOTHING
from overtide.transforms.keys import EntityTable
from overtide.transforms.matching.contract import PairTable
from overtide.transforms.plan import Plan
from overtide.transforms.step import new_folder
from overtide.transforms.steps import Steps
from tests.small_plan import INSTANCE, configuration, plan_of, table_of

ENTITY = "S_a"
RULE = {"name": "r", "conditions": [{"fields": "Mail"}]}
Row = dict[str, Any]


def chosen(
    folder: Path, kind: str, prefer: dict[str, str], rows: list[Row]
) -> tuple[str, list[tuple[Any, ...]]]:
    """Return the winning key of one customer's rows and its rows of Deduplication_S_a.

    They are found in two ways.
    """
    document = configuration(
        {ENTITY: {"Id": kind, "Mail": "string", "Seen": "date", "Points": "integer"}},
        unified={ENTITY: {"deduplicate": {"prefer": prefer, "rules": [RULE]}}},
    )
    plan = plan_of(folder, document)
    table = table_of(plan, ENTITY, rows, 2 if len(rows) > 1 else 1)
    identified = identities(plan, table, len(rows))
    found = pq.read_table(identified.alternate_keys).to_pylist()
    (winner,) = [row["PrimaryKey"] for row in found if row["IsWinner"]]
    pairs = new_folder(plan.scratch, "pairs") / "0.parquet"
    pq.write_table(
        pa.table(
            {
                "lower_record": pa.array(range(len(rows) - 1), pa.int64()),
                "upper_record": pa.array(range(1, len(rows)), pa.int64()),
                "rule": pa.array([0] * (len(rows) - 1), pa.int32()),
                "score": pa.array([100] * (len(rows) - 1), pa.int32()),
            }
        ),
        pairs,
    )
    output = next(
        one
        for one in Steps(plan).describe_matches(
            identified,
            [PairTable(0, ENTITY, ENTITY, str(pairs), ("r",), (len(rows) - 1,))],
            [table],
        )
        if one.table.name == f"Deduplication_{ENTITY}"
    )
    return winner, [
        tuple(row.values())
        for path in output.files or ()
        for row in pq.read_table(path).to_pylist()
    ]


def identities(plan: Plan, table: EntityTable, rows: int) -> Identified:
    folder = new_folder(plan.scratch, "identities")
    forest = clusters.forest(np.arange(1, rows), np.zeros(rows - 1, np.int64))
    pq.write_table(pa.Table.from_batches([forest]), folder / "forest.parquet")
    with duckdb.connect() as connection:
        return identify(
            connection,
            Steps(plan).unified([table]),
            str(folder / "forest.parquet"),
            dict(NOTHING),
            INSTANCE,
            1,
            1000,
            folder,
        )


def row(
    key: Any, mail: str | None = "m", seen: date | None = None, points: int | None = None
) -> Row:
    return {"Id": key, "Mail": mail, "Seen": seen, "Points": points}


OLD, NEW = date(2023, 1, 1), date(2024, 1, 1)
RECENT, OLDEST = (
    {"policy": policy, "attribute": "Seen"} for policy in ("most_recent", "least_recent")
)


@pytest.mark.parametrize(
    ("kind", "prefer", "rows", "winner"),
    [
        ("string", {}, [row("9"), row("10")], "9"),
        ("integer", {}, [row(9), row(10)], "10"),
        ("integer", {}, [row(-1), row(-10)], "-1"),
        ("string", {}, [row("a"), row("B"), row("é")], "é"),
        ("guid", {}, [row("0a"), row("0b")], "0b"),
        ("integer", {}, [row(1, points=5), row(2)], "1"),
        ("integer", {}, [row(1, seen=NEW, mail=None), row(2, points=0), row(3)], "2"),
        ("integer", RECENT, [row(1, seen=NEW), row(2, seen=OLD, points=5), row(3)], "1"),
        ("integer", RECENT, [row(9, seen=NEW), row(10, seen=NEW)], "10"),
        ("integer", RECENT, [row(9), row(10)], "10"),
        ("integer", OLDEST, [row(1, seen=NEW), row(2, seen=OLD), row(3)], "2"),
        (
            "integer",
            {"policy": "most_recent", "attribute": "Points"},
            [row(1, points=-5), row(2, points=3)],
            "2",
        ),
    ],
)
def test_the_winner_is_preferred_then_has_the_greatest_key(tmp_path, kind, prefer, rows, winner):
    found, groups = chosen(tmp_path, kind, prefer, rows)
    assert found == winner
    assert {group[2] for group in groups} == {winner}


@pytest.mark.parametrize(
    ("kind", "keys", "least"), [("integer", [9, 10, 11], "9"), ("string", ["9", "10"], "10")]
)
def test_a_group_of_duplicates_is_named_by_its_least_key(tmp_path, kind, keys, least):
    _, groups = chosen(tmp_path, kind, {}, [row(key) for key in keys])
    assert sorted(groups) == sorted((str(key), least, str(max(keys)), "r", 100) for key in keys)


VALUES = st.tuples(
    st.none() | st.just("m"), st.none() | st.sampled_from([OLD, NEW]), st.none() | st.integers(0, 1)
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(VALUES, min_size=2, max_size=6),
    st.sampled_from([{}, RECENT, OLDEST]),
    st.booleans(),
    st.data(),
)
def test_winners_are_those_of_plain_python_whatever_the_order(
    tmp_path, values, prefer, numbers, data
):
    rows = [
        row(number if numbers else str(number), *found) for number, found in enumerate(values, 7)
    ]

    def rank(one: Row) -> tuple[Any, ...]:
        if not prefer:
            return sum(value is not None for value in one.values()), one["Id"]
        if one["Seen"] is None:
            return False, 0, one["Id"]
        return True, one["Seen"].toordinal() * (1 if prefer is RECENT else -1), one["Id"]

    found, _ = chosen(
        tmp_path, "integer" if numbers else "string", prefer, data.draw(st.permutations(rows))
    )
    assert found == str(max(rows, key=rank)["Id"])
