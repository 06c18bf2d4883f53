"""Numbers: what a text must be to hold one, and the one text of each, whatever file it came from.

The text of a number is its digits (of a double the fewest that mean it) without an exponent and
without zeros that say nothing: `1001` for 1001.0, `1000` for 1e3, `0.00001` for 1e-05, `0` for
-0.0.
"""

import math
import re
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import cache
from itertools import pairwise

NUMBER, EXPONENT = r"[+-]?(?:\d+\.?\d*|\.\d+)", r"(?:[eE][+-]?\d+)?"
WHOLE = r"[+-]?\d+"
"""Patterns for Python's `re` and for SQL alike, of texts that hold a number."""
MAX_INTEGER = 2**63 - 1
LONGEST = 1000
"""Digits before or behind the point that are written out.

A longer number keeps the text that it has.
"""
LONGEST_POWER = 17
_NUMBER = re.compile(NUMBER + EXPONENT, re.ASCII)


class Number(float):
    """A JSON number with a fraction or exponent: a double that remembers its text, for decimals."""

    __slots__ = ("text",)

    def __new__(cls, text: str) -> "Number":
        """Keep the text beside the value, which is infinite where no double can hold it."""
        number = float.__new__(cls, text)
        number.text = text
        return number

    text: str


def exact_text(value: float) -> str:
    """Return the text of a JSON number as sent, or the shortest that means it."""
    if isinstance(value, Number):
        return value.text
    return float.__repr__(value) if isinstance(value, float) else str(value)


def number_text(value: float) -> str:
    """Return the one text of a number."""
    return plain(exact_text(value))


def plain(text: str) -> str:
    """Return a number's text with all its digits.

    That of a number too long for it, or infinite, as it is.
    """
    number = _exactly(text)
    if not number:
        return text if number.is_nan() else "0"
    shortest = number.as_tuple().exponent
    if not isinstance(shortest, int) or number.adjusted() > LONGEST or shortest < -LONGEST:
        return text
    digits = f"{number:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _exactly(text: str) -> Decimal:
    """Return what a text means; exponents end where `Decimal` ends, far beyond every type."""
    mantissa, _, power = text.lower().partition("e")
    if len(power) < LONGEST_POWER:
        return Decimal(text)
    digits = power.lstrip("+-").lstrip("0") or "0"
    size = digits if len(digits) < LONGEST_POWER else "9" * LONGEST_POWER
    return Decimal(f"{mantissa}e{'-' if power[0] == '-' else ''}{size}")


def plain_sql(column: str) -> str:
    """Return the SQL of the one text of a finite DOUBLE."""
    text = f"{column}::VARCHAR"
    mantissa, sign = (
        f"replace(ltrim(split_part({text}, 'e', 1), '-'), '.', '')",
        f"left({text}, ({column} < 0)::INT)",
    )
    power = f"split_part({text}, 'e', 2)::INT"
    return (
        f"CASE WHEN {column} = trunc({column}) AND abs({column}) < 1e15 THEN "
        f"{column}::BIGINT::VARCHAR WHEN contains({text}, 'e+') THEN {sign} || rpad({mantissa}, "
        f"{power} + 1, '0') WHEN contains({text}, 'e') THEN {sign} || '0.' || repeat('0', -{power} "
        f"- 1) || {mantissa} ELSE regexp_replace({text}, '\\.0$', '') END"
    )


def shortest_sql(column: str) -> str:
    """Return the SQL of the DOUBLE that has the fewest digits which mean a FLOAT.

    DuckDB writes some with more, but none of a few letters.
    """
    text = f"{column}::VARCHAR"
    written = [f"printf('%.{digits}g', {column})" for digits in range(9, 0, -1)]
    needed = " ".join(
        f"WHEN try_cast({fewer} AS FLOAT) IS DISTINCT FROM {column} THEN {one}"
        for one, fewer in pairwise(written)
    )
    return f"(CASE WHEN length({text}) < 9 THEN {text} {needed} ELSE {written[-1]} END)::DOUBLE"


def decimal_sql(column: str, precision: int, scale: int) -> str:
    """Return the SQL of the text of a DECIMAL; DuckDB writes .5 where no digit is before it."""
    text = f"{column}::VARCHAR"
    return f"replace({text}, '.', '0.')" if precision == scale else text


def read_integer(text: str) -> int | None:
    """Return the whole number of 64 bits that a text holds.

    `1001`, `1001.0` and `1.001e3` are one.
    """
    if not _NUMBER.fullmatch(text):
        return None
    number = _exactly(text)
    if not number:
        return 0
    if number.adjusted() > len(str(MAX_INTEGER)) or not _is_whole(number):
        return None
    whole = int(number)
    return whole if -MAX_INTEGER - 1 <= whole <= MAX_INTEGER else None


def _is_whole(number: Decimal) -> bool:
    _, digits, exponent = number.as_tuple()
    fraction = -exponent if isinstance(exponent, int) else 0
    return fraction <= 0 or (fraction < len(digits) and not any(digits[-fraction:]))


def read_double(text: str) -> float | None:
    """Return the finite double that a text holds; the zero has no sign."""
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    return number + 0.0 if math.isfinite(number) else None


@cache
def decimal_shape(kind: str) -> tuple[int, int]:
    """Return the precision and the scale of `decimal(p,s)`."""
    precision, scale = kind[kind.index("(") + 1 : -1].split(",")
    return int(precision), int(scale)


def read_decimal(kind: str, text: str) -> str | None:
    """Return the text of a decimal with exactly its scale, rounded half up (away from zero)."""
    if not _NUMBER.fullmatch(text):
        return None
    precision, scale = decimal_shape(kind)
    number = _exactly(text)
    if number and number.adjusted() >= precision - scale:
        return None
    with localcontext() as context:
        context.prec = precision + scale + 2
        rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    if rounded and rounded.adjusted() >= precision - scale:
        return None
    return f"{rounded or abs(rounded):f}"
