"""The commands that make, check and refresh a project, and projects that are moved or copied."""

import json
import shutil
from uuid import UUID

import pytest
import yaml

from overtide.schemas.paths import Paths
from tests.command_line import call
from tests.conftest import make_shop
from tests.shop import CONTACTS

ANN = f"{CONTACTS}=1"


def test_init_makes_a_project_with_an_id_of_its_own(tmp_path, monkeypatch):
    answers = [call("--json", "init", tmp_path / name).document for name in ("one", "two")]
    assert answers[0] == {"folder": str(tmp_path / "one"), "example": "blank", "files": 2}
    ids = {
        yaml.safe_load((tmp_path / name / "overtide.yaml").read_text())["instance"]["id"]
        for name in ("one", "two")
    }
    assert len({UUID(one) for one in ids}) == 2
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir("here")
    assert (
        call("init").out == "Made here from the example blank: 2 files. "
        "Next: overtide validate, then overtide refresh.\n"
    )


def test_init_says_how_to_go_on_in_a_folder_that_a_shell_would_split(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "overtide -C 'a b'\"'\"'c' validate" in call("init", "a b'c").out
    assert call("-q", "init", "quiet").out == ""
    assert (tmp_path / "quiet" / "overtide.yaml").exists()


@pytest.mark.parametrize(("example", "files"), [("contoso", 7), ("retail", 7), ("blank", 2)])
def test_init_copies_every_file_of_an_example(tmp_path, example, files):
    found = call("--json", "init", tmp_path / "new", "--example", example).document
    assert found["files"] == files == sum(path.is_file() for path in (tmp_path / "new").rglob("*"))


def test_validate_says_that_all_is_well(text, run):
    assert text("validate") == "The configuration is valid.\n"
    assert run("validate") == {"valid": True, "mistakes": []}
    assert json.loads(text("validate", "--schema")) == run("validate", "--schema")


def test_validate_lists_mistakes_and_notes_with_their_places(project_folder, text, run):
    path = project_folder / "overtide.yaml"
    document = yaml.safe_load(path.read_text())
    document["sources"]["Crm"]["Contacts"]["primary_kye"] = "ContactId"
    del document["sources"]["Crm"]["Contacts"]["attributes"]["Since"]
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    shown = text("validate", code=2).splitlines()
    assert shown[-1] == "2 mistakes."
    lines = path.read_text().splitlines()
    found = run("validate", code=2)
    assert found["valid"] is False
    assert [(one["code"], lines[one["line"] - 1].strip()) for one in found["mistakes"]] == [
        ("unknown_setting", "primary_kye: ContactId"),
        ("unknown_name", "- Crm_Contacts.Since"),
        ("new_column", "Contacts:"),
    ]
    assert [line.split(": ")[0] for line in shown[:-1]] == [
        f"overtide.yaml:{one['line']}" for one in found["mistakes"]
    ]
    assert shown[2].split(": ")[1] == "note"


def test_refresh_says_what_it_published(run, project_folder):
    found = run("refresh")
    assert (found["run"], found["manifest"]["profiles"]) == (2, 4)
    assert found["generation"].startswith("run000001-")  # nothing in it has changed
    assert found["publishedAt"].endswith("Z")
    assert run("status")["published"]["run"] == 2
    assert not Paths.of(project_folder).scratch.exists()


def test_refresh_as_text_shows_progress_on_standard_error(project_folder):
    answer = call("-C", project_folder, "refresh", "--full")
    assert answer.code == 0
    assert answer.out.startswith("Published run 2 at 2")
    assert "4 customers from 6 records" in answer.out
    stages = [line.split("  ")[0] for line in answer.err.splitlines()]
    assert {"ingest", "keys", "match", "identities", "serving generation", "publish"} <= set(stages)


def test_a_quiet_refresh_prints_nothing(project_folder):
    answer = call("-C", project_folder, "-q", "refresh")
    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_a_refresh_that_cannot_remove_what_is_old_has_published_and_says_so(project_folder):
    stuck = Paths.of(project_folder).serving / "run000000.sqlite"
    stuck.mkdir()
    answer = call("-C", project_folder, "refresh")
    assert (answer.code, answer.out.startswith("Published run 2 at ")) == (0, True)
    last = answer.err.splitlines()[-1]
    assert last.startswith(f"Run 2 is published; cleaning up failed: {stuck} cannot be used: ")
    assert last.endswith("; the next refresh tries again.")


def test_refresh_takes_a_runner_by_name_or_file(run, tmp_path):
    assert run("refresh", "--runner", "embedded")["manifest"]["runner"] == "FnApiRunner"
    (tmp_path / "mine.yaml").write_text("runner: FnApiRunner\nthreads: 1\n")
    assert run("refresh", "--runner", tmp_path / "mine.yaml")["run"] == 3


def test_a_moved_and_a_copied_project_still_work(project_folder, tmp_path):
    call("-C", project_folder, "update", "--key", ANN, "Points=9")
    moved = tmp_path / "moved to 'another' place, ü"
    shutil.copytree(project_folder, moved)
    shutil.rmtree(project_folder)
    assert (
        call("-C", moved, "--json", "get", "--key", ANN).document["fields"]["Points"]["value"] == 9
    )
    assert call("-C", moved, "stream", "--until-caught-up").code == 0
    found = call(
        "-C", moved, "--json", "sql", "SELECT max(Points) AS p FROM Customer_live"
    ).document
    assert found["rows"] == [{"p": 9}]
    assert call("-C", moved, "-q", "refresh").code == 0
    assert call("-C", moved, "--json", "timeline", "--key", ANN).document["run"] == 2


def test_a_project_in_the_current_folder_needs_no_option(tmp_path, monkeypatch):
    monkeypatch.chdir(make_shop(tmp_path / "shop"))
    assert call("validate").out == "The configuration is valid.\n"
