"""The word lists of the normalisations, and how they are applied to a text.

`name`, `address` and `organization`.

A list is a file of `lists/`: sections in brackets, and lines of words between commas, `#` before
remarks. What stands before a colon is what the words of its line become; without one they go. An
entry may be several words in a row.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from overtide.transforms.spelling import folded, visible

BETWEEN = ',;:./()[]{}"&+'
SEPARATORS = str.maketrans(dict.fromkeys(BETWEEN + "،؛、。・·", " "))
"""What stands between words as a blank does; `BETWEEN` is what of it is ASCII."""
DOTTED = re.compile(r"\b(?:\w\.){2,}|\b(?:\w\.)+\w\b")
"""Letters with points between them, such as `B.V.`; but of names they are initials."""


@cache
def sections(name: str) -> dict[str, dict[str, str]]:
    """Return a list by sections (`""` where there are none).

    What each of its entries becomes, both as written.
    """
    found: dict[str, dict[str, str]] = {}
    entries = found.setdefault("", {})
    for line in (
        (files("overtide.transforms") / "lists" / f"{name}.txt")
        .read_text(encoding="utf-8")
        .splitlines()
    ):
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            entries = found.setdefault(text[1:-1], {})
        elif text and not text.startswith("# "):
            become, colon, words = text.rpartition(": ")
            entries |= dict.fromkeys(filter(None, words.split(", ")), become if colon else "")
    return found


@dataclass(frozen=True)
class Replaced:
    """What becomes of words.

    Of single ones, and of several in a row by the first of them, the longest first.
    """

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
            found = next(
                (
                    (row, become)
                    for row, become in self.several.get(words[place], ())
                    if tuple(words[place : place + len(row)]) == row
                ),
                ((words[place],), words[place]),
            )
            place += len(found[0])
            yield from found[1].split()


def words_of(text: str) -> list[str]:
    """Return the words of a text, in one case and without what stands between them."""
    return folded(visible(text)).translate(SEPARATORS).split()


LISTS = {
    "name": (("titles", ""), ("names", "")),
    "address": (("addresses", "words"),),
    "organization": (("organizations", "anywhere"),),
}
"""The lists, by file and section, that single words are looked up in."""


@cache
def replaced(*lists: tuple[str, str]) -> Replaced:
    """Return what becomes of the words of lists, each by its file and section."""
    return Replaced.of(
        {
            entry: become
            for name, section in lists
            for entry, become in sections(name)[section].items()
        }
    )


def name(text: str) -> str:
    """Return a person's name without titles, with its short first names in full.

    A short first name becomes the name that it stands for.
    """
    found = replaced(*LISTS["name"])
    words = folded(text).translate(SEPARATORS).split()
    while (left := found.apply(words)) != words:
        words = left
    return " ".join(words)


def address(text: str) -> str:
    """Return an address with words for streets, directions and units abbreviated.

    They are abbreviated as ends of words, too.
    """
    words = replaced(*LISTS["address"]).apply(_without_points(text))
    return " ".join(map(with_end, words))


@cache
def endings() -> dict[str, str]:
    """Return the ends of longer words of addresses, and what becomes of each."""
    return sections("addresses")["endings"]


def with_end(word: str) -> str:
    """Return a word of an address with its end abbreviated."""
    ends = endings()
    if word.endswith(tuple(ends)):
        end = next(end for end in ends if word.endswith(end))
        return word.removesuffix(end) + ends[end]
    return word


def organization(text: str) -> str:
    """Return an organisation's name without legal form and words that only say it is one."""
    words = replaced(*LISTS["organization"]).apply(_without_points(text))
    while (left := _without_ends(words)) != words:
        words = left
    return " ".join(words)


@cache
def _forms(section: str) -> frozenset[tuple[str, ...]]:
    """Return the words of each legal form."""
    return frozenset(tuple(words_of(form)) for form in sections("organizations")[section])


@cache
def borders() -> tuple[frozenset[str], frozenset[str]]:
    """Return the first words of legal forms before names and the last of those behind."""
    return frozenset(form[0] for form in _forms("beginnings")), frozenset(
        form[-1] for form in _forms("ends")
    )


def _without_ends(words: list[str]) -> list[str]:
    first, last = borders()
    if not words or (words[0] not in first and words[-1] not in last):
        return words
    for size in range(min(6, len(words)), 0, -1):
        if tuple(words[-size:]) in _forms("ends"):
            return words[:-size]
        if tuple(words[:size]) in _forms("beginnings"):
            return words[size:]
    return words


def _without_points(text: str) -> list[str]:
    joined = folded(text)
    if "." in joined:
        joined = visible(DOTTED.sub(lambda found: found[0].replace(".", ""), joined))
    return joined.translate(SEPARATORS).split()
