"""Jobs and schedules in the product's shapes; what it lacks stands beside, under other names."""

from collections.abc import Iterable, Sequence
from uuid import NAMESPACE_URL, UUID, uuid5

from overtide.schemas.instants import format_instant
from overtide.serving.workflows.job import Error, Job, Task, instant_text
from overtide.serving.workflows.operation_types import WHOLE, type_of_stage
from overtide.serving.workflows.schedules import Schedule

SCHEDULED = "schedule"
"""The origin of a job that a schedule submitted."""


def job_info(job: Job, tasks: Iterable[Task] | None = None) -> dict[str, object]:
    """Return a GraphJobInfo; its tasks are None where they were not asked for.

    `operationType` is what is run, always the whole; `requestedOperationType` what was asked for.
    """
    asked = job.submission
    return {
        "jobId": job.id,
        "jobType": "full",
        "jobSubmissionKind": "scheduled" if asked.origin == SCHEDULED else "onDemand",
        "jobStatus": job.status.value,
        "operationType": WHOLE,
        "requestedOperationType": asked.requested,
        "subType": "noSubType",
        "submittedTimestamp": format_instant(job.submitted_at),
        "startTimestamp": instant_text(job.started_at),
        "endTimestamp": instant_text(job.ended_at),
        "cancelRequestedTimestamp": instant_text(job.cancelled_at),
        "shouldForceRunRequestedNodes": asked.forced,
        "idList": list(asked.identifiers),
        "options": None,
        "tasks": None if tasks is None else [task_info(task) for task in tasks],
        "submittedBy": asked.submitted_by,
        "origin": asked.origin,
        "scheduleId": asked.schedule,
        "run": job.run,
        "ciError": _ci_result(job.error),
    }


def task_info(task: Task) -> dict[str, object]:
    """Return a GraphTaskInfo."""
    error = _task_error(task)
    return {
        "taskId": str(uuid5(_namespace(task.job.id), task.stage)),
        "taskStatus": task.status.value,
        "operationType": type_of_stage(task.stage),
        "subType": "noSubType",
        "jobIds": [task.job.id],
        "friendlyName": task.stage,
        "submittedTimestamp": format_instant(task.started_at),
        "endTimestamp": instant_text(task.ended_at),
        "ciError": error,
        "ciErrors": [] if error is None else [error],
        "waitingTaskIds": [],
        "additionalInfo": None,
        "rows": task.rows_done,
        "rowsTotal": task.rows_total,
    }


def node_info(task: Task, last: Task | None) -> dict[str, object]:
    """Return the GraphNodeInfo of a stage: how it is now, and how it went well last."""
    error = _task_error(task)
    return {
        "operationType": type_of_stage(task.stage),
        "subType": "noSubType",
        "identifier": task.stage,
        "friendlyName": task.stage,
        "jobIds": [task.job.id],
        "taskStatus": task.status.value,
        "endTimestamp": instant_text(task.ended_at),
        "lastSuccessJobIds": [] if last is None else [last.job.id],
        "lastSuccessfulTimestamp": None if last is None else instant_text(last.ended_at),
        "ciError": error,
        "ciErrors": [] if error is None else [error],
        "additionalInfo": None,
        "selectionReason": {"code": "requested", "details": None},
    }


def schedule_info(schedule: Schedule, instance_id: str) -> dict[str, object]:
    """Return a WorkflowRefreshSchedule."""
    planned = schedule.planned
    return {
        "operationType": planned.requested,
        "subType": "noSubType",
        "identifiers": list(planned.identifiers),
        "jobType": "full",
        "isActive": planned.active,
        "timezoneId": planned.time_zone,
        "cronSchedules": list(planned.cron),
        "scheduleId": schedule.id,
        "instanceId": instance_id,
        "version": schedule.version,
        "origin": schedule.origin,
        "updatedBy": schedule.updated_by,
        "updatedUtc": format_instant(schedule.updated_at),
        "isDeleted": schedule.deleted,
        "nextRun": instant_text(schedule.next_at),
    }


def _task_error(task: Task) -> dict[str, object] | None:
    """Return why a stage did not end: what ended its job."""
    return _ci_result(task.job.error) if task.status is task.job.status else None


def _ci_result(error: Error | None) -> dict[str, object] | None:
    """Return an error as a CIResult."""
    if error is None:
        return None
    hint = error.get("hint")
    return {
        "exceptionCulprit": "user",
        "errorCode": error["code"],
        "resultSeverity": "error",
        "message": f"{error['message']} {hint}" if hint else error["message"],
        "name": error.get("target"),
        "params": {},
        "ciResults": [_ci_result(one) for one in _details(error)],
    }


def _details(error: Error) -> Sequence[Error]:
    """Return the errors that an error is made of, such as those of each file."""
    found = error.get("details")
    return found if isinstance(found, list) else ()


def _namespace(job_id: str) -> UUID:
    """Return what the ids of a job's tasks are made from."""
    return uuid5(NAMESPACE_URL, f"urn:overtide:job:{job_id}")
