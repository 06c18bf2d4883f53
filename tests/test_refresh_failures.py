"""A refresh that fails changes nothing and says so.

The run before is served as if nothing had been tried.
"""

import gzip
import io
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overtide.lake import standing as announced
from overtide.lake.catalog import connect
from overtide.lake.standing import current_publish
from overtide.schemas.errors import OvertideError
from tests.engine import opened
from tests.small_plan import INSTANCE
from tests.small_project import Project

DOCUMENT: dict[str, Any] = {
    "instance": {"name": "s", "id": INSTANCE},
    "sources": {
        "S": {
            "a": {
                "path": "a.csv",
                "primary_key": "Id",
                "attributes": {"Id": "string", "Name": "string"},
            },
            "p": {
                "path": "p.parquet",
                "format": "parquet",
                "primary_key": "Id",
                "attributes": {"Id": "string"},
            },
            "w": {
                "path": "w.csv",
                "primary_key": "Id",
                "encoding": "utf-16",
                "attributes": {"Id": "string"},
            },
        }
    },
    "unification": {
        "entities": [{"entity": "S_a"}],
        "merge": {"fields": [{"name": "Name", "from": ["S_a.Name"]}]},
    },
}


def parquet(rows: int) -> bytes:
    out = io.BytesIO()
    keys = [str(random.Random(number).random()) for number in range(rows)]
    pq.write_table(pa.table({"Id": pa.array(keys, pa.string())}), out)
    return out.getvalue()


