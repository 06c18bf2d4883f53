"""The raw texts of Parquet columns: what a CSV file would hold for their typed values.

A raw text that begins with a NUL is no value of any type.
"""

from typing import ClassVar

from overtide.schemas.numbers import decimal_shape, decimal_sql, plain_sql


class RawTexts:
    """The SQL of the raw texts from which an attribute type reads columns that are typed."""

    is_text: ClassVar[bool] = False
    """Whether every text is a value, blanks around it included."""
    is_number: ClassVar[bool] = False
    """Whether a number is read however it is written."""

    def raw_text(self, column: str) -> str:
        """Return the raw text of a text."""
        return column

    def raw_bytes(self, column: str) -> str:
        """Return the raw text of bytes: some writers do not say that their texts are texts."""
        text = self.raw_text(f"try(decode({column}))")
        return f"coalesce({text}, {self.raw_none(f'{column}::VARCHAR')})"

    def raw_none(self, text: str) -> str:
        """Return the raw text of what is no value; only a string could take it for one."""
        return text

    def raw_float(self, column: str) -> str:
        """Return the raw text of a DOUBLE.

        NaN is how some writers say that there is none, and infinities are no numbers.
        """
        return (
            f"CASE WHEN isinf({column}) THEN {self.raw_none(f'{column}::VARCHAR')} "
            f"WHEN NOT isnan({column}) THEN {plain_sql(column)} END"
        )

    def raw_number_text(self, column: str) -> str:
        """Return the raw text of a text that is a number in its one way, or an infinity."""
        none, text = self.raw_none(column), self.raw_text(column)
        return f"CASE WHEN ltrim({column}, '-') = 'Infinity' THEN {none} ELSE {text} END"

    def raw_decimal(self, column: str, kind: str) -> str:
        """Return the raw text of a DECIMAL (`kind`) without the zeros of its scale."""
        text = decimal_sql(column, *decimal_shape(kind.lower()))
        return text if kind.endswith(",0)") else f"rtrim(rtrim({text}, '0'), '.')"

    def raw_number(self, column: str, kind: str) -> str:
        """Return the one text of a number, by which null words are known."""
        if kind == "DOUBLE":
            return RawTexts.raw_float(self, column)
        if kind.startswith("DECIMAL"):
            return RawTexts.raw_decimal(self, column, kind)
        return f"{column}::VARCHAR"

    def raw_time(self, column: str, kind: str, time_zone: str) -> str:
        """Return the raw ISO 8601 text of a DATE or TIMESTAMP (`kind`) that is not null."""
        return f"coalesce(try({column}::VARCHAR), 'a time that no calendar has')"


def marked(text: str) -> str:
    """Return the SQL of a text, with a NUL before one that holds a NUL.

    The lake cannot compare a text that holds one.
    """
    return f"CASE WHEN contains({text}, chr(0)) THEN chr(0) || {text} ELSE {text} END"
