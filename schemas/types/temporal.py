"""What dates and datetimes share: ISO 8601, or a strptime format."""

from abc import abstractmethod
from datetime import UTC, datetime
from typing import ClassVar

from overtide.schemas.instants import HOUR_MINUTE
from overtide.schemas.names import literal
from overtide.schemas.strptime import read_time
from overtide.schemas.types.attribute_type import AttributeType, Reading
from overtide.schemas.values import Value

YEAR = r"(?:[1-9]\d{3}|0(?:[1-9]\d\d|0(?:[1-9]\d|0[1-9])))"
INNER_YEAR = r"(?:[1-8]\d{3}|9(?:[0-8]\d\d|9(?:[0-8]\d|9[0-8]))|0(?:[1-9]\d\d|0(?:[1-9]\d|0[2-9])))"
"""The years 1 to 9999, and those that no offset leads out of."""
DAY = r"-\d{2}-\d{2}"
LOCAL = rf"[T ]{HOUR_MINUTE}(?::[0-5]\d(?:\.\d+)?)?"
"""Patterns for SQL."""


class TemporalType(AttributeType):
    """Days and instants of the years 1 to 9999."""

    is_time = True
    spoken: ClassVar[str]
    """What a value is called."""

    def example_in_files(self, reading: Reading) -> Value:
        """Return the example in the format of the files."""
        time = datetime(2026, 1, 31, 12, tzinfo=UTC)
        return time.strftime(reading.format) if reading.format else self.example

    def _expected_in_files(self, reading: Reading) -> str | None:
        if reading.format:
            return f"a {self.spoken} in the format {reading.format}"
        return self.expected_in_files

    def read(self, text: str, reading: Reading, time_zone: str) -> Value:
        """Return the day or instant that a text says in ISO 8601 or in the format."""
        if reading.format is None:
            return self._read_iso(text, time_zone)
        found = read_time(text, reading.format)
        return None if found is None else self._read_time(found, "%z" in reading.format, time_zone)

    @abstractmethod
    def _read_iso(self, text: str, time_zone: str) -> str | None:
        """Return the value of a text in ISO 8601."""

    @abstractmethod
    def _read_time(self, time: datetime, in_utc: bool, time_zone: str) -> str | None:
        """Return the value of a time, a local one or in UTC."""

    def read_sql(self, text: str, reading: Reading, time_zone: str) -> str:
        """Return the SQL of a day or instant in ISO 8601 or in the format."""
        if not reading.format:
            return self._iso_sql(text, reading, time_zone)
        value = self._time_sql(_strptime_sql(text, reading.format), reading.format, time_zone)
        if "%f" not in reading.format:
            return value
        return (
            f"coalesce({value}, CASE WHEN regexp_matches({text}, '\\d{{7}}') "
            f"THEN {self.rare_sql(text, reading, time_zone)} END)"
        )  # DuckDB takes six digits of a second at most

    @abstractmethod
    def _iso_sql(self, text: str, reading: Reading, time_zone: str) -> str:
        """Return the SQL that reads ISO 8601."""

    @abstractmethod
    def _time_sql(self, time: str, pattern: str, time_zone: str) -> str:
        """Return the SQL of the value of a time that was read by a format."""


def _strptime_sql(text: str, pattern: str) -> str:
    """Return the SQL of a time read by a format, but never of the words epoch and infinity.

    try_strptime takes them for 1900-01-01 whatever the format. It knows no Z as an offset, so that
    is read as a letter, and the time as UTC.
    """
    patterns = (
        [pattern.replace("%z", zone) for zone in ("%z", "Z", "z")] if "%z" in pattern else [pattern]
    )
    times = [f"try_strptime({text}, {literal(one)})" for one in patterns]
    time = times[0] if len(times) == 1 else f"coalesce({', '.join(times)})"
    return f"CASE WHEN {time} <> '1900-01-01' OR regexp_matches({text}, '\\d') THEN {time} END"


def within_sql(value: str, kind: str, last: str) -> str:
    """Return the SQL of a time within the years 1 to 9999, all that RFC 3339 can write.

    Null for another. `kind` is its SQL type, `last` the last one.
    """
    return f"CASE WHEN {value} BETWEEN {kind} '0001-01-01' AND {kind} '{last}' THEN {value} END"
