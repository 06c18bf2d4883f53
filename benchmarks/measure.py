"""How things are measured.

A command's seconds and its process tree's memory, repeated calls, and rows of a report.
"""

import compileall
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

SAMPLE_SECONDS = 0.25
"""To look at all processes takes 2 ms, which at 20 times a second is a twenty-fifth of a core. The
peak of the command itself is the one that the system keeps."""


@dataclass(frozen=True)
class Row:
    """One line of the report.

    A value of ours, the plain alternative's beside it, and the bar it should meet.
    """

    measure: str
    value: float
    unit: str
    plain: float | None = None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> str:
        """Ours as a multiple of the plain alternative's."""
        return "" if self.plain is None else f"{self.value / self.plain:.2f}"

    @property
    def bar(self) -> str:
        """The bar and whether it is met."""
        if self.at_most is not None:
            return f"<= {self.at_most:,g} {'met' if self.value <= self.at_most else 'MISSED'}"
        if self.at_least is not None:
            return f">= {self.at_least:,g} {'met' if self.value >= self.at_least else 'MISSED'}"
        return ""

    def cells(self) -> list[str]:
        """Return the cells of the row as text."""
        plain = "" if self.plain is None else shown(self.plain)
        return [self.measure, f"{shown(self.value)} {self.unit}", plain, self.ratio, self.bar]


HEADER = ["measure", "Overtide", "plain", "ratio", "bar"]


def shown(value: float) -> str:
    """Return a number with four figures that matter."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table, aligned for a terminal as well."""
    cells = [HEADER, *(row.cells() for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(HEADER))]
    lines = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in cells
    ]
    return "\n".join(
        [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]
    )


@dataclass(frozen=True)
class Run:
    """What a command took, and the JSON document that it printed.

    Its processor seconds are those of all its threads and children: on a machine that others use as
    well they say more than its seconds.
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int
    document: Any


def compile_sources() -> None:
    """Compile the sources, as pip does with what it installs: a command is not to do it."""
    for folder in (Path(__file__).parent.parent / "overtide").iterdir():
        compileall.compile_dir(folder.resolve(), quiet=2)


def tree_bytes(process: psutil.Process) -> int:
    """Return the resident memory of a process and all its children, in bytes."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def run(command: Sequence[str | Path]) -> Run:
    """Run a command to its end, with its process tree's memory sampled.

    Stop the benchmark when it fails.
    """
    began = time.perf_counter()
    with (
        ThreadPoolExecutor(1) as thread,
        tempfile.TemporaryFile("w+") as written,  # a pipe that nobody reads would stop it when full
        subprocess.Popen([str(part) for part in command], stdout=written) as process,
    ):
        ended = threading.Event()
        sampled = thread.submit(_sampled_peak, process.pid, ended)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        ended.set()
        process.returncode = os.waitstatus_to_exitcode(status)
        written.seek(0)
        output = written.read()
        peak = max(sampled.result(), used.ru_maxrss * 1024)
    if process.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}: {output[-2000:]}")
    document = json.loads(output) if output.strip() else None
    return Run(seconds, used.ru_utime + used.ru_stime, peak, document)


def _sampled_peak(process: int, ended: threading.Event) -> int:
    """Return the most memory that a process and its children had together, until it ended."""
    peak = 0
    with suppress(psutil.NoSuchProcess):
        watched = psutil.Process(process)
        while not ended.wait(SAMPLE_SECONDS):
            peak = max(peak, tree_bytes(watched))
    return peak


def overtide(project: Path, *arguments: str) -> Run:
    """Run the command line on a project, as a user would, with JSON as its answer."""
    return run(
        [Path(sys.executable).parent / "overtide", "-C", project, "--json", "-q", *arguments]
    )


def median_seconds(call: Callable[[], object], times: int = 5) -> float:
    """Return the median of the seconds that a call takes, after one to warm up."""
    call()
    return statistics.median(seconds_of(call) for _ in range(times))


def seconds_of(call: Callable[[], object]) -> float:
    """Return the seconds that one call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that `percent` of the values do not exceed."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]
