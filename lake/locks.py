"""Locks between processes: one refresh, one stream and one committing writer per lake.

A lock is an `flock` on a file, so that the system frees it when its holder dies, however it dies.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from overtide.schemas.crash import crash_point
from overtide.schemas.errors import LockedError, OvertideError
from overtide.schemas.folders import make_folder
from overtide.schemas.paths import Paths

LOOKS, PAUSE = 500, 0.01
"""How often, and every how many seconds, a lock is tried while others look at it.

The others are processes that only look who holds it.
"""


def refresh_lock(paths: Paths) -> Path:
    """Return the file that a running refresh locks."""
    return paths.locks / "refresh.lock"


def stream_lock(paths: Paths) -> Path:
    """Return the file that a running stream locks."""
    return paths.locks / "stream.lock"


@contextmanager
def hold(path: Path, command: str, since: str) -> Iterator[None]:
    """Hold a lock for as long as a command runs.

    Raise `locked` (exit 75), naming the holder, when it is taken.
    """
    make_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor, path)
        try:
            holder = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "command": command,
                "since": since,
            }
            os.ftruncate(descriptor, 0)
            crash_point("locks.holder_unnamed")
            os.pwrite(descriptor, json.dumps(holder).encode(), 0)
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    """Take a lock, trying again while others only look at it.

    They share it for microseconds, and it is tried until they are gone.
    """
    for _ in range(LOOKS):
        if _locks(descriptor, fcntl.LOCK_EX):
            return
        if not _locks(descriptor, fcntl.LOCK_SH):
            break
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        time.sleep(PAUSE)
    raise _locked(path)


def _locks(descriptor: int, kind: int) -> bool:
    """Say whether a lock was to be had at once."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _locked(path: Path) -> OvertideError:
    holder = _written(path)
    who = (
        (
            f"`{holder['command']}` (process {holder['pid']} on {holder['host']}, since "
            f"{holder['since']})"
        )
        if holder
        else "another process"
    )
    return LockedError(
        "locked",
        f"The {path.stem} lock is held by {who}.",
        path.stem,
        "Try again when it has finished.",
    )


def _written(path: Path) -> dict[str, str | int] | None:
    try:
        holder: dict[str, str | int] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return holder


def holder(path: Path) -> dict[str, str | int] | None:
    """Return who holds a lock (pid, host, command, since), or None when nobody does."""
    if not path.exists():
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # that of another user
        return _written(path) or None
    try:
        return None if _locks(descriptor, fcntl.LOCK_SH) else _written(path) or {}
    finally:
        os.close(descriptor)


@contextmanager
def commit_lock(paths: Paths) -> Iterator[None]:
    """Hold the right to commit to the lake.

    Every writer takes it around its transaction and waits for it.
    """
    make_folder(paths.locks)
    descriptor = os.open(_commit(paths), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def commit_lock_at_once(paths: Paths) -> Iterator[bool | None]:
    """Hold the right to commit if nobody else does: true.

    False where somebody does, None where it cannot be had.
    """
    try:
        make_folder(paths.locks)
        descriptor = os.open(_commit(paths), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        yield None
        return
    try:
        yield _locks(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def _commit(paths: Paths) -> Path:
    return paths.locks / "commit.lock"
