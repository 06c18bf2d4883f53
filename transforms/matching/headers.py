"""What is wrong with the header of a file that people write."""

from collections.abc import Sequence


def wrong_header(names: Sequence[str], needed: Sequence[str]) -> str | None:
    """Return what a header lacks of what is needed or has twice, None where it is as it should."""
    missing = [name for name in needed if name not in names]
    if missing:
        return f"has no column {', '.join(missing)}"
    twice = sorted({name for name in names if names.count(name) > 1})
    return f"has two columns {', '.join(twice)}" if twice else None
