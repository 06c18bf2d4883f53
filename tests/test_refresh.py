"""Whole refreshes of small projects.

What is published, what stays, what is counted, whatever order and buckets.
"""

import io
import json
import random
import shutil
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from apache_beam.options.pipeline_options import PipelineOptions

from overtide.pipelines.batch import build
from overtide.pipelines.runners import new_pipeline
from overtide.schemas.configuration import Configuration
from overtide.schemas.events import activity_id
from overtide.schemas.loading import configuration_hash
from tests.command_line import call
from tests.oracle_identities import Cluster, Registry, identify, previous
from tests.small_plan import INSTANCE, plan_of
from tests.small_project import Project, hashes

RULES = [
    {"name": "mail", "conditions": [{"fields": "Mail", "normalize": ["email"]}]},
    {"name": "name", "conditions": [{"fields": "City"}, {"fields": "Name", "precision": "medium"}]},
]
PEOPLE = {"Id": "integer", "Name": "string", "Mail": "string", "City": "string", "Seen": "date"}


def entity(name: str, **more: Any) -> dict[str, Any]:
    return {
        "path": f"{name}*.csv",
        "primary_key": "Id",
        "attributes": PEOPLE,
        "max_set_aside_percent": 60,
    } | more


DOCUMENT: dict[str, Any] = {
    "instance": {"name": "s", "id": INSTANCE},
    "sources": {
        "S": {
            "a": entity("a"),
            "b": entity("b"),
            "c": entity("c"),
            "o": entity(
                "o",
                primary_key="Key",
                attributes={
                    "Key": "string",
                    "Owner": "integer",
                    "At": "datetime",
                    "Paid": "decimal(18, 2)",
                },
            ),
        }
    },
    "unification": {
        "limits": {"block_size": 4, "cluster_size": 6},
        "entities": [
            {"entity": "S_a", "deduplicate": {"rules": RULES}},
            {"entity": "S_b"},
            {
                "entity": "S_c",
                "include_all": False,
                "deduplicate": {
                    "prefer": {"policy": "most_recent", "attribute": "Seen"},
                    "rules": RULES[:1],
                },
            },
        ],
        "match": [
            {"entity": lower, "to": upper, "rules": RULES}
            for lower, upper in (("S_b", "S_a"), ("S_c", "S_a"), ("S_c", "S_b"))
        ],
        "merge": {
            "fields": [
                {"name": "Name", "from": ["S_a.Name", "S_b.Name", "S_c.Name"]},
                {
                    "name": "City",
                    "from": ["S_c.City", "S_a.City"],
                    "policy": "most_recent",
                    "by": {"S_c": "Seen", "S_a": "Seen"},
                },
            ]
        },
    },
    "relationships": [{"name": "r", "entity": "S_o", "foreign_key": "Owner", "to": "S_a"}],
    "activities": [
        {
            "entity": "S_o",
            "name": "Orders",
            "relationship": "r",
            "timestamp": "At",
            "title": "Key",
            "semantic": {"Total": "Paid"},
        }
    ],
}
HEAD = "Id,Name,Mail,City,Seen\n"
A = (
    HEAD
    + """1,Ann Lee,ann@x.com,Rome,2024-01-01
10,Ann Lee,ANN+new@x.com,Oslo,
2,Bob,bob@x.com,Rome,2023-01-01
3,Cy,,Paris,bad
03,Cy,cy@x.com,Paris,
"""
)
B = (
    HEAD
    + """1,Bobby,bob@x.com,Bern,2024-05-05
2,Bob,other@x.com,Rome,
3,Dee,dee@x.com,Kiel,
"""
)
C = (
    HEAD
    + """1,,dee@x.com,Ulm,2022-01-01
2,,dee+old@x.com,Ulm,2024-02-02
3,Lonely,lonely@x.com,Ulm,2024-02-02
,No Key,,,
short
"""
)
ORDERS = """Key,Owner,At,Paid,New
o1,1,2024-01-01,5,x
o2,010,2024-01-02T10:00:00Z,7.005,
o3,99,2024-01-03,1,
o4,,2024-01-03,1,
o5,2,,,
"""
FILES = {"a": A, "b": B, "c": C, "o": ORDERS}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A project that was refreshed once; tests only read it."""
    project = Project(tmp_path_factory.mktemp("project"), DOCUMENT).write(**FILES)
    project.refresh()
    return project


def copy_of(project: Project, folder: Path) -> Project:
    """Return a copy of a refreshed project, to be changed."""
    shutil.copytree(project.paths.project, folder / "copy")
    copied = Project(folder / "copy", DOCUMENT)
    copied.runs = project.runs
    return copied


def ids(project: Project) -> dict[tuple[str, str], str]:
    keys = project.table("AlternateKey", "EntityName, PrimaryKey, CustomerId")
    return {(entity, key): one for entity, key, one in keys}


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


# ---- what a second refresh changes


def test_the_same_input_again_changes_nothing(project, tmp_path):
    again = copy_of(project, tmp_path)
    before = {
        path.name: path.stat().st_mtime_ns for path in again.paths.storage.folder.rglob("*.parquet")
    }
    tables = {name: again.table(name) for name in hashes(project.done[0])}
    done = again.refresh(full=True)
    assert hashes(done) == hashes(project.done[0])
    assert {name: again.table(name) for name in hashes(done)} == tables
    histories = [
        f"{name}_history"
        for name in ("Customer", "UnifiedActivity", "AlternateKey", "IdentityAlias")
    ]
    assert [again.table(name) for name in histories] == [[]] * 4
    assert (len(again.table("Registry")), len(again.table("Identity"))) == (9, 4)
    assert {row[0] for row in again.table("Customer", "FirstRun")} == {1}
    after = {
        path.name: path.stat().st_mtime_ns for path in again.paths.storage.folder.rglob("*.parquet")
    }
    assert after == before
    assert len(again.table("runs")) == 2
    assert not again.paths.scratch.exists()


def served(project: Project, run: int) -> dict[str, list[tuple[Any, ...]]]:
    """Return the tables of the serving generation of a run."""
    (file,) = project.paths.serving.glob(f"run{run:06d}-*.sqlite")
    with closing(sqlite3.connect(file)) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in ("meta", "profile", "record", "alias")
        }


@pytest.mark.parametrize("damaged", [False, True])
def test_the_generation_of_unchanged_customers_is_that_of_the_run_before(
    project, tmp_path, damaged
):
    again = copy_of(project, tmp_path)
    first = served(again, 1)
    if damaged:
        (file,) = again.paths.serving.glob("*.sqlite")
        file.write_bytes(file.read_bytes() + b"x")
    done = again.refresh(full=True)
    if not damaged:
        assert done.publish.generation == project.done[0].publish.generation
    again.document["real_time"] = {"update_ttl": "1h"}
    renewed = again.refresh()
    second = served(again, renewed.publish.run)
    assert {row[0] for row in second["meta"] if row not in first["meta"]} == {"real_time", "run"}
    assert first | {"meta": second["meta"]} == second


def test_the_types_of_the_pipeline_fit(project):
    plan = plan_of(project.paths.project, Configuration.model_validate(DOCUMENT))
    build(new_pipeline("FnApiRunner", PipelineOptions([])), plan, [])


def crowd(seed: int, rows: int = 120) -> dict[str, list[str]]:
    """Return many rows of each entity that share mails, cities and names.

    There are mistakes among them.
    """
    chance, pick = random.Random(seed), random.Random(seed + 1).choice

    def person() -> str:
        mail = f"m{chance.randint(1, rows // 2)}{pick(['', '+t'])}@x.com"
        name, city = (
            pick(["ann", "anna", "bob", ""]) + pick(["", " y"]),
            f"{pick('pq')}{chance.randint(1, rows // 8)}",
        )
        seen = pick(["2024-01-01", "", "bad"])
        return f"{pick(['', '0'])}{chance.randint(1, rows)},{name},{mail},{city},{seen}"

    people = {
        name: [person() for _ in range(rows)] + ["short", ",nobody,,,", '5,"open'] for name in "abc"
    }
    orders = [
        f"o{chance.randint(1, rows)},{chance.randint(1, rows)},"
        f"{pick(['2024-01-01', 'x'])},{number / 7:.3f}"
        for number in range(rows)
    ]
    return people | {"o": orders}


def test_content_is_free_of_order_files_and_buckets(tmp_path):
    heads = dict.fromkeys("abc", HEAD) | {"o": "Key,Owner,At,Paid\n"}
    found, kinds = [], []
    for number, (shuffle, files, rows_per_bucket) in enumerate(
        [(False, 1, 2_000_000), (True, 1, 40), (True, 3, 2_000_000), (True, 2, 7)]
    ):
        project = Project(tmp_path / str(number), DOCUMENT)
        for name, rows in crowd(seed=5).items():
            random.Random(number).shuffle(rows) if shuffle else None
            for part in range(files):
                project.write(
                    **{f"{name}{part}": heads[name] + "\n".join(rows[part::files]) + "\n"}
                )
        found.append(hashes(project.refresh(rows_per_bucket)))
        kinds.append({row[0] for row in project.table("oversized_blocks", "Kind")})
    assert found[1:] == found[:1] * 3
    assert kinds == [{"block", "cluster"}] * 4


def test_ids_follow_merges_and_splits_through_several_runs(project, tmp_path):
    story, registry = copy_of(project, tmp_path), Registry()
    ann, bob, cy, dee = (
        Cluster((f"S_{record[0]}", record[1:]) for record in records.split())
        for records in ("a1 a10", "a2 b1 b2", "a3", "b3 c1 c2")
    )
    bobby = Cluster([("S_b", "1")])
    split = [Cluster([("S_a", "1")]), Cluster([("S_a", "10")]), bob, cy, dee]
    together = A.replace("bob@x.com", "ann@x.com")
    apart = A.replace("1,Ann Lee,ann@x.com,Rome", "1,Zoe,zoe@x.com,Nice")
    four = [ann, bob, cy, dee]
    runs = [
        (A, four),
        (together, [ann | bob - bobby, bobby, cy, dee]),
        (A, four),
        (apart, split),
        (A, four),
    ]
    for run, (contacts, clusters) in enumerate(runs, 1):
        if run > 1:
            story.write(a=contacts).refresh()
        found = identify(registry, clusters, run, INSTANCE, "S_a")
        registry = found.registry
        assert ids(story) == {
            record: one for one, cluster in found.profiles.items() for record in cluster
        }
        assert (
            dict(story.table("IdentityAlias", "PreviousCustomerId, CustomerId")) == registry.alias
        )
        assert dict(story.table("Customer", "CustomerId, PreviousCustomerId")) == {
            one: previous(registry.alias, one) for one in found.profiles
        }
        assert {row[0] for row in story.table("Identity", "CustomerId")} == set(registry.given)


def test_rows_that_change_vanish_and_return(project, tmp_path):
    story = copy_of(project, tmp_path)
    story.write(
        a=A.replace("2,Bob,bob@x.com,Rome", "2,Rob,bob@x.com,Rome"), o=ORDERS.replace("o1,", "o9,")
    ).refresh()
    assert story.table("Customer_history", "S_a_Id, Name, FirstRun, ReplacedRun") == [
        ("2", "Bob", 1, 2)
    ]
    assert story.table("Customer", "Name, FirstRun") == [
        ("Ann Lee", 1),
        ("Cy", 1),
        ("Dee", 1),
        ("Rob", 2),
    ]
    assert story.table("UnifiedActivity", "SourceActivityId, FirstRun") == [
        ("o2", 1),
        ("o5", 1),
        ("o9", 2),
    ]
    story.write(**FILES).refresh()
    assert story.table("Customer", "Name, FirstRun") == [
        ("Ann Lee", 1),
        ("Bob", 3),
        ("Cy", 1),
        ("Dee", 1),
    ]
    gone = story.table("UnifiedActivity_history", "SourceActivityId, FirstRun, ReplacedRun")
    assert gone == [("o1", 1, 2), ("o9", 2, 3)]
    assert [story.card("S_a", "2", run)["Name"] for run in (1, 2, 3)] == ["Bob", "Rob", "Bob"]


# ---- odd projects


def test_an_instance_with_one_entity_without_rules_or_activities(tmp_path):
    merge = {"fields": [{"name": "Name", "from": ["S_a.Name"]}]}
    document = {
        "instance": DOCUMENT["instance"],
        "sources": {"S": {"a": entity("a")}},
        "unification": {"entities": [{"entity": "S_a"}], "merge": merge},
    }
    alone = Project(tmp_path, document).write(a=A)
    assert alone.refresh().manifest["profiles"] == 4
    assert alone.table("Customer", "S_a_Id, Name") == [
        ("1", "Ann Lee"),
        ("10", "Ann Lee"),
        ("2", "Bob"),
        ("3", "Cy"),
    ]
    for name in (
        "ConflationMatchPairs",
        "Deduplication_S_a",
        "UnifiedActivity",
        "oversized_blocks",
    ):
        assert alone.table(name) == []


def test_what_is_too_large_is_reported_and_not_merged(tmp_path):
    document = {
        "instance": DOCUMENT["instance"],
        "sources": {"S": {"a": entity("a")}},
        "unification": {
            "limits": {"block_size": 3, "cluster_size": 3},
            "entities": [{"entity": "S_a", "deduplicate": {"rules": RULES}}],
            "merge": {},
        },
    }
    blocks = HEAD + "".join(f"{key},x,same@x.com,,\n" for key in range(4))
    large = Project(tmp_path, document).write(a=blocks)
    assert large.refresh().manifest["profiles"] == 4
    columns = "Kind, EntityName, MatchedEntityName, Rule, Value, Records"
    assert large.table("oversized_blocks", columns) == [
        ("block", "S_a", None, "mail", "same@x.com", 4)
    ]
    chain = (
        HEAD
        + "9,ann,m@x.com,p,\n10,ann,m@x.com,q,\n11,ann,n@x.com,q,\n"
        + "12,ann,n@x.com,,\n13,other,n@x.com,,\n"
    )
    done = large.write(a=chain).refresh()
    assert (done.manifest["profiles"], done.manifest["oversized_clusters"]) == (5, 1)
    assert large.table("oversized_blocks", columns) == [("cluster", "S_a", None, None, "10", 5)]
    assert {row[1] for row in large.table("AlternateKey", "PrimaryKey, IsWinner")} == {True}


def test_the_command_tells_what_it_did_not_read(tmp_path):
    document = {
        "instance": DOCUMENT["instance"],
        "sources": {"S": {"a": entity("a"), "b": entity("b")}},
        "unification": {"entities": [{"entity": "S_a"}, {"entity": "S_b"}], "merge": {}},
    }
    (tmp_path / "overtide.yaml").write_text(yaml.safe_dump(document))
    some = "Phone,Id,Name,Mail,City,Seen,Fax\n0,1,x,,,bad,\n0,,x,,,,\nshort\n0,2,y,,,,\n"
    Project(tmp_path, document).write(a=some, b=B)
    told = call("-C", tmp_path, "refresh")
    assert told.code == 0
    assert "S_a: not configured and not read: Fax, Phone." in told.err
    assert (
        "S_a: 2 of 4 rows were set aside, unreadable or without a primary key; S_a_corrupt lists "
        "them."
    ) in told.err
    assert (
        "S_a: 1 of 4 rows has values that could not be read and are null; S_a_corrupt lists it."
        in told.err
    )
    assert "S_b" not in told.err
    assert call("-q", "-C", tmp_path, "refresh").err == ""


def test_values_that_are_hard_to_write_pass_through_unharmed(tmp_path):
    texts = [
        "\x1c\x1d\x1f",
        "'; DROP TABLE x --",
        '"',
        "\\",
        "\u2028\r\n",
        "😀" * 1_000,
        "NULL",
        "\ud7ff\ue000",
        "{}",
    ]
    names, out = [*texts[1:], "a\0b"], io.BytesIO()
    pq.write_table(
        pa.table({"Id": [*texts, "a\0b"], "Name": [*names, None], "At": ["2024-01-01"] * 10}), out
    )
    document = {
        "instance": DOCUMENT["instance"],
        "sources": {
            "S": {
                "a": {
                    "path": "a.parquet",
                    "format": "parquet",
                    "primary_key": "Id",
                    "max_set_aside_percent": 10,
                    "attributes": {"Id": "string", "Name": "string", "At": "datetime"},
                }
            }
        },
        "unification": {
            "entities": [
                {
                    "entity": "S_a",
                    "deduplicate": {
                        "rules": [
                            {
                                "name": "r'\"",
                                "conditions": [
                                    {"fields": "Id"},
                                    {"fields": "Name", "precision": 50},
                                ],
                            }
                        ]
                    },
                }
            ],
            "merge": {"fields": [{"name": "Name", "from": ["S_a.Name"]}]},
        },
        "relationships": [{"name": "self", "entity": "S_a", "foreign_key": "Id", "to": "S_a"}],
        "activities": [
            {
                "entity": "S_a",
                "name": "o'n",
                "relationship": "self",
                "timestamp": "At",
                "title": "Name",
            }
        ],
    }
    odd = Project(tmp_path, document).write(**{"a.parquet": out.getvalue()})
    odd.refresh()
    assert hashes(odd.refresh(full=True)) == hashes(odd.done[0])
    shown = {*names[:-1], None}  # the lake cannot compare a text with a NUL
    assert {row[0] for row in odd.table("Customer", "Name")} == shown
    assert {row[0] for row in odd.table("UnifiedActivity", "Title")} == shown
    assert [odd.card("S_a", text, 1)["Name"] for text in texts] == [*names[:-1], None]
    assert odd.table("S_a_corrupt", "CorruptionDetails, Record") == [
        (
            'Id: the primary key is missing; Id: expected string but found "a\\u0000b"',
            '{"Id":"a\\u0000b","Name":null,"At":"2024-01-01"}',
        ),
        (
            'Name: expected string but found "a\\u0000b"',
            '{"Id":"{}","Name":"a\\u0000b","At":"2024-01-01"}',
        ),
    ]
