"""Canonical JSON values: what events, serving generations and answers hold.

`overtide.schemas.types` says of which type they are.
"""

import json
import math
import re
from string import ascii_lowercase, ascii_uppercase

from overtide.schemas.names import literal
from overtide.schemas.numbers import Number, number_text

Value = str | int | float | bool | None
"""A canonical JSON value."""

EXACT = 2**53
"""Integers up to here are JSON numbers; beyond it, where doubles lose digits, they are text."""

LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
CONTROLS = "\t\n\r"
BLANKS = CONTROLS + (
    " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u202f\u205f\u3000"
)
"""What is trimmed around values that are not strings.

The characters that DuckDB's `trim` takes for blanks, tabs and line ends.
"""


def trimmed_sql(text: str) -> str:
    """Return the SQL of a text without `BLANKS` around it.

    DuckDB takes long to trim characters that it is told, so only where there may be some of them.
    """
    rare = " OR ".join(f"contains({text}, {literal(one)})" for one in CONTROLS)
    return f"CASE WHEN {rare} THEN trim({text}, {literal(BLANKS)}) ELSE trim({text}) END"


def plain_word(word: str) -> str:
    """Return a word as it is looked up: without blanks around it, A to Z in lower case."""
    return word.strip(BLANKS).translate(LOWER)


def plain_word_sql(text: str) -> str:
    """Return the SQL of a text as it is looked up among words."""
    return f"translate({trimmed_sql(text)}, {literal(ascii_uppercase)}, {literal(ascii_lowercase)})"


_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)
"""Made once: `json.dumps` makes one for each document that is not written as it likes."""


def canonical(document: object) -> str:
    """Return the canonical JSON text: keys sorted, no blanks, letters as they are, no NaN."""
    return _CANONICAL.encode(document)


def written(document: object) -> object:
    """Return a document with a text for every number that no double can hold."""
    if isinstance(document, dict):
        return {name: written(value) for name, value in document.items()}
    if isinstance(document, list):
        return list(map(written, document))
    return document.text if isinstance(document, Number) and math.isinf(document) else document


NOT_KEPT = re.compile("[\0\ud800-\udfff]")
"""A NUL, or half a letter."""


def checked_text(text: str) -> str | None:
    """Return a text that every store can hold, None for one with a NUL or half a surrogate pair."""
    # Most texts are of letters that need no search.
    return text if (text.isascii() and "\0" not in text) or not NOT_KEPT.search(text) else None


def is_number(value: object) -> bool:
    """Say whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def text_of(value: Value) -> str | None:
    """Return a canonical value as plain text, as titles and keys show it; null stays null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value)
