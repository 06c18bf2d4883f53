"""Aliases as they apply: words of a text become those that they stand for.

Words stand between blanks. From the first word on, the longest alias that fits is replaced, and
what it becomes is not looked up again.
"""

from collections.abc import Callable, Iterable

from overtide.transforms.spelling import folded

Words = tuple[str, ...]


def replacing(
    aliases: Iterable[tuple[str, str]], normalised: Callable[[str], str]
) -> Callable[[str], str]:
    """Return the function that replaces aliases in a text that is `normalised`.

    Aliases and what they stand for are normalised as the texts are; an alias of which nothing is
    left is none. Whether words are in upper or lower case does not matter.
    """
    table: dict[Words, str] = {}
    for alias, value in aliases:
        words = _words(normalised(alias))
        if words:
            table.setdefault(words, normalised(value))
    longest: dict[str, int] = {}
    for words in table:
        longest[words[0]] = max(len(words), longest.get(words[0], 0))

    def replaced(text: str) -> str:
        keys = _words(text)
        if longest.keys().isdisjoint(keys):
            return text
        words, found, place = text.split(" "), [], 0
        while place < len(words):
            length = _length(table, longest.get(keys[place], 0), keys, place)
            found.append(table[keys[place : place + length]] if length else words[place])
            place += length or 1
        return " ".join(filter(None, found))

    return replaced


def _words(text: str) -> Words:
    return tuple(folded(word) for word in text.split(" ") if word)


def _length(table: dict[Words, str], most: int, keys: Words, place: int) -> int:
    """Return how many words from a place on are an alias, the longest one; 0 if none is."""
    return next(
        (length for length in range(most, 0, -1) if keys[place : place + length] in table), 0
    )
