"""One look at the present for all requests that came before it.

A request must be answered from a present that was found after it had come: then it shows whatever
was acknowledged before it was sent, by whichever process. So all that have come by the time of one
look may share it (docs/decisions/one-look-for-many.md).
"""

import time
from collections.abc import Callable

from overtide.lake.decide.present import Now

LONGEST_SECONDS = 0.005
"""For how long a look is shared while nothing more comes."""


class Arrivals:
    """Counts what comes to a server, and keeps its last look; usable from every thread.

    Whoever takes bytes from clients calls `note` before anything is done about them.
    """

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._count = 0
        self._kept: tuple[int, float, Now] | None = None

    def note(self) -> None:
        """Note that something has come; called by one thread."""
        self._count += 1

    def present(self, look: Callable[[], Now]) -> Now:
        """Return a present that was looked for after all that has come."""
        come, kept, began = self._count, self._kept, self._timer()
        if kept is not None and kept[0] == come and began - kept[1] < LONGEST_SECONDS:
            return kept[2]
        found = look()
        self._kept = come, began, found
        return found

    def forget(self) -> None:
        """Let the next one look again."""
        self._kept = None
