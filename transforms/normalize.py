"""Normalisations: how two spellings of one thing become equal before they are compared.

Stored values stay as they are.

The six of the product (Numerals, Symbols, Text to lower case, Type, Unicode to ASCII, Whitespace),
with Type as phone, name, address and organization, and `email` besides. `normal` says what they do
to one text; they apply in the order of `STEPS`, whatever the order in the configuration, after
`visible`, which applies always. `normal_texts` does the same to a column, where what is plain ASCII
stays within Arrow (docs/decisions/normalising-in-python.md).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from overtide.transforms import phones, words
from overtide.transforms.aliases import replacing
from overtide.transforms.listed import Listed
from overtide.transforms.spelling import folded, plain_numerals, visible, without_accents

SYMBOLS = "!?\"#$%&'()+,.-_/:;<=>@^\\~{}`[]"
WITHOUT_SYMBOLS = str.maketrans("", "", SYMBOLS)


class Step(NamedTuple):
    """A normalisation: what it does to a text that is `visible`, and how that is told.

    In the text for the docs `{symbols}` stands for `SYMBOLS`, `{name.section}` for how many entries
    a list of `lists/` has, `{letters}` for the letters of `spelling.LETTERS`.
    """

    run: Callable[[str], str]
    told: str
    example: str


def _joined(text: str) -> str:
    return visible(text.replace(" ", ""))


STEPS = {
    "numerals": Step(
        plain_numerals,
        "digits of all scripts and styles become 0 to 9, and letters that Unicode says to be whole "
        "numbers become these (`Ⅷ ⑫ ❽`); `½` and `八` stay",
        "Room ③²",
    ),
    "ascii": Step(
        without_accents,
        "accents go where they are accents: after Latin and Greek letters; marks of stress on "
        "Cyrillic vowels and the optional points of Arabic and Hebrew, too. These become A to Z: "
        "{letters}, `ﬁ ª 𝐀`. Other alphabets stay, with their marks: `й` is no `и`, `が` no `か`, "
        "`कोमल` no `कमल`",
        "Strauß Łódź Ærø",
    ),
    "lower": Step(
        folded,
        "upper and lower case become one by Unicode's full case folding: `ß` is `ss`, both small "
        "sigmas are one; I is i, and the Turkish `ı` and `İ` stay letters of their own (`ascii` "
        "makes all of them i)",
        "De Vries-Groß",
    ),
    "email": Step(
        lambda text: re.sub(r"\+[^@]*@", "@", folded(text)),
        "as `lower`, and what stands from a `+` to the `@` goes",
        " Ann+Shop@X.org",
    ),
    "phone": Step(
        lambda text: phones.number(text, None),
        "the digits without extension and leading zeros; of a number with `+`, or of one whose "
        "`country` is configured, country code and number by the rules of its country (the library "
        "`phonenumbers`)",
        "+31 (0)20-555 1234 ext 7",
    ),
    "name": Step(
        words.name,
        "as `lower`; {titles} titles, degrees and generations go (`Mr Dr Frau dhr. Mme Jr PhD`); "
        "{names} short forms and spellings of first names become the names that they stand for. "
        "Those that are common for several names stay: `Alex Chris Pat Sam Kathy Jack`",
        "Dr. Bob Smith",
    ),
    "address": Step(
        words.address,
        "as `lower`; {addresses.words} words for streets, directions and units become those of the "
        "US postal service (Publication 28), Dutch, German and French street words too, also as "
        "ends of words: `Kerkstraat` is `Kerkstr.`",
        "12 North West Park Street",
    ),
    "organization": Step(
        words.organization,
        "as `lower`; {organizations.anywhere} words such as `the and company ltd` go, and at the "
        "beginning and end {organizations.ends} legal forms of many countries",
        "The Acme Company B.V.",
    ),
    "symbols": Step(
        lambda text: visible(text.translate(WITHOUT_SYMBOLS)),
        "these characters go: `` {symbols} ``",
        "O'Brien-Smith",
    ),
    "whitespace": Step(_joined, "all blanks go", "12 34 AB"),
}
"""The normalisations, in the order in which they apply."""
JOINING = "whitespace"
"""The last one, which applies behind the order of words."""
IN_ARROW = {
    "numerals",
    "ascii",
    "lower",
    "email",
    "name",
    "address",
    "organization",
    "symbols",
    "whitespace",
}
"""Those that `_plain` does to plain texts; all others are done in Python."""
PLAIN = r"\A[!-~]+( [!-~]+)*\z"
"""Texts that look as they are: ASCII, with one blank between words."""


Aliases = tuple[tuple[str, str], ...]
"""Words, each with those that they stand for; of two alike the first counts."""


@dataclass(frozen=True)
class How:
    """How a text is compared.

    Its normalisations, whether its words are put in order, `phone`'s country, and aliases.

    Aliases are replaced, and then words put in order, before `whitespace` joins them.
    """

    steps: tuple[str, ...] = ()
    words_sorted: bool = False
    country: str | None = None
    aliases: Aliases = ()

    @cached_property
    def words(self) -> "How":
        """How a text becomes the words that aliases are looked up in."""
        steps = tuple(step for step in self.steps if step != JOINING)
        return How(steps, country=self.country)

    @cached_property
    def behind(self) -> tuple[Callable[[str], str], ...]:
        """What is done to these words, one after the other."""
        replaced = [replacing(self.aliases, partial(normal, how=self.words))]
        joined = [STEPS[JOINING].run] if JOINING in self.steps else []
        return (
            *(replaced if self.aliases else []),
            *([_in_order] if self.words_sorted else []),
            *joined,
            *([without_accents] if joined and "ascii" in self.steps else []),
        )

    @cached_property
    def chain(self) -> tuple[Callable[[str], str], ...]:
        """What is done to a text, one after the other."""
        steps = {name: one.run for name, one in STEPS.items() if name in self.steps}
        if self.country and "phone" in steps:
            steps["phone"] = partial(phones.number, country=self.country)
        steps.pop(JOINING, None)
        # A mark may have come behind another letter, also where words are joined.
        again = [without_accents] if "ascii" in self.steps else []
        return (visible, *steps.values(), *again, *self.behind)


def _in_order(text: str) -> str:
    return " ".join(sorted(text.split(" ")))


def normal(text: str, how: How) -> str:
    """Return a text as it is compared.

    Doing it again changes nothing, but to numbers of a `country`, and where `symbols` or
    `whitespace` joined letters to a word of a list or an alias.
    """
    return _after(text, how.chain)


def _after(text: str, chain: Iterable[Callable[[str], str]]) -> str:
    for step in chain:
        text = step(text)
    return text


def normal_texts(texts: pa.Array, how: How) -> pa.Array:
    """Return each text as `normal` gives it; null where nothing is left."""
    if how.aliases:
        found = _each(normal_texts(texts, how.words), how.behind)
    elif IN_ARROW.issuperset(how.steps):
        plain = pc.fill_null(pc.match_substring_regex(texts, PLAIN), False)
        found = _plain(texts.filter(plain), how)
        if len(found) < len(texts):
            others = _each(texts.filter(pc.invert(plain)), how.chain)
            found = pc.replace_with_mask(
                pc.replace_with_mask(pa.nulls(len(texts), pa.string()), plain, found),
                pc.invert(plain),
                others,
            )
    else:
        found = _each(texts, how.chain)
    return pc.if_else(pc.equal(found, ""), None, found)


def _each(texts: pa.Array, chain: Sequence[Callable[[str], str]]) -> pa.Array:
    """Return the texts after some steps, each of those that are equal once."""
    distinct = texts.dictionary_encode()
    found = [
        None if text is None else _after(text, chain) for text in distinct.dictionary.to_pylist()
    ]
    return pa.array(found, pa.string()).take(distinct.indices)


def _plain(texts: pa.Array, how: How) -> pa.Array:
    """Return plain ASCII texts normalised; `numerals` and `ascii` leave them unchanged."""
    steps = how.steps
    if "lower" in steps or "email" in steps:
        texts = pc.ascii_lower(texts)
    if "email" in steps:
        texts = _without_tags(texts)
    for step in ("name", "address", "organization"):
        texts = Listed.of(step).apply(texts) if step in steps else texts
    if "symbols" in steps:
        without = pc.replace_substring_regex(texts, f"[{re.escape(SYMBOLS)}]+", "")
        texts = pc.ascii_trim(pc.replace_substring_regex(without, " +", " "), " ")
    if how.words_sorted:
        texts = _words_in_order(texts)
    return pc.replace_substring(texts, " ", "") if "whitespace" in steps else texts


def _without_tags(texts: pa.Array) -> pa.Array:
    """Return e-mails without what is between a plus and the at sign; few have one."""
    tagged = pc.match_substring(texts, "+")
    without = pc.replace_substring_regex(texts.filter(tagged), r"\+[^@]*@", "@")
    return pc.replace_with_mask(texts, tagged, without)


def _words_in_order(texts: pa.Array) -> pa.Array:
    """Return each text with its words in order: they are sorted as numbers, by row and by rank."""
    split = pc.split_pattern(texts, " ")
    words, ends = split.flatten().dictionary_encode(), np.asarray(split.offsets)
    by_rank = pc.array_sort_indices(words.dictionary)
    ranks = np.empty(len(by_rank), np.int64)
    ranks[np.asarray(by_rank)] = np.arange(len(by_rank))
    rows = np.repeat(np.arange(len(texts)), np.diff(ends))
    keys = rows * len(by_rank) + ranks[np.asarray(words.indices)]
    keys.sort()
    in_order = words.dictionary.take(by_rank).take(pa.array(keys % max(1, len(by_rank))))
    lists = pa.ListArray.from_arrays(pa.array(ends - ends[:1], pa.int32()), in_order)
    return pc.binary_join(lists, " ")
