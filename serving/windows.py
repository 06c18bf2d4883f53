"""The requests of a span of time, counted in slots, and where such windows are kept."""

from collections import OrderedDict, deque
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, Self

SLOTS = 60
"""Parts of a window that are counted apart: so late a request may be forgotten."""
MOST_WINDOWS = 10_000
"""Windows in the memory of a process; those that were used longest ago are forgotten first."""


@dataclass(slots=True)
class Window:
    """The requests of the last slots: `counts` has a slot's number and how many came in it."""

    counts: deque[list[int]] = field(default_factory=deque)
    total: int = 0

    def forget(self, before: int) -> None:
        """Forget the slots before one."""
        while self.counts and self.counts[0][0] < before:
            self.total -= self.counts.popleft()[1]

    def begins(self, slot: int) -> int:
        """Return the first slot that counts, or another where none does."""
        return self.counts[0][0] if self.counts else slot

    def add(self, slot: int) -> None:
        """Count a request."""
        if not self.counts or self.counts[-1][0] < slot:
            self.counts.append([slot, 0])
        self.counts[-1][1] += 1
        self.total += 1

    def __enter__(self) -> Self:
        """Use it: it is kept as it is."""
        return self

    def __exit__(self, *_error: object) -> None:
        pass


class CountedWindow(Protocol):
    """What a limit asks of a window."""

    @property
    def total(self) -> int:
        """How many requests are in it."""

    def forget(self, before: int, /) -> None:
        """Forget the slots before one."""

    def add(self, slot: int, /) -> None:
        """Count a request."""

    def begins(self, slot: int, /) -> int:
        """Return the first slot that counts, or another where none does."""


class Windows(Protocol):
    """Where windows are kept."""

    def window(self, key: tuple[str, str], /) -> AbstractContextManager[CountedWindow]:
        """Give a window, alone; it is kept as it is at the end of the block."""


class OwnWindows:
    """The windows of one process, used by one thread at a time."""

    def __init__(self) -> None:
        self._windows: OrderedDict[tuple[str, str], Window] = OrderedDict()

    def window(self, key: tuple[str, str]) -> Window:
        """Give a window."""
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = Window()
            if len(self._windows) > MOST_WINDOWS:
                self._windows.popitem(last=False)
        else:
            self._windows.move_to_end(key)
        return window
