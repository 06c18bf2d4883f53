"""Normalisations: how two spellings of one thing become equal before they are compared.

Stored values stay as they are.

The six of the product (Numerals, Symbols, Text to lower case, Type, Unicode to ASCII, Whitespace),
with Type as phone, name, address and organization, and `email` besides. `normal` says what they do
to one text; they apply in the order of `ORDER`, whatever the order in the configuration, after
`visible`, which applies always. `normal_texts` does the same to a column, where what is plain ASCII
stays within Arrow (docs/decisions/normalising-in-python.md).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from overtide.transforms import phones, words
from overtide.transforms.listed import Listed
from overtide.transforms.spelling import folded, plain_numerals, visible, without_accents

SYMBOLS = "!?\"#$%&'()+,.-_/:;<=>@^\\~{}`[]"
WITHOUT_SYMBOLS = str.maketrans("", "", SYMBOLS)
STEPS: dict[str, Callable[[str], str]] = {
    "numerals": plain_numerals,
    "ascii": without_accents,
    "lower": folded,
    "email": lambda text: re.sub(r"\+[^@]*@", "@", folded(text)),
    "phone": lambda text: phones.number(text, None),
    "name": words.name,
    "address": words.address,
    "organization": words.organization,
    "symbols": lambda text: visible(text.translate(WITHOUT_SYMBOLS)),
}
"""What each normalisation does to a text that is `visible`, in the order in which they apply."""
ORDER = (*STEPS, "whitespace")
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
"""Normalisations that `_plain` does to plain texts; all others are done in Python."""
PLAIN = r"\A[!-~]+( [!-~]+)*\z"
"""Texts that look as they are: ASCII, with one blank between words."""


@dataclass(frozen=True)
class How:
    """How a text is compared.

    Its normalisations, whether its words are put in order, and `phone`'s country.

    The words are put in order before `whitespace` joins them.
    """

    steps: tuple[str, ...] = ()
    words_sorted: bool = False
    country: str | None = None

    @cached_property
    def chain(self) -> tuple[Callable[[str], str], ...]:
        """What is done to a text, one after the other."""
        found = [visible, *(STEPS[step] for step in STEPS if step in self.steps)]
        if self.country:
            found = [
                partial(phones.number, country=self.country) if one is STEPS["phone"] else one
                for one in found
            ]
        # A mark may have come behind another letter, also where words are joined.
        again = [without_accents] if "ascii" in self.steps else []
        return (
            *found,
            *again,
            *([_in_order] if self.words_sorted else []),
            *([_joined, *again] if "whitespace" in self.steps else []),
        )


def _in_order(text: str) -> str:
    return " ".join(sorted(text.split(" ")))


def _joined(text: str) -> str:
    return visible(text.replace(" ", ""))


def normal(text: str, how: How) -> str:
    """Return a text as it is compared.

    Doing it again changes nothing, but to numbers of a `country`, and where `symbols` or
    `whitespace` joined letters to a word of a list.
    """
    for step in how.chain:
        text = step(text)
    return text


def normal_texts(texts: pa.Array, how: How) -> pa.Array:
    """Return each text as `normal` gives it; null where nothing is left."""
    if IN_ARROW.issuperset(how.steps):
        plain = pc.fill_null(pc.match_substring_regex(texts, PLAIN), False)
        found = _plain(texts.filter(plain), how)
        if len(found) < len(texts):
            others = _each(texts.filter(pc.invert(plain)), how)
            found = pc.replace_with_mask(
                pc.replace_with_mask(pa.nulls(len(texts), pa.string()), plain, found),
                pc.invert(plain),
                others,
            )
    else:
        found = _each(texts, how)
    return pc.if_else(pc.equal(found, ""), None, found)


def _each(texts: pa.Array, how: How) -> pa.Array:
    """Return the texts as `normal` gives them, each of those that are equal once."""
    distinct = texts.dictionary_encode()
    found = [
        None if text is None else normal(text, how) for text in distinct.dictionary.to_pylist()
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
