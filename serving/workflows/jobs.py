"""The jobs of a project: what was submitted, what runs, what became of it.

Every change is one transaction, so that several servers on one project may share them.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from overtide.schemas.crash import crash_point
from overtide.schemas.errors import ConflictError, NotFoundError, OvertideError, UnavailableError
from overtide.schemas.instants import Clock, Instant
from overtide.schemas.progress import Event
from overtide.serving.workflows.database import Database
from overtide.serving.workflows.job import Error, Job, Status, Submission, Task, outcome

KEPT = 1000
"""How many jobs are remembered; of those that are over, the oldest go."""
MOST_WAITING = 100
BARRIERS = ("identities", "serving generation", "publish")
"""Stages of a refresh that begin only once all are done that began before."""
_ASKED = "submitted_by, origin, requested, identifiers, forced, schedule"
_COLUMNS = f"id, status, {_ASKED}, submitted_at, started_at, ended_at, cancelled_at, run, error"
_TASK = "stage, rows_done, rows_total, started_at, reported_at"


class Jobs:
    """The jobs in one file."""

    def __init__(self, database: Database, clock: Clock, ids: Callable[[], str]) -> None:
        self._database, self._clock, self._ids = database, clock, ids

    def submit(self, asked: Submission) -> Job:
        """Return the job that does what is asked for: a new one, or the one that waits already.

        A job that waits has read nothing yet, so it does what a later submission wants; one that
        runs may have read the sources before they changed.
        """
        with self._database.writing() as connection:
            job = self.submitted(connection, asked)
        crash_point("jobs.submitted")
        return job

    def submitted(self, connection: sqlite3.Connection, asked: Submission) -> Job:
        """Submit within a transaction."""
        waiting = _first(connection, Status.QUEUED)
        if waiting is not None and not asked.forced:
            return waiting
        _expect_room(connection)
        job = _inserted(connection, Job(self._ids(), Status.QUEUED, asked, self._clock()))
        crash_point("jobs.written")
        return job

    def begin(self, job_id: str) -> Job:
        """Say that a job runs; raise `unknown_job`, or `job_not_queued` where it does not wait."""
        with self._database.writing() as connection:
            job = _one(connection, job_id)
            if job.status is not Status.QUEUED:
                raise ConflictError(
                    "job_not_queued",
                    f"The job {job_id} is {job.status}.",
                    None,
                    "Only a job that is queued can be run.",
                )
            connection.execute("DELETE FROM task WHERE job = ?", (job_id,))
            _set(connection, job_id, status=Status.RUNNING, started_at=self._clock())
            return _one(connection, job_id)

    def report(self, job_id: str, events: Sequence[Event]) -> None:
        """Note how far the stages of a job are."""
        now = self._clock()
        with self._database.writing() as connection:
            connection.executemany(
                """INSERT INTO task (job, place, stage, rows_done, rows_total, started_at,
                                     reported_at)
                   SELECT ?1, count(*), ?2, ?3, ?4, ?5, ?6 FROM task WHERE job = ?1
                   ON CONFLICT DO UPDATE SET rows_done = excluded.rows_done,
                     rows_total = excluded.rows_total, reported_at = excluded.reported_at""",
                [(job_id, one.stage, one.rows_done, one.rows_total, now, now) for one in events],
            )

    def end(self, job: Job, run: int | None, error: OvertideError | None = None) -> Job:
        """Say how a job that runs ended; one that is not the running one any more stays."""
        with self._database.writing() as connection:
            now = _one(connection, job.id)
            if now.status is Status.RUNNING and now.started_at == job.started_at:
                code = None if error is None else error.code
                status = outcome(run, now.cancelled_at is not None, code)
                crash_point("jobs.before_end")
                _end(connection, now.id, status, self._clock(), run, error)
            ended = _one(connection, job.id)
        crash_point("jobs.ended")
        return ended

    def failed(self, asked: Submission, began: Instant, error: OvertideError) -> Job:
        """Write down a refresh that began by hand and failed, as a job that is over."""
        now = self._clock()
        with self._database.writing() as connection:
            job = _inserted(connection, Job(self._ids(), Status.RUNNING, asked, began, began))
            _end(connection, job.id, Status.FAILED, now, None, error)
            return _one(connection, job.id)

    def fail(self, job: Job, error: OvertideError) -> None:
        """Say that a job that waits could not be begun."""
        with self._database.writing() as connection:
            if _one(connection, job.id).status is Status.QUEUED:
                _end(connection, job.id, Status.FAILED, self._clock(), None, error)

    def cancel(self, job_id: str) -> Job:
        """Abort a job that waits, note of one that runs that it is to end; one that is over stays.

        Raise `unknown_job`.
        """
        with self._database.writing() as connection:
            job, now = _one(connection, job_id), self._clock()
            if job.status is Status.QUEUED:
                _set(connection, job_id, cancelled_at=now)
                _end(connection, job_id, Status.ABORTED, now, None, None)
            elif job.status is Status.RUNNING and job.cancelled_at is None:
                _set(connection, job_id, cancelled_at=now)
            return _one(connection, job_id)

    def get(self, job_id: str) -> Job:
        """Return a job; raise `unknown_job`."""
        for job in self._found("WHERE id = ?", job_id):
            return job
        raise _unknown(job_id)

    def recent(self, most: int) -> list[Job]:
        """Return the jobs submitted last, the newest first."""
        return self._found("ORDER BY number DESC LIMIT ?", most)

    def counts(self) -> dict[str, int]:
        """Return how many of the jobs that are remembered are in each state."""
        rows = self._database.rows("SELECT status, count(*) FROM job GROUP BY status", ())
        return {status.value: 0 for status in Status} | dict(rows)

    def first(self, status: Status) -> Job | None:
        """Return the job of a state that was submitted first."""
        return next(iter(self._found("WHERE status = ? ORDER BY number LIMIT 1", status)), None)

    def all_of(self, status: Status) -> list[Job]:
        """Return the jobs of a state, the first one first."""
        return self._found("WHERE status = ? ORDER BY number", status)

    def last_successful(self) -> Job | None:
        """Return the job that published last."""
        return next(
            iter(self._found("WHERE status = ? ORDER BY number DESC LIMIT 1", Status.SUCCESSFUL)),
            None,
        )

    def tasks(self, job: Job) -> list[Task]:
        """Return the stages of a job, in the order in which they began."""
        rows = self._database.rows(
            f"SELECT {_TASK} FROM task WHERE job = ? ORDER BY place", (job.id,)
        )
        last = max((place for place, row in enumerate(rows) if row[0] in BARRIERS), default=0)
        return [
            Task(job, stage, done, total, began, told, place < last)
            for place, (stage, done, total, began, told) in enumerate(rows)
        ]

    def _found(self, which: str, *values: object) -> list[Job]:
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM job {which}", values)
        return [_job(row) for row in rows]


def _inserted(connection: sqlite3.Connection, job: Job) -> Job:
    """Write a new job, and forget the oldest ones."""
    asked = job.submission
    connection.execute(
        f"""INSERT INTO job (id, status, submitted_at, started_at, {_ASKED})
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            job.id,
            job.status,
            job.submitted_at,
            job.started_at,
            asked.submitted_by,
            asked.origin,
            asked.requested,
            json.dumps(asked.identifiers),
            asked.forced,
            asked.schedule,
        ),
    )
    _forget(connection)
    return job


