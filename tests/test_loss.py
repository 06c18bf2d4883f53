"""Nothing is lost without a word: what a refresh and `status` tell."""

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from overtide.lake.loss import losses
from overtide.pipelines.manifest import expect_all_rows
from overtide.schemas.errors import OvertideError
from tests.command_line import Answer, call
from tests.small_plan import INSTANCE, configuration, plan_of, table_of
from tests.small_project import Project

ROOT = Path(__file__).parent.parent
ORDERS = {"Oid": "string", "Cid": "string", "On": "date", "Status": "string", "Changed": "datetime"}
DOCUMENT: dict[str, Any] = {
    "instance": {"name": "T", "id": INSTANCE},
    "sources": {
        "S": {
            "C": {
                "path": "c.csv",
                "primary_key": "Id",
                "attributes": {"Id": "string", "Name": "string"},
            },
            "V": {"path": "v.csv", "primary_key": "Id", "attributes": {"Id": "string"}},
            "O": {
                "path": "o-*.csv",
                "primary_key": "Oid",
                "attributes": ORDERS,
                "max_set_aside_percent": 30,
            },
        }
    },
    "unification": {
        "entities": [{"entity": "S_C"}, {"entity": "S_V", "include_all": False}],
        "merge": {"fields": [{"name": "Name", "from": ["S_C.Name"]}]},
    },
    "relationships": [{"name": "R", "entity": "S_O", "foreign_key": "Cid", "to": "S_C"}],
    "activities": [
        {
            "entity": "S_O",
            "name": "Order",
            "relationship": "R",
            "timestamp": "On",
            "title": "Status",
        }
    ],
}
LOST = (
    "lost to another row of the same key (`prefer` of the entity says which one stays); "
    "S_O_corrupt lists it."
)
HEAD = "Oid,Cid,On,Status,Changed\n"
FIRST = (
    HEAD
    + "1,A,2024-05-01,pending,2024-05-01T10:00:00Z\n2,A,2024-05-01,pending,2024-05-01T10:00:00Z\n"
)
SECOND = (
    HEAD
    + "1,A,2024-05-01,cancelled,2024-05-03T10:00:00Z\n2,A,2024-05-01,pending,2024-05-01T10:00:00Z\n"
)
FILES = {"c": "Id,Name\nA,Ann\nB,Ben\n", "v": "Id\nX\n", "o-1": FIRST, "o-2": SECOND}


def document(**more: Any) -> dict[str, Any]:
    """Return the configuration with more settings of the orders."""
    changed = copy.deepcopy(DOCUMENT)
    changed["sources"]["S"]["O"] |= more
    return changed


def project(folder: Path, changed: dict[str, Any] = DOCUMENT, **files: str) -> Project:
    made = Project(folder, changed).write(**FILES | files)
    (folder / "overtide.yaml").write_text(yaml.safe_dump(changed, sort_keys=False))
    return made


def told(folder: Path, *words: str) -> Answer:
    """Refresh by the command line."""
    answer = call("-C", folder, "refresh", *words)
    assert "Traceback" not in answer.err
    return answer


# ---- rows of one key


def test_of_the_deliveries_of_an_order_the_last_change_is_kept_where_prefer_says_so(tmp_path):
    recent = document(prefer={"policy": "most_recent", "attribute": "Changed"})
    shop = project(tmp_path, recent)
    assert "S_O: 1 of 4 rows lost to another row of the same key" in told(tmp_path).err
    assert shop.table("UnifiedActivity", "SourceActivityId, Title") == [
        ("1", "cancelled"),
        ("2", "pending"),
    ]
    lost = {
        "Oid": "1",
        "Cid": "A",
        "On": "2024-05-01",
        "Status": "pending",
        "Changed": "2024-05-01T10:00:00.000000Z",
    }
    assert shop.table("S_O_corrupt", "CorruptionDetails, PrimaryKey, IsKept, FileName, Record") == [
        (
            (
                'Oid: another row with the key "1" is kept: '
                '{"Status":"cancelled","Changed":"2024-05-03T10:00:00.000000Z"}'
            ),
            "1",
            False,
            "o-1.csv",
            json.dumps(lost, separators=(",", ":")),
        )
    ]


