"""Run the real `overtide` entry point: in this process, which is quick, or in one of its own."""

import ctypes
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overtide.cli import main

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "overtide"]
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
"""Where the tests run in the background they ignore ctrl-C, and so would the commands that they
begin. A function that runs in these before they begin would be no way: it makes the system copy
this process with all that gRPC's threads hold, and now and then such a copy died."""


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document that `--json` leaves on standard output, and nothing else."""
        assert self.out.endswith("\n")
        assert self.out.count("\n") == 1
        return json.loads(self.out)


def call(*words: object, given: bytes | str = b"") -> Answer:
    """Run a command in this process, with `given` as its standard input."""
    data = given.encode() if isinstance(given, str) else given
    with _streams(data) as (out, err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as left:  # --help
            code = int(left.code or 0)
        sys.stdout.flush()
        sys.stderr.flush()
        return Answer(code, out.getvalue().decode(), err.getvalue().decode())


@contextmanager
def _streams(data: bytes) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    before, out, err = (sys.stdin, sys.stdout, sys.stderr), io.BytesIO(), io.BytesIO()
    sys.stdin, sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.BytesIO(data)),
        io.TextIOWrapper(out),
        io.TextIOWrapper(err),
    )
    try:
        yield out, err
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a process that runs this copy of the code."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def spawn(*words: object, given: bytes | None = b"", encoded: str = "utf-8", **more: Any) -> Answer:
    """Run a command in a process of its own."""
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        input=given,
        capture_output=True,
        check=False,
        **{"env": environment(), "timeout": 300, **more},
    )
    return Answer(done.returncode, done.stdout.decode(encoded), done.stderr.decode(encoded))


def expect_refusal(answer: Answer, exit_code: int, *parts: str) -> None:
    """Hold what a person gets to read: one line, or one and its details, that says all of `parts`.

    No traceback.
    """
    assert (answer.code, answer.out) == (exit_code, ""), answer
    first, *details = answer.err.rstrip("\n").split("\n")
    assert first.startswith("overtide: ")
    assert first.rstrip(")").endswith((".", "?")), first
    assert all(line.startswith("  ") for line in details), answer.err
    assert "Traceback" not in answer.err
    assert "Something went wrong" not in answer.err
    assert [part for part in parts if part not in answer.err] == [], answer.err


def expect_error_document(answer: Answer, exit_code: int, code: str) -> None:
    """Hold what a program gets to read: one document with the code, and nothing else."""
    assert (answer.code, answer.err) == (exit_code, "")
    assert answer.document["error"]["code"] == code
    assert answer.document["error"]["message"].endswith((".", "?"))


CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24


def obey_permissions() -> None:
    """Let permissions bind the process to come, also where root runs the tests."""
    if os.geteuid() == 0:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def begin(*words: object) -> subprocess.Popen:
    return subprocess.Popen(
        [*COMMAND, *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
