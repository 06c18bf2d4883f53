"""Refreshes as jobs, and the schedules that submit them: requests, and what their answers say."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from overtide.client.calls import Answer, Call

MAIN = "/workflows/main"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Job:
    """A refresh: `queued`, `running`, then `successful`, `failed` or `aborted`.

    `run` is what it published, `error` why it did not. Of each of its `stages` it is known how far
    it is, as the service says it.
    """

    id: str
    status: str
    run: int | None
    error: Mapping[str, Any] | None
    submitted_at: str
    started_at: str | None
    ended_at: str | None
    stages: tuple[Mapping[str, Any], ...] = ()

    @property
    def over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.status not in ("queued", "running")


@dataclass(frozen=True, slots=True)
class Schedule:
    """What submits a refresh at the times of cron expressions on the clock of a time zone."""

    id: str
    cron: tuple[str, ...]
    time_zone: str
    active: bool
    version: int
    next_at: str | None


def _job(document: Mapping[str, Any]) -> Job:
    return Job(
        document["jobId"],
        document["jobStatus"],
        document["run"],
        document["ciError"],
        document["submittedTimestamp"],
        document["startTimestamp"],
        document["endTimestamp"],
        tuple(document["tasks"] or ()),
    )


def _schedule(document: Mapping[str, Any]) -> Schedule:
    return Schedule(
        document["scheduleId"],
        tuple(document["cronSchedules"]),
        document["timezoneId"],
        document["isActive"],
        document["version"],
        document["nextRun"],
    )


def _one_job(answer: Answer) -> Job:
    return _job(answer.json())


def _one_schedule(answer: Answer) -> Schedule:
    return _schedule(answer.json())


def submit() -> Call[Job]:
    """Submit a refresh; sent again it is answered with the job that waits."""
    return Call("POST", f"{MAIN}/jobs", _one_job, {"operationType": "all"})


def jobs(most: int) -> Call[list[Job]]:
    """Ask for the jobs submitted last."""
    return Call(
        "GET",
        f"{MAIN}/jobs",
        lambda answer: [_job(one) for one in answer.json()],
        {"top": str(most)},
    )


def job(job_id: str) -> Call[Job]:
    """Ask for a job with its stages."""
    path = f"{MAIN}/jobs/{quote(job_id, safe='')}"
    return Call("GET", path, _one_job, {"includeTasks": "true"})


def cancel(job_id: str) -> Call[Job]:
    """End a job."""
    return Call("POST", f"{MAIN}/jobs/{quote(job_id, safe='')}/cancel", _one_job)


def schedules() -> Call[list[Schedule]]:
    """Ask for all schedules."""
    return Call(
        "GET", f"{MAIN}/schedules", lambda answer: [_schedule(one) for one in answer.json()]
    )


def put_schedule(
    schedule_id: str, cron: str | Sequence[str], time_zone: str, active: bool
) -> Call[Schedule]:
    """Make a schedule with this id, or a new version of it; sent twice there is one."""
    document = {
        "scheduleId": schedule_id,
        "cronSchedules": [cron] if isinstance(cron, str) else list(cron),
        "timezoneId": time_zone,
        "isActive": active,
    }
    body = json.dumps(document).encode()
    return Call("POST", f"{MAIN}/schedules", _one_schedule, headers=JSON, body=body)


def delete_schedule(schedule_id: str) -> Call[Schedule]:
    """End a schedule."""
    return Call("DELETE", f"{MAIN}/schedules/{quote(schedule_id, safe='')}", _one_schedule)
