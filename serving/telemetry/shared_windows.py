"""Windows of what is counted, in memory that several processes share: one limit for all of them.

The memory is a file without a name, which a process inherits from the one that started it. Whoever
counts holds its lock, for microseconds; the system frees it when a process dies.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from overtide.serving.windows import SLOTS

WAYS, SETS = 8, 2048
"""Windows of a set, of which the one that was used longest ago is given up; and sets."""
USED, TOTAL, BEGINS, COUNTS = 2, 3, 4, 5
"""Where an entry has its parts: whose window it is (two numbers), when it was used last, how many
requests are in it, its first slot that counts, and the counts of slots, each at its remainder."""
RING = SLOTS + 1
"""Slots that a window may reach into at a time."""
ENTRY = COUNTS + RING
"""Numbers of an entry, of 8 bytes each. Of those that a request does not change none is read."""
SIZE = WAYS * SETS * ENTRY * 8
RATES, ATTEMPTS = PARTS = (0, 1)
"""What is counted apart: strangers, who have many addresses, push no window of a rate out."""


def shared_memory() -> int:
    """Return the descriptor of new memory, to be handed to other processes."""
    with tempfile.TemporaryFile() as file:
        file.truncate(SIZE * len(PARTS))
        return os.dup(file.fileno())


class SharedWindow:
    """A window in shared memory, for whoever holds the lock."""

    __slots__ = ("_numbers", "_place")

    def __init__(self, numbers: memoryview, place: int) -> None:
        self._numbers, self._place = numbers, place

    @property
    def total(self) -> int:
        """How many requests are in it."""
        return int(self._numbers[self._place + TOTAL])

    def forget(self, before: int) -> None:
        """Forget the slots before one."""
        numbers, place = self._numbers, self._place
        slot, left = numbers[place + BEGINS], numbers[place + TOTAL]
        if not left or slot >= before:
            return
        end = slot + RING
        while left and slot < end and (slot < before or not numbers[place + COUNTS + slot % RING]):
            left -= numbers[place + COUNTS + slot % RING]
            numbers[place + COUNTS + slot % RING] = 0
            slot += 1
        # Where nothing is left to forget, a process was killed in here before it could say so.
        numbers[place + BEGINS], numbers[place + TOTAL] = slot, left if slot < end else 0

    def add(self, slot: int) -> None:
        """Count a request; slots before its first were forgotten."""
        numbers, place = self._numbers, self._place
        if not numbers[place + TOTAL]:
            numbers[place + BEGINS] = slot
        slot = max(slot, numbers[place + BEGINS])
        numbers[place + COUNTS + slot % RING] += 1
        numbers[place + TOTAL] += 1

    def begins(self, slot: int) -> int:
        """Return the first slot that counts, or another where none does."""
        return int(self._numbers[self._place + BEGINS]) if self.total else slot


class SharedWindows:
    """The windows of a part of the memory of a descriptor; usable from every thread."""

    def __init__(self, descriptor: int, part: int = RATES) -> None:
        self._descriptor, self._part, self._lock = descriptor, part, threading.Lock()
        self._numbers = memoryview(mmap.mmap(descriptor, SIZE, offset=part * SIZE)).cast("q")

    @contextmanager
    def window(self, key: tuple[str, str]) -> Iterator[SharedWindow]:
        """Give a window, which is kept as it is at the end of the block."""
        name = _name(key)
        with self._lock:  # that of the file is one of all threads
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, self._part)
            try:
                place = self._found(*name)
                self._numbers[place + USED] = time.monotonic_ns()
                yield SharedWindow(self._numbers, place)
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, self._part)

    def _found(self, name: int, rest: int) -> int:
        """Return where a window is, made anew where there is none."""
        numbers = self._numbers
        first = name % SETS * WAYS * ENTRY
        oldest = first
        for place in range(first, first + WAYS * ENTRY, ENTRY):
            if numbers[place] == name and numbers[place + 1] == rest:
                return place
            if numbers[place + USED] < numbers[oldest + USED]:
                oldest = place
        numbers[oldest : oldest + ENTRY] = memoryview(bytes(8 * ENTRY)).cast("q")
        numbers[oldest], numbers[oldest + 1] = name, rest
        return oldest


@lru_cache(maxsize=1024)
def _name(key: tuple[str, str]) -> tuple[int, int]:
    """Return the two numbers that stand for a key."""
    digest = hashlib.blake2b(repr(key).encode("utf-8", "replace"), digest_size=16).digest()
    name, rest = struct.unpack("<qq", digest)
    return int(name), int(rest)
