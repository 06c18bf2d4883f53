"""Signals: they are answered wherever a command is, with the code that a shell expects."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.command_line import begin, environment

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
    )
    assert (done.returncode, done.stderr) == (code, "")
    assert json.loads(done.stdout)["error"]["code"] == "interrupted"


STOPPED_BESIDE_A_THREAD = """
import os, signal, sys, threading
from overtide.cli import answering
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
from overtide.cli import answering
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
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        code,
        "",
        "overtide: Stopped before it was done.\n",
    )


DONE_BESIDE_A_THREAD = """
import sys, threading
from overtide.cli import answering
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
    ) as process:
        try:
            assert process.stdout.readline() == "done\n"
            process.send_signal(number)
            assert process.communicate(timeout=60) == ("", "")
        finally:
            process.kill()
    assert process.returncode == 1


STOPPING = """
import os, signal, sys
from overtide.cli import answering, main
from overtide.cli.signals import stopping
def waits(arguments, output):
    with stopping() as stop:
        {asked}
        stop.event.wait()
    return 0
answering.run = waits
sys.exit(main())
"""
TWICE = "os.kill(os.getpid(), signal.SIGINT); os.kill(os.getpid(), signal.SIGINT)"
WHILE_IT_HOLDS_THE_LOCK = "stop.event._cond.acquire(); os.kill(os.getpid(), signal.SIGTERM); \
print('asked', flush=True); stop.event._cond.release()"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (TWICE, (130, "", "overtide: Stopped before it was done.\n")),
        (WHILE_IT_HOLDS_THE_LOCK, (0, "asked\n", "")),
    ],
)
def test_what_stops_by_itself_ends_also_at_a_second_ctrl_c_and_wherever_the_first_comes(
    asked, answer
):
    done = subprocess.run(
        [sys.executable, "-c", STOPPING.format(asked=asked), "version"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == answer


def test_ctrl_c_stops_a_query(refreshed_shop):
    with begin(
        "-C", refreshed_shop, "sql", "SELECT sum(a.range) FROM range(1000000) a, range(1000000) b"
    ) as process:
        time.sleep(2)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=300) == ("", "overtide: Stopped before it was done.\n")
    assert process.returncode == 130
