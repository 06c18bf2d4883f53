"""How the text of a source column becomes a typed value: one SQL expression per attribute type.

An expression gives null for a text that is no such value; `schemas.values.from_source` follows the same rules for one
value at a time.
"""

from schemas.configuration import Attribute
from schemas.names import literal
from schemas.values import EXACT, EXPONENT, ISO_DATE, ISO_TIME, NUMBER, OFFSET, canonical_text, duckdb_type

GUID_PARTS = "(.{8})(.{4})(.{4})(.{4})(.{12})"
TRUE_WORDS, FALSE_WORDS = "('true', 'yes', '1', 't', 'y')", "('false', 'no', '0', 'f', 'n')"


def _strptime(text: str, pattern: str) -> str:
    """DuckDB knows no Z as an offset, so it is read as a letter, and the time as UTC."""
    patterns = [pattern.replace("%z", zone) for zone in ("%z", "Z", "z")] if "%z" in pattern else [pattern]
    times = [f"try_strptime({text}, {literal(one)})" for one in patterns]
    return times[0] if len(times) == 1 else f"coalesce({', '.join(times)})"


def from_text(raw: str, attribute: Attribute, time_zone: str) -> str:
    """Return the SQL that reads the text `raw` (an SQL expression) as the attribute's type; null where it is none."""
    if attribute.type == "string":
        return f"nullif({raw}, '')"
    text = f"trim({raw})"
    if attribute.type == "guid":
        return f"CASE WHEN regexp_full_match({text}, '(?i)[0-9a-f]{{8}}(-?[0-9a-f]{{4}}){{3}}-?[0-9a-f]{{12}}') " \
               f"THEN regexp_replace(lower(replace({text}, '-', '')), '{GUID_PARTS}', '\\1-\\2-\\3-\\4-\\5') END"
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
    exponent = EXPONENT if attribute.type == "double" else ""
    cast = f"try_cast({point} AS {duckdb_type(attribute.type)})"
    finite = f"CASE WHEN isfinite({cast}) THEN {cast} END" if attribute.type == "double" else cast
    return f"CASE WHEN {foreign}regexp_full_match({point}, '{NUMBER}{exponent}') THEN {finite} END"


def _instant(text: str, attribute: Attribute, time_zone: str) -> str:
    if attribute.format:
        return _formatted(text, attribute, attribute.format, time_zone)
    if attribute.type == "date":
        return _within(f"CASE WHEN regexp_full_match({text}, '{ISO_DATE}') THEN try_cast({text} AS DATE) END", "DATE")
    local = f"CASE WHEN regexp_full_match({text}, '{ISO_DATE}([T ]{ISO_TIME})?') THEN try_cast({text} AS TIMESTAMP) END"
    to_the_second = f"CASE WHEN substr({text}, 17, 1) = ':' THEN {text} " \
                    f"ELSE left({text}, 16) || ':00' || substr({text}, 17) END"
    return _within(f"CASE WHEN regexp_full_match({text}, '{ISO_DATE}[T ]{ISO_TIME}{OFFSET}') "
                   f"THEN try_cast(upper({to_the_second}) AS TIMESTAMPTZ) ELSE {in_zone(local, time_zone)} END", "TIMESTAMPTZ")  # noqa: E501 - one pattern stays on one line


def _formatted(text: str, attribute: Attribute, pattern: str, time_zone: str) -> str:
    """Read by a format; try_strptime takes the words epoch and infinity for 1900-01-01 whatever the format."""
    parsed = _strptime(text, pattern)
    parsed = f"CASE WHEN {parsed} <> '1900-01-01' OR regexp_matches({text}, '\\d') THEN {parsed} END"
    if attribute.type == "date":
        return _within(f"({parsed})::DATE", "DATE")
    return _within(f"({parsed})" if "%z" in pattern else in_zone(parsed, time_zone), "TIMESTAMPTZ")


def _within(value: str, kind: str) -> str:
    """Return the SQL of a time within the years 1 to 9999, all that RFC 3339 can write; null for another."""
    last = "9999-12-31" if kind == "DATE" else "9999-12-31 23:59:59.999999"
    return f"CASE WHEN {value} BETWEEN {kind} '0001-01-01' AND {kind} '{last}' THEN {value} END"


def in_zone(local: str, time_zone: str) -> str:
    """Return the instant of a local TIMESTAMP: a repeated hour is the earlier, a skipped one is moved forward.

    It is the local time by the offset of the day before where that fits or nothing does, else by that of the day after.
    """
    if time_zone == "UTC":
        return f"({local})::TIMESTAMPTZ"
    before, after = _by_offset("-", time_zone), _by_offset("+", time_zone)
    fits = f"timezone({literal(time_zone)}, {{}}) = local"
    return f"list_transform([{local}], local -> list_transform([{before}], early -> CASE WHEN {fits.format('early')} " \
           f"THEN early WHEN {fits.format(after)} THEN {after} ELSE early END)[1])[1]"


def _by_offset(sign: str, time_zone: str) -> str:
    day = f"(local {sign} INTERVAL 1 DAY)"
    return f"(local - (timezone({literal(time_zone)}, {day}::TIMESTAMPTZ) - {day}))::TIMESTAMPTZ"


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


def canonical_json(column: str, kind: str) -> str:
    """Return the SQL that turns a typed column into its canonical JSON value (type JSON)."""
    if kind == "integer":
        return f"CASE WHEN abs({column}::HUGEINT) <= {EXACT} THEN to_json({column}) " \
               f"ELSE to_json({column}::VARCHAR) END"
    if kind in ("double", "boolean"):
        return f"to_json({column})"
    return f"to_json({canonical_text(column, kind)})"

