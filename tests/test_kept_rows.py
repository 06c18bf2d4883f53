"""Typed rows are kept by the content of their files: a refresh reads what changed, and no more."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from overtide.pipelines import kept_rows, known_files
from overtide.transforms.ingest import IngestedFiles
from tests.changing_project import HEADS, document
from tests.small_project import Project, hashes

FILES = {
    "a1": f"{HEADS['a']}\n1,Ann,a@x.com,Rome,2024-01-01\n2,Bob,b@x.com,Oslo,bad\n,No Key,,,\n",
    "a2": f"{HEADS['a']}\n3,Cy,c@x.com,Bern,\n",
    "b1": f"{HEADS['b']}\n1,Anna,a@x.com,Rome,2024-01-01\n1,Anna,a@x.com,Ulm,\n",
    "o1": f"{HEADS['o']}\no1,1,2024-01-01,5\n",
}


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory) -> Project:
    """A project that was refreshed once; to be copied, not changed."""
    project = Project(tmp_path_factory.mktemp("kept") / "project", document()).write(**FILES)
    project.refresh()
    return project


@pytest.fixture
def project(refreshed, tmp_path) -> Project:
    """A copy of it: a project may be moved."""
    return refreshed.copied(tmp_path / "project")


def read(project: Project, **options: Any) -> tuple[int, int]:
    """Refresh; return how many rows were read and how many files were not."""
    manifest: Any = project.refresh(**options).manifest
    return manifest["stages"].get("ingest", {"rows": 0})["rows"], manifest["reused"]["files"]


def expect_as_in_full(project: Project) -> None:
    """Expect that a refresh of everything finds what the last one found."""
    found = hashes(project.done[-1])
    wrong = project.table("S_a_corrupt"), project.table("S_b_corrupt")
    assert read(project, full=True)[1] == 0
    assert hashes(project.done[-1]) == found
    assert (project.table("S_a_corrupt"), project.table("S_b_corrupt")) == wrong


def test_a_delivery_costs_its_own_rows(project):
    project.write(a3=f"{HEADS['a']}\n4,Dee,d@x.com,Kiel,\n,Nobody,,,\n")
    assert read(project) == (2, 4)
    assert project.table("S_a", "Id") == [(1,), (2,), (3,), (4,)]
    assert [row[2:4] for row in project.table("S_a_corrupt", "*", "FileName, Record")] == [
        (True, "a1.csv"),
        (False, "a1.csv"),
        (False, "a3.csv"),
    ]
    expect_as_in_full(project)


def test_a_changed_file_costs_itself_and_changed_rules_their_entity(project):
    project.write(a2=FILES["a2"].replace("Cy", "Cyd"))
    assert read(project) == (4, 2)  # small files are read together
    mail = {"type": "string", "semantic_type": "Person.Email"}
    people = project.document["sources"]["S"]["a"]
    people["attributes"] = people["attributes"] | {"Mail": mail}
    assert read(project) == (0, 4)  # what an attribute means is asked of values that were read
    people["time_zone"] = "Europe/Rome"
    assert read(project) == (4, 2)
    project.document["unification"]["merge"]["fields"][0]["from"].reverse()
    people |= {"path": "a[0-9].csv", "max_shrink_percent": 70}
    assert read(project) == (0, 4)
    (project.paths.project / "a2.csv").unlink()
    assert read(project) == (3, 2)
    expect_as_in_full(project)


def test_what_is_listed_says_where_it_stands_now(project):
    (project.paths.project / "a1.csv").unlink()
    above = FILES["a1"].replace("1,Ann", "9,Zoe,z@x.com,Rome,\n1,Ann")
    found = []
    for name, content, lines in (("a4", FILES["a1"], [4]), ("a5", above, [5])):
        project.write(**{name: content})
        read(project)
        listed = project.table("S_a_corrupt", "FileName, LineNumber", "IsKept DESC, 1, 2")
        assert listed == [(f"{name}.csv", None), *((f"{name}.csv", line) for line in lines)]
        found.append(hashes(project.done[-1])["S_a_corrupt"])
        (project.paths.project / f"{name}.csv").unlink()
    assert found[0] == found[1]


def test_an_older_delivery_is_read_though_another_file_tells_the_change(project, monkeypatch):
    monkeypatch.setattr(known_files, "RACY", -(10**15))  # as if all files were old
    project.write(a3=f"{HEADS['a']}\n4,Dee,d@x.com,Kiel,\n", o1=f"{FILES['o1']}o2,4,2024-01-01,6\n")
    assert read(project) == (3, 3)
    assert project.table("S_a", "Id") == [(1,), (2,), (3,), (4,)]
    expect_as_in_full(project)


def lost(kept: Path) -> None:
    shutil.rmtree(kept)


def cut(kept: Path) -> None:
    for file in kept.glob("*/*.parquet"):
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content[:-5])


def garbled(kept: Path) -> None:
    for file in kept.glob("*/entry.json"):
        file.write_text("{}")


@pytest.mark.parametrize("damage", [lost, cut, garbled])
def test_what_is_lost_or_damaged_is_read_again(project, damage):
    damage(project.paths.results)
    project.write(o1=FILES["o1"] + "o2,2,2024-01-02,7\n")
    assert read(project) == (8, 0)
    project.write(o1=FILES["o1"])
    assert read(project) == (1, 3)


def test_the_little_that_many_deliveries_gave_is_read_together_again(monkeypatch):
    monkeypatch.setattr(kept_rows, "MOST_LITTLE", 2)
    little = [IngestedFiles("S_a", (f"{n}.csv",), "", "", 5, 0, ()) for n in range(3)]
    large = [
        IngestedFiles("S_a", ("5.csv",), "", "", kept_rows.FEW_ROWS, 0, ()),
        IngestedFiles("S_a", ("6.csv",) * kept_rows.FEW_FILES, "", "", 50, 0, ()),
    ]
    assert kept_rows.not_scattered([*little[:2], *large]) == [*little[:2], *large]
    assert kept_rows.not_scattered([*little, *large]) == large


def test_what_is_kept_takes_no_room_beside_the_lake_and_is_bounded(project):
    def kept() -> set[int]:
        return {file.stat().st_ino for file in project.paths.results.glob("*/*.parquet")}

    def in_lake(*names: str) -> set[int]:
        return {file.stat().st_ino for name in names for file in project.paths.storage.files(name)}

    project.refresh(full=True)  # a copy has no links
    rows = in_lake("S_a", "S_o")
    project.write(a1=FILES["a1"].replace("Rome", "Bern"), o1=FILES["o1"].replace("5", "6"))
    for _ in range(2):
        project.refresh()
        assert in_lake("S_a", "S_o") - rows <= kept()
        assert rows.isdisjoint(kept())
        assert len(list(project.paths.results.iterdir())) == 3
    del project.document["sources"]["S"]["o"]
    project.document |= {"relationships": [], "activities": []}
    project.refresh()
    assert len(list(project.paths.results.iterdir())) == 2


def test_rows_of_a_database_are_read_each_time_and_files_beside_them_when_they_change(project):
    with closing(sqlite3.connect(project.paths.project / "rows.sqlite")) as rows, rows:
        rows.execute("CREATE TABLE orders (Key TEXT, Owner INTEGER, At TEXT, Paid REAL)")
        rows.execute("INSERT INTO orders VALUES ('o1', 1, '2024-01-01T10:00:00Z', 5.5)")
    project.document["databases"] = {"shop": {"kind": "sqlite", "path": "rows.sqlite"}}
    orders = project.document["sources"]["S"]["o"]
    del orders["path"]
    orders |= {"database": "shop", "table": "orders"}
    for _ in range(2):
        assert read(project) == (1, 3)
        assert project.done[-1].manifest["inputs"] is None
    assert project.table("UnifiedActivity", "Title") == [("o1",)]
