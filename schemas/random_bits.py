"""Random numbers for ids, asked of the system for many at a time."""

import secrets
from struct import Struct

_MANY = Struct("<256Q")


class RandomBits:
    """Gives numbers of 62 random bits, to any thread.

    A process that was forked may give the same ones: what they are for must not rest on them alone.
    """

    def __init__(self) -> None:
        self._ready: list[int] = []

    def __call__(self) -> int:
        """Return a number."""
        while True:
            try:
                return self._ready.pop()
            except IndexError:
                many = _MANY.unpack(secrets.token_bytes(_MANY.size))
                self._ready.extend([one >> 2 for one in many])
