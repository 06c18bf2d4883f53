"""How many requests a principal may send: never more than its limit in any window of time."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from overtide.schemas.errors import TooManyRequestsError
from overtide.serving.windows import SLOTS, OwnWindows, Windows

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


class RateLimits:
    """The limits of a server: by caller where there is a policy for it, else by principal.

    Used by one thread. `nanoseconds` is a clock that never goes back; processes that share their
    `windows` share it, too.
    """

    def __init__(
        self,
        usual: Policy,
        of_callers: Mapping[str, Policy],
        nanoseconds: Callable[[], int],
        windows: Windows | None = None,
    ) -> None:
        self._usual, self._of_callers, self._nanoseconds = usual, of_callers, nanoseconds
        self._windows = windows or OwnWindows()

    def take(self, principal: str, caller: str, headers: dict[str, str]) -> None:
        """Count a request, and put into `headers` what is left; raise `rate_limited`.

        The same caller has a limit for each principal that sends in its name. A refused request
        does not count.
        """
        policy = self._of_callers.get(caller, self._usual)
        named = caller if caller in self._of_callers else ""
        with self._windows.window((named, principal)) as window:
            now = self._nanoseconds()
            slot = now // policy.slot
            # The window reaches into the slot SLOTS ago, which therefore counts as a whole.
            window.forget(slot - SLOTS)
            allowed = window.total < policy.requests
            if allowed:
                window.add(slot)
            oldest = window.begins(slot)
            left = policy.requests - window.total
        wait = math.ceil(((oldest + SLOTS + 1) * policy.slot - now) / NANOSECONDS)
        headers["RateLimit-Policy"] = policy.header
        headers["RateLimit"] = f'"{policy.name}";r={left};t={wait}'
        if not allowed:
            headers["Retry-After"] = str(wait)
            raise _rate_limited(policy, wait)


def _rate_limited(policy: Policy, wait: int) -> TooManyRequestsError:
    return TooManyRequestsError(
        "rate_limited",
        f"More than {policy.requests} requests in {policy.seconds} s.",
        None,
        f"Try again in {wait} s; `RateLimit` tells what is left.",
    )
