"""Names that cannot be told apart, or that the refresh needs itself, are refused.

They are refused before anything is read.
"""

from typing import Any

import pytest
import yaml

from tests.command_line import call
from tests.small_plan import INSTANCE
from tests.small_project import Project


def entity(**attributes: str) -> dict[str, Any]:
    return {"path": "a.csv", "primary_key": "Id", "attributes": {"Id": "string"} | attributes}


def document(sources: dict[str, Any], fields: tuple[str, ...] = ()) -> dict[str, Any]:
    unified = [f"{source}_{name}" for source, entities in sources.items() for name in entities]
    return {
        "instance": {"name": "s", "id": INSTANCE},
        "sources": sources,
        "unification": {
            "entities": [{"entity": name} for name in dict.fromkeys(unified)],
            "merge": {"fields": [{"name": name, "from": [f"{unified[0]}.Id"]} for name in fields]},
        },
    }


@pytest.mark.parametrize(
    ("found", "code", "words"),
    [
        (
            document({"A_B": {"C": entity()}, "A": {"B_C": entity()}}),
            "duplicate_name",
            "`A_B_C` is there twice",
        ),
        (
            document({"A": {"B": entity()}, "a": {"b": entity()}}),
            "duplicate_name",
            "`a_b` and `A_B` are one name",
        ),
        (
            document({"A": {"B": entity(), "B_corrupt": entity()}}),
            "duplicate_name",
            "`A_B_corrupt` is there twice",
        ),
        (
            document({"Deduplication_A": {"B": entity()}, "A": {"B": entity()}}),
            "duplicate_name",
            "`Deduplication_A_B`",
        ),
        (document({"Customer": {"live": entity()}}), "duplicate_name", "Customer_live"),
        (
            document({"A": {"B": entity(x="string", X="string")}}),
            "duplicate_name",
            "`X` and `x` are one name",
        ),
        (document({"A": {"B": entity()}}, ("x", "x")), "duplicate_name", "`x` is there twice"),
        (
            document({"A": {"B": entity()}}, ("A_B_Id",)),
            "duplicate_name",
            "`A_B_Id` is there twice",
        ),
        (
            document({"A": {"B": entity(file_row_number="string")}}),
            "reserved_name",
            "`file_row_number`",
        ),
        (document({"A": {"B": entity(FirstRun="string")}}), "reserved_name", "`FirstRun`"),
        (document({"A": {"B": entity(__raw_0="string")}}), "reserved_name", "`__raw_0`"),
        (document({"A": {"B": entity()}}, ("customerid",)), "reserved_name", "`customerid`"),
    ],
)
def test_names_that_cannot_be_told_apart_are_refused(tmp_path, found, code, words):
    (tmp_path / "overtide.yaml").write_text(yaml.safe_dump(found, sort_keys=False))
    (tmp_path / "a.csv").write_text("Id\n1\n")
    answer = call("--json", "-C", tmp_path, "refresh")
    mistakes = [one for one in answer.document["error"]["details"] if one["severity"] == "mistake"]
    assert (answer.code, {one["code"] for one in mistakes}) == (2, {code})
    assert words in mistakes[0]["message"]


def test_names_that_differ_by_more_than_the_case_of_a_to_z_are_columns_of_their_own(tmp_path):
    names = ("Straße", "Strasse", "É", "é", "\u212a", "k")
    found = document({"A": {"B": entity(**dict.fromkeys(names, "string"))}}, ("K",))
    project = Project(tmp_path, found).write(a=f"Id,{','.join(names)}\n1,{','.join(names)}\n")
    project.refresh()
    assert project.table("A_B") == [("1", *names)]
