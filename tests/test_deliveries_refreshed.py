"""A refresh reads deliveries whose hours have ended, each of them once."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from overtide.checks import check_project
from overtide.lake.loss import losses
from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import HOUR
from tests.changing_project import HEADS, document
from tests.deliveries import folder_of, texts
from tests.small_project import START, Project, hashes


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory) -> Project:
    """A project with full data, and with an hour that has just ended; to be copied."""
    project = Project(tmp_path_factory.mktemp("deliveries") / "project", document(delivered=True))
    project.write(a1=f"{HEADS['a']}\n1,Ann,a@x.com,Rome,\n", o1=f"{HEADS['o']}\n")
    del project.document["sources"]["S"]["o"]
    project.document |= {"relationships": [], "activities": []}
    project.document["unification"]["entities"][1]["include_all"] = True
    deliver(project, "", "1,Anna,a@x.com,Rome,2027-01-01", "2,Bob,b@x.com,Oslo,2027-01-01")
    deliver(project, f"{DAY}/07", "3,Cy,c@x.com,Bern,2027-01-15")
    project.refresh()
    return project


DAY = "2027/01/15"


def deliver(project: Project, hour: str, *rows: str, deletes: bool = False) -> Path:
    """Deliver rows into an hour, in a file of its own."""
    folder = project.paths.project / "b" / folder_of(hour, deletes)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{len(list(folder.iterdir()))}.csv"
    file.write_text("\n".join([HEADS["b"], *rows]) + "\n")
    return file


def read_rows(project: Project) -> int:
    """Refresh; return how many rows were read."""
    manifest: Any = project.refresh().manifest
    return manifest["stages"].get("ingest", {"rows": 0})["rows"]


def names(project: Project) -> list[str]:
    """Return the names of the records."""
    return [name for (name,) in project.table("S_b", "Name")]


def of_one_file(project: Project, folder: Path) -> dict[str, str]:
    """Return the hashes of a project that has the same records in one plain file."""
    plain = Project(folder, project.document)
    del plain.document["sources"]["S"]["b"]["incremental"]
    plain.document["sources"]["S"]["b"]["path"] = "b.csv"
    rows = project.table("S_b", "Id, Name, Mail, City, Seen::VARCHAR")
    plain.write(
        a1=(project.paths.project / "a1.csv").read_text(),
        b="\n".join([HEADS["b"], *(",".join(map(str, row)) for row in rows)]) + "\n",
    )
    return without_corrupt(hashes(plain.refresh()))


def without_corrupt(found: dict[str, str]) -> dict[str, str]:
    """Return hashes without those of what could not be read."""
    return {name: one for name, one in found.items() if "corrupt" not in name}


def test_a_refresh_reads_new_and_late_hours_once_they_have_ended_and_nothing_else(
    refreshed, tmp_path
):
    project = refreshed.copied(tmp_path / "project")
    told: Any = refreshed.done[0].manifest
    assert told["entities"]["S_b"]["changes"]["hours"] == 1
    assert "waiting" not in told
    deliver(project, f"{DAY}/09", "2,,,,", deletes=True)  # ends at 10:00, and it is 09:00
    assert read_rows(project) == 0
    assert project.done[-1].manifest["unchanged_since"] == 1
    waiting = {"S_b": {"files": 1, "hours": 1, "first": f"{DAY}/09"}}
    assert project.done[-1].manifest["waiting"] == waiting
    late = deliver(project, "2026/12/24/10", "1,too late,,,2026-12-24", "4,Dee,,,2026-12-24")
    assert read_rows(project) == 3
    assert names(project) == ["Anna", "Cy", "Dee"]
    entities: Any = project.done[-1].manifest["entities"]
    assert entities["S_b"]["changes"] == {
        "superseded_rows": 2,
        "delete_rows": 1,
        "deleted_records": 1,
        "undated_rows": 1,
        "hours": 3,
    }
    assert [(one.kind, one.rows) for one in losses(project.done[-1].manifest)] == [
        ("superseded_rows", 2),
        ("deleted_records", 1),
        ("undated_rows", 1),
    ]
    assert project.rows("SELECT Name FROM lake.Customer ORDER BY 1") == [
        ("Ann",),
        ("Cy",),
        ("Dee",),
    ]
    late.unlink()
    assert read_rows(project) == 0
    assert names(project) == ["Anna", "Cy"]
    kept = hashes(project.done[-1])
    reused = dict.fromkeys(("files", "rows", "activities", "records"), 0)
    assert project.refresh(full=True).manifest["reused"] == reused | {"of": 4}
    assert hashes(project.done[-1]) == kept
    assert of_one_file(project, tmp_path / "plain") == without_corrupt(kept)


def test_an_hour_that_counted_counts_where_the_clock_was_set_back(refreshed, tmp_path):
    project = refreshed.copied(tmp_path / "project")
    project.runs = -24
    assert read_rows(project) == 0
    assert project.done[-1].manifest["unchanged_since"] == 1


def test_validate_tells_what_waits_and_is_passed_over_and_refuses_what_is_misplaced(
    refreshed, tmp_path
):
    project = refreshed.copied(tmp_path / "project")
    folder = project.paths.project
    (folder / "overtide.yaml").write_text(yaml.safe_dump(project.document))
    deliver(project, f"{DAY}/08", "2,,,,", deletes=True).write_text("Id\n2\nx\n")
    texts(folder / "b", {"model.json": "{}"})
    now = START + HOUR // 2
    found = {one.code: one for one in check_project(folder, {}, now)}
    assert set(found) == {"hour_not_ended", "passed_over"}
    assert found["hour_not_ended"].message == f"1 file waits for an hour to end (UTC): {DAY}/08."
    assert "`model.json`" in found["passed_over"].message
    found = {one.code: one for one in check_project(folder, {}, now + HOUR)}
    assert set(found) == {"missing_key", "passed_over"}
    assert "Deletes/0.csv, line 3, whose Id is" in found["missing_key"].message
    texts(folder / "b", {"IncrementalData/2027/1/15/07/Upserts/0.csv": "Id\n"})
    (mistake,) = check_project(folder, {}, now)
    assert (mistake.code, mistake.target) == ("misplaced_file", "sources.S.b.path")
    with pytest.raises(OvertideError) as error:
        project.refresh()
    assert error.value.code == "misplaced_file"


def test_what_deletes_leave_must_be_something(refreshed, tmp_path):
    project = refreshed.copied(tmp_path / "project")
    deliver(project, f"{DAY}/07", *(f"{key},,,,2027-01-15" for key in (1, 2, 3)), deletes=True)
    with pytest.raises(OvertideError, match="its deletes and its filter leave none") as error:
        project.refresh()
    assert error.value.code == "no_rows"
