"""Who tries tokens that are none: counted by address, slowed down, and told as refusals."""

import ipaddress
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from overtide.schemas.errors import TooManyRequestsError
from overtide.serving.windows import SLOTS, CountedWindow, OwnWindows, Windows

WINDOW = 60.0
"""Seconds for which an attempt that failed is remembered, and a second more."""
SLOT = WINDOW / SLOTS
MOST_OF_PEOPLE = 20
"""Attempts that failed after which an address may try no more until some are forgotten."""
MOST_OF_PROGRAMS = 100
"""The same after which programs at an address are told late what is wrong with their tokens.

They are not refused: others may be behind the same address, with tokens that hold.
"""
LATE = 1.0
"""How many seconds later they are told."""
NETWORK = 64
"""Bits of an IPv6 address that one household or machine has to itself (RFC 6177)."""


class Attempts:
    """The attempts of a kind that failed lately; usable from every thread.

    After `most` of an address it is slowed down. Processes that share their `windows` share
    `seconds`, a clock that never goes back, and what they count under the name of the kind.
    """

    def __init__(
        self,
        most: int,
        seconds: Callable[[], float],
        windows: Windows | None = None,
        name: str = "",
    ) -> None:
        self._most, self._seconds, self._name = most, seconds, name
        self._windows, self._lock = windows or OwnWindows(), threading.Lock()

    def note(self, address: str) -> None:
        """Remember that an attempt from an address failed."""
        with self._window(address) as (window, now):
            window.add(int(now // SLOT))

    def expect_few(self, address: str) -> None:
        """Raise `too_many_attempts` where too many from an address failed."""
        with self._window(address) as (window, now):
            failed, begins = window.total, window.begins(0)
        if failed >= self._most:
            wait = max(1, math.ceil((begins + SLOTS + 1) * SLOT - now))
            raise TooManyRequestsError(
                "too_many_attempts",
                f"{failed} attempts from {address} failed within a minute.",
                None,
                f"Try again in {wait} seconds.",
                retry_after=wait,
            )

    async def told_late(self, address: str) -> None:
        """Remember that an attempt failed, and wait where many did, before that is told."""
        import asyncio  # the command line needs none

        with self._window(address) as (window, now):
            window.add(int(now // SLOT))
            late = LATE if window.total >= self._most else 0.0
        await asyncio.sleep(late)

    @contextmanager
    def _window(self, address: str) -> Iterator[tuple[CountedWindow, float]]:
        """Give what failed lately of an address, and the time."""
        with self._lock, self._windows.window((self._name, _network(address))) as window:
            now = self._seconds()
            window.forget(int(now // SLOT) - SLOTS)
            yield window, now


def _network(address: str) -> str:
    """Return what one person has: an IPv4 address, or the network of an IPv6 address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    bits = NETWORK if found.version == 6 else found.max_prefixlen
    return str(ipaddress.ip_network((found, bits), strict=False))
