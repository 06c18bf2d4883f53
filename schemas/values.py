"""Canonical JSON values: what events, serving generations and answers hold.

`overtide.schemas.types` says of which type they are.
"""

import json

from overtide.schemas.numbers import number_text

Value = str | int | float | bool | None
"""A canonical JSON value."""

EXACT = 2**53
"""Integers up to here are JSON numbers; beyond it, where doubles lose digits, they are text."""

BLANKS = (
    " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u202f\u205f\u3000"
)
"""What is trimmed around values that are not strings.

The characters that DuckDB's `trim` takes for blanks.
"""


def canonical(document: object) -> str:
    """Return the canonical JSON text: keys sorted, no blanks, letters as they are, no NaN."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def checked_text(text: str) -> str | None:
    """Return a text that every store can hold, None for one with a NUL or half a surrogate pair."""
    return None if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text) else text


def text_of(value: Value) -> str | None:
    """Return a canonical value as plain text, as titles and keys show it; null stays null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value)
