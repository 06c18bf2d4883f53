"""A job, one run of the refresh, and its tasks: from which state to which each of them goes.

queued ──> running ──> successful | failed | aborted
   │  ^───────┘ another refresh was running
   └──> aborted
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from overtide.schemas.instants import Instant, format_instant


class Status(StrEnum):
    """The state of a job or a task, as the product calls it."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    ABORTED = "aborted"

    @property
    def over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self not in (Status.QUEUED, Status.RUNNING)


Error = Mapping[str, object]
"""An error as `OvertideError.as_json` gives it."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What is asked for: by whom, from where, and as what.

    `forced`: it is to be a job of its own, even where one waits that has not begun, and to compute
    everything, even where nothing has changed.
    """

    submitted_by: str
    origin: str
    requested: str = "all"
    identifiers: tuple[str, ...] = ()
    forced: bool = False
    schedule: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One job; `run` is what it published, `error` why it did not."""

    id: str
    status: Status
    submission: Submission
    submitted_at: Instant
    started_at: Instant | None = None
    ended_at: Instant | None = None
    cancelled_at: Instant | None = None
    run: int | None = None
    error: Error | None = None

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON document."""
        asked = self.submission
        return {
            "id": self.id,
            "status": self.status.value,
            "origin": asked.origin,
            "submittedBy": asked.submitted_by,
            "submittedAt": format_instant(self.submitted_at),
            "startedAt": instant_text(self.started_at),
            "endedAt": instant_text(self.ended_at),
            "run": self.run,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Task:
    """One stage of a job's refresh, as far as it was reported.

    `past`: another one began that begins only once this one is done. For how many rows there will
    be is an estimate at first.
    """

    job: Job
    stage: str
    rows_done: int
    rows_total: int | None
    started_at: Instant
    reported_at: Instant
    past: bool = False

    @property
    def status(self) -> Status:
        """Its state: what its rows say while the job runs, then what became of the job.

        A stage that was done stays so where a later one failed.
        """
        done = self.rows_total is not None and self.rows_done >= self.rows_total
        if self.past or done or self.job.status is Status.SUCCESSFUL:
            return Status.SUCCESSFUL
        return self.job.status

    @property
    def ended_at(self) -> Instant | None:
        """When it ended, None while it runs."""
        if self.status is Status.SUCCESSFUL:
            return self.reported_at
        return self.job.ended_at if self.status.over else None

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON document."""
        return {
            "stage": self.stage,
            "status": self.status.value,
            "rows": self.rows_done,
            "rowsTotal": self.rows_total,
            "startedAt": format_instant(self.started_at),
            "endedAt": instant_text(self.ended_at),
        }


def instant_text(instant: Instant | None) -> str | None:
    """Return an instant as text, None as it is."""
    return None if instant is None else format_instant(instant)


def outcome(run: int | None, cancelled: bool, code: str | None) -> Status:
    """Return what becomes of a job that ran: it published a run, or an error of a code ended it.

    What was published is a success, whatever came behind it.
    """
    if run is not None:
        return Status.SUCCESSFUL
    if cancelled:
        return Status.ABORTED
    return Status.QUEUED if code == "locked" else Status.FAILED
