"""Refreshes of odd projects: of one entity, of what is too large, of values hard to write."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tests.command_line import call
from tests.refreshed_project import DOCUMENT, HEAD, RULES, A, B, entity
from tests.small_project import Project, hashes


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
