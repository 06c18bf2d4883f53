"""From acknowledged to visible in SQL, at a hundred events a second while the stream runs."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import overtide
from benchmarks.live import customer_ids
from benchmarks.measure import Row, percentile
from overtide.lake.catalog import connect
from overtide.schemas.paths import Paths

RATE, SECONDS, POLL = 100, 30, 0.02
PLAIN_EVENTS = 300


@contextmanager
def streaming(project: Path) -> Iterator[None]:
    """Run `overtide stream` beside this process."""
    command = [Path(sys.executable).parent / "overtide", "-C", project, "-q", "stream"]
    with subprocess.Popen([str(part) for part in command]) as process:
        try:
            yield
        finally:
            process.terminate()


class Visible:
    """Watches the lake from a thread of its own: when each position was first seen."""

    def __init__(self, project: Path) -> None:
        self.seen: list[tuple[float, int]] = []
        self._connection = connect(Paths.of(project))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def position(self) -> int:
        """Return the last position that SQL shows, or -1."""
        row = self._connection.execute(
            "SELECT coalesce(max(Position), -1) FROM lake.updates"
        ).fetchone()
        return int(row[0]) if row else -1

    def _watch(self) -> None:
        while not self._stop.wait(POLL):
            position = self.position()
            self.seen.append((time.perf_counter(), position))

    def wait_for(self, position: int, seconds: float) -> None:
        """Wait until a position is visible; give up after so many seconds."""
        until = time.perf_counter() + seconds
        while (not self.seen or self.seen[-1][1] < position) and time.perf_counter() < until:
            time.sleep(POLL)

    def close(self) -> None:
        """End watching."""
        self._stop.set()
        self._thread.join()
        self._connection.close()


def post(project: Path, ids: list[str], events: int) -> list[tuple[float, int]]:
    """Post updates evenly at the rate; return when each was acknowledged and its position."""
    acknowledged, began = [], time.perf_counter()
    with overtide.open(project) as opened:
        for number in range(events):
            time.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            answer = opened.update(ids[number % len(ids)], {"City": f"City {number}"})
            acknowledged.append((time.perf_counter(), answer.event.position))
    return acknowledged


def measure(project: Path) -> list[Row]:
    """Measure the delays of all events of some seconds."""
    ids = customer_ids(project, 5_000)
    with streaming(project), closing(Visible(project)) as visible:
        post(project, ids, 1)
        visible.wait_for(visible.position() + 1, 30)
        acknowledged = post(project, ids, RATE * SECONDS)
        visible.wait_for(acknowledged[-1][1], 30)
        delays = [delay(visible.seen, at, position) for at, position in acknowledged]
    beside = plain_delays(project.parent / "plain-lake")
    return [
        Row(
            f"event to SQL at {RATE} events/s: p{percent}",
            percentile(delays, percent),
            "s",
            percentile(beside, percent),
            at_most=1 if percent == 95 else None,
        )
        for percent in (50, 95)
    ]


def delay(seen: list[tuple[float, int]], acknowledged: float, position: int) -> float:
    """Return the seconds from an acknowledgement until SQL showed its position."""
    return next(at for at, shown in seen if shown >= position) - acknowledged


def plain_delays(folder: Path) -> list[float]:
    """Return the seconds that each event takes to be inserted into a plain DuckLake.

    The DuckLake is one of its own, and each event is one commit.
    """
    delays = []
    with connect(Paths.of(folder), read_only=False) as connection:
        connection.execute(
            "CREATE TABLE lake.updates (Position BIGINT, CustomerId VARCHAR, Value VARCHAR)"
        )
        began = time.perf_counter()
        for number in range(PLAIN_EVENTS):
            due = began + number / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.execute(
                "INSERT INTO lake.updates VALUES (?, ?, ?)", [number, "customer", "City"]
            )
            delays.append(time.perf_counter() - due)
    return delays
