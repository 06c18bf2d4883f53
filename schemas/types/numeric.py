"""What integers, doubles and decimals share: a number is read however it is written."""

from abc import abstractmethod

from overtide.schemas.numbers import exact_text
from overtide.schemas.types.attribute_type import AttributeType, Reading
from overtide.schemas.values import Value


class NumericType(AttributeType):
    """Numbers."""

    is_number = True

    def _from_json(self, value: object) -> Value:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        return self._number(value if isinstance(value, str) else exact_text(value))

    def read(self, text: str, reading: Reading, time_zone: str) -> Value:
        """Return the number of a text, which has one decimal mark."""
        if self.has_decimal_mark and reading.decimal_mark == ",":
            if "." in text:
                return None
            text = text.replace(",", ".")
        return self._number(text)

    @abstractmethod
    def _number(self, text: str) -> Value:
        """Return the number of a text with a decimal point."""

    def raw_float(self, column: str) -> str:
        """Return the raw text of a DOUBLE, infinities included: no number is read so."""
        return f"CASE WHEN NOT isnan({column}) THEN {column}::VARCHAR END"

    def raw_decimal(self, column: str, kind: str) -> str:
        """Return the raw text of a DECIMAL."""
        return f"{column}::VARCHAR"


def pointed_sql(text: str, mark: str) -> tuple[str, str]:
    """Return the SQL of a number's text with a decimal point, and a WHEN before what reads it.

    Where the mark is a comma, a text with a point is none.
    """
    if mark != ",":
        return text, ""
    return f"replace({text}, ',', '.')", f"WHEN contains({text}, '.') THEN NULL "
