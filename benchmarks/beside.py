"""Cards in one process while a stream carries events and refreshes publish.

The stream carries a hundred events a second, and one refresh after the other publishes.
"""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import overtide
from benchmarks.latency import streaming
from benchmarks.live import customer_ids, plain_get, plain_store
from benchmarks.measure import Row, percentile, seconds_of

SECONDS, PAUSE = 60, 0.005
POSTING = """
import sys, time, overtide
folder, ids = sys.argv[1], sys.argv[2].split()
with overtide.open(folder) as project:
    for number in range(1_000_000):
        project.update(ids[number % len(ids)], {"City": f"City {number}"})
        time.sleep(0.01)
"""
REFRESHING = """
import subprocess, sys
while True:
    subprocess.run([sys.argv[1], "-C", sys.argv[2], "-q", "refresh"], check=True)
"""


@contextmanager
def running(code: str, *arguments: str) -> Iterator[None]:
    """Run Python code beside this process, with all that it starts, until the block ends."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], start_new_session=True
    ) as process:
        try:
            yield
        finally:
            subprocess.run(["kill", "--", f"-{process.pid}"], check=False)


def measure(project: Path, seconds: float = SECONDS) -> list[Row]:
    """Measure cards of random customers, each beside a bare SQLite look-up.

    The look-up waits for the machine alike.
    """
    ids = random.Random(1).sample(customer_ids(project, 20_000), 2_000)
    command = str(Path(sys.executable).parent / "overtide")
    with (
        streaming(project),
        running(POSTING, str(project), " ".join(ids)),
        running(REFRESHING, command, str(project)),
    ):
        cards, own, bare, runs = read(project, ids, seconds)
    what = "get beside a stream and a refresh"
    return [
        *rows(what, cards, bare),
        Row(f"{what}: p99 of its own processor time", percentile(own, 99), "ms"),
        Row("publishes meanwhile", runs, "", at_least=1),
    ]


def read(
    project: Path, ids: list[str], seconds: float
) -> tuple[list[float], list[float], list[float], int]:
    """Return milliseconds of cards, their processor time, and those of bare look-ups.

    And how many runs came meanwhile.

    A card that waits for the processor alone takes its own time of it, whatever else runs.
    """
    cards, own, bare, runs, store = [], [], [], set(), plain_store(project)
    with overtide.open(project) as opened:
        opened.get(ids[0])
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            one = random.choice(ids)
            began = time.thread_time()
            cards.append(1000 * seconds_of(lambda one=one: runs.add(opened.get(one).run)))
            own.append(1000 * (time.thread_time() - began))
            bare.append(1000 * seconds_of(lambda one=one: plain_get(store, one)))
            time.sleep(PAUSE)
    return cards, own, bare, len(runs) - 1


def rows(what: str, ours: list[float], bare: list[float]) -> list[Row]:
    """Return the percentiles of two series, and their greatest values."""
    return [
        *(
            Row(
                f"{what}: p{percent}",
                percentile(ours, percent),
                "ms",
                percentile(bare, percent),
                at_most=2 if percent == 99 else None,
            )
            for percent in (50, 99)
        ),
        Row(f"{what}: longest of {len(ours):,}", max(ours), "ms", max(bare)),
    ]
