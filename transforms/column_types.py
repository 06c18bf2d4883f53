"""How the text of a source column becomes a typed value: one SQL expression per attribute type.

An expression gives null for a text that is no such value; `schemas.values.from_source` follows the same rules for one
value at a time.
"""

from schemas.configuration import Attribute
from schemas.names import literal
from schemas.values import duckdb_type

ISO_DATE = r"\d{4}-\d{2}-\d{2}"
ISO_TIME = r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?"
OFFSET = r"(Z|z|[+-]\d{2}(:?\d{2})?)"
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)"
TRUE_WORDS, FALSE_WORDS = "('true', 'yes', '1', 't', 'y')", "('false', 'no', '0', 'f', 'n')"


def from_text(raw: str, attribute: Attribute, time_zone: str) -> str:
    """Return the SQL that reads the text `raw` (an SQL expression) as the attribute's type; null where it is none."""
    if attribute.type == "string":
        return f"nullif({raw}, '')"
    text = f"trim({raw})"
    if attribute.type == "guid":
        return f"CASE WHEN regexp_full_match({text}, '(?i)[0-9a-f]{{8}}(-?[0-9a-f]{{4}}){{3}}-?[0-9a-f]{{12}}') " \
               f"THEN lower({text}) END"
    if attribute.type == "boolean":
        return f"CASE WHEN lower({text}) IN {TRUE_WORDS} THEN true WHEN lower({text}) IN {FALSE_WORDS} THEN false END"
    if attribute.type in ("date", "datetime"):
        return _instant(text, attribute, time_zone)
    return _number(text, attribute)


def _number(text: str, attribute: Attribute) -> str:
    if attribute.type == "integer":
        return f"CASE WHEN regexp_full_match({text}, '[+-]?\\d+') THEN try_cast({text} AS BIGINT) END"
    point = f"replace({text}, ',', '.')" if attribute.decimal_mark == "," else text
    foreign = f"{text} NOT LIKE '%.%' AND " if attribute.decimal_mark == "," else ""
    exponent = r"([eE][+-]?\d+)?" if attribute.type == "double" else ""
    cast = f"try_cast({point} AS {duckdb_type(attribute.type)})"
    finite = f"CASE WHEN isfinite({cast}) THEN {cast} END" if attribute.type == "double" else cast
    return f"CASE WHEN {foreign}regexp_full_match({point}, '{NUMBER}{exponent}') THEN {finite} END"


def _instant(text: str, attribute: Attribute, time_zone: str) -> str:
    if attribute.format:
        parsed = f"try_strptime({text}, {literal(attribute.format)})"
        if attribute.type == "date":
            return f"{parsed}::DATE"
        return parsed if "%z" in attribute.format else in_zone(parsed, time_zone)
    if attribute.type == "date":
        return f"CASE WHEN regexp_full_match({text}, '{ISO_DATE}') THEN try_cast({text} AS DATE) END"
    local = f"CASE WHEN regexp_full_match({text}, '{ISO_DATE}([T ]{ISO_TIME})?') THEN try_cast({text} AS TIMESTAMP) END"
    return f"CASE WHEN regexp_full_match({text}, '{ISO_DATE}[T ]{ISO_TIME}{OFFSET}') " \
           f"THEN try_cast(upper({text}) AS TIMESTAMPTZ) ELSE {in_zone(local, time_zone)} END"


def in_zone(local: str, time_zone: str) -> str:
    """Return the instant of a local TIMESTAMP: a repeated hour is the earlier, a skipped one is moved forward."""
    if time_zone == "UTC":
        return f"({local})::TIMESTAMPTZ"
    zone = literal(time_zone)
    return f"list_transform([timezone({zone}, {local})], later -> CASE " \
           f"WHEN timezone({zone}, later - INTERVAL 1 HOUR) = timezone({zone}, later) THEN later - INTERVAL 1 HOUR " \
           f"WHEN timezone({zone}, later - INTERVAL 30 MINUTE) = timezone({zone}, later) " \
           f"THEN later - INTERVAL 30 MINUTE ELSE later END)[1]"


def instant_of(column: str, kind: str, time_zone: str) -> str:
    """Return a typed date or datetime column as an instant; a date is its midnight in the zone."""
    return in_zone(f"{column}::TIMESTAMP", time_zone) if kind == "date" else column


def expectation(attribute: Attribute) -> str:
    """Say in words what a text should have been."""
    if attribute.format:
        return f"{attribute.type} as {attribute.format}"
    words = {"date": "date as YYYY-MM-DD", "datetime": "datetime in ISO 8601",
             "boolean": "boolean (true/false, yes/no)"}
    return words.get(attribute.type, attribute.type)


def canonical_text(column: str, kind: str) -> str:
    """Return the SQL that writes a typed column as the text of its canonical JSON value, without quotes."""
    if kind == "datetime":
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    if kind in ("string", "guid"):
        return column
    return f"{column}::VARCHAR"


def canonical_json(column: str, kind: str) -> str:
    """Return the SQL that turns a typed column into its canonical JSON value (type JSON)."""
    if kind == "integer":
        return f"CASE WHEN abs({column}::HUGEINT) <= 9007199254740992 THEN to_json({column}) " \
               f"ELSE to_json({column}::VARCHAR) END"
    if kind in ("double", "boolean"):
        return f"to_json({column})"
    return f"to_json({canonical_text(column, kind)})"

