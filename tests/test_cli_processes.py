"""Commands beside each other: locks, stops, kills, and what they leave behind."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from overtide.lake.coordination import Lock, coordination
from overtide.schemas.paths import Paths
from tests.command_line import begin, call, environment, expect_refusal
from tests.shop import CONTACTS

WHO = ["--key", f"{CONTACTS}=1"]


def holder(folder: Path, lock: str) -> dict | None:
    return coordination(Paths.of(folder)).holder(Lock(lock))


@contextmanager
def holding(folder: Path, lock: str, *words: str) -> Iterator[subprocess.Popen]:
    """Run a command, and go on when it holds its lock; kill it at the end if it still runs."""
    with begin("-C", folder, *words) as process:
        until = time.monotonic() + 300
        while (holder(folder, lock) or {}).get("pid") != process.pid:
            assert time.monotonic() < until, process.poll()
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        try:
            yield process
        finally:
            process.kill()


def test_a_second_refresh_ends_with_75_and_says_who_holds_the_lock(project_folder):
    with holding(project_folder, "refresh", "refresh", "--full") as first:
        first.send_signal(signal.SIGSTOP)
        expect_refusal(
            call("-C", project_folder, "refresh"),
            75,
            f"The refresh lock is held by `overtide refresh` (process {first.pid} on ",
            "Try again when it has finished.",
        )
        error = call("-C", project_folder, "--json", "refresh").document["error"]
        assert (error["code"], error["target"]) == ("locked", "refresh")
        held = call("-C", project_folder, "--json", "status").document["locks"]
        assert (held["refresh"]["command"], held["stream"]) == ("overtide refresh", None)
        assert (
            f"overtide refresh, process {first.pid} on" in call("-C", project_folder, "status").out
        )
        first.send_signal(signal.SIGCONT)
        assert first.wait(300) == 0
    assert holder(project_folder, "refresh") is None


def test_a_second_stream_ends_with_75_while_all_else_goes_on_beside_the_first(project_folder):
    with holding(project_folder, "stream", "stream") as first:
        for words in (["stream"], ["stream", "--until-caught-up"]):
            expect_refusal(
                call("-C", project_folder, *words),
                75,
                "The stream lock is held by `overtide stream`",
            )
        assert call("-C", project_folder, "update", *WHO, "Points=99").code == 0
        assert call("-C", project_folder, "-q", "refresh").code == 0
        wait_for_sql(project_folder, 99)
        first.send_signal(signal.SIGINT)
        out, err = first.communicate(timeout=300)
    assert (first.returncode, err) == (130, "Streaming; stop it with ctrl-C.\n")
    assert out == "Carried 1 event into the lake; position 1.\n"


def wait_for_sql(folder: Path, points: int) -> None:
    """Wait until SQL sees the points that an update has set."""
    until = time.monotonic() + 300
    while call(
        "-C", folder, "--json", "sql", "SELECT max(Points) AS p FROM Customer_live"
    ).document["rows"] != [{"p": points}]:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_stopped_stream_ends_after_what_it_is_doing(project_folder, number, code):
    with holding(project_folder, "stream", "--json", "stream") as process:
        process.send_signal(number)
        out, _ = process.communicate(timeout=300)
    assert (process.returncode, json.loads(out)) == (
        code,
        {"position": 0, "events": 0, "ticks": 0, "late": 0},
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("delay", [0.0, 0.5])
def test_a_stopped_refresh_leaves_the_old_base_and_says_so(project_folder, number, code, delay):
    with holding(project_folder, "refresh", "-q", "refresh", "--full") as process:
        time.sleep(delay)
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
    run = call("-C", project_folder, "--json", "get", *WHO).document["run"]
    if process.returncode:  # else it was done before the signal came
        said = {
            1: "overtide: Stopped: nothing was published. Run 1 is still served.\n",
            2: "overtide: Stopped while cleaning up: run 2 is published.\n",
        }
        assert (process.returncode, out, err) == (code, "", said[run])
    assert not Paths.of(project_folder).scratch.exists()
    assert call("-C", project_folder, "-q", "refresh").code == 0


def test_no_folder_of_beam_is_left_whatever_the_end(project_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, None):
        with holding(project_folder, "refresh", "refresh", "--full") as process:
            if number is not None:
                time.sleep(1.5)  # Beam has made its pipeline
                process.send_signal(number)
            process.wait(300)
    assert call("-C", project_folder, "update", *WHO, "Points=99").code == 0
    with holding(project_folder, "stream", "stream") as process:
        wait_for_sql(project_folder, 99)
        process.kill()
        process.wait(300)
    assert list(tmp_path.glob("beam-*")) == []


QUIET_IN_PYTHON = """
import logging, sys, overtide
with overtide.open(sys.argv[1]) as project:
    import overtide.pipelines.refresh
    print(logging.getLogger().handlers, logging.getLogger().filters)
    project.refresh(full=True)
    project.stream()
"""


def test_beam_says_nothing_of_its_own_in_python(project_folder):
    done = subprocess.run(
        [sys.executable, "-c", QUIET_IN_PYTHON, project_folder],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        timeout=300,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[] []\n", "")


def test_a_killed_refresh_leaves_the_old_base(project_folder):
    with holding(project_folder, "refresh", "refresh", "--full") as process:
        process.kill()
        process.wait(300)
    assert holder(project_folder, "refresh") is None
    assert call("-C", project_folder, "--json", "get", *WHO).document["run"] == 1
    assert call("-C", project_folder, "-q", "refresh").code == 0
    assert not Paths.of(project_folder).scratch.exists()
