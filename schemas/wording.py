"""Numbers of things as sentences say them."""

from collections.abc import Mapping
from typing import Any


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: `1 event`, `2,000 events`.

    `many` is the plural that no s makes.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def waiting_told(waiting: Mapping[str, Any]) -> str:
    """Return what a manifest says of hours that have not ended as a sentence."""
    files, hours, first = int(waiting["files"]), int(waiting["hours"]), waiting["first"]
    several = f", the first of {hours:,}" if hours > 1 else ""
    wait = "waits" if files == 1 else "wait"
    return f"{counted(files, 'file')} {wait} for an hour to end (UTC): {first}{several}."
