"""Locks: asking who holds one keeps nobody from it, and no holder that is gone is named."""

import fcntl
import os
import threading

import pytest

from overtide.lake.coordination import FileLocks, Lock
from overtide.schemas.errors import LOCKED, OvertideError
from overtide.schemas.paths import Paths


@pytest.fixture
def locks(tmp_path):
    locks = FileLocks(Paths.of(tmp_path).locks)
    with locks.hold(Lock.REFRESH, "overtide refresh", "earlier"):
        pass
    return locks


def test_a_lock_names_its_holder_and_nobody_afterwards(locks):
    with locks.hold(Lock.REFRESH, "overtide stream", "noon"):
        assert locks.holder(Lock.REFRESH) == {
            "pid": os.getpid(),
            "host": os.uname().nodename,
            "command": "overtide stream",
            "since": "noon",
        }
    assert locks.holder(Lock.REFRESH) is None
    assert locks.file(Lock.REFRESH).read_text() == ""


def test_a_lock_that_is_held_is_refused_and_names_its_holder(locks):
    with (
        locks.hold(Lock.REFRESH, "overtide refresh", "noon"),
        pytest.raises(OvertideError, match="`overtide refresh`") as refused,
        locks.hold(Lock.REFRESH, "overtide refresh", "later"),
    ):
        pass
    assert (refused.value.code, refused.value.exit_code) == ("locked", LOCKED)


def test_a_command_that_fails_frees_its_lock_and_its_name(locks):
    with (
        pytest.raises(ValueError, match="failed"),
        locks.hold(Lock.REFRESH, "overtide refresh", "noon"),
    ):
        raise ValueError("failed")
    assert (locks.holder(Lock.REFRESH), locks.file(Lock.REFRESH).read_text()) == (None, "")


def test_a_lock_is_had_once_those_who_only_look_are_gone(locks):
    descriptor = os.open(locks.file(Lock.REFRESH), os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    threading.Timer(0.1, os.close, [descriptor]).start()
    with locks.hold(Lock.REFRESH, "overtide refresh", "noon"):
        assert locks.holder(Lock.REFRESH) is not None


def test_looking_who_holds_a_lock_never_keeps_anybody_from_it(locks):
    done = threading.Event()

    def look():
        while not done.is_set():
            locks.holder(Lock.REFRESH)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(200):
            with locks.hold(Lock.REFRESH, "overtide refresh", "noon"):
                pass
    finally:
        done.set()
        for looker in lookers:
            looker.join()
