"""The event log: durable events a second, beside a bare SQLite table.

The table keeps the same promise.
"""

import json
import multiprocessing
import random
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, seconds_of
from overtide.eventlog.sqlite import SqliteEventLog
from overtide.schemas.events import Draft, hash_of, id_source

BATCH, THREADS, PROCESSES = 1000, 50, 4
HOUR = 3_600_000_000


def clock() -> int:
    """Return the system's clock in microseconds."""
    return time.time_ns() // 1000


def open_log(path: Path) -> SqliteEventLog:
    """Open the event log as the front door does."""
    return SqliteEventLog(path, clock, id_source(lambda: random.getrandbits(62)))


def draft(number: int) -> Draft:
    """Return an update of one of a hundred thousand customers, with an idempotency key.

    A careful client sends such a key.
    """
    fields = {"fields": {"Telephone": str(number)}}
    return Draft(
        "update",
        f"{number % 100_000:032x}",
        None,
        None,
        json.dumps(fields),
        ttl=4 * HOUR,
        caller="benchmark",
        idempotency_key=f"{number}",
        request_hash=hash_of(fields),
    )


def plain_table(path: Path) -> sqlite3.Connection:
    """Open a bare SQLite table that is as durable as the log.

    WAL, synchronous FULL, one transaction per append.
    """
    connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(
        "CREATE TABLE event (position INTEGER PRIMARY KEY, accepted_at, customer_id, body)"
    )
    return connection


Rows = list[tuple[int, str, str]]


def plain_rows(numbers: range) -> Rows:
    """Return what a bare table keeps of these updates."""
    return [
        (clock(), f"{number % 100_000:032x}", json.dumps({"fields": {"Telephone": str(number)}}))
        for number in numbers
    ]


def append_plain(connection: sqlite3.Connection, rows: Rows) -> None:
    """Insert events in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO event (accepted_at, customer_id, body) VALUES (?, ?, ?)", rows
    )
    connection.execute("COMMIT")


def append(log: SqliteEventLog, drafts: list[Draft]) -> None:
    """Append events, each of which must be accepted as a new one."""
    assert all(answer.event and not answer.repeated for answer in log.append(drafts))


def drafts(numbers: range) -> list[Draft]:
    """Return the updates of these numbers."""
    return [draft(number) for number in numbers]


def batches(events: int, size: int) -> list[range]:
    """Return the numbers of so many events, cut into batches."""
    return [range(first, first + size) for first in range(0, events, size)]


def batched(write: Callable[[Any], None], prepared: list[Any]) -> float:
    """Return the events per second of one writer that appends in batches."""
    return len(prepared) * BATCH / seconds_of(lambda: deque(map(write, prepared), maxlen=0))


def singly(write: Callable[[Any], None], prepared: list[Any]) -> float:
    """Return the events per second of many threads of one process that append one event each."""
    with ThreadPoolExecutor(THREADS) as pool:
        return len(prepared) / seconds_of(lambda: deque(pool.map(write, prepared), maxlen=0))


def one_process(path: Path, place: int, events: int) -> None:
    """Append batches beside other processes that do the same."""
    log = open_log(path)
    for numbers in batches(events, BATCH):
        append(log, [draft(place * events + number) for number in numbers])
    log.close()


def together(path: Path, events: int) -> tuple[float, int]:
    """Let four processes append at once.

    Return the events per second of all, and how many processes failed.
    """
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=one_process, args=(path, place, events))
        for place in range(PROCESSES)
    ]
    began = time.perf_counter()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    seconds = time.perf_counter() - began
    log = open_log(path)
    assert log.end() == PROCESSES * events, "events are missing"
    log.close()
    return PROCESSES * events / seconds, sum(process.exitcode != 0 for process in processes)


def measure(folder: Path) -> list[Row]:
    """Measure all ways to append."""
    folder.mkdir(parents=True)
    bare = SingleWriter(plain_table(folder / "plain.sqlite"))
    rows = [
        Row(
            "log: events/s in batches of 1,000",
            in_batches(folder / "batches.sqlite"),
            "/s",
            batched(bare.append, [plain_rows(numbers) for numbers in batches(300_000, BATCH)]),
            at_least=50_000,
        ),
        Row(
            f"log: events/s singly from {THREADS} threads",
            one_by_one(folder / "singles.sqlite"),
            "/s",
            singly(bare.append, [plain_rows(numbers) for numbers in batches(5_000, 1)]),
            at_least=2_500,
        ),
    ]
    rate, failed = together(folder / "processes.sqlite", 25_000)
    return [
        *rows,
        Row(f"log: events/s from {PROCESSES} processes at once", rate, "/s"),
        Row(f"log: failed of {PROCESSES} processes", failed, "", at_most=0),
    ]


def in_batches(path: Path) -> float:
    """Return the events per second of batches."""
    with closing(open_log(path)) as log:
        return batched(
            partial(append, log), [drafts(numbers) for numbers in batches(300_000, BATCH)]
        )


def one_by_one(path: Path) -> float:
    """Return the events per second of single events from many threads."""
    with closing(open_log(path)) as log:
        return singly(partial(append, log), [drafts(numbers) for numbers in batches(20_000, 1)])


class SingleWriter:
    """One SQLite connection shared by all threads.

    One transaction per append, one after the other.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def append(self, rows: Rows) -> None:
        """Insert events when it is this thread's turn."""
        with self._lock:
            append_plain(self._connection, rows)
