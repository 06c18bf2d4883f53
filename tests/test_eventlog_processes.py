"""The event log among several processes.

Killed ones, closing ones, and four that append at once.
"""

import os
import random
import sqlite3
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from overtide.eventlog.sqlite import SqliteEventLog
from overtide.schemas.events import event_id
from tests.small_log import NOW, update

ROOT = Path(__file__).parent.parent


@pytest.fixture
def log(tmp_path):
    log = SqliteEventLog(
        tmp_path / "log" / "events.sqlite",
        lambda: NOW,
        lambda accepted_at: event_id(accepted_at, 0),
    )
    yield log
    log.close()


def counted_elsewhere(path):
    """Return how many events another process sees, which closes the log when it has counted."""
    code = (
        "import sqlite3, sys\nlog = sqlite3.connect(sys.argv[1])\n"
        "print(log.execute('SELECT count(*) FROM event').fetchone()[0])\nlog.close()"
    )
    return int(
        subprocess.run(
            [sys.executable, "-c", code, str(path)], check=True, capture_output=True
        ).stdout
    )


def test_a_process_that_closes_the_log_leaves_it_to_those_that_have_it_open(log):
    log.append([update()])
    log.close()
    assert log.end() == 1
    log.append([update()])
    assert counted_elsewhere(log.path) == 2
    log.append([update()])
    assert counted_elsewhere(log.path) == 3


def start_writer(path, name, batch, limit=10**9, crash_at=None):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)} | (
        {"OVERTIDE_CRASH_AT": crash_at} if crash_at else {}
    )
    return subprocess.Popen(
        [
            sys.executable,
            str(ROOT / "tests" / "log_writer.py"),
            str(path),
            name,
            str(batch),
            str(limit),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def acknowledged(output):
    return [tuple(line.split()) for line in output.splitlines() if line.count(" ") == 3]


def assert_kept_once_in_order(log, acknowledgements):
    events = []
    while part := log.read(len(events), 10_000):
        events += part
    assert (
        [event.position for event in events] == list(range(len(events))) == list(range(log.end()))
    )
    assert all(one.accepted_at < two.accepted_at for one, two in pairwise(events))
    for _, position, accepted_at, identifier in acknowledgements:
        event = events[int(position)]
        assert (event.event_id, event.accepted_at) == (identifier, int(accepted_at))
    with sqlite3.connect(log.path) as connection:
        kept = connection.execute("SELECT idempotency_key, position FROM event").fetchall()
    assert len({key for key, _ in kept}) == len(kept)
    assert {(key, int(position)) for key, position, *_ in acknowledgements} <= set(kept)


def test_writers_that_are_killed_lose_no_acknowledged_event(tmp_path):
    path, found = tmp_path / "events.sqlite", []
    chance = random.Random(3)
    for attempt in range(8):
        writers = [
            start_writer(path, f"{attempt}.{number}", chance.choice([1, 7, 100]))
            for number in range(2)
        ]
        begun = [writer.stdout.readline() for writer in writers]
        time.sleep(chance.random() * 0.2)
        for writer in writers:
            writer.kill()
        outputs = [
            first + writer.communicate()[0] for first, writer in zip(begun, writers, strict=True)
        ]
        found += [line for output in outputs for line in acknowledged(output)]
    assert len(found) >= 16
    assert_kept_once_in_order(SqliteEventLog(path, lambda: NOW, str), found)


@pytest.mark.parametrize(("step", "kept"), [("log.before_commit", 0), ("log.after_commit", 3)])
def test_a_writer_that_dies_at_its_commit_leaves_a_whole_batch_or_none(tmp_path, step, kept):
    path = tmp_path / "events.sqlite"
    writer = start_writer(path, "w", 3, 1, step)
    assert (writer.communicate()[0], writer.returncode) == ("", 137)
    log = SqliteEventLog(path, lambda: NOW, lambda accepted_at: event_id(accepted_at, 0))
    assert log.end() == kept
    answers = log.append(
        [update(idempotency_key=f"w-0-{index}", request_hash="h", caller="w") for index in range(3)]
    )
    assert [answer.repeated for answer in answers] == [kept == 3] * 3
    assert log.end() == 3


def test_four_processes_append_at_once_without_an_error(tmp_path):
    path = tmp_path / "events.sqlite"
    writers = [start_writer(path, str(number), 5, 60) for number in range(4)]
    outputs = [writer.communicate()[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4
    found = [line for output in outputs for line in acknowledged(output)]
    assert len(found) == 4 * 5 * 60
    assert_kept_once_in_order(SqliteEventLog(path, lambda: NOW, str), found)
