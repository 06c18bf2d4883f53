"""A refresh behind which nothing has changed publishes the base in force again."""

import os
import shutil
from typing import Any

import pytest

from overtide.pipelines.inputs import Inputs
from overtide.pipelines.known_files import RACY, Known
from overtide.schemas.configuration import Configuration
from tests import shop
from tests.changing_project import document
from tests.command_line import call
from tests.compared_projects import MEASURED
from tests.incremental import tell
from tests.small_project import START, Project, hashes

PEOPLE = "Id,Name,Mail,City,Seen\n1,Ann,a@x.com,Rome,2024-01-01\n2,Bob,b@x.com,Oslo,\n"
FILES = {
    "a1": PEOPLE,
    "b1": PEOPLE.replace("Ann", "Anna"),
    "o1": "Key,Owner,At,Paid\no1,1,2024-01-01,5\n",
}
OLD = 1_700_000_000


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory) -> Project:
    """A project of old files that was refreshed once; to be copied, not changed."""
    project = Project(tmp_path_factory.mktemp("unchanged") / "project", document()).write(**FILES)
    for file in project.paths.project.glob("*.csv"):
        os.utime(file, (OLD, OLD))
    project.refresh()
    return project


@pytest.fixture
def project(refreshed, tmp_path) -> Project:
    """A copy of it: a project may be moved."""
    return refreshed.copied(tmp_path / "project")


def since(project: Project, **options: Any) -> object:
    """Refresh, and return since which run nothing has changed."""
    return project.refresh(**options).manifest["unchanged_since"]


def test_the_base_in_force_is_published_again_until_something_changes(project):
    tables = project.tables(("Customer", "UnifiedActivity", "S_a"))
    generations = list(project.paths.serving.iterdir())
    again, third = project.refresh(), project.refresh()
    assert [one.manifest["unchanged_since"] for one in (again, third)] == [1, 1]
    assert [one.publish.run for one in (again, third)] == [2, 3]
    assert project.tables(tables) == tables
    assert list(project.paths.serving.iterdir()) == generations
    assert {row[0] for row in project.table("Customer", "FirstRun")} == {1}
    assert project.rows("SELECT count(*), count(DISTINCT Generation) FROM lake.runs") == [(3, 1)]
    assert project.card("S_a", "1", 3)["Name"] == "Ann"

    full = project.refresh(full=True)
    assert full.manifest["unchanged_since"] is None
    said = [
        {name: value for name, value in one.manifest.items() if name not in (*MEASURED, "run")}
        for one in (third, full)
    ]
    assert said[0] == said[1]

    project.write(a1=PEOPLE.replace("Ann", "Eve"))
    changed = project.refresh()
    assert changed.manifest["unchanged_since"] is None
    assert hashes(changed)["Customer"] != hashes(full)["Customer"]
    assert project.card("S_a", "1", 5)["Name"] == "Eve"
    assert since(project) == 5


def test_what_changes_no_content_is_no_change(project):
    people = project.paths.project / "a1.csv"
    os.utime(people)
    people.write_bytes(people.read_bytes())
    assert since(project) == 1
    note = project.paths.files / "sources.json"
    note.unlink()
    assert since(project) == 1
    note.write_text('{"format": 1, "files": {"a1.csv": [[1, 2], "x"]}}')
    project.document["lake"] = {"history_days": 30}
    project.document["service"] = {"hosts": ["x.example"]}
    assert since(project) == 1


def with_its_old_size_and_time(project: Project) -> None:
    people = project.paths.project / "a1.csv"
    people.write_text(people.read_text().replace("Rome", "Bern"))
    os.utime(people, (OLD, OLD))


def renamed(project: Project) -> None:
    (project.paths.project / "a1.csv").rename(project.paths.project / "a2.csv")


def configured(project: Project) -> None:
    project.document["unification"]["merge"]["fields"][0]["from"].reverse()


def without_generation(project: Project) -> None:
    shutil.rmtree(project.paths.serving)


def with_a_damaged_generation(project: Project) -> None:
    (file,) = project.paths.serving.glob("*.sqlite")
    file.write_bytes(file.read_bytes() + b"x")


@pytest.mark.parametrize(
    "change",
    [
        with_its_old_size_and_time,
        renamed,
        configured,
        without_generation,
        with_a_damaged_generation,
    ],
)
def test_what_changes_a_result_or_was_lost_is_computed(project, change):
    project.rows("FROM lake.runs")  # what is noted of files is of this place now
    change(project)
    assert since(project) is None
    assert project.card("S_a", "1", 2)["Name"] in ("Ann", "Anna")


def test_a_lost_file_of_the_lake_is_a_reason_to_compute(project):
    (file,) = project.paths.storage.files("S_a")
    file.unlink()
    project.write(o1=FILES["o1"])
    try:
        found = since(project)
    except Exception as error:  # noqa: BLE001 - whatever a full refresh says of it
        found = error
    assert found != 1


def test_a_file_that_changes_while_it_is_read_is_read_again_by_the_next_refresh(project):
    inputs = Inputs.of(Configuration.model_validate(project.document), project.paths, START)
    assert inputs is not None
    inputs.read(inputs.unknown)
    assert inputs.stayed()
    people = project.paths.project / "a1.csv"
    people.write_text(people.read_text().replace("Rome", "Bern"))
    assert not inputs.stayed()


def test_a_file_is_known_by_its_signature_unless_it_changed_when_it_was_looked_at():
    seen, at = [5, 100, 10**18, 10**18 + 7], 10**18 + 8 + RACY
    known = Known(seen, at, "sum")
    assert known.fits(list(seen))
    assert not Known(seen, at - 2, "sum").fits(seen)
    assert not any(known.fits([*seen[:place], 1, *seen[place + 1 :]]) for place in range(4))
    assert not Known([], at, "sum").fits([])


def test_the_command_and_status_say_that_nothing_has_changed(project_folder):
    said = call("-C", project_folder, "refresh")
    assert (said.code, said.out.strip().endswith("; nothing has changed since run 1.")) == (0, True)
    assert ", unchanged since run 1" in call("-C", project_folder, "status").out
    shown = call("-q", "-C", project_folder, "--json", "get", "--key", f"{shop.CONTACTS}=1")
    assert shown.document["run"] == 2
    computed = call("-q", "-C", project_folder, "--json", "refresh", "--full")
    assert computed.document["manifest"]["unchanged_since"] is None


def test_refreshes_that_cost_what_changed_find_what_full_ones_find(tmp_path):
    tell(8, 4, tmp_path)
