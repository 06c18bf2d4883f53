"""The schedules of a project: when which job is submitted by itself. Every version is kept.

When a schedule is due next stands in the file. Whoever moves that on submits the job, in one
transaction: so it is submitted once, however many servers look.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from overtide.schemas.crash import crash_point
from overtide.schemas.errors import NotFoundError, OvertideError, UsageError
from overtide.schemas.instants import HOUR, Clock, Instant, format_instant
from overtide.serving.workflows.cron import expect_cron, last_due, next_due
from overtide.serving.workflows.database import Database
from overtide.serving.workflows.job import Job, Submission, instant_text
from overtide.serving.workflows.jobs import Jobs
from overtide.serving.workflows.time_zones import zone_of

LATE = HOUR
"""How late a schedule that was missed, as by a server that was down, still submits its job."""
MOST_EXPRESSIONS = 50
_COLUMNS = (
    "id, version, requested, identifiers, active, time_zone, cron, origin, updated_by, "
    "updated_at, deleted"
)
_CURRENT = """version = (SELECT max(version) FROM schedule latest WHERE latest.id = schedule.id)
              AND NOT deleted"""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a schedule says: which job, in which time zone, at which times, and whether it does."""

    cron: tuple[str, ...]
    time_zone: str = "UTC"
    active: bool = True
    requested: str = "all"
    identifiers: tuple[str, ...] = ()

    def check(self, now: Instant) -> None:
        """Raise `unknown_time_zone`, `invalid_cron` or `invalid_parameter` for what is wrong."""
        zone = zone_of(self.time_zone)
        if not 0 < len(self.cron) <= MOST_EXPRESSIONS:
            raise UsageError(
                "invalid_parameter",
                f"1 to {MOST_EXPRESSIONS} cron expressions are expected.",
                "cronSchedules",
                "Write when it is due, such as `30 2 * * *`.",
            )
        for expression in self.cron:
            expect_cron(expression, zone, now)

    def next_after(self, now: Instant) -> Instant | None:
        """Return when it is due next, None for one that is not active."""
        return next_due(self.cron, zone_of(self.time_zone), now) if self.active else None

    def missed(self, since: Instant, now: Instant) -> Instant | None:
        """Return the last instant from one to another at which it was due and still counts."""
        return last_due(self.cron, zone_of(self.time_zone), max(since - 1, now - LATE), now)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A version of a schedule, with who made it and from where."""

    id: str
    version: int
    planned: Planned
    origin: str
    updated_by: str
    updated_at: Instant
    deleted: bool = False
    next_at: Instant | None = None

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON document."""
        return {
            "id": self.id,
            "version": self.version,
            "cron": list(self.planned.cron),
            "timeZone": self.planned.time_zone,
            "active": self.planned.active,
            "nextAt": instant_text(self.next_at),
            "origin": self.origin,
            "updatedBy": self.updated_by,
            "updatedAt": format_instant(self.updated_at),
            "deleted": self.deleted,
        }


