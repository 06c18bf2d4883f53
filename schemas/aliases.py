"""Aliases: words that stand for others, and what is wrong with a list of them."""

from collections.abc import Iterable
from typing import NamedTuple


class Contradiction(NamedTuple):
    """What is wrong with a list of aliases: at which pair of it, and in words."""

    number: int
    message: str


def plain(text: str) -> str:
    """Return words as aliases are told apart: whatever their case, with one blank in between."""
    return " ".join(text.split()).casefold()


def contradictions(pairs: Iterable[tuple[str, str]]) -> list[Contradiction]:
    """Return what is wrong with aliases, each with what it stands for.

    An alias stands for one thing, and what it stands for is no alias itself, so the order of a list
    changes nothing.
    """
    listed = list(pairs)
    found: list[Contradiction] = []
    meant: dict[str, str] = {}
    for number, (alias, value) in enumerate(listed):
        if not plain(alias) or not plain(value):
            missing = "alias" if not plain(alias) else "value"
            found.append(Contradiction(number, f"has no {missing}"))
            continue
        other = meant.setdefault(plain(alias), value)
        if plain(other) != plain(value):
            found.append(
                Contradiction(number, f"says that `{alias}` is `{value}`, and also `{other}`")
            )
    found += [
        Contradiction(number, f"says that `{alias}` is `{value}`, which is itself an alias")
        for number, (alias, value) in enumerate(listed)
        if plain(alias) and plain(value) in meant
    ]
    return sorted(found)
