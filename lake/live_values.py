"""Canonical JSON values in SQL: as a typed value, and whether they still fit a field's type.

A value fits exactly when `overtide.schemas.values.from_json` returns it unchanged.
"""

from overtide.schemas.names import literal
from overtide.schemas.values import EXACT, canonical_text, duckdb_type

GUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
INSTANT = r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:[0-5]\d\.\d{6}Z"
FIRST = "TIMESTAMPTZ '0001-01-01 00:00:00+00'"
"""DuckDB also reads years before the first (0000 is 1 BC).

In dates it also reads years beyond 9999 and `infinity`.
"""


def typed_sql(kind: str, value: str) -> str:
    """Return the SQL expression of a fitting value as its column's type.

    The value is an expression that gives canonical JSON text.
    """
    if kind == "double":
        return f"TRY_CAST({value} AS DOUBLE)"
    if kind == "boolean":
        return f"CASE {value} WHEN 'true' THEN true WHEN 'false' THEN false END"
    text = f"json_extract_string({value}, '$')"
    return text if duckdb_type(kind) == "VARCHAR" else f"TRY_CAST({text} AS {duckdb_type(kind)})"


def fits_sql(kind: str, value: str) -> str:
    """Return the SQL condition that a JSON text is null or a value of the attribute type.

    The text is canonical JSON.
    """
    return f"({value} = 'null' OR {_fits(kind.split('(', 1)[0], kind, value)})"


def _fits(family: str, kind: str, value: str) -> str:
    typed = typed_sql(kind, value)
    match family:
        case "string":
            return f"{value} LIKE '\"%'"
        case "guid":
            return f"regexp_full_match({value}, {literal(chr(34) + GUID + chr(34))})"
        case "boolean":
            return f"{value} IN ('true', 'false')"
        case "double":
            return f"({value} NOT LIKE '\"%' AND {typed} IS NOT NULL)"
        case "integer":
            number = f"CASE WHEN {typed} BETWEEN -{EXACT} AND {EXACT} THEN '' ELSE '\"' END"
            return f"{value} = {number} || {typed} || {number}"
        case "datetime":
            return (
                f"(regexp_full_match({value}, {literal(chr(34) + INSTANT + chr(34))}) AND "
                f"{typed} >= {FIRST})"
            )
        case "date":
            return (
                f"({value} = '\"' || {typed} || '\"' AND {typed} BETWEEN DATE '0001-01-01' AND "
                "DATE '9999-12-31')"
            )
        case _:
            return f"{value} = '\"' || {canonical_text(typed, kind)} || '\"'"
