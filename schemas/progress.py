"""What a long command says about how far it is.

The front door shows it, the pipelines only report it.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One stage is this far.

    Rows done, rows in all (None while unknown), seconds since the stage began.
    """

    stage: str
    rows_done: int
    rows_total: int | None = None
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Rows per second so far."""
        return self.rows_done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the stage ends at the present rate, or None while that cannot be said."""
        if self.rows_total is None or self.rate == 0:
            return None
        return max(0, self.rows_total - self.rows_done) / self.rate


Report = Callable[[Event], None]
"""Takes the progress of a running command; must return at once and never raise."""


def silent(event: Event) -> None:
    """Report nothing."""
