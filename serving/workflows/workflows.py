"""The jobs and schedules of a project, and the processes that run jobs.

A job is run by a process of its own, which holds the lock `job` for as long as it runs and writes
down its own end. So whoever finds a job that runs while nobody holds the lock knows that its
process died, and no two run at a time, whichever servers come and go.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property

from overtide.lake.catalog import connect
from overtide.lake.coordination import Coordination, Holder, Lock, coordination
from overtide.lake.definitions import run_of_job
from overtide.lake.standing import current_publish
from overtide.schemas.crash import crash_point
from overtide.schemas.errors import OvertideError, TerminatedCommandError, UnavailableError
from overtide.schemas.instants import SECOND, Clock, format_instant
from overtide.schemas.paths import Paths
from overtide.schemas.progress import Event
from overtide.serving.workflows.database import Database
from overtide.serving.workflows.job import Job, Status
from overtide.serving.workflows.jobs import Jobs
from overtide.serving.workflows.schedules import Schedules

REPORT_EVERY = 0.5
"""Seconds between two notes of a job's progress."""
PATIENCE = 10 * SECOND
"""How long a job that was cancelled may take to end before its process is killed."""


@dataclass(frozen=True)
class Workflows:
    """Jobs, schedules and the locks of one project: usable from every thread and process."""

    paths: Paths
    clock: Clock
    ids: Callable[[], str]

    @cached_property
    def jobs(self) -> Jobs:
        """What was submitted, what runs, what became of it."""
        return Jobs(self._database, self.clock, self.ids)

    @cached_property
    def schedules(self) -> Schedules:
        """What submits jobs by itself."""
        return Schedules(self._database, self.jobs, self.clock, self.ids)

    @cached_property
    def _database(self) -> Database:
        return Database(self.paths.workflows)

    @cached_property
    def _locks(self) -> Coordination:
        return coordination(self.paths)

    @contextmanager
    def running(self, job_id: str) -> Iterator[Job]:
        """Hold the right to run a job, which begins; whoever does so says how it ended (`end`).

        Raise `locked` where another one runs, `unknown_job`, `job_not_queued`.
        """
        with self._locks.hold(Lock.JOB, _command(job_id), format_instant(self.clock())):
            self._lose(self.jobs.first(Status.RUNNING))
            job = self.jobs.begin(job_id)
            crash_point("jobs.begun")
            yield job

    def end(self, job: Job, run: int | None, error: OvertideError | None = None) -> Job:
        """Say what became of a job that ran; what was interrupted may have published all the same.

        Where another refresh was running it waits again.
        """
        if run is None and error is not None and error.code == "interrupted":
            run = self._published(job)
        return self.jobs.end(job, run, error)

    def settle(self) -> Job | None:
        """Say of a job whose process died what became of it; return the job that still runs."""
        job = self.jobs.first(Status.RUNNING)
        if job is not None and self._locks.holder(Lock.JOB) is None:
            self._lose(job)
            return self.jobs.first(Status.RUNNING)
        return job

    def _lose(self, job: Job | None) -> None:
        """Say what became of a job that is said to run, while nobody but ourselves may run one."""
        lost = TerminatedCommandError(
            "interrupted",
            "The process that ran the job ended before it was done.",
            None,
            "What was published before is still served; submit it again.",
        )
        if job is not None:
            self.end(job, None, lost)

    def blocked(self) -> bool:
        """Say whether a job cannot begin now: a refresh runs, by a job or by hand."""
        return any(self._locks.holder(one) is not None for one in (Lock.JOB, Lock.REFRESH))

    def cancel(self, job_id: str) -> Job:
        """Abort a job: at once where it waits, else by ending its process, which takes a moment.

        The base stays as it is. One that is over stays as it is, too. Raise `unknown_job`.
        """
        job = self.jobs.cancel(job_id)
        if job.status is Status.RUNNING:
            self._signal(job, signal.SIGTERM)
            self.settle()
        return self.jobs.get(job_id)

    def insist(self, job: Job) -> None:
        """Kill the process of a job that was cancelled and did not end."""
        if job.cancelled_at is not None and self.clock() - job.cancelled_at > PATIENCE:
            self._signal(job, signal.SIGKILL)

    def ended(self, job_id: str, seconds: float) -> Job:
        """Return a job once it is over, or as it is after so many seconds."""
        until = time.monotonic() + seconds
        while not (job := self.jobs.get(job_id)).status.over and time.monotonic() < until:
            time.sleep(0.05)
        return job

    def _signal(self, job: Job, number: signal.Signals) -> None:
        """Send a signal to the process that runs a job, if one of this machine does."""
        holder = self._locks.holder(Lock.JOB)
        if holder is not None and _runs(holder, job):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(int(holder["pid"]), number)

    def _published(self, job: Job) -> int | None:
        """Return the run that a job published before it was interrupted."""
        if current_publish(self.paths) is None:
            return None
        connection = connect(self.paths, threads=1)
        try:
            return run_of_job(connection, job.id)
        finally:
            connection.close()


def _command(job_id: str) -> str:
    return f"overtide jobs run {job_id}"


def _runs(holder: Holder, job: Job) -> bool:
    return holder.get("command") == _command(job.id) and holder.get("host") == socket.gethostname()


class Progress:
    """Notes how far a job is, now and then: a `Report`, which never raises."""

    def __init__(self, jobs: Jobs, job_id: str) -> None:
        self._jobs, self._job_id = jobs, job_id
        self._new: dict[str, Event] = {}
        self._noted = 0.0

    def __call__(self, event: Event) -> None:
        """Take note of one stage's progress."""
        self._new[event.stage] = event
        if time.monotonic() - self._noted >= REPORT_EVERY:
            self.flush()

    def flush(self) -> None:
        """Write down what is new; where that fails, the next time tries again."""
        self._noted = time.monotonic()
        with suppress(UnavailableError, OSError):
            self._jobs.report(self._job_id, list(self._new.values()))
            crash_point("jobs.reported")
            self._new.clear()
