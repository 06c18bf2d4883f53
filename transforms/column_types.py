"""How the text of a source column becomes a typed value: one SQL expression per attribute type.

An expression gives null for a text that is no such value. SQL reads what is common; what is rare
goes through `overtide.schemas.values.typed`, which reads one value at a time by the same rules.
"""

import json
from typing import TYPE_CHECKING, Any

from overtide.schemas.configuration import Attribute
from overtide.schemas.instants import HOUR_MINUTE
from overtide.schemas.names import literal
from overtide.schemas.numbers import EXPONENT, NUMBER, WHOLE
from overtide.schemas.values import (
    EXACT,
    FALSE_WORDS,
    TRUE_WORDS,
    Reading,
    canonical_text,
    duckdb_type,
    text_of,
    typed,
)
from overtide.transforms.kernel import define

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

GUID = "(?i)[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}"
YEAR = r"(?:[1-9]\d{3}|0(?:[1-9]\d\d|0(?:[1-9]\d|0[1-9])))"
INNER_YEAR = r"(?:[1-8]\d{3}|9(?:[0-8]\d\d|9(?:[0-8]\d|9[0-8]))|0(?:[1-9]\d\d|0(?:[1-9]\d|0[2-9])))"
"""The years 1 to 9999, and those that no offset leads out of."""
DAY = r"-\d{2}-\d{2}"
TIME = rf"{HOUR_MINUTE}:[0-5]\d(?:\.\d+)?"
LOCAL = rf"[T ]{HOUR_MINUTE}(?::[0-5]\d(?:\.\d+)?)?"
OFFSET = r"[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?"
FIRST = "TIMESTAMPTZ '0001-01-01 00:00:00+00'"


def allow_rare_values(connection: "DuckDBPyConnection") -> None:
    """Define what the expressions of `from_text` call for values that SQL does not read."""
    define(connection, typed_alone, ["VARCHAR", "VARCHAR"], "VARCHAR")


def typed_alone(texts: Any, how: Any) -> Any:  # noqa: ANN401 - Arrow's arrays: DuckDB looks up what is named here
    """Return the canonical texts of values that are read one by one, empty for what is none.

    `how` is one document.
    """
    import pyarrow as pa  # at the top it would make `validate` slow

    attributes = [json.loads(one.as_py()) for one in how[:1]]
    values = (
        typed(one["type"], Reading.of(one), one["time_zone"], text)
        for one in attributes
        for text in texts.to_pylist()
    )
    return pa.array([text_of(value) or "" for value in values], pa.string())


def _alone(text: str, attribute: Attribute, time_zone: str) -> str:
    """Return the SQL that reads rare texts.

    DuckDB takes no null from a function for a text, so none is empty.
    """
    how = {
        name: value
        for name, value in (
            ("type", attribute.type),
            ("format", attribute.format),
            ("decimal_mark", attribute.decimal_mark),
            ("time_zone", time_zone),
        )
        if value not in (None, ".")
    }
    return (
        f"nullif(typed_alone({text}, {literal(json.dumps(how))}), "
        f"'')::{duckdb_type(attribute.type)}"
    )


def _strptime(text: str, pattern: str) -> str:
    """DuckDB knows no Z as an offset, so it is read as a letter, and the time as UTC."""
    patterns = (
        [pattern.replace("%z", zone) for zone in ("%z", "Z", "z")] if "%z" in pattern else [pattern]
    )
    times = [f"try_strptime({text}, {literal(one)})" for one in patterns]
    return times[0] if len(times) == 1 else f"coalesce({', '.join(times)})"


def from_text(raw: str, attribute: Attribute, time_zone: str) -> str:
    """Return the SQL that reads the text `raw` (an SQL expression) as the attribute's type.

    Null where it is none.
    """
    if attribute.type == "string":
        return f"nullif({raw}, '')"
    text = f"trim({raw})"
    if attribute.type == "guid":
        return (
            f"CASE WHEN regexp_full_match({text}, '{GUID}') THEN try_cast({text} AS "
            "UUID)::VARCHAR END"
        )
    if attribute.type == "boolean":
        return (
            f"CASE WHEN lower({text}) IN {TRUE_WORDS} THEN true WHEN lower({text}) IN "
            f"{FALSE_WORDS} THEN false END"
        )
    if attribute.format:
        return _formatted(text, attribute, attribute.format, time_zone)
    if attribute.type == "date":
        return _date(text, attribute, time_zone)
    return (
        _datetime(text, attribute, time_zone)
        if attribute.type == "datetime"
        else _number(text, attribute)
    )


def _number(text: str, attribute: Attribute) -> str:
    if attribute.type == "integer":
        return (
            f"CASE WHEN regexp_full_match({text}, '{WHOLE}') THEN try_cast({text} AS BIGINT) "
            f"WHEN regexp_full_match({text}, '{WHOLE}\\.0*') THEN try_cast(split_part({text}, "
            "'.', 1) AS BIGINT) "
            f"WHEN regexp_full_match({text}, '{NUMBER}[eE][+-]?\\d+|[+-]?\\.0+') "
            f"THEN {_alone(text, attribute, 'UTC')} END"
        )
    point = f"replace({text}, ',', '.')" if attribute.decimal_mark == "," else text
    foreign = f"WHEN contains({text}, '.') THEN NULL " if attribute.decimal_mark == "," else ""
    cast = f"try_cast({point} AS {duckdb_type(attribute.type)})"
    if attribute.type == "double":  # zero gets no sign
        return (
            f"CASE {foreign}WHEN regexp_full_match({point}, '{NUMBER}{EXPONENT}') AND "
            f"isfinite({cast}) "
            f"THEN {cast} + 0.0::DOUBLE END"
        )
    return (
        f"CASE {foreign}WHEN regexp_full_match({point}, '{NUMBER}') THEN {cast} "
        f"WHEN regexp_full_match({point}, '{NUMBER}[eE][+-]?\\d+') THEN "
        f"{_alone(text, attribute, 'UTC')} END"
    )


