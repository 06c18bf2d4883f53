"""Words that stand for null in the columns of sources.

Alike in files, as SQL, and in posted records.

Blanks around a word and upper or lower case of A to Z do not matter.
"""

from collections.abc import Sequence
from string import ascii_lowercase, ascii_uppercase

from overtide.schemas.errors import InvalidValueError
from overtide.schemas.names import literal
from overtide.schemas.types.attribute_type import AttributeType
from overtide.schemas.values import BLANKS

LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def plain(word: str) -> str:
    """Return a word as it is looked up."""
    return word.strip(BLANKS).translate(LOWER)


def without_null_words(text: str, words: Sequence[str] | None) -> str:
    """Return the SQL of a column's text with null for every null word."""
    if not words:
        return text
    known = ", ".join(map(literal, sorted(set(map(plain, words)))))
    found = f"translate(trim({text}), {literal(ascii_uppercase)}, {literal(ascii_lowercase)})"
    return f"CASE WHEN {found} NOT IN ({known}) THEN {text} END"


def is_null_word(kind: AttributeType, value: object, words: Sequence[str] | None) -> bool:
    """Say whether a value of a posted record is written with a null word."""
    try:
        text = kind.source_text(value) if words else None
    except InvalidValueError:
        return False
    return text is not None and plain(text) in map(plain, words or ())
