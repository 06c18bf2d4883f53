"""Commands as processes.

Signals, locks, pipes, closed streams, encodings, terminals, and what they import.
"""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from overtide.project import Project
from overtide.schemas.paths import Paths
from tests.command_line import COMMAND, begin, call, environment, expect_refusal, heed_ctrl_c
from tests.shop import CONTACTS

WHO = ["--key", f"{CONTACTS}=1"]


def holder(folder: Path, lock: str) -> dict | None:
    with Project(folder) as project:
        return project.status()["locks"][lock]


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
    with holding(project_folder, "refresh", "refresh") as first:
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
@pytest.mark.parametrize("delay", [0.0, 0.8])
def test_a_stopped_refresh_leaves_the_old_base_and_says_so(project_folder, number, code, delay):
    with holding(project_folder, "refresh", "-q", "refresh") as process:
        time.sleep(delay)
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
    run = call("-C", project_folder, "--json", "get", *WHO).document["run"]
    if process.returncode:  # else it was done before the signal came
        assert (process.returncode, out, err, run) == (
            code,
            "",
            "overtide: Stopped: nothing was published. Run 1 is still served.\n",
            1,
        )
    assert not Paths.of(project_folder).scratch.exists()
    assert call("-C", project_folder, "-q", "refresh").code == 0


def test_no_folder_of_beam_is_left_whatever_the_end(project_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, None):
        with holding(project_folder, "refresh", "refresh") as process:
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
    project.refresh()
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
    with holding(project_folder, "refresh", "refresh") as process:
        process.kill()
        process.wait(300)
    assert holder(project_folder, "refresh") is None
    assert call("-C", project_folder, "--json", "get", *WHO).document["run"] == 1
    assert call("-C", project_folder, "-q", "refresh").code == 0
    assert not Paths.of(project_folder).scratch.exists()


STOPPED_AT = """
import builtins, os, signal, sys
load = builtins.__import__
def imported(name, *rest, **more):
    if name == sys.argv[1]:
        builtins.__import__ = load
        os.kill(os.getpid(), getattr(signal, sys.argv[2]))
    return load(name, *rest, **more)
builtins.__import__ = imported
from overtide.cli import main
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize(
    "module",
    [
        "overtide.cli.answering",
        "overtide.cli.output",
        "overtide.schemas.instants",
        "overtide.cli.commands",
        "overtide.lake.session",
        "duckdb",
    ],
)
def test_a_signal_is_answered_wherever_the_command_is(refreshed_shop, module, number, code):
    words = ["-C", refreshed_shop, "--json", "sql", "SELECT 1"]
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_AT, module, number, *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        timeout=300,
        preexec_fn=heed_ctrl_c,
    )
    assert (done.returncode, done.stderr) == (code, "")
    assert json.loads(done.stdout)["error"]["code"] == "interrupted"


STOPPED_BESIDE_A_THREAD = """
import os, signal, sys, threading
from overtide import answering
from overtide.cli import main
def leaves_a_thread(argv, interruption):
    threading.Thread(target=threading.Event().wait).start()
    os.kill(os.getpid(), getattr(signal, sys.argv[1]))
answering.answer = leaves_a_thread
sys.exit(main())
"""


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_stopped_command_ends_whatever_its_threads_do(number, code):
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED_BESIDE_A_THREAD, number],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=heed_ctrl_c,
    ) as process:
        try:
            answer = process.stderr.readline()
            time.sleep(1)
            process.send_signal(signal.SIGINT)  # it is ending already, and says nothing more
            out, more = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out, answer + more) == (
        code,
        "",
        "overtide: Stopped before it was done.\n",
    )


STOPPED_IN_CODE_GIVEN_AS_TEXT = """
import os, signal, sys
from overtide import answering
from overtide.cli import main
def within_text(argv, interruption):
    exec("os.kill(os.getpid(), getattr(signal, sys.argv[1]))")
answering.answer = within_text
sys.exit(main())
"""


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_command_stopped_within_code_given_as_text_ends_with_its_code(number, code, tmp_path):
    (tmp_path / "stopped_in_text.py").write_text(
        STOPPED_IN_CODE_GIVEN_AS_TEXT
    )  # as a module, like `-m overtide`
    paths = os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "stopped_in_text", number],
        capture_output=True,
        text=True,
        check=False,
        env=environment(PYTHONPATH=paths),
        timeout=300,
        preexec_fn=heed_ctrl_c,
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        code,
        "",
        "overtide: Stopped before it was done.\n",
    )


DONE_BESIDE_A_THREAD = """
import sys, threading
from overtide import answering
from overtide.cli import main
def leaves_a_thread(argv, interruption):
    threading.Thread(target=threading.Event().wait).start()
    return 1