def _date(text: str, attribute: Attribute, time_zone: str) -> str:
    """A time is read as its day."""
    return (
        f"CASE WHEN regexp_full_match({text}, '{YEAR}{DAY}') THEN try_cast({text} AS DATE) "
        f"WHEN regexp_full_match({text}, '{YEAR}{DAY}{LOCAL}') THEN try_cast(left({text}, 10) AS "
        "DATE) "
        f"WHEN regexp_matches({text}, '^{YEAR}{DAY}[Tt ]') THEN "
        f"{_alone(text, attribute, time_zone)} END"
    )


def _datetime(text: str, attribute: Attribute, time_zone: str) -> str:
    local, at_edge = (
        in_zone(f"try_cast({text} AS TIMESTAMP)", time_zone),
        YEAR if time_zone == "UTC" else INNER_YEAR,
    )
    zoned = f"{YEAR}{DAY}[T ]{TIME}(?:Z| UTC)|{INNER_YEAR}{DAY}[T ]{TIME}{OFFSET}"
    return (
        f"CASE WHEN regexp_full_match({text}, '{zoned}') THEN try_cast({text} AS TIMESTAMPTZ) "
        f"WHEN regexp_full_match({text}, '{at_edge}{DAY}(?:{LOCAL})?') THEN {local} "
        f"WHEN regexp_matches({text}, '^{YEAR}{DAY}') THEN {_alone(text, attribute, time_zone)} END"
    )


def _formatted(text: str, attribute: Attribute, pattern: str, time_zone: str) -> str:
    """Read by a format, but never the words epoch and infinity.

    try_strptime takes them for 1900-01-01 whatever the format.
    """
    parsed = _strptime(text, pattern)
    parsed = (
        f"CASE WHEN {parsed} <> '1900-01-01' OR regexp_matches({text}, '\\d') THEN {parsed} END"
    )
    if attribute.type == "date":
        value = _within(f"({parsed})::DATE", "DATE")
    else:
        value = _within(
            f"({parsed})" if "%z" in pattern else in_zone(parsed, time_zone), "TIMESTAMPTZ"
        )
    if "%f" not in pattern:
        return value
    return (
        f"coalesce({value}, CASE WHEN regexp_matches({text}, '\\d{{7}}') "
        f"THEN {_alone(text, attribute, time_zone)} END)"
    )  # DuckDB takes six digits of a second at most


def _within(value: str, kind: str) -> str:
    """Return the SQL of a time within the years 1 to 9999, all that RFC 3339 can write.

    Null for another.
    """
    last = "9999-12-31" if kind == "DATE" else "9999-12-31 23:59:59.999999"
    return f"CASE WHEN {value} BETWEEN {kind} '0001-01-01' AND {kind} '{last}' THEN {value} END"


def in_zone(local: str, time_zone: str) -> str:
    """Return the instant of a local TIMESTAMP.

    A repeated hour is the earlier, a skipped one is moved forward.

    It is the local time by the offset of the day before where that fits or nothing does, else by
    that of the day after.
    """
    if time_zone == "UTC":  # a cast asks the calendar for every value
        return f"make_timestamptz(epoch_us({local}))"
    before, after = _by_offset("-", time_zone), _by_offset("+", time_zone)
    fits = f"timezone({literal(time_zone)}, {{}}) = local"
    return (
        f"list_transform([{local}], local -> list_transform([{before}], early -> CASE WHEN "
        f"{fits.format('early')} "
        f"THEN early WHEN {fits.format(after)} THEN {after} ELSE early END)[1])[1]"
    )


def _by_offset(sign: str, time_zone: str) -> str:
    day = f"(local {sign} INTERVAL 1 DAY)"
    return f"(local - (timezone({literal(time_zone)}, {day}::TIMESTAMPTZ) - {day}))::TIMESTAMPTZ"


def instant_of(column: str, kind: str, time_zone: str) -> str:
    """Return a typed date or datetime column as an instant.

    A date is its midnight in the zone, in year 1 at least.
    """
    if kind != "date":
        return column
    start = in_zone(f"{column}::TIMESTAMP", time_zone)
    return (
        start
        if time_zone == "UTC"
        else f"greatest({start}, CASE WHEN {column} IS NOT NULL THEN {FIRST} END)"
    )


def expectation(attribute: Attribute) -> str:
    """Say in words what a text should have been."""
    if attribute.format:
        return f"{attribute.type} as {attribute.format}"
    words = {
        "date": "date as YYYY-MM-DD",
        "datetime": "datetime in ISO 8601",
        "boolean": "boolean (true/false, yes/no)",
    }
    return words.get(attribute.type, attribute.type)


def canonical_json(column: str, kind: str) -> str:
    """Return the SQL that turns a typed column into its canonical JSON value (type JSON)."""
    if kind == "integer":
        return (
            f"CASE WHEN abs({column}::HUGEINT) <= {EXACT} THEN to_json({column}) "
            f"ELSE to_json({column}::VARCHAR) END"
        )
    if kind in ("double", "boolean"):
        return f"to_json({column})"
    return f"to_json({canonical_text(column, kind)})"
