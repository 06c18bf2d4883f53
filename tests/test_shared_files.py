"""SQLite files of the service keep other processes out while threads of one process use them."""

import subprocess
import sys
import threading
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from overtide.serving.access.database import AccessDatabase
from overtide.serving.telemetry.files import is_written, writing
from overtide.serving.workflows.database import Database

COUNTS = "CREATE TABLE IF NOT EXISTS counted (number INTEGER)"
BEGIN = """import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute("BEGIN IMMEDIATE")"""
WRITERS = {
    "access": lambda path: AccessDatabase(path).writing,
    "jobs": lambda path: Database(path).writing,
    "telemetry": lambda path: partial(writing, path, [COUNTS], durable=False),
}


def may_write(path: Path) -> bool:
    """Say whether another process gets to write, which waits for nobody."""
    ran = subprocess.run([sys.executable, "-c", BEGIN, str(path)], capture_output=True, text=True)
    assert ran.returncode == 0 or "database is locked" in ran.stderr
    return ran.returncode == 0


@pytest.mark.parametrize("name", WRITERS)
def test_a_thread_that_waits_lets_no_other_process_in(tmp_path, name):
    path = tmp_path / "shared.sqlite"
    write = WRITERS[name](path)
    with write():
        pass

    def wait() -> None:
        with write():
            pass

    thread = threading.Thread(target=wait)
    with write():
        thread.start()
        thread.join(0.3)  # it has opened the file and waits, or has not yet come so far
        assert not may_write(path)
    thread.join()
    assert may_write(path)


def test_asking_whether_the_access_database_changed_lets_no_other_process_in(tmp_path):
    database = AccessDatabase(tmp_path / "access.sqlite")
    assert database.signature() is None
    with database.writing():
        pass
    before = database.signature()
    with database.writing() as connection:
        connection.execute("CREATE TABLE another (number INTEGER)")
        assert database.signature() == before
        assert not may_write(database.path)
    assert database.signature() != before


def test_a_restored_access_database_is_another_one(tmp_path):
    database, copy = (AccessDatabase(tmp_path / name) for name in ("access.sqlite", "copy.sqlite"))
    for one in (database, copy):
        with one.writing():
            pass
    before = database.signature()
    copy.path.replace(database.path)
    assert database.signature() != before
    database.path.unlink()
    assert database.signature() is None


def test_many_that_make_a_file_at_once_all_write_into_it(tmp_path):
    """SQLite answers at once that a file is locked whose mode of journal two change together."""
    failed: list[Exception] = []

    def count(write: partial[AbstractContextManager], started: threading.Barrier) -> None:
        started.wait()
        try:
            for number in range(3):
                with write() as connection:
                    connection.execute("INSERT INTO counted VALUES (?)", (number,))
        except Exception as error:  # noqa: BLE001 - a thread's failure is the test's
            failed.append(error)

    for number in range(30):
        path = tmp_path / f"{number}.sqlite"
        write, started = partial(writing, path, [COUNTS], durable=False), threading.Barrier(6)
        threads = [threading.Thread(target=count, args=(write, started)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert is_written(path)
        with write() as connection:
            assert connection.execute("SELECT count(*) FROM counted").fetchone() == (18,)
    assert failed == []
