"""Event logs that are lost, cut or replaced are refused, until one says that it is so."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from overtide.project import Project
from overtide.schemas.paths import Paths
from tests.command_line import call, expect_refusal, spawn
from tests.shop import CONTACTS
from tests.test_restored import EVERY, RECORD, WHO, history

__all__ = ["history"]


def gone(log: Path, _backup: Path) -> None:
    for file in log.parent.glob("events.sqlite*"):
        file.unlink()


def gone_but_for_its_note(log: Path, _backup: Path) -> None:
    for name in ("", "-wal", "-shm"):
        log.with_name(log.name + name).unlink(missing_ok=True)


def gone_with_its_folder(log: Path, _backup: Path) -> None:
    shutil.rmtree(log.parent)


def emptied(log: Path, _backup: Path) -> None:
    gone_but_for_its_note(log, _backup)
    log.touch()


def older(log: Path, backup: Path) -> None:
    gone(log, backup)
    shutil.copy(backup, log)


def older_in_its_place(log: Path, backup: Path) -> None:
    log.write_bytes(backup.read_bytes())


def another(log: Path, _backup: Path) -> None:
    """Put a log there that has as many events, but others."""
    from tests.damage import drafts, opened

    gone(log, _backup)
    other = opened(log)
    other.append(drafts()[:3])
    other.close()


LOST: list[Callable[[Path, Path], None]] = [
    gone,
    gone_but_for_its_note,
    gone_with_its_folder,
    emptied,
    older,
    older_in_its_place,
    another,
]


@pytest.fixture(scope="module")
def carried(history, tmp_path_factory) -> tuple[Path, Path]:
    """A project whose stream carried three events, and a log backup from when it had one."""
    folder = Path(shutil.copytree(history["run 3"], tmp_path_factory.mktemp("carried") / "project"))
    assert call("-q", "-C", folder, "update", *WHO, "Points=1").code == 0
    backup = Path(shutil.copy(folder / "log/events.sqlite", folder.parent / "backup.sqlite"))
    for value in (2, 3):
        assert call("-q", "-C", folder, "update", *WHO, f"Points={value}").code == 0
    assert call("-q", "-C", folder, "stream", "--until-caught-up").code == 0
    return folder, backup


@pytest.mark.parametrize("lose_log", LOST)
def test_a_log_that_lost_events_is_refused_by_every_command(carried, tmp_path, lose_log):
    folder = Path(shutil.copytree(carried[0], tmp_path / "project"))
    lose_log(folder / "log/events.sqlite", carried[1])
    before = sorted((folder / "log").glob("*.sqlite")) if (folder / "log").exists() else []
    for command, words in EVERY.items():
        answer = call("-q", "--json", "-C", folder, *words, given=RECORD)
        assert (command, answer.code, answer.document["error"]["code"]) == (
            command,
            1,
            "log_replaced",
        )
    assert (
        sorted((folder / "log").glob("*.sqlite")) if (folder / "log").exists() else []
    ) == before
    expect_refusal(
        call("-q", "-C", folder, "get", *WHO),
        1,
        "Restore the newest backup of the log",
        "`overtide stream --accept-log`",
    )


@pytest.mark.parametrize("lose_log", LOST)
def test_a_lake_begins_anew_with_another_log_when_told_to(carried, tmp_path, lose_log):
    folder = Path(shutil.copytree(carried[0], tmp_path / "project"))
    lose_log(folder / "log/events.sqlite", carried[1])
    assert call("-q", "-C", folder, "stream", "--until-caught-up", "--accept-log").code == 0
    for command in ("update", "stream", "get", "timeline", "sql", "status", "refresh"):
        assert call("-q", "-C", folder, *EVERY[command]).code == 0
    card = call("-C", folder, "--json", "get", *WHO).document["fields"]["Points"]
    ann = "SELECT Points FROM Customer_live WHERE EMail = 'ann@x'"
    rows = call("-C", folder, "--json", "sql", ann).document["rows"]
    assert (card["value"], card["live"], rows) == (1, True, [{"Points": 1}])


def test_what_was_published_from_a_log_is_missed_as_well(history, tmp_path):
    folder = Path(shutil.copytree(history["run 3"], tmp_path / "project"))
    assert call("-q", "-C", folder, "update", *WHO, "Points=1").code == 0
    assert call("-q", "-C", folder, "refresh").code == 0
    gone(folder / "log/events.sqlite", folder)
    for words in EVERY.values():
        answer = call("-q", "--json", "-C", folder, *words, given=RECORD)
        assert answer.document["error"]["code"] == "log_replaced"


def test_accepting_the_log_that_belongs_to_a_lake_changes_nothing(carried, tmp_path):
    folder = Path(shutil.copytree(carried[0], tmp_path / "project"))
    assert call("-C", folder, "--json", "stream", "--until-caught-up", "--accept-log").document == {
        "position": 3,
        "events": 0,
        "ticks": 0,
        "late": 0,
    }


def test_a_stream_and_a_writer_notice_that_the_log_is_taken_away(carried, tmp_path):
    folder = Path(shutil.copytree(carried[0], tmp_path / "project"))
    with Project(folder) as opened:
        opened.update(key=(CONTACTS, "1"), fields={"Points": 4})
        gone(folder / "log/events.sqlite", folder)
        for change in (
            lambda: opened.update(key=(CONTACTS, "1"), fields={"Points": 5}),
            opened.stream,
            lambda: opened.get(key=(CONTACTS, "1")),
        ):
            with pytest.raises(Exception, match="another event log"):
                change()


def test_a_running_stream_ends_when_its_log_is_replaced(carried, tmp_path):
    import threading

    folder = Path(shutil.copytree(carried[0], tmp_path / "project"))
    stop, codes = threading.Event(), []

    def run() -> None:
        try:
            with Project(folder) as opened:
                opened.stream(until_caught_up=False, stop=stop)
        except Exception as error:  # noqa: BLE001 - whatever a stream may meet
            codes.append(getattr(error, "code", repr(error)))

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive() and not Paths.of(folder).locks.joinpath("stream.lock").exists():
        pass
    older(folder / "log/events.sqlite", carried[1])
    thread.join(60)
    stop.set()
    assert codes == ["log_replaced"]


def test_another_process_says_the_same(carried, tmp_path):
    folder = Path(shutil.copytree(carried[0], tmp_path / "project"))
    gone(folder / "log/events.sqlite", folder)
    expect_refusal(
        spawn("-q", "-C", folder, *EVERY["get"]),
        1,
        "The lake holds events up to position 3 of another",
    )
