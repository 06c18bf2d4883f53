"""Strings: every text is one, but an empty one of a file is null."""

from overtide.schemas.types.attribute_type import AttributeType, Reading
from overtide.schemas.types.raw_texts import marked
from overtide.schemas.values import Value, checked_text

WRITTEN = {"DATE": "%Y-%m-%d", "TIMESTAMP WITH TIME ZONE": "%Y-%m-%dT%H:%M:%S.%fZ"}
"""How times of Parquet are written; local ones without a zone."""


class StringType(AttributeType):
    """Texts, kept as they are."""

    family = "string"
    edm = "Edm.String"
    example = "text"
    names_elsewhere = ("text", "str", "varchar")
    is_text = is_key = True
    duckdb = "VARCHAR"
    expected = "a text"

    def _from_json(self, value: object) -> Value:
        return checked_text(value) if isinstance(value, str) else None

    def read(self, text: str, reading: Reading, time_zone: str) -> Value:
        """Return the text."""
        return text

    def read_sql(self, text: str, reading: Reading, time_zone: str) -> str:
        """Return the SQL of a text that is not empty."""
        return f"nullif({text}, '')"

    def text_sql(self, column: str) -> str:
        """Return the column itself."""
        return column

    def typed_sql(self, value: str) -> str:
        """Return the SQL of the text in a JSON text."""
        return f"json_extract_string({value}, '$')"

    def _fits_sql(self, value: str) -> str:
        return f"{value} LIKE '\"%'"

    def raw_text(self, column: str) -> str:
        """Return the raw text, which is no value with a NUL in it."""
        return marked(column)

    def raw_none(self, text: str) -> str:
        """Return a raw text that not even a string takes for a value."""
        return f"chr(0) || {text}"

    def raw_time(self, column: str, kind: str, time_zone: str) -> str:
        """Return the raw text of a time, the same whatever its unit."""
        known = f"strftime({column}, '{WRITTEN.get(kind, '%Y-%m-%dT%H:%M:%S.%f')}')"
        other = self.raw_none(super().raw_time(column, kind, time_zone))
        return f"CASE WHEN year({column}) BETWEEN 1 AND 9999 THEN {known} ELSE {other} END"
