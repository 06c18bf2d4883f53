"""Who tries tokens that are none: counted by address, slowed down, and told as refusals."""

import ipaddress
import math
import threading
from collections import OrderedDict, deque
from collections.abc import Callable

from overtide.schemas.errors import TooManyRequestsError

WINDOW = 60.0
"""Seconds for which an attempt that failed is remembered."""
MOST_OF_PEOPLE = 20
"""Attempts that failed after which an address may try no more until some are forgotten."""
MOST_OF_PROGRAMS = 100
"""The same after which programs at an address are told late what is wrong with their tokens.

They are not refused: others may be behind the same address, with tokens that hold.
"""
LATE = 1.0
"""How many seconds later they are told."""
MOST_ADDRESSES = 10_000
NETWORK = 64
"""Bits of an IPv6 address that one household or machine has to itself (RFC 6177)."""


class Attempts:
    """The attempts that failed lately, of one process; usable from every thread.

    After `most` of an address it is slowed down.
    """

    def __init__(self, most: int, seconds: Callable[[], float]) -> None:
        self._most, self._seconds = most, seconds
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, address: str) -> None:
        """Remember that an attempt from an address failed."""
        network = _network(address)
        with self._lock:
            found = self._failed[network] = self._of(network)
            found.append(self._seconds())
            if len(found) > self._most:
                found.popleft()
            self._failed.move_to_end(network)
            if len(self._failed) > MOST_ADDRESSES:
                self._failed.popitem(last=False)

    def expect_few(self, address: str) -> None:
        """Raise `too_many_attempts` where too many from an address failed."""
        with self._lock:
            found, now = self._of(_network(address)), self._seconds()
        if len(found) >= self._most:
            wait = max(1, math.ceil(found[0] + WINDOW - now))
            raise TooManyRequestsError(
                "too_many_attempts",
                f"{len(found)} attempts from {address} failed within a minute.",
                None,
                f"Try again in {wait} seconds.",
            )

    async def told_late(self, address: str) -> None:
        """Remember that an attempt failed, and wait where many did, before that is told."""
        import asyncio  # the command line needs none

        self.note(address)
        with self._lock:
            late = LATE if len(self._of(_network(address))) >= self._most else 0.0
        await asyncio.sleep(late)

    def _of(self, network: str) -> deque[float]:
        """Return when attempts of a network failed lately."""
        found = self._failed.get(network, deque())
        oldest = self._seconds() - WINDOW
        while found and found[0] <= oldest:
            found.popleft()
        return found


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
