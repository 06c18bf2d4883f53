"""The word lists of the normalisations, and how they are applied to a text: `name`, `address` and `organization`.

A list is a file of `lists/`: sections in brackets, and lines of words between commas, `#` before remarks. What stands
before a colon is what the words of its line become; without one they go. An entry may be several words in a row.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from transforms.spelling import folded, visible

SEPARATORS = str.maketrans(dict.fromkeys(',;:./()[]{}"&+،؛、。・·', " "))
"""What stands between words as a blank does."""
DOTTED = re.compile(r"\b(?:\w\.){2,}|\b(?:\w\.)+\w\b")
"""Letters with points between them, such as `B.V.`; but of names they are initials."""


@cache
def sections(name: str) -> dict[str, dict[str, str]]:
    """Return a list by sections (`""` where there are none): what each of its entries becomes, both as written."""
    found: dict[str, dict[str, str]] = {}
    entries = found.setdefault("", {})
    for line in (files("transforms") / "lists" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            entries = found.setdefault(text[1:-1], {})
        elif text and not text.startswith("# "):
            become, colon, words = text.rpartition(": ")
            entries |= dict.fromkeys(filter(None, words.split(", ")), become if colon else "")
    return found


@dataclass(frozen=True)
class Replaced:
    """What becomes of words: of single ones, and of several in a row by the first of them, the longest first."""

    single: Mapping[str, str]
    several: Mapping[str, list[tuple[tuple[str, ...], str]]]

    @classmethod
    def of(cls, entries: Mapping[str, str]) -> "Replaced":
        """Return what becomes of the words of a list's entries."""
        split = [(tuple(words_of(entry)), become) for entry, become in entries.items()]
        several: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for words, become in sorted(split, key=lambda one: -len(one[0])):
            if len(words) > 1:
                several.setdefault(words[0], []).append((words, become))
        return cls({words[0]: become for words, become in split if len(words) == 1}, several)

    def apply(self, words: list[str]) -> list[str]:
        """Return the words with those of the list replaced, without those that become nothing."""
        if not self.several.keys().isdisjoint(words):
            words = list(self._in_a_row(words))
        single = self.single
        return [become for word in words if (become := single.get(word, word))]

    def _in_a_row(self, words: list[str]) -> Iterator[str]:
        place = 0
        while place < len(words):
            found = next(((row, become) for row, become in self.several.get(words[place], ())
                          if tuple(words[place:place + len(row)]) == row), ((words[place],), words[place]))
            place += len(found[0])
            yield from found[1].split()


def words_of(text: str) -> list[str]:
    """Return the words of a text, in one case and without what stands between them."""
    return folded(visible(text)).translate(SEPARATORS).split()


@cache
def _replaced(*lists: tuple[str, str]) -> Replaced:
    return Replaced.of({entry: become for name, section in lists for entry, become in sections(name)[section].items()})


def name(text: str) -> str:
    """Return a person's name without titles, its short first names as the names that they stand for."""
    replaced = _replaced(("titles", ""), ("names", ""))
    words = folded(text).translate(SEPARATORS).split()
    while (left := replaced.apply(words)) != words:
        words = left
    return " ".join(words)


def address(text: str) -> str:
    """Return an address with the words for streets, directions and units abbreviated, also as ends of words."""
    words = _replaced(("addresses", "words")).apply(_without_points(text))
    return " ".join(map(_with_end, words))


def _with_end(word: str) -> str:
    ends = sections("addresses")["endings"]
    if word.endswith(tuple(ends)):
        end = next(end for end in ends if word.endswith(end))
        return word.removesuffix(end) + ends[end]
    return word


def organization(text: str) -> str:
    """Return an organisation's name without its legal form and the words that say no more than that it is one."""
    words = _replaced(("organizations", "anywhere")).apply(_without_points(text))
    while (left := _without_ends(words)) != words:
        words = left
    return " ".join(words)


@cache
def _forms() -> tuple[frozenset[str], frozenset[tuple[str, ...]]]:
    """Return the first and last words of legal forms, and the words of each."""
    forms = [tuple(words_of(form)) for form in sections("organizations")["ends"]]
    return frozenset(word for form in forms for word in (form[0], form[-1])), frozenset(forms)


def _without_ends(words: list[str]) -> list[str]:
    borders, forms = _forms()
    if not words or borders.isdisjoint((words[0], words[-1])):
        return words
    for size in range(min(6, len(words)), 0, -1):
        if tuple(words[-size:]) in forms:
            return words[:-size]
        if tuple(words[:size]) in forms:
            return words[size:]
    return words


def _without_points(text: str) -> list[str]:
    joined = folded(text)
    if "." in joined:
        joined = visible(DOTTED.sub(lambda found: found[0].replace(".", ""), joined))
    return joined.translate(SEPARATORS).split()
