"""SQL statements as they are kept: without the values and the comments that stand in them."""

import re

FIRST = re.compile(r'"(?:[^"]|"")*"|\$?\w+|[^\w\s\'"]+')
"""The name, the word or the operator that a part begins with."""
COMMENT = re.compile(r"--|/\*")
CUT = "\u2026"
"""Stands for what DuckDB cannot take apart: the rest of a statement that is none."""


def without_values(statement: str) -> str:
    """Return a statement with a `?` for each text and number that stands in it.

    Nothing of its comments is kept either.
    """
    import duckdb

    text, tokens = statement.encode(), duckdb.tokenize(statement)
    constants = (duckdb.token_type.string_const, duckdb.token_type.numeric_const)
    ends = [*(place for place, _ in tokens[1:]), len(text)][: len(tokens)]
    kept, number_ends = [], -1
    for (place, kind), end in zip(tokens, ends, strict=True):
        part = text[place:end].decode()
        if kind in constants:
            kept.append("?")
            is_number = kind == duckdb.token_type.numeric_const
            number_ends = place + len(part.rstrip().encode()) if is_number else -1
        elif place == number_ends and (
            part[0].isalnum() or part[0] == "_"
        ):  # of 0x1F it makes a number and a name
            number_ends = -1
        elif kind != duckdb.token_type.comment:
            kept.append(_first(part))
    if tokens and tokens[-1][1] not in constants and _has_rest(text[tokens[-1][0] :].decode()):
        kept.append(CUT)
    return " ".join(filter(None, kept))


def _first(part: str) -> str:
    """Return what a part begins with, without what follows it."""
    found = FIRST.match(part)
    if found is None or part.startswith('"'):
        return found.group() if found else ""
    return COMMENT.split(found.group())[0]


def _has_rest(part: str) -> bool:
    """Say whether more than a comment follows what the last part begins with."""
    rest = part[len(_first(part)) :].strip()
    return bool(rest) and not COMMENT.match(rest)
