"""Attribute types and canonical JSON values: what events, serving generations and answers hold.

A canonical value is null, a string, a boolean, an integer up to 2^53 (its text beyond), a finite
double, the text of a decimal with exactly its scale, `YYYY-MM-DD`, or an instant in UTC with six
digits.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from overtide.schemas.errors import InvalidValueError, OvertideError
from overtide.schemas.instants import (
    EARLIEST,
    EPOCH,
    ISO_DATE,
    LATEST,
    Instant,
    format_instant,
    microseconds,
    parse_instant,
    read_iso,
)
from overtide.schemas.numbers import (
    decimal_shape,
    exact_text,
    number_text,
    plain_sql,
    read_decimal,
    read_double,
    read_integer,
)
from overtide.schemas.strptime import read_time

Value = str | int | float | bool | None
"""A canonical JSON value."""

EXACT = 2**53
"""Integers up to here are JSON numbers; beyond it, where doubles lose digits, they are text."""

_GUID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_DATE = re.compile(ISO_DATE, re.ASCII)
TRUE_WORDS, FALSE_WORDS = (
    ("true", "yes", "1", "t", "y", "1.0"),
    ("false", "no", "0", "f", "n", "0.0"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the text of an attribute is read.

    A strptime `format` (ISO 8601 without), `.` or `,` as `decimal_mark`.
    """

    format: str | None = None
    decimal_mark: str = "."

    @classmethod
    def of(cls, attribute: Mapping[str, Any]) -> "Reading":
        """Read the metadata of an attribute."""
        return cls(attribute.get("format"), attribute.get("decimal_mark") or ".")


def canonical(document: object) -> str:
    """Return the canonical JSON text: keys sorted, no blanks, letters as they are, no NaN."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def duckdb_type(kind: str) -> str:
    """Return the SQL type of an attribute type."""
    fixed = {
        "string": "VARCHAR",
        "guid": "VARCHAR",
        "integer": "BIGINT",
        "double": "DOUBLE",
        "boolean": "BOOLEAN",
        "date": "DATE",
        "datetime": "TIMESTAMPTZ",
    }
    return fixed.get(kind) or kind.upper().replace(", ", ",")


def canonical_text(column: str, kind: str) -> str:
    """Return the SQL that writes a typed column as canonical JSON text, without quotes.

    The text is that of the column's value.
    """
    if kind == "datetime":
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    if kind in ("string", "guid"):
        return column
    if kind == "double":
        return plain_sql(column)
    if kind.startswith("decimal") and len(set(decimal_shape(kind))) == 1:
        # DuckDB writes .5 where no digit stands before the point
        return f"replace({column}::VARCHAR, '.', '0.')"
    return f"{column}::VARCHAR"


def from_json(kind: str, value: Any) -> Value:  # noqa: ANN401 - whatever JSON holds
    """Check a JSON value against an attribute type and return it canonical.

    Raise `invalid_value`.
    """
    if value is None:
        return None
    found = _JSON_READERS[kind.split("(", 1)[0]](kind, value)
    if found is None:
        raise _invalid(kind, value)
    return found


def misfit(kind: str, value: Any) -> str | None:  # noqa: ANN401 - whatever JSON holds
    """Say why a value that was accepted earlier is none of an attribute type now.

    None where it is one, unchanged.
    """
    try:
        found = from_json(kind, value)
    except InvalidValueError as error:
        return error.message
    same = found == value and (kind == "double" or type(found) is type(value))
    return None if same else f"{canonical(value)} is not written as a value of type {kind}."


def _string_from_json(_kind: str, value: object) -> Value:
    return checked_text(value) if isinstance(value, str) else None


def _guid_from_json(_kind: str, value: object) -> Value:
    return _guid(value) if isinstance(value, str) else None


def _integer_from_json(_kind: str, value: object) -> Value:
    text = _numeric(value)
    return None if text is None else _integer(text)


def _double_from_json(_kind: str, value: object) -> Value:
    text = _numeric(value)
    return None if text is None else read_double(text)


def _decimal_from_json(kind: str, value: object) -> Value:
    text = _numeric(value)
    return None if text is None else read_decimal(kind, text)


def _numeric(value: object) -> str | None:
    """Return the text of a number or of what may hold one; None for other values."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return value if isinstance(value, str) else exact_text(value)


def _boolean_from_json(_kind: str, value: object) -> Value:
    return value if isinstance(value, bool) else None


def _date_from_json(_kind: str, value: object) -> Value:
    return _iso_date(value) if isinstance(value, str) else None


def _datetime_from_json(_kind: str, value: object) -> Value:
    if not isinstance(value, str):
        return None
    try:
        return format_instant(parse_instant(value))
    except InvalidValueError:
        return None


_JSON_READERS: dict[str, Callable[[str, object], Value]] = {
    "string": _string_from_json,
    "guid": _guid_from_json,
    "integer": _integer_from_json,
    "double": _double_from_json,
    "decimal": _decimal_from_json,
    "boolean": _boolean_from_json,
    "date": _date_from_json,
    "datetime": _datetime_from_json,
}


