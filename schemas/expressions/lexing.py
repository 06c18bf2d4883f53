"""The words of an expression."""

import re
from typing import NamedTuple

from overtide.schemas.expressions.mistake import ExpressionError

LONGEST = 10_000
"""Characters of an expression."""
KEYWORDS = frozenset(
    [
        *("and", "as", "between", "case", "cast", "else", "end", "false", "ilike", "in", "is"),
        *("like", "not", "null", "or", "then", "true", "try_cast", "when"),
    ]
)
_WORD = re.compile(
    r"""(?P<blank>\s+)
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<text>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")+")
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>\|\||<>|!=|<=|>=|[-+*/%(),.=<>\[\]])""",
    re.VERBOSE,
)


class Word(NamedTuple):
    """A word: its kind (number, text, name, keyword, sign or end), what it says, its place."""

    kind: str
    text: str
    place: int


def words_of(text: str) -> list[Word]:
    """Return the words of an expression, and its end."""
    if len(text) > LONGEST:
        raise ExpressionError(f"It is longer than {LONGEST:,} characters", LONGEST)
    words, place = [], 0
    while place < len(text):
        found = _WORD.match(text, place)
        if found is None or "\0" in found.group():
            raise _unknown(text, place)
        if found.lastgroup != "blank":
            words.append(_word(str(found.lastgroup), found.group(), place + 1))
        place = found.end()
    return [*words, Word("end", "", len(text) + 1)]


def _word(kind: str, text: str, place: int) -> Word:
    if kind == "text":
        return Word(kind, text[1:-1].replace("''", "'"), place)
    if kind == "quoted":
        return Word("name", text[1:-1].replace('""', '"'), place)
    if kind == "name" and text.lower() in KEYWORDS:
        return Word("keyword", text.lower(), place)
    return Word(kind, "<>" if text == "!=" else text, place)


def _unknown(text: str, place: int) -> ExpressionError:
    letter = text[place]
    if letter in "'\"":
        return ExpressionError(f"The quote {letter} is not closed", place + 1)
    hint = "text stands in single quotes, a name with other characters in double quotes"
    return ExpressionError(f"{letter!r} means nothing here", place + 1, hint)
