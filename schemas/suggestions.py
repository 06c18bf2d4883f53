"""Suggest the name that was probably meant."""

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the known name that is closest to a misspelt one, or the list of the known names."""
    from difflib import get_close_matches

    names = list(known)
    folded = {candidate.lower(): candidate for candidate in names}
    close = get_close_matches(name.lower(), folded, 1, 0.6)
    if close:
        return f"Did you mean {folded[close[0]]}?"
    return f"Known are {', '.join(names[:20])}{', …' if len(names) > 20 else ''}." if names else ""