def _first(connection: sqlite3.Connection, status: Status) -> Job | None:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM job WHERE status = ? ORDER BY number LIMIT 1", (status,)
    ).fetchone()
    return None if row is None else _job(row)


def _expect_room(connection: sqlite3.Connection) -> None:
    """Raise `queue_full` where too many jobs wait."""
    (waiting,) = connection.execute(
        "SELECT count(*) FROM job WHERE status = ?", (Status.QUEUED,)
    ).fetchone()
    if waiting >= MOST_WAITING:
        raise UnavailableError(
            "queue_full",
            f"{waiting} jobs wait already.",
            None,
            "Cancel some, or submit it without forceRunRequested: then one job does for all.",
        )


def _one(connection: sqlite3.Connection, job_id: str) -> Job:
    row = connection.execute(f"SELECT {_COLUMNS} FROM job WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        raise _unknown(job_id)
    return _job(row)


def _job(row: tuple[Any, ...]) -> Job:
    job_id, status, by, origin, requested, identifiers, forced, schedule, *rest = row
    submitted, started, ended, cancelled, run, error = rest
    asked = Submission(
        by, origin, requested, tuple(json.loads(identifiers)), bool(forced), schedule
    )
    read: Error | None = None if error is None else json.loads(error)
    return Job(job_id, Status(status), asked, submitted, started, ended, cancelled, run, read)


def _set(connection: sqlite3.Connection, job_id: str, **values: object) -> None:
    names = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE job SET {names} WHERE id = ?", (*values.values(), job_id))


def _end(
    connection: sqlite3.Connection,
    job_id: str,
    status: Status,
    now: Instant,
    run: int | None,
    error: OvertideError | None,
) -> None:
    """Write the end of a job, or that it waits again."""
    if status is Status.QUEUED:
        _set(connection, job_id, status=status, started_at=None)
        return
    told = None if error is None or run is not None else json.dumps(error.as_json())
    _set(connection, job_id, status=status, ended_at=now, run=run, error=told)


def _forget(connection: sqlite3.Connection) -> None:
    """Forget the oldest jobs that are over, with their tasks."""
    connection.execute(
        """DELETE FROM job WHERE status NOT IN ('queued', 'running') AND number <=
             (SELECT max(number) FROM job) - ?""",
        (KEPT,),
    )
    connection.execute("DELETE FROM task WHERE job NOT IN (SELECT id FROM job)")


def _unknown(job_id: str) -> OvertideError:
    return NotFoundError(
        "unknown_job",
        f"There is no job {job_id!r}.",
        "jobId",
        "GET …/workflows/main/jobs shows the last ones, and so does `overtide jobs list`.",
    )