FILES: dict[str, str | bytes] = {
    "a": "Id,Name\n1,ann\n2,bob\n",
    "p.parquet": parquet(2_000),
    "w": "Id\n1\n".encode("utf-16"),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Project:
    project = Project(tmp_path_factory.mktemp("project"), DOCUMENT).write(**FILES)
    project.refresh()
    return project


@pytest.fixture
def project(published, tmp_path) -> Project:
    """A refreshed project, to be spoiled."""
    shutil.copytree(published.paths.project, tmp_path / "copy")
    project = Project(tmp_path / "copy", DOCUMENT)
    project.runs = published.runs
    return project


def state(project: Project) -> dict[str, Any]:
    """Return all that a reader may see, and every file."""
    root = project.paths.project
    files = {
        str(path.relative_to(root)): path.stat().st_mtime_ns for path in root.rglob("*.parquet")
    }
    return {
        "files": files,
        "runs": project.table("runs"),
        "customers": project.table("Customer"),
        "card": project.card("S_a", "1", 1),
        "served": current_publish(project.paths),
        "generations": sorted(path.name for path in project.paths.serving.iterdir()),
        "scratch": project.paths.scratch.exists(),
    }


def damaged(content: bytes) -> bytes:
    return content[:200] + b"\xff" * 200 + content[400:]


Spoil = Callable[[Project], object]
FAILURES: dict[str, tuple[Spoil, str, str]] = {
    "a file is gone": (
        lambda one: (one.paths.project / "a.csv").unlink(),
        "no_files",
        "No file matches a.csv.",
    ),
    "a folder stands in its place": (
        lambda one: [do(one.paths.project / "a.csv") for do in (Path.unlink, Path.mkdir)],
        "no_files",
        "No file matches a.csv.",
    ),
    "an entity has no rows": (
        lambda one: one.write(a="Id,Name\n"),
        "no_rows",
        "S_a has no rows in a.csv.",
    ),
    "a column is missing": (
        lambda one: one.write(a="Id\n1\n"),
        "missing_column",
        "a.csv has no column 'Name'",
    ),
    "a column is there twice": (
        lambda one: one.write(a="Id,Name,NAME\n1,a,b\n"),
        "duplicate_column",
        "'NAME'",
    ),
    "too much is set aside": (
        lambda one: one.write(a="Id,Name\n1,a\n2\n"),
        "too_many_set_aside",
        "1 of 2 rows",
    ),
    "no UTF-16": (lambda one: one.write(w="Id\n1\n"), "unreadable_file", "is not utf-16"),
    "an archive that breaks off": (
        lambda one: one.write(a=gzip.compress(b"Id,Name\n1,x\n" * 9_999)[:-9]),
        "unreadable_file",
        "a.csv is compressed with gzip and ends in the middle",
    ),
    "no Parquet": (
        lambda one: one.write(**{"p.parquet": b"Id\n1\n"}),
        "unreadable_file",
        "is not a Parquet file",
    ),
    "damaged Parquet": (
        lambda one: one.write(**{"p.parquet": damaged(parquet(2_000))}),
        "unreadable_file",
        "p.parquet cannot be read",
    ),
}


@pytest.mark.parametrize("what", FAILURES)
def test_the_old_base_is_served_as_if_nothing_had_been_tried(project, what):
    spoil, code, words = FAILURES[what]
    before = state(project)
    spoil(project)
    with pytest.raises(OvertideError) as error:
        project.refresh()
    assert (error.value.code, words in error.value.message) == (code, True), error.value
    assert str(error.value).endswith("Run 1 is still served.")
    assert str(project.paths.project) not in str([error.value, error.value.target])
    after = state(project)
    before["files"].pop("p.parquet")
    after["files"].pop("p.parquet")
    assert after == before


def test_after_a_failure_the_next_refresh_is_the_next_run(project):
    project.write(a="Id\n")
    with pytest.raises(OvertideError):
        project.refresh()
    assert project.write(a="Id,Name\n1,zoe\n").refresh().publish.run == 2
    assert project.table("Customer", "Name, FirstRun") == [("zoe", 2)]


def test_before_the_first_publish_there_is_nothing(tmp_path):
    with pytest.raises(OvertideError, match="Nothing is published yet") as error:
        Project(tmp_path, DOCUMENT).write(**FILES | {"a": "Id,Name\n"}).refresh()
    assert error.value.code == "no_rows"
    assert current_publish(Project(Path(tmp_path), DOCUMENT).paths) is None


def test_a_refresh_never_publishes_nobody(project):
    project.document["sources"]["S"]["b"] = DOCUMENT["sources"]["S"]["a"] | {"path": "b.csv"}
    project.document["unification"]["entities"] = [
        {"entity": name, "include_all": False} for name in ("S_a", "S_b")
    ]
    with pytest.raises(OvertideError, match="no customer at all") as error:
        project.write(b="Id,Name\n1,x\n").refresh()
    assert error.value.code == "no_profiles"


def test_several_mistakes_are_said_at_once(project):
    project.write(a="Id,NAME\n1,a\n", w="Key\n1\n".encode("utf-16"))
    (project.paths.project / "p.parquet").unlink()
    with pytest.raises(OvertideError) as error:
        project.refresh()
    assert error.value.code == "sources_wrong"
    assert [detail.code for detail in error.value.details] == [
        "missing_column",
        "no_files",
        "missing_column",
    ]


def test_a_run_that_cannot_be_announced_is_published_and_readers_ask_the_catalog(project):
    draft = project.paths.published.with_name(project.paths.published.name + ".part")
    draft.mkdir()
    done = project.write(a="Id,Name\n1,zoe\n").refresh()
    assert (done.publish.run, done.uncleaned) == (2, None)
    assert current_publish(project.paths) == done.publish
    assert (project.card("S_a", "1", 2)["Name"], project.paths.published.exists()) == ("zoe", False)
    draft.rmdir()
    announced._noted.clear()  # as another process
    assert current_publish(project.paths) == done.publish
    assert project.paths.published.exists()


def test_a_run_that_cannot_remove_what_is_old_is_published_and_the_next_one_removes_it(project):
    stuck = project.paths.serving / "run000000.sqlite"
    stuck.mkdir()
    done = project.write(a="Id,Name\n1,zoe\n").refresh()
    assert (done.publish, isinstance(done.uncleaned, OSError)) == (
        current_publish(project.paths),
        True,
    )
    assert project.table("Customer", "Name, FirstRun") == [("zoe", 2)]
    stuck.rmdir()
    assert project.write(a="Id,Name\n1,zed\n").refresh().uncleaned is None
    assert sorted(path.name[:10] for path in project.paths.serving.glob("run*")) == [
        "run000002-",
        "run000003-",
    ]


@pytest.mark.parametrize("kept", [1, 2])
def test_a_query_goes_on_beside_refreshes_and_what_it_read_goes_afterwards(project, kept):
    project.document["lake"] = {"keep_generations": kept}
    with opened(connect(project.paths)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT CustomerId FROM lake.Customer ORDER BY ALL").fetchall()
        for name in ("zoe", "eve", "pia"):
            project.write(a=f"Id,Name\n1,{name}\n").refresh(reading_seconds=600)
        assert (
            reader.execute("SELECT CustomerId FROM lake.Customer ORDER BY ALL").fetchall() == before
        )
        assert reader.execute("SELECT Name FROM lake.Customer ORDER BY ALL").fetchall() == [
            ("ann",),
            ("bob",),
        ]
    first = "SELECT count(*) FROM ducklake_snapshots('lake') WHERE snapshot_id <= {}".format(
        project.rows("SELECT min(snapshot_id) FROM lake.runs")[0][0]
    )
    assert project.rows(first) != [(0,)]
    project.refresh()
    assert project.rows(first) == [(0,)]
