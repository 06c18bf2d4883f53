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


ALL_BECAUSE = {
    "keys": "some rows have no key or one that others have",
    "times": "no row says when it was modified",
}
"""Why every refresh fetches all rows of a table that is to be read by what changed."""


def fetched_told(fetched: Mapping[str, Any]) -> str | None:
    """Return what a manifest says of a table's fetch as a sentence, None where that is nothing."""
    rows, kept = int(fetched["rows"]), int(fetched["kept"])
    if fetched["since"] is not None:
        return (
            f"{counted(rows, 'row')} fetched of those modified since {fetched['since']}, "
            f"{kept:,} kept from before."
        )
    why = ALL_BECAUSE.get(fetched["all_because"])
    return f"all {counted(rows, 'row')} fetched, and again each time, since {why}." if why else None
