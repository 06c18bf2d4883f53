"""Who may do what at a time: one refresh, one stream and one committing writer per lake.

`Coordination` says which locks there are; today each is an `flock` on a file, so that the system
frees it when its holder dies, however it dies.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from overtide.schemas.crash import crash_point
from overtide.schemas.errors import LockedError, OvertideError
from overtide.schemas.folders import make_folder
from overtide.schemas.paths import Paths

LOOKS, PAUSE = 500, 0.01
"""How often, and every how many seconds, a lock is tried while others look at it.

The others are processes that only look who holds it.
"""
Holder = dict[str, str | int]
"""Who holds a lock (pid, host, command, since); empty where that is not known."""


class Lock(Enum):
    """What one process at a time does for as long as it runs; the value names the lock."""

    REFRESH = "refresh"
    STREAM = "stream"
    JOB = "job"


class Coordination(Protocol):
    """The locks of one lake, for all processes that use it."""

    def hold(self, lock: Lock, command: str, since: str) -> AbstractContextManager[None]:
        """Hold a lock for as long as a command runs.

        Raise `locked` (exit 75), naming the holder, when it is taken.
        """

    def holder(self, lock: Lock) -> Holder | None:
        """Return who holds a lock, or None when nobody does."""

    def commit(self) -> AbstractContextManager[None]:
        """Hold the right to commit to the lake.

        Every writer takes it around its transaction and waits for it.
        """

    def commit_at_once(self) -> AbstractContextManager[bool | None]:
        """Hold the right to commit if nobody else does: true.

        False where somebody does, None where it cannot be had.
        """


def coordination(paths: Paths) -> Coordination:
    """Return the locks of a project's lake."""
    return FileLocks(paths.locks)


@dataclass(frozen=True)
class FileLocks:
    """The locks of a lake as files in a folder, for processes of one machine."""

    folder: Path

    @contextmanager
    def hold(self, lock: Lock, command: str, since: str) -> Iterator[None]:
        """Hold a lock for as long as a command runs, and write down who does."""
        with _closing(_opened(self.file(lock))) as descriptor:
            _take(descriptor, self.file(lock))
            try:
                os.ftruncate(descriptor, 0)
                crash_point("locks.holder_unnamed")
                os.pwrite(descriptor, json.dumps(_named(command, since)).encode(), 0)
                yield
            finally:
                os.ftruncate(descriptor, 0)

    def holder(self, lock: Lock) -> Holder | None:
        """Return who holds a lock, or None when nobody does."""
        return holder_of(self.file(lock))

    @contextmanager
    def commit(self) -> Iterator[None]:
        """Hold the right to commit to the lake, and wait for it."""
        with _closing(_opened(self._commit)) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield

    @contextmanager
    def commit_at_once(self) -> Iterator[bool | None]:
        """Hold the right to commit if nobody else does."""
        try:
            descriptor = _opened(self._commit)
        except OSError:
            yield None
            return
        with _closing(descriptor):
            yield _locks(descriptor, fcntl.LOCK_EX)

    def file(self, lock: Lock) -> Path:
        """Return the file of a lock."""
        return self.folder / f"{lock.value}.lock"

    @property
    def _commit(self) -> Path:
        return self.folder / "commit.lock"


def _opened(path: Path) -> int:
    """Return the descriptor of a lock's file, made where it is missing."""
    make_folder(path.parent)
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    """Close a descriptor, and so free its lock, however the block ends."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _named(command: str, since: str) -> Holder:
    """Return this process as the holder of a lock."""
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": command,
        "since": since,
    }


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


def _written(path: Path) -> Holder | None:
    try:
        holder: Holder = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return holder


def holder_of(path: Path) -> Holder | None:
    """Return who holds the lock of a file, or None when nobody does."""
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
