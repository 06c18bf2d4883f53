"""A restored project: its catalog is the truth, and a generation that is damaged is noticed."""

import json
import os
import shutil
from pathlib import Path

import pytest

from overtide.lake import sealed
from overtide.lake import standing as announced
from overtide.project import Project
from overtide.schemas.paths import Paths
from overtide.schemas.signatures import signature
from tests import shop
from tests.command_line import call, expect_refusal
from tests.shop import CONTACTS, ORDERS

WHO = ["--key", f"{CONTACTS}=1"]
WHOM = (CONTACTS, "1")
CATALOG, SERVING = "lake/catalog.sqlite", "lake/catalog.sqlite.files/serving"
RECORD = json.dumps({"OrderId": "9", "AccountId": "1", "PlacedAt": "2026-01-01T10:00:00Z"})
EVERY = {
    "get": ["get", *WHO],
    "timeline": ["timeline", *WHO],
    "sql": ["sql", "FROM runs"],
    "open": ["open"],
    "status": ["status"],
    "update": ["update", *WHO, "Points=1"],
    "withdraw": ["withdraw", *WHO],
    "post": ["post", ORDERS],
    "stream": ["stream", "--until-caught-up"],
    "refresh": ["refresh"],
}


def points(folder: Path, value: int) -> None:
    """Let the source say so many points of Ann."""
    shop.write_sources(
        folder,
        shop.sources(
            (CONTACTS, "1", {"EMail": "ann@x", "FullName": "Ann", "Points": value}),
            (shop.ACCOUNTS, "1", {"EMail": "ann@x"}),
            (
                ORDERS,
                "1",
                {
                    "OrderId": "1",
                    "AccountId": "1",
                    "PlacedAt": "2024-03-01T10:00:00Z",
                    "Item": f"Cup {value}",
                },
            ),
        ),
    )


def said(folder: Path) -> tuple[object, ...]:
    """Return what every kind of read says of Ann.

    Run and points of the card, activity, the same in SQL, the status.
    """
    announced._noted.clear()  # as another process
    card, timeline = (
        call("-C", folder, "--json", *EVERY[name]).document for name in ("get", "timeline")
    )
    rows = call(
        "-C",
        folder,
        "--json",
        "sql",
        "SELECT max(r.Run) run, any_value(c.Points) points FROM runs r, "
        "(FROM Customer_live WHERE EMail = 'ann@x') c",
    ).document["rows"][0]
    status = call("-C", folder, "--json", "status").document
    assert (card["run"], timeline["run"], status["published"]["run"]) == (rows["run"],) * 3
    assert card["fields"]["Points"]["value"] == rows["points"]
    return card["run"], rows["points"], timeline["activities"][0]["Title"]


@pytest.fixture(scope="module")
def history(tmp_path_factory) -> dict[str, Path]:
    """Copies of one project.

    After run 2, after run 3, and one that was at run 2 when it went on to another run 3.
    """
    folder = tmp_path_factory.mktemp("history")
    now = folder / "now"
    now.mkdir()
    (now / "overtide.yaml").write_text(json.dumps(shop.configuration()))
    copies = {}
    for run in (1, 2, 3):
        points(now, run)
        assert call("-q", "-C", now, "refresh").code == 0
        copies[f"run {run}"] = Path(shutil.copytree(now, folder / f"run {run}"))
    other = Path(shutil.copytree(copies["run 2"], folder / "other"))
    points(other, 33)
    assert call("-q", "-C", other, "refresh").code == 0
    return {**copies, "other run 3": other}


def put_over(backup: Path, folder: Path) -> None:
    """Copy a catalog over the one that is there, as `cp` does: the file stays the same one."""
    (folder / CATALOG).write_bytes((backup / CATALOG).read_bytes())


def put_over_with_its_times(backup: Path, folder: Path) -> None:
    """Copy a catalog over as `cp -p` does."""
    put_over(backup, folder)
    shutil.copystat(backup / CATALOG, folder / CATALOG)


def move_in(backup: Path, folder: Path) -> None:
    """Move a copy into the catalog's place."""
    shutil.copy2(backup / CATALOG, folder / "copied")
    (folder / "copied").replace(folder / CATALOG)


def with_data(backup: Path, folder: Path) -> None:
    """Restore the whole lake but the serving generations and what lies beside the catalog."""
    for path in (backup / "lake/data").rglob("*.parquet"):
        place = folder / path.relative_to(backup)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
    put_over(backup, folder)


RESTORED = [put_over, put_over_with_its_times, move_in, with_data]


