"""The configuration may change between refreshes.

The base follows, and history answers as of every run.
"""

import copy
from typing import Any

import pytest

from overtide.transforms.history import columns_of_history, reshaped
from tests.small_plan import INSTANCE
from tests.small_project import Project, hashes

A = "Id,Name,Age\n1,ann,30\n2,bob,40\n"
B = "Key,Name\nx,ann\ny,cy\n"


def document(
    attributes: dict[str, str], columns: dict[str, str], both: bool = True
) -> dict[str, Any]:
    """Return a configuration.

    S_a with some attributes, S_b if asked, and Customer's columns from attributes of S_a.
    """
    entities: dict[str, Any] = {
        "a": {"path": "a.csv", "primary_key": "Id", "attributes": {"Id": "string"} | attributes}
    }
    unified, match = [{"entity": "S_a"}], []
    if both:
        entities["b"] = {
            "path": "b.csv",
            "primary_key": "Key",
            "attributes": {"Key": "string", "Name": "string"},
        }
        unified.append({"entity": "S_b"})
        match = [
            {
                "entity": "S_b",
                "to": "S_a",
                "rules": [{"name": "name", "conditions": [{"fields": "Name"}]}],
            }
        ]
    fields = [{"name": name, "from": [f"S_a.{attribute}"]} for name, attribute in columns.items()]
    return {
        "instance": {"name": "s", "id": INSTANCE},
        "sources": {"S": entities},
        "lake": {"keep_generations": 1},
        "unification": {"entities": unified, "match": match, "merge": {"fields": fields}},
    }


TEXTS = {"Name": "string", "Age": "string"}
WHOLE = document(TEXTS, {"Name": "Name", "Age": "Age"})
NARROW = document({"Name": "string"}, {"Name": "Name"})
NUMBER = document(TEXTS | {"Age": "integer"}, {"Name": "Name", "Age": "Age"})
RENAMED = document(TEXTS, {"FullName": "Name", "Age": "Age"})
UPPER = document(TEXTS, {"NAME": "Name", "Age": "Age"})
ALONE = document(TEXTS, {"Name": "Name", "Age": "Age"}, both=False)
KEYS = {"S_a_Id": "1", "S_b_Key": "x"}
ANN: dict[int, dict[str, Any]] = {
    id(WHOLE): {"Name": "ann", "Age": "30"} | KEYS,
    id(NARROW): {"Name": "ann"} | KEYS,
    id(NUMBER): {"Name": "ann", "Age": 30} | KEYS,
    id(RENAMED): {"FullName": "ann", "Age": "30"} | KEYS,
    id(UPPER): {"NAME": "ann", "Age": "30"} | KEYS,
    id(ALONE): {"Name": "ann", "Age": "30", "S_a_Id": "1"},
}
"""The card of the first customer under each configuration."""
DAY = document(TEXTS | {"Age": "date"}, {"Name": "Name", "Age": "Age"})


@pytest.mark.parametrize(
    "documents",
    [
        pytest.param(
            [WHOLE, NARROW, WHOLE, NUMBER, RENAMED, ALONE, WHOLE],
            id="removed, returned, retyped, renamed",
        ),
        pytest.param([NUMBER, WHOLE, UPPER, NARROW], id="retyped, renamed by case, removed"),
    ],
)
def test_a_card_is_as_it_was_under_every_configuration(tmp_path, documents):
    project = Project(tmp_path, documents[0]).write(a=A, b=B)
    for one in documents:
        project.document = one
        project.refresh()
    for run, one in enumerate(documents, 1):
        card = project.card("S_a", "1", run)
        assert card.pop("PreviousCustomerId") is None
        assert card == ANN[id(one)]
    last = documents[-1]
    assert len(project.table("Customer")) == (2 if last is ALONE else 3)
    for run in range(1, len(documents) + 1):
        assert len(project.customers(run)) == (2 if documents[run - 1] is ALONE else 3)
    ids = project.rows(
        "SELECT CustomerId FROM lake.AlternateKey WHERE PrimaryKey = '1' UNION "
        "SELECT CustomerId FROM lake.AlternateKey_history WHERE PrimaryKey = '1'"
    )
    assert len(ids) == 1


def test_sql_shows_what_today_s_columns_were(tmp_path):
    project = Project(tmp_path, WHOLE).write(a=A, b=B)
    project.refresh()
    project.document = NUMBER
    project.refresh()
    assert project.table("S_a") == [("1", "ann", 30), ("2", "bob", 40)]
    project.write(a=A.replace("30", "31"))
    project.refresh()
    project.document = DAY
    project.write(a="Id,Name,Age\n1,ann,2024-01-31\n2,bob,\n")
    project.refresh()
    assert [project.customers(run)[0] for run in (1, 2, 3, 4)] == [
        ("ann", None, "1", "x"),
        ("ann", None, "1", "x"),
        ("ann", None, "1", "x"),
        ("ann", "2024-01-31", "1", "x"),
    ]
    assert [project.card("S_a", "1", run)["Age"] for run in (1, 2, 3, 4)] == [
        "30",
        30,
        31,
        "2024-01-31",
    ]
    project.document = WHOLE
    project.refresh()
    assert [project.customers(run)[0][1] for run in (1, 2, 3, 4, 5)] == [
        "30",
        "30",
        "31",
        "2024-01-31",
        "2024-01-31",
    ]


