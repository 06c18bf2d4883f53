"""The kinds of values within an expression: text, numbers, truth, date, datetime and null."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count

from overtide.schemas.expressions.mistake import ExpressionError
from overtide.schemas.numbers import plain_sql

_NUMBERS = count()
SHORT = 120
"""Characters of SQL that may stand in several places."""
TIMES = ("date", "datetime")
NUMBERS = ("integer", "decimal", "double")
"""From the narrowest to the widest."""
NULL = "null"
SQL = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "double": "DOUBLE",
    "truth": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMPTZ",
}


@dataclass(frozen=True)
class Compiled:
    """The SQL of a part, its kind, a decimal's places behind the point, and where it stands."""

    sql: str
    kind: str
    scale: int = 0
    place: int = 1

    @property
    def text(self) -> str:
        """The SQL of the one text of its value."""
        return one_text(self)


def once(value: str, body: Callable[[str], str]) -> str:
    """Return the SQL of what `body` makes of a value that is computed once, by its name.

    A short one stands there as it is: a lambda costs more than computing it twice.
    """
    if len(value) <= SHORT:
        return f"({body(value)})"
    name = f"given{next(_NUMBERS)}"
    return f"list_transform([{value}], lambda {name}: {body(name)})[1]"


def none_if(value: str, other: str) -> str:
    """Return the SQL of a value, null where it equals another; DuckDB's own computes it twice."""
    return once(value, lambda given: f"nullif({given}, {other})")


def integer_sql(digits: str) -> str:
    """Return the SQL of a whole number."""
    return f"CAST('{digits}' AS BIGINT)"


def one_text(part: Compiled) -> str:
    """Return the SQL of the one text of a part's value: what a file would hold for it."""
    if part.kind == "text":
        return part.sql
    text = f"({part.sql})::VARCHAR"
    if part.kind == "decimal" and part.scale:
        return f"rtrim(rtrim({text}, '0'), '.')"
    if part.kind == "datetime":
        return f"strftime({part.sql}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    if part.kind == "double":
        return once(part.sql, _double_text)
    return text


def _double_text(number: str) -> str:
    none = f"CAST('none' || {number}::VARCHAR AS DOUBLE)::VARCHAR"
    return (
        f"CASE WHEN isfinite({number}) THEN {plain_sql(number)} "
        f"WHEN {number} IS NOT NULL THEN {none} END"
    )


def as_kind(part: Compiled, kind: str) -> Compiled:
    """Return a part of this kind; raise `ExpressionError` where it is of another one.

    Every value has a text; an integer is a number of any kind; null is of every kind.
    """
    if kind == "any" or part.kind == kind or (kind == "number" and part.kind in NUMBERS):
        return part
    if part.kind == NULL:
        meant = "double" if kind == "number" else kind
        return replace(part, sql=f"NULL::{SQL[meant]}", kind=meant)
    if kind == "text":
        return replace(part, sql=one_text(part), kind="text")
    what = {"truth": "a condition", "number": "a number"}.get(kind, f"a value of type {kind}")
    meant = "double" if kind == "number" else type_called(kind)
    raise ExpressionError(
        f"{what[0].upper()}{what[1:]} was expected, and this is a {part.kind}",
        part.place,
        f"cast(… AS {meant})",
    )


def type_called(kind: str) -> str:
    """Return a kind as the type of an attribute is called."""
    return "boolean" if kind == "truth" else kind


def common(parts: Sequence[Compiled]) -> list[Compiled]:
    """Return parts as the one kind that all of them are; numbers as the widest."""
    kinds = {part.kind for part in parts if part.kind != NULL}
    if not kinds:
        return [as_kind(part, "text") for part in parts]
    if kinds <= set(NUMBERS):
        return _widest(parts)
    if len(kinds) > 1:
        first = next(part for part in parts if part.kind != NULL)
        other = next(part for part in parts if part.kind not in (NULL, first.kind))
        one, two = type_called(first.kind), type_called(other.kind)
        raise ExpressionError(
            f"A value of type {one} and one of type {two} are not of one kind",
            other.place,
            f"cast(… AS {two if one == 'text' else one})",
        )
    (kind,) = kinds
    return [as_kind(part, kind) for part in parts]


def _widest(parts: Sequence[Compiled]) -> list[Compiled]:
    kind = max((part.kind for part in parts if part.kind != NULL), key=NUMBERS.index)
    scale = max(part.scale for part in parts) if kind == "decimal" else 0
    sql = f"DECIMAL(38, {scale})" if kind == "decimal" else SQL[kind]
    return [Compiled(f"({part.sql})::{sql}", kind, scale, part.place) for part in parts]
