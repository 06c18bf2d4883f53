"""A small project of three entities of people and one of orders, refreshed once."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.small_plan import INSTANCE
from tests.small_project import Project

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
