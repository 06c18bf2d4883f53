"""Whole numbers of 64 bits."""

from typing import Any

from overtide.schemas.numbers import NUMBER, WHOLE, read_integer
from overtide.schemas.types.attribute_type import Reading
from overtide.schemas.types.numeric import NumericType, pointed_sql
from overtide.schemas.values import EXACT, Value


class IntegerType(NumericType):
    """Whole numbers; canonical as numbers up to 2^53, and as texts beyond."""

    family = "integer"
    edm = "Edm.Int64"
    example = 1
    names_elsewhere = ("int", "bigint", "long")
    is_key = True
    duckdb = "BIGINT"
    expected = "a whole number of 64 bits"

    def _number(self, text: str) -> Value:
        return _canonical(read_integer(text))

    def from_lake(self, value: Any) -> Value:  # noqa: ANN401 - whatever DuckDB gives
        """Return a number, or the text of a large one."""
        return _canonical(value)

    def read_sql(self, text: str, reading: Reading, time_zone: str) -> str:
        """Return the SQL of a whole number."""
        point, foreign = pointed_sql(text, reading)
        return (
            f"CASE {foreign}WHEN regexp_full_match({point}, '{WHOLE}') THEN "
            f"try_cast({point} AS BIGINT) WHEN regexp_full_match({point}, '{WHOLE}\\.0*') THEN "
            f"try_cast(split_part({point}, '.', 1) AS BIGINT) WHEN "
            f"regexp_full_match({point}, '{NUMBER}[eE][+-]?\\d+|[+-]?\\.0+') THEN "
            f"{self.rare_sql(text, reading, 'UTC')} END"
        )

    def json_sql(self, column: str) -> str:
        """Return the SQL of a JSON number, or the text of a large one."""
        return (
            f"CASE WHEN abs({column}::HUGEINT) <= {EXACT} THEN to_json({column}) "
            f"ELSE to_json({column}::VARCHAR) END"
        )

    def _fits_sql(self, value: str) -> str:
        typed = self.typed_sql(value)
        quote = f"CASE WHEN {typed} BETWEEN -{EXACT} AND {EXACT} THEN '' ELSE '\"' END"
        return f"{value} = {quote} || {typed} || {quote}"


def _canonical(number: int | None) -> Value:
    return number if number is None or abs(number) <= EXACT else str(number)
