"""Days."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from overtide.schemas.instants import EPOCH, ISO_DATE, Instant, format_instant, read_iso
from overtide.schemas.local_times import FIRST, in_zone_sql, midnight, zone
from overtide.schemas.names import literal
from overtide.schemas.types.attribute_type import Reading
from overtide.schemas.types.temporal import DAY, LOCAL, YEAR, TemporalType, within_sql
from overtide.schemas.values import Value

_DATE = re.compile(ISO_DATE, re.ASCII)


class DateType(TemporalType):
    """Days; a time is read as its day."""

    family = "date"
    edm = "Edm.Date"
    example = "2026-01-31"
    is_day = True
    duckdb = "DATE"
    spoken = "date"
    expected = "a date (YYYY-MM-DD)"

    def expectation(self, reading: Reading) -> str:
        """Say in words what a text of a file should have been."""
        return super().expectation(reading) if reading.spoken_formats else "date as YYYY-MM-DD"

    def _from_json(self, value: object) -> Value:
        return _iso_date(value) if isinstance(value, str) else None

    def _read_iso(self, text: str, time_zone: str) -> str | None:
        """Return the day of a date, or of a time in the zone."""
        if _DATE.fullmatch(text):
            return _iso_date(text)
        time = read_iso(text)
        if time is None:
            return None
        local, shift = time
        return format_instant(local)[:10] if shift is None else _day(local - shift, time_zone)

    def _read_time(self, time: datetime, in_utc: bool, time_zone: str) -> str | None:
        return time.date().isoformat()

    def from_lake(self, value: Any) -> Value:  # noqa: ANN401 - whatever DuckDB gives
        """Return the text of a date."""
        return None if value is None else date.isoformat(value)

    def instant(self, value: Value, time_zone: str) -> str:
        """Return the instant at which a day begins."""
        return format_instant(midnight(str(value), time_zone))

    def _iso_sql(self, text: str, reading: Reading, time_zone: str) -> str:
        return (
            f"CASE WHEN regexp_full_match({text}, '{YEAR}{DAY}') THEN try_cast({text} AS DATE) "
            f"WHEN regexp_full_match({text}, '{YEAR}{DAY}{LOCAL}') THEN try_cast(left({text}, 10) "
            f"AS DATE) WHEN regexp_matches({text}, '^{YEAR}{DAY}[Tt ]') THEN "
            f"{self.rare_sql(text, reading, time_zone)} END"
        )

    def _time_sql(self, time: str, pattern: str, time_zone: str) -> str:
        return within_sql(f"({time})::DATE", self.duckdb, "9999-12-31")

    def _fits_sql(self, value: str) -> str:
        typed = self.typed_sql(value)
        return (
            f"({value} = '\"' || {typed} || '\"' AND {typed} BETWEEN DATE '0001-01-01' AND "
            "DATE '9999-12-31')"
        )  # DuckDB also reads years before the first (0000 is 1 BC) and beyond, and `infinity`

    def instant_sql(self, column: str, time_zone: str) -> str:
        """Return the SQL of the midnight in the zone, in year 1 at least."""
        start = in_zone_sql(f"{column}::TIMESTAMP", time_zone)
        return (
            start
            if time_zone == "UTC"
            else f"greatest({start}, CASE WHEN {column} IS NOT NULL THEN {FIRST} END)"
        )

    def raw_time(self, column: str, kind: str, time_zone: str) -> str:
        """Return the raw text of a time: of an instant the day in the zone."""
        if kind == "TIMESTAMP WITH TIME ZONE":
            return f"timezone({literal(time_zone)}, {column})::DATE::VARCHAR"
        return super().raw_time(column, kind, time_zone)


def _iso_date(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat() if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _day(instant: Instant, time_zone: str) -> str | None:
    try:
        time = (EPOCH + timedelta(microseconds=instant)).replace(tzinfo=UTC)
        return time.astimezone(zone(time_zone)).date().isoformat()
    except OverflowError:
        return None
