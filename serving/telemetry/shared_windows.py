"""The windows of rate limits in memory that several processes share: one limit for all of them.

The memory is a file without a name, which a process inherits from the one that started it. Whoever
counts holds its lock, for microseconds; the system frees it when a process dies.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from overtide.serving.telemetry.windows import SLOTS, Window

WAYS, SETS = 8, 2048
"""Windows of a set, of which the one that was used longest ago is given up; and sets."""
ENTRY = struct.Struct(f"<16sq{2 * (SLOTS + 1)}q")
"""Whose window it is, when it was used last, and its slots: of each its number and its count."""
SIZE = WAYS * SETS * ENTRY.size


def shared_memory() -> int:
    """Return the descriptor of new memory, to be handed to other processes."""
    with tempfile.TemporaryFile() as file:
        file.truncate(SIZE)
        return os.dup(file.fileno())


class SharedWindows:
    """The windows in the memory of a descriptor, used by one thread of each process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._memory = mmap.mmap(descriptor, SIZE)

    @contextmanager
    def window(self, key: tuple[str, str]) -> Iterator[Window]:
        """Give a window, which is kept as it is at the end of the block."""
        digest = hashlib.blake2b(repr(key).encode("utf-8", "replace"), digest_size=16).digest()
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
        try:
            place, window = self._found(digest)
            yield window
            numbers = [number for slot in window.counts for number in slot]
            numbers += [0] * (2 * (SLOTS + 1) - len(numbers))
            ENTRY.pack_into(self._memory, place, digest, time.monotonic_ns(), *numbers)
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def _found(self, digest: bytes) -> tuple[int, Window]:
        """Return where a window is, or may be made, and what is in it."""
        first = int.from_bytes(digest[:4], "big") % SETS * WAYS * ENTRY.size
        oldest, since = first, None
        for place in range(first, first + WAYS * ENTRY.size, ENTRY.size):
            whose, used = struct.unpack_from("<16sq", self._memory, place)
            if whose == digest:
                return place, _window(ENTRY.unpack_from(self._memory, place)[2:])
            if since is None or used < since:
                oldest, since = place, used
        return oldest, Window()


def _window(numbers: tuple[int, ...]) -> Window:
    window = Window()
    for slot, count in zip(numbers[::2], numbers[1::2], strict=True):
        if count:
            window.counts.append([slot, count])
            window.total += count
    return window
