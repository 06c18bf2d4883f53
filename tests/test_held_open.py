"""While the catalog is held open its journal's index stays the same.

Nobody waits for a new one.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_lake import SmallLake

from overtide.lake.catalog import connect
from overtide.lake.held_open import held_open
from overtide.schemas.paths import Paths


@pytest.fixture
def lake(tmp_path):
    lake = SmallLake(Paths.of(tmp_path))
    lake.update(1, accepted=1, fields={"City": "Oslo"})
    lake.stream()
    return lake


def index(lake):
    return Path(f"{lake.paths.catalog}-shm")


def read_in_between(lake):
    with connect(lake.paths) as connection:
        assert connection.execute("SELECT count(*) FROM lake.updates").fetchall() == [
            (lake.events[-1].position + 1,)
        ]


def test_while_it_is_held_nobody_makes_the_journals_index_anew(lake):
    with held_open(lake.paths.catalog):
        first = index(lake).stat().st_ino
        for second in range(2, 5):
            lake.update(1, accepted=second, fields={"City": "Oslo"})
            lake.stream()
            read_in_between(lake)
            assert index(lake).stat().st_ino == first
    assert not index(lake).exists(), (
        "whoever closes it as the last copies the journal and removes it"
    )
    read_in_between(lake)


TRY_LIKE_THE_LAST_TO_CLOSE = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0x40000000)
"""


def tries_to_close_as_the_last(lake):
    command = [sys.executable, "-c", TRY_LIKE_THE_LAST_TO_CLOSE, lake.paths.catalog.file]
    return subprocess.run(command, capture_output=True, text=True)


def test_while_it_is_held_nobody_who_closes_it_is_in_the_way_of_another(lake):
    with held_open(lake.paths.catalog):
        assert "BlockingIOError" in tries_to_close_as_the_last(lake).stderr
    assert tries_to_close_as_the_last(lake).returncode == 0


def test_the_holder_ends_when_its_process_is_killed(lake):
    script = (
        "import sys, time; from pathlib import Path; from overtide.lake.held_open import "
        "held_open; "
        "from overtide.schemas.paths import Paths\n"
        "with held_open(Paths.of(Path(sys.argv[1])).catalog):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, lake.paths.project], stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        assert index(lake).exists()
        process.send_signal(signal.SIGKILL)
    until = time.monotonic() + 120
    while index(lake).exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert not index(lake).exists()
    read_in_between(lake)


def test_a_catalog_that_cannot_be_held_does_not_stop_the_work(lake):
    lake.connection.close()
    lake.paths.catalog.file.rename(lake.paths.catalog.file.with_name("elsewhere"))
    with held_open(lake.paths.catalog):
        assert not lake.paths.catalog.exists()