def test_without_prefer_the_loss_is_told(tmp_path):
    shop = project(tmp_path)
    answer = told(tmp_path)
    assert (answer.code, [line for line in answer.err.splitlines() if line.startswith("S_")]) == (
        0,
        [f"S_O: 1 of 4 rows {LOST}", "S_O: 1 of 4 rows was an exact repeat."],
    )
    assert shop.table("UnifiedActivity", "SourceActivityId, Title") == [
        ("1", "pending"),
        ("2", "pending"),
    ]
    assert shop.table("S_O_corrupt", "PrimaryKey, IsKept, FileName") == [("1", False, "o-2.csv")]


@pytest.mark.parametrize(
    ("own", "duplicates", "expected"),
    [
        (None, "most_recent", "most_recent"),
        ("least_recent", "most_recent", "least_recent"),
        ("least_recent", None, "least_recent"),
        (None, None, "most_filled"),
    ],
)
def test_the_preference_of_an_entity_stands_before_that_of_its_duplicates(
    tmp_path, own, duplicates, expected
):
    def prefer(policy: str | None) -> dict[str, Any]:
        return {"prefer": {"policy": policy, "attribute": "Seen"}} if policy else {}

    plan = plan_of(
        tmp_path,
        configuration(
            {"S_a": {"Id": "string", "Seen": "date"}},
            entity={"S_a": prefer(own)},
            unified={"S_a": {"deduplicate": prefer(duplicates)}},
        ),
    )
    assert plan.preference("S_a").policy == expected
    assert plan.options["S_a"][1].deduplicate.prefer.policy == (duplicates or "most_filled")


# ---- what is told

MESSY = {
    "o-1": HEAD + "1,A,2024-05-01,a,\n2,,bad,b,\n3,Z,,c,\n4,X,,d,\n,A,,nobody,\n",
    "o-2": HEAD + "1,A,2024-05-01,a,\n1,A,,,\n5,B,2024-05-01,e,?\nshort\n",
}
TOLD = [
    "S_O: 2 of 9 rows were set aside, unreadable or without a primary key; S_O_corrupt lists them.",
    f"S_O: 1 of 9 rows {LOST}",
    "S_O: 1 of 9 rows was an exact repeat.",
    "S_O: 2 of 9 rows have values that could not be read and are null; S_O_corrupt lists them.",
    (
        "S_O: 3 of 5 activities belong to no customer: 1 without a foreign key, 2 whose record is "
        "not there."
    ),
]


def test_every_kind_of_loss_is_told_after_the_refresh_and_in_status(tmp_path):
    shop = project(tmp_path, **MESSY)
    answer = told(tmp_path)
    assert [line for line in answer.err.splitlines() if line.startswith("S_")] == TOLD
    shown = [
        line.partition("  ")[2].strip()
        for line in call("-C", tmp_path, "status").out.splitlines()
        if line.startswith("loss ")
    ]
    assert shown == TOLD
    found = call("-C", tmp_path, "--json", "status").document["loss"]
    assert [(one["entity"], one["kind"], one["rows"], one["text"]) for one in found] == [
        ("S_O", kind, rows, text)
        for (kind, rows), text in zip(
            [
                ("set_aside", 2),
                ("lost_rows", 1),
                ("exact_repeats", 1),
                ("corrupt_values", 2),
                ("of_nobody", 3),
            ],
            TOLD,
            strict=True,
        )
    ]
    again = call("-C", tmp_path, "--json", "refresh").document
    assert again["loss"] == found
    counts = again["manifest"]["entities"]["S_O"]
    assert (
        counts["rows_read"]
        == counts["rows_kept"] + counts["set_aside"] + counts["exact_repeats"] + counts["lost_rows"]
        == 9
    )
    assert again["manifest"]["activities_of_nobody"] == 3
    assert shop.rows('SELECT count(*) FROM lake."S_O_corrupt"') == [(counts["corrupt_records"],)]
    assert call("-q", "-C", tmp_path, "refresh").err == ""


def test_when_all_is_well_nothing_is_told(tmp_path):
    project(tmp_path, **{"o-2": HEAD + "3,B,2024-05-01,x,\n"})
    answer = told(tmp_path)
    assert [line for line in answer.err.splitlines() if line.startswith("S_")] == []
    assert "loss" not in call("-C", tmp_path, "status").out
    assert call("-C", tmp_path, "--json", "status").document["loss"] == []


