"""How many requests a principal may send: never more than its limit in any window of time."""

import math
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from overtide.schemas.errors import TooManyRequestsError

SLOTS = 60
"""Parts of a window that are counted apart: so late a request may be forgotten."""
MOST_WINDOWS = 10_000
"""Windows in memory; those that were used longest ago are forgotten first."""
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """So many requests in so many seconds, under a name that clients see."""

    name: str
    requests: int
    seconds: int

    @property
    def header(self) -> str:
        """The policy as `RateLimit-Policy` has it."""
        return f'"{self.name}";q={self.requests};w={self.seconds}'

    @property
    def slot(self) -> int:
        """The nanoseconds of a slot; never too few, so that all slots cover the window."""
        return -(-self.seconds * NANOSECONDS // SLOTS)


USUAL = Policy("default", 600_000, 60)
"""Of a principal: more than one process can answer, but for a client that runs wild."""
CONNECTOR = Policy("connector", 100, 60)
"""Of a caller: the product's connector is held to it."""


@dataclass(slots=True)
class Window:
    """The requests of the last slots: `counts` has a slot's number and how many came in it."""

    counts: deque[list[int]] = field(default_factory=deque)
    total: int = 0

    def forget(self, before: int) -> None:
        """Forget the slots before one."""
        while self.counts and self.counts[0][0] < before:
            self.total -= self.counts.popleft()[1]

    def add(self, slot: int) -> None:
        """Count a request."""
        if not self.counts or self.counts[-1][0] < slot:
            self.counts.append([slot, 0])
        self.counts[-1][1] += 1
        self.total += 1


class RateLimits:
    """The limits of one process: by caller where there is a policy for it, else by principal.

    Used by one thread. `nanoseconds` is a clock that never goes back.
    """

    def __init__(
        self, usual: Policy, of_callers: Mapping[str, Policy], nanoseconds: Callable[[], int]
    ) -> None:
        self._usual, self._of_callers, self._nanoseconds = usual, of_callers, nanoseconds
        self._windows: OrderedDict[tuple[str, str], Window] = OrderedDict()

    def take(self, principal: str, caller: str, headers: dict[str, str]) -> None:
        """Count a request, and put into `headers` what is left; raise `rate_limited`.

        The same caller has a limit for each principal that sends in its name. A refused request
        does not count.
        """
        policy = self._of_callers.get(caller, self._usual)
        named = caller if caller in self._of_callers else ""
        now = self._nanoseconds()
        slot = now // policy.slot
        window = self._window((named, principal))
        # The window reaches into the slot SLOTS ago, which therefore counts as a whole.
        window.forget(slot - SLOTS)
        allowed = window.total < policy.requests
        if allowed:
            window.add(slot)
        oldest = window.counts[0][0] if window.counts else slot
        wait = math.ceil(((oldest + SLOTS + 1) * policy.slot - now) / NANOSECONDS)
        headers["RateLimit-Policy"] = policy.header
        headers["RateLimit"] = f'"{policy.name}";r={policy.requests - window.total};t={wait}'
        if not allowed:
            headers["Retry-After"] = str(wait)
            raise _rate_limited(policy, wait)

    def _window(self, key: tuple[str, str]) -> Window:
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = Window()
            if len(self._windows) > MOST_WINDOWS:
                self._windows.popitem(last=False)
        else:
            self._windows.move_to_end(key)
        return window


def _rate_limited(policy: Policy, wait: int) -> TooManyRequestsError:
    return TooManyRequestsError(
        "rate_limited",
        f"More than {policy.requests} requests in {policy.seconds} s.",
        None,
        f"Try again in {wait} s; `RateLimit` tells what is left.",
    )