def wholly(backup: Path, folder: Path) -> None:
    """Restore the whole lake."""
    shutil.rmtree(folder / "lake")
    shutil.copytree(backup / "lake", folder / "lake")


@pytest.fixture
def project(history, tmp_path) -> Path:
    """A copy of the project at run 3."""
    return Path(shutil.copytree(history["run 3"], tmp_path / "project"))


@pytest.mark.parametrize("restore", RESTORED)
def test_an_older_catalog_is_the_truth_everywhere(history, project, restore):
    with_data(history["run 2"], project)
    restore(history["run 2"], project)
    assert said(project) == (2, 2, "Cup 2")
    with Project(project) as opened:
        assert opened.get(key=(CONTACTS, "1")).run == 2


@pytest.mark.parametrize("restore", [with_data, wholly])
def test_a_newer_catalog_is_the_truth_everywhere(history, tmp_path, restore):
    folder = Path(shutil.copytree(history["run 2"], tmp_path / "project"))
    restore(history["run 3"], folder)
    assert said(folder) == (3, 3, "Cup 3")


@pytest.mark.parametrize("restore", [with_data, wholly])
def test_a_run_of_another_history_with_the_same_number_is_not_taken_for_it(
    history, project, restore
):
    restore(history["other run 3"], project)
    assert said(project) == (3, 33, "Cup 33")
    restore(history["run 3"], project)
    assert said(project) == (3, 3, "Cup 3")


def test_past_bases_are_those_of_the_restored_catalog(history, project):
    before = call(
        "-C", history["run 3"], "--json", "sql", "SELECT Run, PublishedAt FROM runs ORDER BY Run"
    ).document
    at = str(before["rows"][1]["PublishedAt"]).replace(" ", "T")
    for generation in (project / SERVING).glob("run000002*"):
        shutil.copy(next((history["other run 3"] / SERVING).glob("run000003*")), generation)
    card = call("-C", project, "--json", "get", *WHO, "--as-of", at).document
    assert (card["run"], card["fields"]["Points"]["value"]) == (2, 2)


def test_a_restored_lake_goes_on_with_a_refresh_and_a_stream(history, project):
    assert call("-q", "-C", project, "update", *WHO, "FullName=Cleo").code == 0
    assert call("-q", "-C", project, "stream", "--until-caught-up").code == 0
    wholly(history["run 2"], project)
    assert said(project) == (2, 2, "Cup 2")
    assert call("-C", project, "--json", "stream", "--until-caught-up").document == {
        "position": 1,
        "events": 1,
        "ticks": 1,
        "late": 0,
    }
    points(project, 4)
    assert call("-q", "-C", project, "refresh").code == 0
    assert said(project) == (3, 4, "Cup 4")
    live = call(
        "-C", project, "--json", "sql", "SELECT FullName FROM Customer_live WHERE EMail = 'ann@x'"
    ).document
    card = call("-C", project, "--json", "get", *WHO).document
    assert (live["rows"], card["fields"]["FullName"]["value"]) == ([{"FullName": "Cleo"}], "Cleo")


def test_a_process_that_stays_open_notices_a_restored_catalog(history, project):
    with Project(project) as opened:
        assert (opened.get(key=(CONTACTS, "1")).run, opened.timeline(key=(CONTACTS, "1")).run) == (
            3,
            3,
        )
        for name, title, run in (
            ("run 2", "Cup 2", 2),
            ("other run 3", "Cup 33", 3),
            ("run 3", "Cup 3", 3),
        ):
            with_data(history[name], project)
            assert opened.get(key=(CONTACTS, "1")).run == run
            assert [entry["Title"] for entry in opened.timeline(key=(CONTACTS, "1")).entries] == [
                title
            ]


@pytest.mark.parametrize("restore", [with_data, wholly])
def test_a_process_that_stays_open_asks_for_past_bases_of_the_restored_catalog(
    history, tmp_path, restore
):
    """Its run 3 is another one, published later, than the one of the same number before."""
    folder = Path(shutil.copytree(history["run 3"], tmp_path / "project"))
    with Project(folder) as opened:
        first = opened.reader.published()
        assert first is not None
        assert opened.get(key=WHOM, as_of=first.published_at).run == 3
        assert opened.get(key=WHOM, as_of=first.published_at - 1)["Points"] == 2
        restore(history["other run 3"], folder)
        later = opened.reader.published()
        assert later is not None
        assert (later.run, later.published_at > first.published_at) == (3, True)
        card = opened.get(key=WHOM, as_of=first.published_at)
        assert (card.run, card["Points"]) == (2, 2)
        card = opened.get(key=WHOM, as_of=later.published_at)
        assert (card.run, card["Points"]) == (3, 33)