def test_an_added_column_leaves_rows_in_which_it_is_null(tmp_path):
    project = Project(tmp_path, NARROW).write(a="Id,Name,Age\n1,ann,30\n2,bob,\n", b=B)
    project.refresh()
    project.document = WHOLE
    project.refresh()
    assert project.table("Customer", "S_a_Id, FirstRun", "S_b_Key, S_a_Id") == [
        ("1", 2),
        (None, 1),
        ("2", 1),
    ]
    assert project.table("Customer_history", "S_a_Id, FirstRun, ReplacedRun") == [("1", 1, 2)]


def test_tables_of_a_removed_entity_go_and_its_records_become_history(tmp_path):
    project = Project(tmp_path, WHOLE).write(a=A, b=B)
    project.refresh()
    names = {
        row[0]
        for row in project.rows(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake'"
        )
    }
    project.document = ALONE
    (tmp_path / "b.csv").unlink()
    project.refresh()
    left = {
        row[0]
        for row in project.rows(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake'"
        )
    }
    assert names - left == {"S_b", "S_b_corrupt", "Deduplication_S_b"}
    assert project.table("AlternateKey", "EntityName, PrimaryKey") == [("S_a", "1"), ("S_a", "2")]
    gone = project.table("AlternateKey_history", "EntityName, PrimaryKey, ReplacedRun")
    assert gone == [("S_b", "x", 2), ("S_b", "y", 2)]
    project.document = WHOLE
    project.write(b=B).refresh()
    assert project.card("S_b", "x", 3)["Name"] == "ann"
    assert project.card("S_b", "y", 1)["S_b_Key"] == "y"
    assert len(project.table("Identity")) == 3


def test_an_entity_that_is_called_history_is_one_as_any_other(tmp_path):
    document = copy.deepcopy(WHOLE)
    document["sources"]["S"]["history"] = document["sources"]["S"]["a"]
    project = Project(tmp_path, document).write(a=A, b=B)
    assert hashes(project.refresh()).keys() >= {"S_history", "S_history_corrupt"}
    project.document = WHOLE
    project.refresh()
    assert project.rows("SELECT * FROM duckdb_tables() WHERE table_name = 'S_history'") == []


def test_lake_help_lists_the_tables_of_the_entities_that_there_are(tmp_path):
    project = Project(tmp_path, WHOLE).write(a=A, b=B)
    for document in (WHOLE, WHOLE, ALONE, WHOLE):
        project.document = document
        project.refresh()
        there = dict(
            project.rows(
                "SELECT table_name, comment FROM duckdb_tables() WHERE database_name = 'lake'"
            )
        )
        told = project.rows(
            "SELECT Name, Signature, Description FROM lake.lake_help WHERE Kind = 'table'"
        )
        assert sorted(
            (name, *comment.splitlines()[:1]) for name, comment in there.items() if name != "runs"
        ) == sorted((name, text) for name, _, text in told if name != "runs")
        assert [name for name, signature, _ in told if name != signature] == []
        assert ("Deduplication_S_b" in there) == (document is WHOLE)
    assert ("S_a", "Typed rows of S_a, one per primary key.") in [
        (name, text) for name, _, text in told
    ]


def test_a_history_has_every_column_that_the_table_ever_had():
    runs = {"FirstRun": "INTEGER", "ReplacedRun": "INTEGER"}
    past = {"CustomerId": "VARCHAR", "Age": "BIGINT", "Gone": "DATE"} | runs
    table = {"CustomerId": "VARCHAR", "AGE": "BIGINT", "New": "DOUBLE", "FirstRun": "INTEGER"}
    assert (
        columns_of_history(past, table)
        == {"CustomerId": "VARCHAR", "Age": "BIGINT", "Gone": "DATE", "New": "DOUBLE"} | runs
    )
    assert columns_of_history(past, table | {"AGE": "DATE"})["Age"] == "VARCHAR"
    assert columns_of_history(past, {"FirstRun": "INTEGER"}) == past
    assert (
        reshaped("FROM t", {"AGE": "DATE"}, {"Age": "VARCHAR", "New": "DOUBLE"})
        == 'SELECT "AGE"::VARCHAR AS "Age", NULL::DOUBLE AS "New" FROM (FROM t)'
    )