answering.answer = leaves_a_thread
code = main()
print("done", flush=True)
sys.exit(code)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_a_command_that_has_answered_changes_nothing(number):
    with subprocess.Popen(
        [sys.executable, "-c", DONE_BESIDE_A_THREAD],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=heed_ctrl_c,
    ) as process:
        try:
            assert process.stdout.readline() == "done\n"
            process.send_signal(number)
            assert process.communicate(timeout=60) == ("", "")
        finally:
            process.kill()
    assert process.returncode == 1


def test_ctrl_c_stops_a_query(refreshed_shop):
    with begin(
        "-C", refreshed_shop, "sql", "SELECT sum(a.range) FROM range(1000000) a, range(1000000) b"
    ) as process:
        time.sleep(2)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=300) == ("", "overtide: Stopped before it was done.\n")
    assert process.returncode == 130


@pytest.mark.parametrize(
    "words", [["sql", "FROM range(100000)"], ["--json", "sql", "FROM range(100000)"]]
)
def test_a_reader_that_has_enough_ends_the_command_quietly(refreshed_shop, words):
    with begin("-C", refreshed_shop, *words) as process:
        assert process.stdout.read(20)
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(300) == 0


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """Give both ends of a pseudo-terminal: what the command writes to, and where it is read."""
    ours, theirs = pty.openpty()
    try:
        yield theirs, ours
    finally:
        os.close(ours)


def run_on_terminal(
    *words: object, given: bytes = b"", more: dict[str, str] | None = None
) -> tuple[int, str]:
    """Run a command whose every stream is a terminal.

    Return its exit code and what the terminal showed.
    """
    with terminal() as (theirs, ours):
        process = subprocess.Popen(
            [*COMMAND, *map(str, words)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(**{"TERM": "xterm", **(more or {})}),
        )
        os.close(theirs)
        os.write(ours, given)
        shown = b""
        while process.poll() is None or select.select([ours], [], [], 0.1)[0]:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    shown += os.read(ours, 65536)
                except OSError:  # its other end is closed
                    break
        return process.wait(300), shown.decode()


def test_progress_on_a_terminal_is_one_line_that_changes(project_folder):
    code, shown = run_on_terminal("-C", project_folder, "refresh")
    assert code == 0
    assert shown.count("\r\x1b[K") > 5
    assert "\nPublished run 2 at " in shown.replace("\r", "")
    for stage in (
        "ingest",
        "keys",
        "match",
        "identities",
        "build Customer",
        "serving generation",
        "publish",
    ):
        assert stage in shown
    assert "0 of 10 rows" in shown


def test_live_values_are_green_on_a_terminal_unless_no_colours_are_wanted(project_folder):
    assert call("-C", project_folder, "update", *WHO, "Points=99").code == 0
    words = ("-C", project_folder, "get", *WHO)
    assert "\x1b[32mPoints" in run_on_terminal(*words)[1]
    assert "\x1b[" not in run_on_terminal(*words, more={"NO_COLOR": "1"})[1]
    assert "\x1b[" not in run_on_terminal(*words, more={"TERM": "dumb"})[1]
    assert "\x1b[" not in run_on_terminal("--json", *words)[1]


def test_wide_cells_are_cut_on_a_terminal_only(refreshed_shop):
    words = ("-C", refreshed_shop, "sql", "SELECT repeat('x', 1000) AS x")
    assert "x" * 1000 in call(*words).out
    assert "x…" in run_on_terminal(*words)[1]


def test_reading_a_terminal_says_how_to_end(project_folder):
    given = b'{"OrderId": "9", "AccountId": "1", "PlacedAt": "2026-01-01T10:00:00Z"}\n\x04'
    code, shown = run_on_terminal("-C", project_folder, "post", "Shop_Orders", given=given)
    assert code == 0
    assert "Reading standard input; end it with ctrl-D." in shown
    assert "1 accepted, 0 refused." in shown
