"""Folders that Overtide makes are private and durable.

Those that are there keep their permissions.
"""

import os
import stat
from pathlib import Path

import duckdb
import pytest

from overtide.lake.generation_build import GenerationSources, build_generation
from overtide.schemas.folders import make_folder
from overtide.schemas.serving_metadata import ServingMetadata
from tests.command_line import call
from tests.conftest import make_shop
from tests.shop import CONTACTS

UPDATE = ["update", "--key", f"{CONTACTS}=1", "Points=3"]
METADATA = ServingMetadata(1, "i", ())
NOTHING = GenerationSources(
    "SELECT '' AS CustomerId, '' AS told, '' AS PreviousCustomerId WHERE false",
    "SELECT '' AS EntityName, '' AS PrimaryKey, '' AS CustomerId, true AS IsWinner WHERE false",
    "SELECT '' AS EntityName, '' AS PrimaryKey, '' AS CustomerId WHERE false",
    "SELECT '' AS PreviousCustomerId, '' AS CustomerId WHERE false",
    "SELECT '' AS EntityName, '' AS PrimaryKey, '' AS CustomerId WHERE false",
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def synced(monkeypatch):
    """What was forced to the disk, in order: the path, and the names in it if it is a folder."""
    found, fsync = [], os.fsync

    def recorded(descriptor):
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        found.append((path, {one.name for one in path.iterdir()} if path.is_dir() else None))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    return found


def test_the_folders_of_a_lake_are_for_their_owner_alone(tmp_path):
    folder = make_shop(tmp_path / "shop")
    folder.chmod(0o755)
    assert call("-C", folder, "-q", "refresh").code == 0
    assert call("-C", folder, "-q", *UPDATE).code == 0
    assert call("-C", folder, "-q", "stream", "--until-caught-up").code == 0
    files = folder / "lake" / "catalog.sqlite.files"
    made = [
        folder / "lake",
        folder / "lake" / "data",
        files,
        files / "locks",
        files / "serving",
        folder / "log",
    ]
    assert {str(path.relative_to(folder)): mode(path) for path in made if mode(path) != 0o700} == {}
    assert mode(folder) == 0o755


def test_a_folder_that_is_there_keeps_its_permissions(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there").chmod(0o2770)
    make_folder(tmp_path / "there")
    make_folder(tmp_path / "there" / "a" / "b")
    assert [mode(tmp_path / "there" / name) & 0o777 for name in (".", "a", "a/b")] == [
        0o770,
        0o700,
        0o700,
    ]


def test_a_file_in_the_place_of_a_folder_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("file", "file/below"):
        with pytest.raises((FileExistsError, NotADirectoryError)):
            make_folder(tmp_path / name)


def test_the_name_of_a_new_folder_is_on_the_disk(tmp_path, synced):
    make_folder(tmp_path / "a" / "b")
    assert synced == [(tmp_path, {"a"}), (tmp_path / "a", {"b"})]
    make_folder(tmp_path / "a" / "b")
    assert len(synced) == 2


def test_the_name_of_a_new_event_log_is_on_the_disk(project_folder, tmp_path, synced):
    text = (project_folder / "overtide.yaml").read_text()
    (project_folder / "overtide.yaml").write_text(
        f"{text}event_log:\n  path: ../new/log/events.sqlite\n"
    )
    assert call("-C", project_folder, "-q", *UPDATE).code == 0
    assert any(path == tmp_path and "new" in names for path, names in synced)
    assert any(path == tmp_path / "new" and "log" in names for path, names in synced)


def test_the_name_of_a_new_generation_is_on_the_disk(tmp_path, synced):
    path = tmp_path / "serving" / "run000001.sqlite"
    with duckdb.connect() as connection:
        name = build_generation(connection, path, METADATA, NOTHING)
    assert synced[-1] == (path.parent, {f"{name}.sqlite"})
