"""Numbers of things as sentences say them."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: `1 event`, `2,000 events`.

    `many` is the plural that no s makes.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
