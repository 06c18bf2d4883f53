"""The counts of calls in a SQLite file: several processes add to it, others read meanwhile."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from overtide.schemas.instants import DAY, HOUR, Instant
from overtide.serving.telemetry.files import is_written, reading, writing

Key = tuple[Instant, str, str, str, str, str, str, int, str]
"""Minute, operation, method, entity, caller, principal's id and name, status, error code."""
Sums = list[int]
"""Calls, bytes of requests and of answers, microseconds together and of the longest, and bins."""
Counted = dict[Key, Sums]

KEYS = (
    "minute",
    "operation",
    "method",
    "entity",
    "caller",
    "principal_id",
    "principal",
    "status",
    "error_code",
)
VALUES = (
    "calls",
    "request_bytes",
    "response_bytes",
    "microseconds",
    "longest",
    "up_to_5ms",
    "up_to_25ms",
    "up_to_100ms",
    "up_to_1s",
    "longer",
)
NUMBERS = {"minute", "status", *VALUES}
TABLE = f"""CREATE TABLE IF NOT EXISTS usage (
    {", ".join(f"{one} {'INTEGER' if one in NUMBERS else 'TEXT'} NOT NULL" for one in KEYS)},
    {", ".join(f"{one} INTEGER NOT NULL" for one in VALUES)},
    PRIMARY KEY ({", ".join(KEYS)})) STRICT"""
"""It has row ids, since DuckDB counts by them."""
ADD = f"""INSERT INTO usage VALUES ({", ".join("?" * len((*KEYS, *VALUES)))})
    ON CONFLICT DO UPDATE SET
    {", ".join(f"{one} = {one} + excluded.{one}" for one in VALUES if one != "longest")},
    longest = max(longest, excluded.longest)"""
RESULT = """CASE WHEN status < 400 THEN 'Success' WHEN status < 500 THEN 'ClientError'
    ELSE 'Failure' END"""
GROUPS = {
    **{name: name for name in ("operation", "method", "entity", "caller", "principal")},
    "result": RESULT,
    "status": "status",
    "errorCode": "error_code",
    "hour": f"minute / {HOUR} * {HOUR}",
    "day": f"minute / {DAY} * {DAY}",
}
"""What calls are grouped by, and its SQL."""
TOTALS = """sum(calls), sum(CASE WHEN status >= 400 THEN calls ELSE 0 END), sum(request_bytes),
    sum(response_bytes), sum(microseconds), max(longest)"""


class UsageFile:
    """The file of one project."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, rows: Mapping[Key, Sums]) -> None:
        """Add counts to those that are there."""
        with writing(self.path, [TABLE], durable=False) as connection:
            connection.executemany(ADD, [(*key, *sums) for key, sums in rows.items()])

    def forget(self, before: Instant) -> None:
        """Remove what was counted before an instant."""
        if is_written(self.path):
            with writing(self.path, [TABLE], durable=False) as connection:
                connection.execute("DELETE FROM usage WHERE minute < ?", (before,))

    def totals(
        self,
        since: Instant,
        until: Instant,
        by: Sequence[str],
        operation: str | None = None,
    ) -> list[tuple[str | int | None, ...]]:
        """Return the values of `by` (names of GROUPS) with their totals, most calls first.

        Those of one operation, of all where none is named.
        """
        if not is_written(self.path):
            return []
        groups = [GROUPS[name] for name in by]
        grouped = f"GROUP BY {', '.join(groups)}" if groups else ""
        query = f"""SELECT {", ".join([*groups, TOTALS])} FROM usage
            WHERE minute >= ? AND minute < ? AND operation = coalesce(?, operation) {grouped}
            ORDER BY sum(calls) DESC{"".join(f", {one}" for one in groups)}"""
        with reading(self.path) as connection:
            return connection.execute(query, (since, until, operation)).fetchall()
