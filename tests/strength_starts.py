"""Stops while a service starts: a signal at any instant, or two, and it ends as it should."""

import signal
import subprocess
import tempfile
import time
from pathlib import Path
from random import Random

from benchmarks.measure import Row
from tests.command_line import COMMAND, environment

STARTS, MOST_SECONDS = 200, 40.0
"""Services that are started, and the seconds in which each must have ended."""
CODES = {
    signal.SIGINT: (130, -signal.SIGINT),
    signal.SIGTERM: (0, 143, -signal.SIGTERM),
}
"""What each signal may end with; negative where it came before there was a command."""


def starts(folder: Path, ids: list[str]) -> list[Row]:
    """SIGINT and SIGTERM at random instants of a start and shortly after, once and twice."""
    del ids
    chance, took = Random(0), []
    for turn in range(STARTS):
        words = ("--only", "api") if turn % 2 else ("--workers", "2")
        took.append(_stopped(folder, words, chance))
    return [Row(f"{STARTS} stops while it starts, slowest", max(took), "s", at_most=10)]


def _stopped(folder: Path, words: tuple[str, ...], chance: Random) -> float:
    """Start a service, stop it, hold what it ends with, and return the seconds that took."""
    number = chance.choice([*CODES])
    command = [*COMMAND, "-C", str(folder), "--json", "serve", "--port", "0", *words]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env=environment(),
        ) as process,
    ):
        try:
            if chance.random() < 0.4:  # it listens, and what runs beside it starts
                assert process.stdout is not None
                process.stdout.readline()
            time.sleep(chance.uniform(0, 2.5))
            process.send_signal(number)
            began = time.monotonic()
            if chance.random() < 0.3:
                time.sleep(chance.uniform(0, 0.3))
                process.send_signal(number)
            code = process.wait(MOST_SECONDS)
        finally:
            process.kill()
        said.seek(0)
        _expect_answered(number, code, said.read())
        return time.monotonic() - began


def _expect_answered(number: signal.Signals, code: int, said: str) -> None:
    """Hold the exit code, and that no trace is of code of ours.

    A signal may come while Python itself starts, which then says so in its own way.
    """
    python_alone = "Traceback" in said and "overtide" not in said
    assert python_alone or code in CODES[number], (number, code, said)
    assert python_alone or "Traceback" not in said, said