def test_activities_of_nobody_are_counted_by_their_reason(tmp_path):
    changed = document()
    changed["relationships"][0]["to"] = "S_V"
    shop = project(
        tmp_path, changed, **{"o-1": HEAD + "1,X,,a,\n2,,,b,\n3,Z,,c,\n4,X,,d,\n", "o-2": HEAD}
    )
    done = (
        shop.refresh()
    )  # no customer has X, since visitors are customers only together with others
    entities: Any = done.manifest["entities"]
    assert entities["S_O"]["of_nobody"] == {
        "no_foreign_key": 1,
        "unknown_record": 1,
        "no_customer": 2,
        "several_customers": 0,
    }
    assert "of_nobody" not in entities["S_C"]
    kept = json.loads(json.dumps(done.manifest, sort_keys=True))  # as `status` reads it again
    assert losses(kept) == losses(done.manifest)
    assert (
        losses(done.manifest)[-1].text
        == "S_O: 4 of 4 activities belong to no customer: 1 without a foreign key, "
        "1 whose record is not there, 2 whose record is of no customer."
    )


def test_rows_refused_for_their_keys_are_named_before_anything_is_published(tmp_path):
    project(tmp_path, document(max_set_aside_percent=5), **MESSY)
    answer = call("-C", tmp_path, "refresh")
    assert answer.code == 1
    refusal = answer.err[answer.err.index("overtide:") :].splitlines()
    assert refusal[0].startswith(
        "overtide: S_O: 2 of 9 rows could not be read or have no primary key, more than 5 %."
    )
    record = '{"Oid":null,"Cid":"A","On":null,"Status":"nobody","Changed":null}'
    assert refusal[1:] == [
        f"  o-1.csv, line 6: Oid: the primary key is missing, in {record}.",
        "  o-2.csv, line 5: expected number of columns: 5 found: 1, in short.",
    ]
    error = call("-C", tmp_path, "--json", "refresh").document["error"]
    assert [(one["code"], one["target"]) for one in error["details"]] == [
        ("row_set_aside", "o-1.csv"),
        ("row_set_aside", "o-2.csv"),
    ]
    assert call("-C", tmp_path, "--json", "status").document["published"] is None


def test_a_manifest_of_an_older_version_says_what_it_knows():
    old = {
        "entities": {
            "S_a": {
                "rows_read": 5,
                "rows_kept": 3,
                "set_aside": 1,
                "repeated_keys": 1,
                "corrupt_records": 2,
                "new_columns": [],
            }
        }
    }
    assert [(one.kind, one.rows) for one in losses(old)] == [
        ("set_aside", 1),
        ("corrupt_values", 1),
    ]
    assert losses({}) == []


def test_every_kind_of_loss_has_its_words_on_the_pages():
    counts = ("rows_read", "rows_kept", "set_aside", "exact_repeats", "lost_rows")
    changes = ("superseded_rows", "deleted_records", "undated_rows")
    entity = dict.fromkeys(counts, 1) | {
        "corrupt_records": 9,
        "of_nobody": {"no_customer": 1},
        "changes": dict.fromkeys(changes, 1),
    }
    manifest = {"entities": {"S_a": entity}, "shrunk": {"S_a": 5}, "removed_entities": {"S_b": 1}}
    kinds = {one.kind for one in losses(manifest)}
    assert len(kinds) == 10
    for language in ("en", "nl"):
        texts = json.loads((ROOT / "serving/pages/texts" / f"{language}.json").read_text())
        assert {name for name in texts if name.startswith("refreshes.loss.")} == {
            f"refreshes.loss.{kind}" for kind in kinds
        }


# ---- the account


def test_an_account_that_does_not_hold_is_refused(tmp_path):
    plan = plan_of(tmp_path, configuration({"S_a": {"Id": "string"}}))
    table = table_of(plan, "S_a", [{"Id": "1"}])
    expect_all_rows([table])
    for wrong in ("rows_read", "rows_kept", "set_aside", "exact_repeats", "lost_rows"):
        with pytest.raises(OvertideError) as error:
            expect_all_rows([dataclasses.replace(table, **{wrong: 5})])
        assert error.value.code == "rows_lost"
