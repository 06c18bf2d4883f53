"""Files of the lake that are lost, cut or written over: what has sources is made anew."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from overtide.lake import standing as announced
from overtide.lake.damage import FOR_EVER, OF_STREAM
from overtide.lake.history import HISTORIES
from tests import shop
from tests.command_line import call
from tests.test_restored import WHO, points


def overwrite(file: Path) -> None:
    """Change all bytes but those by which a Parquet file is known; its size stays."""
    file.write_bytes(b"PAR1" + b"\xa5" * (file.stat().st_size - 12) + file.read_bytes()[-8:])


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def delete(file: Path) -> None:
    file.unlink()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A project after three runs, with an update that the stream carried."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "overtide.yaml").write_text(json.dumps(shop.configuration()))
    for run in (1, 2, 3):
        points(folder, run)
        assert call("-q", "-C", folder, "refresh").code == 0
    assert call("-C", folder, "update", *WHO, "FullName=Annie").code == 0
    assert call("-C", folder, "stream", "--until-caught-up").code == 0
    return folder


@pytest.fixture
def project(whole, tmp_path) -> Path:
    announced._noted.clear()
    return Path(shutil.copytree(whole, tmp_path / "project"))


def damage(folder: Path, wanted: Callable[[str], bool], how: Callable[[Path], None]) -> list[str]:
    """Damage every file of some tables; return their names."""
    files = [one for one in (folder / "lake/data").rglob("*.parquet") if wanted(one.parent.name)]
    for file in files:
        how(file)
    return sorted({file.parent.name for file in files})


def is_derived(name: str) -> bool:
    return name not in {*FOR_EVER, *OF_STREAM, *HISTORIES}


def rows_of(folder: Path, names: list[str]) -> dict[str, object]:
    """Return what tables say, but for since when."""
    found = {}
    for name in names:
        told = call("-C", folder, "--json", "sql", f'FROM "{name}"')
        assert told.code == 0, told.err
        found[name] = sorted(
            json.dumps({**row, "FirstRun": 0, "Run": 0}) for row in told.document["rows"]
        )
    return found


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("how", [overwrite, cut, delete])
def test_what_sources_have_is_made_anew(whole, project, how, changed):
    """A plain refresh looks at sizes, and at all once it cannot go on; a full one at all."""
    names = damage(project, is_derived, how)
    assert {"Customer", "UnifiedActivity", "AlternateKey", "MatchBlock", "lake_help"} < {*names}
    points(project, 4 if changed else 3)
    full = ["--full"] if how is overwrite and not changed else []
    done = call("-C", project, "--json", "refresh", *full)
    assert done.code == 0, done.err
    told = {one["entity"]: one for one in done.document["loss"] if one["kind"] == "damaged"}
    assert sorted(told) == names
    assert (
        "Customer: 3 files were missing or damaged; the table was made anew"
        in (told["Customer"]["text"])
    )
    if not changed:
        assert rows_of(project, names) == rows_of(whole, names)
    for name in ("Customer_history", "UnifiedActivity_history"):  # with those of before
        assert rows_of(project, [name]) == rows_of(whole, [name])
    assert call("-C", project, "--json", "status").document["warnings"] == []
    again = call("-C", project, "--json", "refresh").document
    assert again["manifest"]["unchanged_since"] == 4
    assert not any(one["kind"] == "damaged" for one in again["loss"])


@pytest.mark.parametrize("name", ["Registry", "Identity", "runs"])
@pytest.mark.parametrize("how", [overwrite, cut, delete])
def test_what_nobody_else_has_is_named(project, name, how):
    assert damage(project, lambda one: one == name, how) == [name]
    points(project, 4)
    for full in ([], ["--full"]):
        done = call("-C", project, "refresh", *full)
        assert done.code == 1
        assert f"file of {name} is missing or damaged: " in done.err
        assert "restore the catalog and its data from a backup." in done.err
    assert "Annie" in call("-C", project, "get", *WHO).out


def test_of_a_history_what_can_be_read_stays(whole, project):
    """A plain refresh leaves it alone, since a backup may have it; a full one does not."""
    files = sorted((project / "lake/data/main/Customer_history").glob("*.parquet"))
    delete(files[0])
    points(project, 4)
    done = call("-C", project, "--json", "refresh").document
    (told,) = (one["text"] for one in done["loss"] if one["kind"] == "damaged")
    assert told.startswith("Customer_history: 1 file was missing or damaged. Restore what is lost")
    status = call("-C", project, "status")
    assert status.code == 1
    assert f"1 file of Customer_history is missing or damaged: {files[0]}." in status.err
    done = call("-C", project, "--json", "refresh", "--full").document
    (told,) = (one["text"] for one in done["loss"] if one["kind"] == "damaged")
    assert "1 file was missing or damaged and left out" in told
    rows = rows_of(project, ["Customer_history"])["Customer_history"]
    before = rows_of(whole, ["Customer_history"])["Customer_history"]
    assert len(rows) == len(before)  # one is lost, and one came
    assert len({*rows} & {*before}) == len(before) - 1
    assert call("-C", project, "--json", "status").document["warnings"] == []


def test_status_names_what_it_needs_not(project):
    (name,) = damage(project, lambda one: one == "MatchBlock", cut)
    (warning,) = call("-C", project, "--json", "status").document["warnings"]
    assert (warning["code"], name in warning["message"]) == ("lake_damaged", True)