# ---- serving generations that are lost or damaged


def lose(generation: Path) -> None:
    generation.unlink()


def cut(generation: Path) -> None:
    os.truncate(generation, generation.stat().st_size // 2)


def empty(generation: Path) -> None:
    os.truncate(generation, 0)


def overwrite(generation: Path) -> None:
    generation.write_bytes(b"garbage")


def change_a_letter(generation: Path) -> None:
    """Change a value within the file, which SQLite does not notice."""
    content = generation.read_bytes()
    assert content.count(b"ann@x") > 0
    generation.write_bytes(content.replace(b"ann@x", b"amn@x"))


def break_pages(generation: Path) -> None:
    """Let no reader find what is in it, and nobody notice by its name.

    As one of an earlier version, or a bad disk.
    """
    content = generation.read_bytes()
    generation.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    sealed._whole[generation] = signature(generation)


def forbid(generation: Path) -> None:
    """Put something there that cannot be read as a file."""
    generation.unlink()
    generation.mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        lose,
        change_a_letter,
        *(pytest.param(one, marks=pytest.mark.long) for one in (cut, empty, overwrite, forbid)),
    ],
)
def test_reads_and_changes_go_on_from_the_lake_where_a_generation_is_damaged(project, damage):
    whole = call("-C", project, "--json", *EVERY["get"]).document
    damage(next((project / SERVING).glob("run000003*")))
    found = call("-C", project, "--json", *EVERY["get"]).document
    times = {"asOf", "knownAt"}
    assert {key: found[key] for key in found.keys() - times} == {
        key: whole[key] for key in whole.keys() - times
    }
    assert said(project) == (3, 3, "Cup 3")
    for command in ("update", "withdraw", "post"):
        assert call("-q", "-C", project, *EVERY[command], given=RECORD).code == 0
    expect_refusal(call("-C", project, "update", *WHO, "Point=1"), 1, "Point", "Did you mean")
    assert call("-C", project, "get", "--key", "Nobody=1").code == 1
    assert call("-q", "-C", project, "refresh").code == 0
    assert len(list((project / SERVING).glob("run000004-*.sqlite"))) == 1


def test_reads_go_on_where_a_generation_is_damaged_and_nobody_noticed_yet(project):
    break_pages(next((project / SERVING).glob("run000003*")))
    with Project(project) as opened:
        assert (
            opened.get(key=(CONTACTS, "1"))["Points"],
            opened.timeline(key=(CONTACTS, "1")).run,
        ) == (3, 3)
    assert said(project) == (3, 3, "Cup 3")


def test_a_generation_is_looked_through_once(project, monkeypatch):
    read = []
    monkeypatch.setattr(
        "overtide.lake.sealed.checksum", lambda path: read.append(path) or int(path.stem[-8:], 16)
    )
    generation = next((project / SERVING).glob("run000003*"))
    os.utime(generation)
    for _ in range(3):
        with Project(project) as opened:
            assert opened.get(key=(CONTACTS, "1")).run == 3
    assert read == [generation]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"5",
        b"null",
        b"{}",
        b'{"format": 2}',
        b'{"run": 9, "published_at": 1, "generation": "run000009"}',
    ],
)
def test_what_lies_beside_the_catalog_is_asked_anew_where_it_says_nothing(project, content):
    published = Paths.of(project).published
    published.write_bytes(content)
    assert said(project) == (3, 3, "Cup 3")
    assert json.loads(published.read_bytes())["standing"]["publish"]["run"] == 3


def test_the_catalog_is_asked_once_after_it_was_restored(history, project, monkeypatch):
    asked = []
    real = announced._named_by_catalog
    monkeypatch.setattr(
        announced, "_named_by_catalog", lambda paths: asked.append(paths) or real(paths)
    )
    put_over(history["run 3"], project)
    for command in ("get", "get", "status", "sql", "timeline", "get", "update", "get"):
        announced._noted.clear()
        assert call("-q", "-C", project, *EVERY[command]).code == 0
    assert len(asked) == 1
    assert call("-q", "-C", project, "stream", "--until-caught-up").code == 0
    assert call("-q", "-C", project, "refresh").code == 0
    announced._noted.clear()
    assert call("-q", "-C", project, "get", *WHO).code == 0
    assert len(asked) == 1
