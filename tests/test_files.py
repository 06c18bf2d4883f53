"""Which files a path or a glob names.

All of them, or a clear error about the first that cannot be read.
"""

import os
from pathlib import Path

import pytest

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import OvertideError
from overtide.transforms.sources.files import files_of

HERE, THERE = "data/north/contacts.csv", "data/south/contacts.csv"


@pytest.fixture
def folder(tmp_path) -> Path:
    project = tmp_path / "a [1] *"
    for name in (HERE, THERE, "data/notes/more/other.csv"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("Id\n1\n")
    return project


def found(folder: Path, path: str) -> list[str]:
    entity = Entity.model_construct(path=path)
    return [str(file.relative_to(folder)) for file in files_of(folder, entity, None)]


def refusal(folder: Path, path: str) -> tuple[str, str]:
    with pytest.raises(OvertideError) as error:
        found(folder, path)
    return error.value.code, error.value.message


@pytest.mark.parametrize(
    "path", ["data/*/contacts.csv", "data/*th/*", "**/contacts.csv", "*/*/c*.csv"]
)
def test_a_glob_names_all_files_in_their_order(folder, path):
    assert found(folder, path) == [HERE, THERE]
    absolute = Entity.model_construct(path=str(Path(f"{folder.parent}/a ?1? *") / path))
    assert len(files_of(Path("/elsewhere"), absolute, None)) == 2


def test_folders_that_match_are_passed_over(folder):
    (folder / "data/contacts.csv").write_text("Id\n1\n")
    assert found(folder, "data/*") == ["data/contacts.csv"]
    assert refusal(folder, "data/n*") == ("no_files", "No file matches data/n*.")


@pytest.mark.parametrize("path", [THERE, "data/*/contacts.csv", "data/s*/*.csv", "**/contacts.csv"])
def test_a_link_to_nothing_and_what_is_no_file_are_refused(folder, path):
    (folder / THERE).unlink()
    (folder / THERE).symlink_to("/nowhere/contacts.csv")
    assert refusal(folder, path) == (
        "unreadable_file",
        f"{THERE} cannot be read (No such file or directory).",
    )
    (folder / THERE).unlink()
    os.mkfifo(folder / THERE)
    assert refusal(folder, path) == ("unreadable_file", f"{THERE} is no regular file.")


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("data/*/contacts.csv", 0o000),
        ("data/*/contacts.csv", 0o600),
        ("data/*/*.csv", 0o300),
        ("**/contacts.csv", 0o000),
    ],
)
def test_a_folder_that_cannot_be_searched_is_refused(folder, path, mode, monkeypatch):
    locked = folder / "data/south"
    locked.chmod(mode)
    if os.geteuid() == 0:  # nothing is closed to root
        scan = os.scandir
        monkeypatch.setattr(os, "access", lambda one, _: Path(one) != locked or bool(mode & 0o100))
        monkeypatch.setattr(
            os, "scandir", lambda one: scan("/denied" if Path(one) == locked else one)
        )
    try:
        code, message = refusal(folder, path)
    finally:
        locked.chmod(0o700)
    assert (code, message.partition(" (")[0].replace("/denied", "data/south")) == (
        "unreadable_file",
        "data/south cannot be read",
    )
