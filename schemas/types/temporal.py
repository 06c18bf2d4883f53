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
        first = reading.formats[0]
        return time.strftime(first) if first else self.example

    def _expected_in_files(self, reading: Reading) -> str | None:
        formats = reading.spoken_formats
        return f"a {self.spoken} in the format {formats}" if formats else self.expected_in_files

    def read(self, text: str, reading: Reading, time_zone: str) -> Value:
        """Return the day or instant that a text says in the first format that it fits."""
        read = (self._read_as(text, one, time_zone) for one in reading.formats)
        return next((value for value in read if value is not None), None)

    def _read_as(self, text: str, pattern: str | None, time_zone: str) -> str | None:
        if pattern is None:
            return self._read_iso(text, time_zone)
        found = read_time(text, pattern)
        return None if found is None else self._read_time(found, "%z" in pattern, time_zone)

    @abstractmethod
    def _read_iso(self, text: str, time_zone: str) -> str | None:
        """Return the value of a text in ISO 8601."""

    @abstractmethod
    def _read_time(self, time: datetime, in_utc: bool, time_zone: str) -> str | None:
        """Return the value of a time, a local one or in UTC."""

    def read_sql(self, text: str, reading: Reading, time_zone: str) -> str:
        """Return the SQL of a day or instant in the first format that a text fits."""
        read = [self._read_as_sql(text, one, time_zone) for one in reading.formats]
        return read[0] if len(read) == 1 else f"coalesce({', '.join(read)})"

    def _read_as_sql(self, text: str, pattern: str | None, time_zone: str) -> str:
        if pattern is None:
            return self._iso_sql(text, Reading(), time_zone)
        value = self._time_sql(_strptime_sql(text, pattern), pattern, time_zone)
        if "%f" not in pattern:
            return value
        return (
            f"coalesce({value}, CASE WHEN regexp_matches({text}, '\\d{{7}}') "
            f"THEN {self.rare_sql(text, Reading(pattern), time_zone)} END)"
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
