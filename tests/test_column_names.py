"""Whatever the columns of a source are called, the refresh does not take them for its own."""

import csv

from overtide.lake.catalog import connect
from overtide.pipelines.refresh import refresh
from overtide.runner_configs import load
from overtide.schemas.configuration import Configuration
from overtide.schemas.paths import Paths

NAMES = [
    "key",
    "record",
    "place",
    "cluster",
    "root",
    "ref",
    "rule",
    "score",
    "rank",
    "source",
    "rows",
    "id",
    "CustomerId",
    "EntityName",
    "PrimaryKey",
    "customer",
    "PreviousCustomerId",
    "number",
    "line",
    "text",
    "raw",
    "related",
    "winner",
    "member",
    "upper_record",
    "lower_record",
    "block",
    "e0",
    "f0",
    "n0",
    "d0",
    "run",
    "old",
    "new",
]
TIME = "ActivityTime"


def write(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*NAMES, TIME])
        writer.writeheader()
        writer.writerows(
            {name: row.get(name, f"{name} of {row['key']}") for name in NAMES}
            | {TIME: "2026-01-01"}
            for row in rows
        )


def test_columns_may_be_called_like_the_refresh_s_own(tmp_path):
    write(
        tmp_path / "a.csv",
        [{"key": "1", "block": "x"}, {"key": "2", "block": "x"}, {"key": "3"}, {"key": "3"}],
    )
    write(tmp_path / "b.csv", [{"key": "1", "block": "x"}])
    entity = {
        "primary_key": "key",
        "attributes": dict.fromkeys(NAMES, "string") | {TIME: "datetime"},
    }
    rules = [{"name": "block", "conditions": [{"fields": "block"}]}]
    fuzzy = [
        *rules,
        {
            "name": "near",
            "conditions": [{"fields": "block"}, {"fields": "text", "precision": "low"}],
        },
    ]
    configuration = Configuration.model_validate(
        {
            "instance": {"name": "names", "id": "6f2c1f0e-5f0b-4b8c-9d2e-3a1b2c3d4e5f"},
            "sources": {"S": {"a": entity | {"path": "a.csv"}, "b": entity | {"path": "b.csv"}}},
            "unification": {
                "entities": [{"entity": "S_a", "deduplicate": {"rules": fuzzy}}, {"entity": "S_b"}],
                "match": [{"entity": "S_b", "to": "S_a", "rules": rules}],
                "merge": {
                    "fields": [
                        {"name": f"{name}_", "from": [f"S_b.{name}", f"S_a.{name}"]}
                        for name in NAMES
                    ]
                },
            },
            "relationships": [{"name": "r", "entity": "S_b", "foreign_key": "key", "to": "S_a"}],
            "activities": [
                {
                    "entity": "S_b",
                    "name": "n",
                    "relationship": "r",
                    "timestamp": TIME,
                    "title": "customer",
                    "description": "number",
                    "semantic": {"SourceActivityId": "related", "key": "CustomerId"},
                }
            ],
        }
    )
    paths = Paths.of(tmp_path)
    refresh(configuration, paths, load(), lambda: 10**15)
    connection = connect(paths)
    shown = connection.execute(
        'SELECT "key_", "CustomerId_", S_a_key FROM lake.Customer ORDER BY "key_"'
    ).fetchall()
    assert shown == [("1", "CustomerId of 1", "2"), ("3", "CustomerId of 3", "3")]
    assert connection.execute(
        'SELECT "Title", "Description" FROM lake.UnifiedActivity'
    ).fetchall() == [("customer of 1", "number of 1")]
    groups = connection.execute(
        'SELECT * FROM lake."Deduplication_S_a" ORDER BY "PrimaryKey"'
    ).fetchall()
    assert groups == [("1", "1", "2", "block", 100), ("2", "1", "2", "block", 100)]