class Schedules:
    """The schedules in one file."""

    def __init__(
        self, database: Database, jobs: Jobs, clock: Clock, ids: Callable[[], str]
    ) -> None:
        self._database, self._jobs, self._clock, self._ids = database, jobs, clock, ids

    def due_times(self, planned: Planned, most: int) -> list[Instant]:
        """Return when a schedule would be due next, `most` times; refusals as of `put`."""
        after = self._clock()
        planned.check(after)
        found: list[Instant] = []
        while len(found) < most and (due := planned.next_after(after)) is not None:
            found.append(due)
            after = due
        return found

    def put(
        self, wanted: Sequence[tuple[str | None, Planned]], who: str, origin: str
    ) -> list[Schedule]:
        """Make schedules, or new versions of those whose ids are there: all of them or none."""
        now = self._clock()
        for _, planned in wanted:
            planned.check(now)
        with self._database.writing() as connection:
            return [
                self._put(connection, schedule_id or self._ids(), planned, who, origin)
                for schedule_id, planned in wanted
            ]

    def _put(
        self,
        connection: sqlite3.Connection,
        schedule_id: str,
        planned: Planned,
        who: str,
        origin: str,
    ) -> Schedule:
        now, version = self._clock(), _next_version(connection, schedule_id)
        next_at = planned.next_after(now)
        made = Schedule(schedule_id, version, planned, origin, who, now, next_at=next_at)
        _write(connection, made)
        connection.execute(
            "INSERT OR REPLACE INTO due VALUES (?, ?, ?)", (schedule_id, version, made.next_at)
        )
        return made

    def delete(self, schedule_id: str, who: str, origin: str) -> Schedule:
        """End a schedule; its versions stay to be read. Raise `unknown_schedule`."""
        with self._database.writing() as connection:
            row = connection.execute(_query(f"id = ? AND {_CURRENT}"), (schedule_id,)).fetchone()
            if row is None:
                raise _unknown(schedule_id)
            found, now = _schedule(row), self._clock()
            version, planned = found.version + 1, found.planned
            last = Schedule(schedule_id, version, planned, origin, who, now, deleted=True)
            _write(connection, last)
            connection.execute("DELETE FROM due WHERE schedule = ?", (schedule_id,))
        return last

    def all(self) -> list[Schedule]:
        """Return the schedules there are, in the order in which they were first made."""
        return self._read(_CURRENT)

    def versions(self, schedule_id: str) -> list[Schedule]:
        """Return every version of a schedule, a deleted one's too; raise `unknown_schedule`."""
        found = self._read("id = ?", schedule_id)
        if not found:
            raise _unknown(schedule_id)
        return found

    def fire(self) -> list[Job]:
        """Submit what is due, once for each schedule; what is later than `LATE` is left out."""
        now = self._clock()
        due = self._read(f"{_CURRENT} AND due.next_at <= ?", now)
        fired = [self._fire(schedule, now) for schedule in due]
        if fired:
            crash_point("schedules.fired")
        return [job for job in fired if job is not None]

    def _fire(self, schedule: Schedule, now: Instant) -> Job | None:
        """Move on when a schedule is due, if nobody else did, and submit its job."""
        planned, since = schedule.planned, schedule.next_at or now
        with self._database.writing() as connection:
            moved = connection.execute(
                """UPDATE due SET next_at = ?
                   WHERE schedule = ? AND of_version = ? AND next_at = ?""",
                (planned.next_after(now), schedule.id, schedule.version, since),
            )
            crash_point("schedules.moved")
            if not moved.rowcount or planned.missed(since, now) is None:
                return None
            asked = Submission(
                schedule.updated_by,
                "schedule",
                planned.requested,
                planned.identifiers,
                schedule=schedule.id,
            )
            return self._jobs.submitted(connection, asked)

    def _read(self, which: str, *values: object) -> list[Schedule]:
        return [_schedule(row) for row in self._database.rows(_query(which), values)]


def _query(which: str) -> str:
    """Return the SQL of some schedules, in the order in which they were first made."""
    return f"""
        SELECT {_COLUMNS}, due.next_at FROM schedule
        LEFT JOIN due ON due.schedule = schedule.id AND due.of_version = version
        WHERE {which}
        ORDER BY (SELECT min(updated_at) FROM schedule first WHERE first.id = schedule.id),
                 id, version"""


def _schedule(row: tuple[Any, ...]) -> Schedule:
    schedule_id, version, requested, identifiers, active, time_zone, cron, *rest = row
    origin, by, at, deleted, next_at = rest
    planned = Planned(
        tuple(json.loads(cron)),
        time_zone,
        bool(active),
        requested,
        tuple(json.loads(identifiers)),
    )
    return Schedule(schedule_id, version, planned, origin, by, at, bool(deleted), next_at)


def _next_version(connection: sqlite3.Connection, schedule_id: str) -> int:
    (last,) = connection.execute(
        "SELECT coalesce(max(version), 0) FROM schedule WHERE id = ?", (schedule_id,)
    ).fetchone()
    return int(last) + 1


def _write(connection: sqlite3.Connection, made: Schedule) -> None:
    planned = made.planned
    connection.execute(
        f"INSERT INTO schedule ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            made.id,
            made.version,
            planned.requested,
            json.dumps(planned.identifiers),
            planned.active,
            planned.time_zone,
            json.dumps(planned.cron),
            made.origin,
            made.updated_by,
            made.updated_at,
            made.deleted,
        ),
    )


def _unknown(schedule_id: str) -> OvertideError:
    return NotFoundError(
        "unknown_schedule",
        f"There is no schedule {schedule_id!r}.",
        "scheduleId",
        "GET …/workflows/main/schedules shows them, and so does `overtide schedule list`.",
    )
