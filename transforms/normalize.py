"""Normalisations: how two spellings of one thing become equal before they are compared.

Stored values stay as they are.

The six of the product (Numerals, Symbols, Text to lower case, Type, Unicode to ASCII, Whitespace),
with Type as phone, name, address and organization, and `email` besides. `normal` says what they do
to one text; they apply in the order of `ORDER`, whatever the order in the configuration, after
`visible`, which applies always. `normalized` does the same to a column in SQL: what is plain ASCII
and needs no list stays within DuckDB (docs/decisions/normalising-in-python.md).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING

import pyarrow as pa

from overtide.schemas.names import literal
from overtide.transforms import phones, words
from overtide.transforms.kernel import define
from overtide.transforms.listed import listed_texts
from overtide.transforms.spelling import folded, plain_numerals, visible, without_accents

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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
IN_PYTHON = {"phone"}
"""Normalisations that need Python also where the text is plain."""
PLAIN = "[!-~]+( [!-~]+)*"
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

    def __str__(self) -> str:
        return (
            f"{','.join(self.steps)}|{'sorted' if self.words_sorted else ''}|{self.country or ''}"
        )

    @classmethod
    @cache
    def read(cls, text: str) -> "How":
        """Read what `str` wrote."""
        steps, words_sorted, country = text.split("|")
        return cls(tuple(steps.split(",")), bool(words_sorted), country or None)

    @cached_property
    def chain(self) -> tuple[Callable[[str], str], ...]:
        """What is done to a text, one after the other."""
        found = [visible, *(STEPS[step] for step in STEPS if step in self.steps)]
        if self.country:
            found = [
                partial(phones.number, country=self.country) if one is STEPS["phone"] else one
                for one in found
            ]
        found += (
            [without_accents] if "ascii" in self.steps else []
        )  # a mark may have come behind another letter
        return (
            *found,
            *([_in_order] if self.words_sorted else []),
            *([_joined] if "whitespace" in self.steps else []),
        )


def _in_order(text: str) -> str:
    return " ".join(sorted(text.split(" ")))


def _joined(text: str) -> str:
    return visible(text.replace(" ", ""))


def normal(text: str, how: How) -> str:
    """Return a text as it is compared.

    Doing it again changes nothing, but to numbers of a `country`.
    """
    for step in how.chain:
        text = step(text)
    return text


def normal_texts(texts: pa.ChunkedArray, hows: pa.ChunkedArray) -> pa.Array:
    """Return each text as it is compared; how, as `How` writes it, is the same in all rows."""
    values = texts.to_pylist()
    how = How.read(hows[0].as_py()) if values else How()
    found = {text: normal(text, how) for text in dict.fromkeys(values)}
    return pa.array([found[text] for text in values], pa.string())


def define_normal(connection: "DuckDBPyConnection") -> None:
    """Let the SQL of `normalized` run on a connection."""
    define(connection, normal_texts, ["VARCHAR", "VARCHAR"], "VARCHAR")
    define(connection, listed_texts, ["VARCHAR", "VARCHAR"], "VARCHAR")


def normalized(text: str, how: How) -> str:
    """Return the SQL of the text as `normal` gives it; null where nothing is left."""
    exact = f"normal_texts({text}, {literal(str(how))})"
    if IN_PYTHON.isdisjoint(how.steps):
        exact = (
            f"CASE WHEN regexp_full_match({text}, '{PLAIN}') THEN {_plain(text, how)} ELSE "
            f"{exact} END"
        )
    return f"nullif({exact}, '')"


def _plain(text: str, how: How) -> str:
    """Return the SQL of plain ASCII text, which `numerals` and `ascii` leave unchanged."""
    steps = how.steps
    if "lower" in steps or "email" in steps:
        text = f"lower({text})"
    if "email" in steps:
        text = (
            f"CASE WHEN contains({text}, '+') THEN regexp_replace({text}, '\\+[^@]*@', '@', "
            f"'g') ELSE {text} END"
        )
    for step in ("name", "address", "organization"):
        text = f"listed_texts({text}, '{step}')" if step in steps else text
    if "symbols" in steps:
        text = f"trim(regexp_replace(translate({text}, {literal(SYMBOLS)}, ''), ' +', ' ', 'g'))"
    if how.words_sorted:
        text = f"list_aggregate(list_sort(string_split({text}, ' ')), 'string_agg', ' ')"
    return f"replace({text}, ' ', '')" if "whitespace" in steps else text
