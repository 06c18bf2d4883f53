"""Floating-point numbers of 64 bits."""

from typing import Any

from overtide.schemas.numbers import (
    EXPONENT,
    NUMBER,
    exact_text,
    number_text,
    plain_sql,
    read_double,
)
from overtide.schemas.types.attribute_type import Reading
from overtide.schemas.types.numeric import NumericType, pointed_sql
from overtide.schemas.values import Value


class DoubleType(NumericType):
    """Finite numbers; zero has no sign."""

    family = "double"
    edm = "Edm.Double"
    example = 0.5
    names_elsewhere = ("number", "float")
    is_exact = False
    duckdb = "DOUBLE"
    expected = "a finite number"

    def _number(self, text: str) -> Value:
        return read_double(text)

    def number_text(self, value: Any) -> str | None:  # noqa: ANN401 - an int or a float
        """Return the text of the double that a number is, however many digits it was sent with."""
        number = read_double(exact_text(value))
        return super().number_text(value) if number is None else number_text(number)

    def raw_number(self, column: str, kind: str) -> str:
        """Return the text of the double that a number is."""
        return super().raw_number(f"{column}::DOUBLE", "DOUBLE")

    def read_sql(self, text: str, reading: Reading, time_zone: str) -> str:
        """Return the SQL of a finite number."""
        point, foreign = pointed_sql(text, reading)
        cast = f"try_cast({point} AS DOUBLE)"
        return (
            f"CASE {foreign}WHEN regexp_full_match({point}, '{NUMBER}{EXPONENT}') AND "
            f"isfinite({cast}) THEN {cast} + 0.0::DOUBLE END"
        )

    def text_sql(self, column: str) -> str:
        """Return the SQL of all digits of a number."""
        return plain_sql(column)

    def json_sql(self, column: str) -> str:
        """Return the SQL of a JSON number."""
        return f"to_json({column})"

    def json_text_sql(self, column: str) -> str:
        """Return the SQL of a number's text, which to_json would write in another way."""
        return f"{column}::VARCHAR"

    def typed_sql(self, value: str) -> str:
        """Return the SQL of a JSON number."""
        return f"TRY_CAST({value} AS DOUBLE)"

    def _fits_sql(self, value: str) -> str:
        return f"({value} NOT LIKE '\"%' AND {self.typed_sql(value)} IS NOT NULL)"
