"""Locks: asking who holds one keeps nobody from it, and no holder that is gone is named."""

import fcntl
import os
import threading

import pytest

from overtide.lake.locks import hold, holder, refresh_lock
from overtide.schemas.errors import LOCKED, OvertideError
from overtide.schemas.paths import Paths


@pytest.fixture
def lock(tmp_path):
    path = refresh_lock(Paths.of(tmp_path))
    with hold(path, "overtide refresh", "earlier"):
        pass
    return path


def test_a_lock_names_its_holder_and_nobody_afterwards(lock):
    with hold(lock, "overtide stream", "noon"):
        assert holder(lock) == {
            "pid": os.getpid(),
            "host": os.uname().nodename,
            "command": "overtide stream",
            "since": "noon",
        }
    assert holder(lock) is None
    assert lock.read_text() == ""


def test_a_lock_that_is_held_is_refused_and_names_its_holder(lock):
    with (
        hold(lock, "overtide refresh", "noon"),
        pytest.raises(OvertideError, match="`overtide refresh`") as refused,
        hold(lock, "overtide refresh", "later"),
    ):
        pass
    assert (refused.value.code, refused.value.exit_code) == ("locked", LOCKED)


def test_a_command_that_fails_frees_its_lock_and_its_name(lock):
    with pytest.raises(ValueError, match="failed"), hold(lock, "overtide refresh", "noon"):
        raise ValueError("failed")
    assert (holder(lock), lock.read_text()) == (None, "")


def test_a_lock_is_had_once_those_who_only_look_are_gone(lock):
    descriptor = os.open(lock, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    threading.Timer(0.1, os.close, [descriptor]).start()
    with hold(lock, "overtide refresh", "noon"):
        assert holder(lock) is not None


def test_looking_who_holds_a_lock_never_keeps_anybody_from_it(lock):
    done = threading.Event()

    def look():
        while not done.is_set():
            holder(lock)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(200):
            with hold(lock, "overtide refresh", "noon"):
                pass
    finally:
        done.set()
        for looker in lookers:
            looker.join()
