"""Hold a lock while taking an instant, and say before which instant none is taken.

The lock's file says that instant.

So a reader need not wait: while the lock is free, nothing that will be taken lies before its clock;
while it is held, nothing that will be taken lies before what the file says
(docs/decisions/an-instant-without-waiting.md).
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock
from pathlib import Path

from overtide.schemas.folders import make_folder
from overtide.schemas.instants import Clock, Instant

TWICE = struct.Struct("<qq")
"""The file's content: the instant, twice.

So a reader notices when it meets the writer halfway.
"""


def open_lock(path: Path) -> int:
    """Return a descriptor of the lock, which is made where it is missing."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def taking(descriptor: int, clock: Clock) -> Iterator[Instant]:
    """Hold the lock, and give the instant before which the holder may take none.

    This holds also where the clock is set back.
    """
    flock(descriptor, LOCK_EX)
    try:
        since = clock()
        os.pwrite(descriptor, TWICE.pack(since, since), 0)
        yield since
    finally:
        flock(descriptor, LOCK_UN)


@contextmanager
def hold(path: Path, clock: Clock) -> Iterator[Instant]:
    """Make the lock where it is missing, and hold it as `taking` does."""
    make_folder(path.parent)
    descriptor = open_lock(path)
    try:
        with taking(descriptor, clock) as since:
            yield since
    finally:
        os.close(descriptor)


def is_free(path: Path) -> bool:
    """Say whether nobody takes an instant; never waits.

    A reader that may not look finds out otherwise.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return True
    try:
        return _is_free(descriptor)
    finally:
        os.close(descriptor)


def none_before(path: Path, now: Instant) -> Instant:
    """Return the latest instant up to `now` before which nobody takes one any more; never waits.

    `now` is what the clock said before this is called.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return now
    except PermissionError:
        return 0  # who may not look knows of what was committed alone
    try:
        # What an earlier holder wrote is right too: who has not written yet takes no instant before
        # `now`.
        return now if _is_free(descriptor) else min(now, _said(descriptor))
    finally:
        os.close(descriptor)


def _is_free(descriptor: int) -> bool:
    try:
        flock(descriptor, LOCK_SH | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _said(descriptor: int) -> Instant:
    """Return the instant in the file.

    0 where none can be read, so that only what was committed counts.
    """
    content = os.pread(descriptor, TWICE.size, 0)
    if len(content) != TWICE.size:
        return 0
    since, again = TWICE.unpack(content)
    return int(since) if since == again else 0
