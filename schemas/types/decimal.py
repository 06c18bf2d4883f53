"""Decimals of up to 38 digits, with a fixed number of them behind the point."""

from typing import Any

from overtide.schemas.numbers import NUMBER, decimal_shape, decimal_sql, read_decimal
from overtide.schemas.types.attribute_type import Arguments, Reading
from overtide.schemas.types.numeric import NumericType, pointed_sql
from overtide.schemas.values import Value

MOST_DIGITS = 38
"""Of a DECIMAL of DuckDB."""


class DecimalType(NumericType):
    """Exact numbers; canonical as texts with all digits of their scale."""

    family = "decimal"
    edm = "Edm.Decimal"
    example = "0"
    arguments = Arguments("(digits, scale)", r"\(\d+, ?\d+\)", "(18, 2)")
    names_elsewhere = ("numeric", "decimal", "money")

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.duckdb = name.upper().replace(", ", ",")

    @property
    def shape(self) -> tuple[int, int]:
        """The number of its digits, and of those behind the point."""
        return decimal_shape(self.name)

    @property
    def unfit(self) -> tuple[str, str] | None:
        """Why no such values can be kept, and what would do; None where they can."""
        digits, scale = self.shape
        if 1 <= digits <= MOST_DIGITS and scale <= digits:
            return None
        why = (
            f"{scale} of its {digits} digits would be behind the point"
            if 1 <= digits <= MOST_DIGITS
            else f"a decimal has 1 to {MOST_DIGITS} digits"
        )
        fit = f"{self.family}(digits, scale) with at most {MOST_DIGITS} digits and scale <= digits"
        return why, fit

    @property
    def expected(self) -> str:
        """What a value should have been, in words."""
        return f"a {self.name}"

    def _number(self, text: str) -> Value:
        return read_decimal(self.name, text)

    def from_lake(self, value: Any) -> Value:  # noqa: ANN401 - whatever DuckDB gives
        """Return the text of a decimal."""
        return None if value is None else f"{value:f}"

    def read_sql(self, text: str, reading: Reading, time_zone: str) -> str:
        """Return the SQL of an exact number, rounded to its places."""
        point, foreign = pointed_sql(text, reading)
        return (
            f"CASE {foreign}WHEN regexp_full_match({point}, '{NUMBER}') THEN try_cast({point} AS "
            f"{self.duckdb}) WHEN regexp_full_match({point}, '{NUMBER}[eE][+-]?\\d+') THEN "
            f"{self.rare_sql(text, reading, 'UTC')} END"
        )

    def text_sql(self, column: str) -> str:
        """Return the SQL of a decimal with all digits of its scale."""
        return decimal_sql(column, *self.shape)

    def _fits_sql(self, value: str) -> str:
        return f"{value} = '\"' || {self.text_sql(self.typed_sql(value))} || '\"'"
