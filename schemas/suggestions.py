"""Suggest the name that was probably meant."""

from collections.abc import Iterable


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a misspelt one most likely means, or None."""
    from difflib import get_close_matches

    folded = {other.strip().casefold(): other for other in known}
    found = get_close_matches(name.strip().casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the known name closest to a misspelt one, or the known names."""
    names = list(known)
    close = closest(name, names)
    if close:
        return f"Did you mean {close}?"
    return f"Known are {', '.join(names[:20])}{', …' if len(names) > 20 else ''}." if names else ""
