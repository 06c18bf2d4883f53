"""Words that stand for null in the columns of sources.

Alike in files, as SQL, and in posted records.

Blanks around a word and upper or lower case of A to Z do not matter. A number is a word when it is
written like one, or when a word that is a number means it: `999` and `999.0` are the number 999,
and `000` is but a text.
"""

import re
from collections.abc import Sequence

from overtide.schemas.errors import InvalidValueError
from overtide.schemas.names import listed_sql
from overtide.schemas.numbers import plain as plain_number
from overtide.schemas.types.attribute_type import AttributeType
from overtide.schemas.values import is_number, plain_word, plain_word_sql

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
"""A number as JSON has it."""


def without_null_words(text: str, words: Sequence[str] | None) -> str:
    """Return the SQL of a column's text with null for every null word."""
    if not words:
        return text
    known = sorted(set(map(plain_word, words)))
    return f"CASE WHEN NOT {listed_sql(plain_word_sql(text), known)} THEN {text} END"


def is_null_word(kind: AttributeType, value: object, words: Sequence[str] | None) -> bool:
    """Say whether a value of a posted record is written with a null word."""
    try:
        text = kind.source_text(value) if words else None
    except InvalidValueError:
        return False
    known = [*(words or ()), *(words_of_numbers(words) if is_number(value) else ())]
    return text is not None and plain_word(text) in map(plain_word, known)


def words_of_numbers(words: Sequence[str] | None) -> dict[str, str]:
    """Return the numbers that null words mean, by their texts, each with its word."""
    return {
        plain_number(word): word for word in map(plain_word, words or ()) if _NUMBER.fullmatch(word)
    }
