"""What does for one time alone: remembered once it was used, for as long as it could be again."""

import threading
from collections.abc import Callable

from overtide.serving.windows import SLOTS, OwnWindows, Windows

NAME = "used"


class UsedOnce:
    """The texts that were used lately; usable from every thread.

    Each is remembered for `lasting` seconds and a little more; of very many the oldest are
    forgotten earlier. Processes that share their `windows` share `seconds`, a clock that never goes
    back, and what was used.
    """

    def __init__(
        self, lasting: float, seconds: Callable[[], float], windows: Windows | None = None
    ) -> None:
        self._slot, self._seconds = lasting / SLOTS, seconds
        self._windows, self._lock = windows or OwnWindows(), threading.Lock()

    def take(self, text: str) -> bool:
        """Use a text, and say whether it had not been used."""
        with self._lock, self._windows.window((NAME, text)) as window:
            slot = int(self._seconds() // self._slot)
            window.forget(slot - SLOTS)
            if window.total:
                return False
            window.add(slot)
            return True