def from_source(kind: str, reading: Reading, time_zone: str, value: Any) -> Value:  # noqa: ANN401 - whatever JSON holds
    """Read the value of a source record just as the refresh reads it from a file.

    Raise `invalid_value`.
    """
    raw = source_text(kind, value)
    if raw is None or kind == "string":
        return raw or None
    if not isinstance(value, str):
        reading = Reading(reading.format)  # a decimal mark is about texts
    text = raw.strip(BLANKS)
    found = typed(kind, reading, time_zone, text) if text else None
    if found is None and text:
        expected = (
            f"a {'date' if kind == 'date' else 'date and time'} in the format {reading.format}"
            if reading.format
            else IN_FILES.get(kind)
        )
        raise _invalid(kind, value, expected)
    return found


IN_FILES = {"boolean": "true or false, yes or no", "datetime": "a date and time in ISO 8601"}
"""What is expected where source records may write values in more ways than updates."""


BLANKS = (
    " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u202f\u205f\u3000"
)
"""What is trimmed around values that are not strings.

The characters that DuckDB's `trim` takes for blanks.
"""


def source_text(kind: str, value: object) -> str | None:
    """Return the text that a file would hold for a JSON value.

    Raise `invalid_value` for arrays and objects.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _required(kind, value, checked_text(value))
    if isinstance(value, int | float) and not math.isnan(value):
        return (
            exact_text(value)
            if kind in ("integer", "double") or kind.startswith("decimal")
            else number_text(value)
        )
    raise _invalid(kind, value)


def checked_text(text: str) -> str | None:
    """Return a text that every store can hold, None for one with a NUL or half a surrogate pair."""
    return None if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text) else text


def _required(kind: str, value: object, text: str | None) -> str:
    if text is None:
        raise _invalid(kind, value)
    return text


def typed(kind: str, reading: Reading, time_zone: str, text: str) -> Value:
    """Return the canonical value of a text without blanks around it, None where it is none.

    Not for strings.
    """
    if kind == "guid":
        return _guid(text)
    if kind == "boolean":
        return _boolean(text.lower())
    if kind == "date":
        return _date(text, reading.format, time_zone)
    if kind == "datetime":
        return _datetime(text, reading.format, time_zone)
    if kind == "integer":
        return _integer(text)
    return _with_mark(kind, text, reading.decimal_mark)


def _with_mark(kind: str, text: str, mark: str) -> Value:
    if mark == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    return read_double(text) if kind == "double" else read_decimal(kind, text)


def _guid(text: str) -> str | None:
    return str(UUID(text)) if _GUID.fullmatch(text) else None


def _boolean(word: str) -> bool | None:
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None


def _integer(text: str) -> Value:
    number = read_integer(text)
    return number if number is None or abs(number) <= EXACT else str(number)


def _date(text: str, pattern: str | None, time_zone: str) -> str | None:
    """Return the day of a date, or of a time in the zone."""
    if pattern is not None:
        found = read_time(text, pattern)
        return found.date().isoformat() if found else None
    if _DATE.fullmatch(text):
        return _iso_date(text)
    time = read_iso(text)
    if time is None:
        return None
    local, shift = time
    return format_instant(local)[:10] if shift is None else _day(local - shift, time_zone)


def _day(instant: Instant, time_zone: str) -> str | None:
    try:
        time = (EPOCH + timedelta(microseconds=instant)).replace(tzinfo=UTC)
        return time.astimezone(zone(time_zone)).date().isoformat()
    except OverflowError:
        return None


def _iso_date(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat() if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _datetime(text: str, pattern: str | None, time_zone: str) -> str | None:
    if pattern is not None:
        found = read_time(text, pattern)
        if found is None:
            return None
        return _written(microseconds(found) if "%z" in pattern else instant_in(found, time_zone))
    time = read_iso(text)
    if time is None:
        return None
    local, shift = time
    return _written(
        instant_in(EPOCH + timedelta(microseconds=local), time_zone)
        if shift is None
        else local - shift
    )


def _written(instant: Instant) -> str | None:
    return format_instant(instant) if EARLIEST <= instant <= LATEST else None


def instant_in(local: datetime, time_zone: str) -> Instant:
    """Return the instant of a local time.

    A repeated one is the earlier, a skipped one is moved forward.
    """
    if time_zone == "UTC":
        return microseconds(local)
    offset = zone(time_zone).utcoffset(local.replace(fold=0))
    return microseconds(local) - (offset or timedelta()) // timedelta(microseconds=1)


@cache
def zone(time_zone: str) -> ZoneInfo:
    """Return a time zone by its name."""
    return ZoneInfo(time_zone)


def midnight(day: str, time_zone: str) -> Instant:
    """Return the instant at which a date (`YYYY-MM-DD`) begins in a time zone.

    The first day begins in year 0 east of Greenwich, which no text can say: there it is the first
    instant of year 1.
    """
    return max(EARLIEST, instant_in(datetime.fromisoformat(day), time_zone))


def text_of(value: Value) -> str | None:
    """Return a canonical value as plain text, as titles and keys show it; null stays null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value)


def _invalid(kind: str, value: object, expected: str | None = None) -> OvertideError:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    shown = shown if len(shown) <= 100 else shown[:97] + "..."
    expected = expected or EXPECTED[kind.split("(", 1)[0]].format(kind=kind)
    return InvalidValueError("invalid_value", f"{shown} is not {expected}.")


EXPECTED = {
    "string": "a text",
    "guid": "a GUID",
    "integer": "a whole number of 64 bits",
    "double": "a finite number",
    "decimal": "a {kind}",
    "boolean": "true or false",
    "date": "a date (YYYY-MM-DD)",
    "datetime": "an instant (RFC 3339 with an offset, such as 2026-11-24T10:00:00Z)",
}
