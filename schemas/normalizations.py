"""What follows from the normalisations of what is compared."""

from collections.abc import Sequence


def words_are_sorted(normalize: Sequence[str]) -> bool:
    """Say whether words are sorted before they are compared, where nothing is said of it."""
    return "name" in normalize
