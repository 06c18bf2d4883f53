"""What integers, doubles and decimals share: a number is read however it is written."""

import re
from abc import abstractmethod
from functools import cache

from overtide.schemas.names import literal
from overtide.schemas.numbers import EXPONENT, exact_text
from overtide.schemas.types.attribute_type import AttributeType, Reading
from overtide.schemas.values import Value


class NumericType(AttributeType):
    """Numbers."""

    is_number = has_decimal_mark = True

    def _from_json(self, value: object) -> Value:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        return self._number(value if isinstance(value, str) else exact_text(value))

    def read(self, text: str, reading: Reading, time_zone: str) -> Value:
        """Return the number of a text, which has one decimal mark and may have thousands apart."""
        mark, separator = reading.decimal_mark, reading.thousands_separator
        if separator:
            if not re.fullmatch(_grouped(mark, separator), text, re.ASCII):
                return None
            text = text.translate(dict.fromkeys(map(ord, separators(separator))))
        elif mark == "," and "." in text:
            return None
        return self._number(text.replace(mark, "."))

    @abstractmethod
    def _number(self, text: str) -> Value:
        """Return the number of a text with a decimal point."""

    def raw_float(self, column: str) -> str:
        """Return the raw text of a DOUBLE, infinities included: no number is read so."""
        return f"CASE WHEN NOT isnan({column}) THEN {column}::VARCHAR END"

    def raw_decimal(self, column: str, kind: str) -> str:
        """Return the raw text of a DECIMAL."""
        return f"{column}::VARCHAR"


def pointed_sql(text: str, reading: Reading) -> tuple[str, str]:
    """Return the SQL of a number's text with a decimal point, and a WHEN before what reads it.

    Where the mark is a comma, a text with a point is none; where thousands may stand apart, they
    stand in threes or nowhere, so a decimal mark is never taken for a separator.
    """
    mark, separator = reading.decimal_mark, reading.thousands_separator
    point = text
    if separator:
        point = f"translate({text}, {literal(separators(separator))}, '')"
        grouped = literal(_grouped(mark, separator))
        foreign = f"WHEN NOT regexp_full_match({text}, {grouped}) THEN NULL "
    else:
        foreign = f"WHEN contains({text}, '.') THEN NULL " if mark == "," else ""
    return f"replace({point}, ',', '.')" if mark == "," else point, foreign


def separators(separator: str) -> str:
    """Return the characters that count as a separator of thousands: blanks and apostrophes vary."""
    return {" ": " \u00a0\u2009\u202f", "'": "'\u2019"}.get(separator, separator)


@cache
def _grouped(mark: str, separator: str) -> str:
    """Return the pattern of numbers, for Python and SQL, whose thousands may stand apart."""
    mark, between = re.escape(mark), f"[{separators(separator)}]"
    whole = rf"(?:\d+|\d{{1,3}}(?:{between}\d{{3}})+)"
    return rf"[+-]?(?:{whole}(?:{mark}\d*)?|{mark}\d+){EXPONENT}"
