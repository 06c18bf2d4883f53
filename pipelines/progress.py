"""Follows a refresh while its workers run.

Their progress from a file, the memory of all processes from the system.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import psutil

from overtide.schemas.progress import Event, Report

INTERVAL = 0.2
"""Seconds between two looks."""
SEARCH = 5
"""Every so many looks it is searched which processes were started: all of the system are read."""


class Follower:
    """Reports the stages of a refresh as they advance and measures it.

    A context manager around the whole run.
    """

    def __init__(self, scratch: Path, report: Report) -> None:
        self._path, self.report = scratch / "progress.jsonl", report
        self._read = 0
        self._rows: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._expected: dict[str, int] = {}
        self._peak = 0
        self._looks = 0
        self._processes: list[psutil.Process] = []
        self._started = time.perf_counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="progress", daemon=True)

    def __enter__(self) -> "Follower":
        """Begin to follow."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, after a last look."""
        self._stop.set()
        self._thread.join()

    def expect(self, stage: str, rows: int) -> None:
        """Take note that a stage has so many more rows to do, as far as is known."""
        self._expected[stage] = self._expected.get(stage, 0) + rows

    @contextmanager
    def stage(self, name: str, rows: int) -> Iterator[None]:
        """Report a stage that this process runs itself."""
        started = time.perf_counter()
        self.expect(name, rows)
        self._add(name, 0, 0.0)
        yield
        self._add(name, rows, time.perf_counter() - started)

    def measured(self) -> dict[str, object]:
        """Return seconds and rows by stage, seconds in all, and peak memory in bytes.

        The memory is the resident memory.
        """
        self._look()
        stages = {
            name: {"rows": self._rows[name], "seconds": round(seconds, 3)}
            for name, seconds in self._seconds.items()
        }
        return {
            "stages": stages,
            "seconds": round(time.perf_counter() - self._started, 3),
            "peak_memory": self._peak,
        }

    def _follow(self) -> None:
        while not self._stop.wait(INTERVAL):
            self._look()
        self._look()

    def _look(self) -> None:
        if self._looks % SEARCH == 0:
            self._processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
        self._looks += 1
        self._peak = max(self._peak, resident(self._processes))
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            lines = file.read()
        whole = lines[: lines.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            event = json.loads(line)
            for stage, rows in event["ahead"].items():
                self.expect(stage, rows)
            self._add(event["stage"], event["rows"], event["seconds"])

    def _add(self, stage: str, rows: int, seconds: float) -> None:
        self._rows[stage] = self._rows.get(stage, 0) + rows
        self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
        done, expected = self._rows[stage], self._expected.get(stage)
        self.report(
            Event(
                stage, done, None if expected is None else max(done, expected), self._seconds[stage]
            )
        )


def telling(report: Report, stage: str) -> Callable[[str, int], None]:
    """Return what takes how many more rows of an entity are done, and reports them."""
    started, done = time.perf_counter(), 0

    def told(entity: str, rows: int) -> None:
        nonlocal done
        del entity
        done += rows
        report(Event(stage, done, None, time.perf_counter() - started))

    return told


def resident(processes: Iterable[psutil.Process]) -> int:
    """Return the resident memory of processes in bytes, of those that are still there."""
    total = 0
    for one in processes:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
