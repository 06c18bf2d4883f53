"""The event log: how many events a second become durable, beside a bare SQLite table with the same promise."""

import json
import multiprocessing
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.measure import Row, seconds_of
from eventlog.sqlite import SqliteEventLog
from schemas.events import Draft, hash_of, id_source

BATCH, THREADS, PROCESSES = 1000, 50, 4
HOUR = 3_600_000_000


def clock() -> int:
    """Return the system's clock in microseconds."""
    return time.time_ns() // 1000


def open_log(path: Path) -> SqliteEventLog:
    """Open the event log as the front door does."""
    return SqliteEventLog(path, clock, id_source(lambda: random.getrandbits(62)))


def draft(number: int) -> Draft:
    """Return an update of one of a hundred thousand customers, with an idempotency key as a careful client sends it."""
    fields = {"fields": {"Telephone": str(number)}}
    return Draft("update", f"{number % 100_000:032x}", None, None, json.dumps(fields), ttl=4 * HOUR, caller="benchmark",
                 idempotency_key=f"{number}", request_hash=hash_of(fields))


def plain_table(path: Path) -> sqlite3.Connection:
    """Open a bare SQLite table that is as durable as the log: WAL, synchronous FULL, one transaction per append."""
    connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE event (position INTEGER PRIMARY KEY, accepted_at, customer_id, body)")
    return connection


def append_plain(connection: sqlite3.Connection, first: int, count: int) -> None:
    """Insert events in one transaction."""
    rows = [(clock(), f"{number % 100_000:032x}", json.dumps({"fields": {"Telephone": str(number)}}))
            for number in range(first, first + count)]
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO event (accepted_at, customer_id, body) VALUES (?, ?, ?)", rows)
    connection.execute("COMMIT")


def batched(append: Callable[[int, int], object], events: int) -> float:
    """Return the events per second of one writer that appends in batches."""
    return events / seconds_of(lambda: [append(first, BATCH) for first in range(0, events, BATCH)])


def singly(append: Callable[[int, int], object], events: int) -> float:
    """Return the events per second of many threads of one process that append one event each."""
    with ThreadPoolExecutor(THREADS) as pool:
        return events / seconds_of(lambda: list(pool.map(lambda number: append(number, 1), range(events))))


def appender(log: SqliteEventLog) -> Callable[[int, int], object]:
    """Return an append that is checked: every event must have been accepted."""
    def append(first: int, count: int) -> None:
        answers = log.append([draft(number) for number in range(first, first + count)])
        assert all(answer.event and not answer.repeated for answer in answers)
    return append


def one_process(path: Path, place: int, batches: int) -> None:
    """Append batches beside other processes that do the same."""
    log = open_log(path)
    append = appender(log)
    for number in range(batches):
        append((place * batches + number) * BATCH, BATCH)
    log.close()


def together(path: Path, batches: int) -> tuple[float, int]:
    """Let four processes append at once; return the events per second of all, and how many processes failed."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=one_process, args=(path, place, batches)) for place in range(PROCESSES)]
    began = time.perf_counter()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    seconds = time.perf_counter() - began
    log = open_log(path)
    assert log.end() == PROCESSES * batches * BATCH, "events are missing"
    log.close()
    return PROCESSES * batches * BATCH / seconds, sum(process.exitcode != 0 for process in processes)


def measure(folder: Path) -> list[Row]:
    """Measure all ways to append."""
    folder.mkdir(parents=True)
    log, bare = open_log(folder / "batches.sqlite"), plain_table(folder / "plain.sqlite")
    rows = [Row("log: events/s in batches of 1,000", batched(appender(log), 300_000), "/s",
                batched(lambda first, count: append_plain(bare, first, count), 300_000), at_least=50_000)]
    log.close()
    single = open_log(folder / "singles.sqlite")
    local = SingleWriter(bare)
    rows.append(Row(f"log: events/s singly from {THREADS} threads", singly(appender(single), 20_000), "/s",
                    singly(local.append, 2_000), at_least=2_500))
    single.close()
    rate, failed = together(folder / "processes.sqlite", 25)
    rows.append(Row(f"log: events/s from {PROCESSES} processes at once", rate, "/s"))
    rows.append(Row(f"log: failed of {PROCESSES} processes", failed, "", at_most=0))
    return rows


class SingleWriter:
    """One SQLite connection shared by many threads: one transaction per event, one after the other."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def append(self, first: int, count: int) -> None:
        """Insert events when it is this thread's turn."""
        with self._lock:
            append_plain(self._connection, first, count)
