"""What does for one time alone: remembered once it was used, for as long as it could be again."""

import threading
from collections import OrderedDict
from collections.abc import Callable

MOST_REMEMBERED = 10_000


class UsedOnce:
    """The texts that were used lately, of one process; usable from every thread.

    Each is remembered for `lasting` seconds; of very many the oldest are forgotten earlier.
    """

    def __init__(self, lasting: float, seconds: Callable[[], float]) -> None:
        self._lasting, self._seconds = lasting, seconds
        self._used: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, text: str) -> bool:
        """Use a text, and say whether it had not been used."""
        now = self._seconds()
        with self._lock:
            self._forget(now)
            if text in self._used:
                return False
            self._used[text] = now
            return True

    def _forget(self, now: float) -> None:
        """Forget what is old, the oldest first, and make place for one."""
        while self._used:
            oldest = next(iter(self._used.values()))
            if now - oldest < self._lasting and len(self._used) < MOST_REMEMBERED:
                return
            self._used.popitem(last=False)
