"""When a request is sent again, and after how long."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

AGAIN = frozenset({429, 503})
"""Statuses of a service that could not, and may soon."""


@dataclass(frozen=True)
class Retries:
    """At most so many attempts; the pauses double from `first` to `longest` seconds.

    Of each pause a random part is waited, so that many clients do not come back together, but never
    less than the service asks for in Retry-After. `chance` gives a number from 0 to 1.
    """

    attempts: int = 5
    first: float = 0.2
    longest: float = 10.0
    chance: Callable[[], float] = random.random

    def pause(self, attempt: int, headers: Mapping[str, str]) -> float | None:
        """Return the seconds to wait after an attempt, the first being 1; None to give up."""
        if attempt >= self.attempts:
            return None
        wanted = headers.get("retry-after", "")
        least = float(wanted) if wanted.isdigit() else 0.0
        most = min(self.longest, self.first * 2.0 ** (attempt - 1))
        return max(least, most * self.chance())


ONCE = Retries(attempts=1)
"""No second attempt."""
