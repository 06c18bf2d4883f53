"""What every error code means and what to do about it.

The codes are stable for ever and part of the contract.

`docs/errors.md` is written from this table, and a test compares it with the code that raises them.
"""

from dataclasses import dataclass
from typing import Literal

Area = Literal["command", "configuration", "refresh", "change", "read", "storage", "service"]


@dataclass(frozen=True, slots=True)
class Explained:
    """One code: where it occurs, what it means, what to do, and how it is answered.

    It comes with HTTP statuses and exit codes.

    No exit code: it is only listed, as a note of `validate` or in the stream's quarantine.
    """

    area: Area
    meaning: str
    remedy: str
    statuses: tuple[int, ...] = (400,)
    exit_codes: tuple[int, ...] = (1,)


USAGE, BOTH = (2,), (1, 2)
LISTED: tuple[tuple[int, ...], tuple[int, ...]] = (), ()
