"""GUIDs, with hyphens or without."""

import re
from uuid import UUID

from overtide.schemas.names import literal
from overtide.schemas.types.attribute_type import AttributeType, Reading
from overtide.schemas.values import Value

WRITTEN = "[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}"
CANONICAL = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""Patterns for Python's `re` and for SQL alike."""
_WRITTEN = re.compile(WRITTEN, re.IGNORECASE | re.ASCII)


class GuidType(AttributeType):
    """GUIDs; canonical in lower case, with hyphens."""

    family = "guid"
    edm = "Edm.Guid"
    example = "00000000-0000-4000-8000-000000000000"
    names_elsewhere = ("uuid",)
    is_key = True
    duckdb = "VARCHAR"
    expected = "a GUID"

    def _from_json(self, value: object) -> Value:
        return _canonical(value) if isinstance(value, str) else None

    def read(self, text: str, reading: Reading, time_zone: str) -> Value:
        """Return the GUID of a text."""
        return _canonical(text)

    def read_sql(self, text: str, reading: Reading, time_zone: str) -> str:
        """Return the SQL of a GUID."""
        return (
            f"CASE WHEN regexp_full_match({text}, '(?i){WRITTEN}') THEN try_cast({text} AS "
            "UUID)::VARCHAR END"
        )

    def text_sql(self, column: str) -> str:
        """Return the column itself."""
        return column

    def typed_sql(self, value: str) -> str:
        """Return the SQL of the text in a JSON text."""
        return f"json_extract_string({value}, '$')"

    def _fits_sql(self, value: str) -> str:
        return f"regexp_full_match({value}, {literal(chr(34) + CANONICAL + chr(34))})"

    def raw_bytes(self, column: str) -> str:
        """Return the raw text of bytes: sixteen are the GUID that they are."""
        text = super().raw_bytes(column)
        return f"CASE WHEN octet_length({column}) = 16 THEN hex({column}) ELSE {text} END"


def _canonical(text: str) -> str | None:
    return str(UUID(text)) if _WRITTEN.fullmatch(text) else None
