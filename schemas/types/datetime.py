"""Instants, to the microsecond."""

from datetime import datetime, timedelta
from typing import Any

from overtide.schemas.errors import InvalidValueError
from overtide.schemas.instants import (
    EARLIEST,
    EPOCH,
    HOUR_MINUTE,
    LATEST,
    Instant,
    format_instant,
    microseconds,
    parse_instant,
    read_iso,
)
from overtide.schemas.local_times import FIRST, in_zone_sql, instant_in
from overtide.schemas.names import literal
from overtide.schemas.types.attribute_type import Reading
from overtide.schemas.types.temporal import DAY, INNER_YEAR, LOCAL, YEAR, TemporalType, within_sql
from overtide.schemas.values import Value

TIME = rf"{HOUR_MINUTE}:[0-5]\d(?:\.\d+)?"
OFFSET = r"[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?"
CANONICAL = r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:[0-5]\d\.\d{6}Z"


class DatetimeType(TemporalType):
    """Instants; in files those without an offset are of the entity's time zone."""

    family = "datetime"
    edm = "Edm.DateTimeOffset"
    example = "2026-01-31T12:00:00Z"
    names_elsewhere = ("timestamp",)
    duckdb = "TIMESTAMPTZ"
    spoken = "date and time"
    expected = "an instant (RFC 3339 with an offset, such as 2026-11-24T10:00:00Z)"
    expected_in_files = "a date and time in ISO 8601"

    def expectation(self, reading: Reading) -> str:
        """Say in words what a text of a file should have been."""
        return super().expectation(reading) if reading.spoken_formats else "datetime in ISO 8601"

    def _from_json(self, value: object) -> Value:
        if not isinstance(value, str):
            return None
        try:
            return format_instant(parse_instant(value))
        except InvalidValueError:
            return None

    def _read_iso(self, text: str, time_zone: str) -> str | None:
        time = read_iso(text)
        if time is None:
            return None
        local, shift = time
        if shift is None:
            return _written(instant_in(EPOCH + timedelta(microseconds=local), time_zone))
        return _written(local - shift)

    def _read_time(self, time: datetime, in_utc: bool, time_zone: str) -> str | None:
        return _written(microseconds(time) if in_utc else instant_in(time, time_zone))

    def from_lake(self, value: Any) -> Value:  # noqa: ANN401 - whatever DuckDB gives
        """Return the text of an instant in microseconds."""
        if value is None:
            return None
        return format_instant(min(max(value, EARLIEST), LATEST))  # old bases may hold others

    def _iso_sql(self, text: str, reading: Reading, time_zone: str) -> str:
        local = in_zone_sql(f"try_cast({text} AS TIMESTAMP)", time_zone)
        at_edge = YEAR if time_zone == "UTC" else INNER_YEAR
        zoned = f"{YEAR}{DAY}[T ]{TIME}(?:Z| UTC)|{INNER_YEAR}{DAY}[T ]{TIME}{OFFSET}"
        return (
            f"CASE WHEN regexp_full_match({text}, '{zoned}') THEN try_cast({text} AS TIMESTAMPTZ) "
            f"WHEN regexp_full_match({text}, '{at_edge}{DAY}(?:{LOCAL})?') THEN {local} "
            f"WHEN regexp_matches({text}, '^{YEAR}{DAY}') THEN "
            f"{self.rare_sql(text, reading, time_zone)} END"
        )

    def _time_sql(self, time: str, pattern: str, time_zone: str) -> str:
        instant = f"({time})" if "%z" in pattern else in_zone_sql(time, time_zone)
        return within_sql(instant, self.duckdb, "9999-12-31 23:59:59.999999")

    def text_sql(self, column: str) -> str:
        """Return the SQL of the RFC 3339 text in UTC, with six digits."""
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%fZ')"

    def _fits_sql(self, value: str) -> str:
        return (
            f"(regexp_full_match({value}, {literal(chr(34) + CANONICAL + chr(34))}) AND "
            f"{self.typed_sql(value)} >= {FIRST})"
        )  # DuckDB also reads years before the first (0000 is 1 BC)

    def fetched_sql(self, column: str) -> str:
        """Return the SQL of an instant in microseconds."""
        return f"epoch_us({column})"


def _written(instant: Instant) -> str | None:
    return format_instant(instant) if EARLIEST <= instant <= LATEST else None
