"""What one refresh of a small project publishes, table by table, and its manifest."""

import json
from importlib.metadata import version

from overtide.schemas.configuration import Configuration
from overtide.schemas.events import activity_id
from overtide.schemas.loading import configuration_hash
from tests.refreshed_project import DOCUMENT, ids, project
from tests.small_project import hashes

__all__ = ["project"]


# ---- what one refresh publishes


def test_customers_are_the_connected_records_with_their_merged_columns(project):
    assert project.table("Customer", "S_a_Id, S_b_Id, S_c_Id, Name, City", "Name") == [
        ("1", None, None, "Ann Lee", "Rome"),
        ("2", "1", None, "Bob", "Rome"),
        ("3", None, None, "Cy", "Paris"),
        (None, "3", "2", "Dee", "Ulm"),
    ]


def test_every_unified_record_has_an_alternate_key_losers_too(project):
    found = project.table("AlternateKey", "EntityName, PrimaryKey, IsWinner")
    assert found == [
        ("S_a", "1", True),
        ("S_a", "10", False),
        ("S_a", "2", True),
        ("S_a", "3", True),
        ("S_b", "1", True),
        ("S_b", "2", False),
        ("S_b", "3", True),
        ("S_c", "1", False),
        ("S_c", "2", True),
    ]
    known = ids(project)
    assert known["S_a", "1"] == known["S_a", "10"]
    assert known["S_b", "1"] == known["S_a", "2"] == known["S_b", "2"]
    assert len(set(known.values())) == 4


def test_matches_show_their_rule_and_score(project):
    assert project.table("ConflationMatchPairs") == [
        ("S_a", "2", "S_b", "1", "mail", 100),
        ("S_a", "2", "S_b", "2", "name", 100),
        ("S_b", "3", "S_c", "1", "mail", 100),
        ("S_b", "3", "S_c", "2", "mail", 100),
    ]


def test_duplicates_show_their_group_and_winner(project):
    assert project.table("Deduplication_S_a") == [
        ("1", "1", "1", "mail", 100),
        ("10", "1", "1", "mail", 100),
    ]
    assert project.table("Deduplication_S_b") == []
    assert project.table("Deduplication_S_c") == [
        ("1", "1", "2", "mail", 100),
        ("2", "1", "2", "mail", 100),
    ]


def test_what_could_not_be_read_is_listed(project):
    columns = "CorruptionDetails, PrimaryKey, IsKept, FileName, LineNumber, Record"
    bad = 'Seen: expected date as YYYY-MM-DD but found "bad"'
    assert project.table("S_a_corrupt", columns) == [
        (
            f'Id: another row with the key "3" is kept: {{"Mail":"cy@x.com"}}; {bad}',
            "3",
            False,
            "a.csv",
            None,
            '{"Id":"3","Name":"Cy","Mail":null,"City":"Paris","Seen":"bad"}',
        )
    ]
    assert project.table("S_c_corrupt", columns) == [
        (
            "Id: the primary key is missing",
            None,
            False,
            "c.csv",
            5,
            '{"Id":null,"Name":"No Key","Mail":null,"City":null,"Seen":null}',
        ),
        ("line: expected number of columns: 5 found: 1", None, False, "c.csv", 6, "short"),
    ]
    assert project.table("S_b_corrupt") == []
    assert project.table("S_a", "Id, Mail, Seen") == [
        (1, "ann@x.com", "2024-01-01"),
        (2, "bob@x.com", "2023-01-01"),
        (3, "cy@x.com", None),
        (10, "ANN+new@x.com", None),
    ]


def test_activities_belong_to_the_customer_of_any_of_its_records(project):
    known = ids(project)
    assert project.table(
        "UnifiedActivity", "CustomerId, ActivityId, ActivityTime, Title, SemanticData", "Title"
    ) == [
        (
            known["S_a", "1"],
            activity_id("S_o", "o1"),
            "2024-01-01T00:00:00.000000Z",
            "o1",
            '{"Total":"5.00"}',
        ),
        (
            known["S_a", "10"],
            activity_id("S_o", "o2"),
            "2024-01-02T10:00:00.000000Z",
            "o2",
            '{"Total":"7.01"}',
        ),
        (known["S_a", "2"], activity_id("S_o", "o5"), None, "o5", '{"Total":null}'),
    ]


def test_the_run_and_its_manifest_say_what_was_done(project):
    ((run, generation, configured, code, manifest),) = project.table(
        "runs", "Run, Generation, ConfigurationHash, CodeVersion, Manifest"
    )
    assert (run, generation[:10], code) == (1, "run000001-", version("overtide"))
    assert configured == configuration_hash(Configuration.model_validate(DOCUMENT))
    found = json.loads(manifest)
    assert found == json.loads(json.dumps(project.done[0].manifest))
    names = ("rows_read", "rows_kept", "set_aside", "exact_repeats", "lost_rows", "corrupt_records")
    counts = {name: [entity[one] for one in names] for name, entity in found["entities"].items()}
    assert counts == {
        "S_a": [5, 4, 0, 0, 1, 1],
        "S_b": [3, 3, 0, 0, 0, 0],
        "S_c": [5, 3, 2, 0, 0, 2],
        "S_o": [5, 5, 0, 0, 0, 0],
    }
    assert {name: entity.get("of_nobody") for name, entity in found["entities"].items()} == {
        "S_a": None,
        "S_b": None,
        "S_c": None,
        "S_o": {"no_foreign_key": 1, "unknown_record": 1, "no_customer": 0, "several_customers": 0},
    }
    assert {name: entity["new_columns"] for name, entity in found["entities"].items()} == {
        "S_a": [],
        "S_b": [],
        "S_c": [],
        "S_o": ["New"],
    }
    assert found["match"][0] == {
        "entity": "S_a",
        "to": "S_a",
        "pairs": 1,
        "oversized_blocks": 0,
        "rules": [
            {"rule": "mail", "pairs": 1, "records": 2, "only": 2},
            {"rule": "name", "pairs": 0, "records": 0, "only": 0},
        ],
    }
    assert found["match"][2] == {
        "entity": "S_b",
        "to": "S_a",
        "pairs": 2,
        "oversized_blocks": 0,
        "rules": [
            {"rule": "mail", "pairs": 1, "records": 1, "only": 1},
            {"rule": "name", "pairs": 1, "records": 1, "only": 1},
        ],
    }
    numbers = (
        "profiles",
        "records_unified",
        "records_not_unified",
        "activities_of_nobody",
        "oversized_clusters",
    )
    assert [found[name] for name in numbers] == [4, 9, 1, 2, 0]
    assert found["seconds"] > 0
    assert found["peak_memory"] > 10_000_000
    assert found["stages"].keys() >= {
        "ingest",
        "keys",
        "blocks",
        "match",
        "identities",
        "build Customer",
        "build UnifiedActivity",
        "match tables",
        "serving generation",
    }
    assert found["stages"]["ingest"]["rows"] == 18
    for name, table in found["tables"].items():
        assert len(table["hash"]) == 64
        assert table["rows"] == project.rows(f'SELECT count(*) FROM lake."{name}"')[0][0]
    shown = {
        row[0]
        for row in project.rows(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake'"
        )
    }
    assert (
        {name for name in shown if name.startswith(("S_", "Dedup"))}
        < found["tables"].keys()
        < shown
    )


def test_a_table_describes_itself(project):
    comments = dict(
        project.rows("SELECT table_name, comment FROM duckdb_tables() WHERE database_name = 'lake'")
    )
    assert all(comments[name] for name in hashes(project.done[0]))
