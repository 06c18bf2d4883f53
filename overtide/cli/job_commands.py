"""The commands of jobs and of the schedules that submit them: `jobs`, `schedule`."""

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

import psutil

from overtide.cli.failures import explained
from overtide.cli.output import Output
from overtide.cli.running_commands import interruptibly
from overtide.cli.serving_commands import expect_service
from overtide.project import EMBEDDED, Project
from overtide.schemas.errors import DONE, UsageError
from overtide.tracing import traced

if TYPE_CHECKING:
    from overtide.serving.workflows.job import Job
    from overtide.serving.workflows.schedules import Schedule
    from overtide.serving.workflows.workflows import Workflows

ORIGIN = "command"
SHOWN = 20
ENDING_SECONDS = 15.0
"""How long `cancel` waits for a job to end."""
Command = Callable[[Project, Namespace, Output], None]


def jobs(project: Project, arguments: Namespace, output: Output) -> int:
    """List, show, submit, cancel or run jobs."""
    expect_service()
    _expect_id(arguments, "jobs", ("show", "cancel", "run"))
    JOB_COMMANDS[arguments.action](project, arguments, output)
    return DONE


def schedule(project: Project, arguments: Namespace, output: Output) -> int:
    """List, create or delete schedules."""
    expect_service()
    _expect_id(arguments, "schedule", ("delete",))
    SCHEDULE_COMMANDS[arguments.action](project, arguments, output)
    return DONE


def _expect_id(arguments: Namespace, command: str, with_id: tuple[str, ...]) -> None:
    """Raise `usage` where an id is missing or too much."""
    wanted = arguments.action in with_id
    if wanted != (arguments.id is not None):
        raise UsageError(
            "usage",
            f"`{command} {arguments.action}` takes {'an' if wanted else 'no'} id.",
            None,
            f"`overtide {command} --help` shows how it is used.",
        )


def _workflows(project: Project) -> "Workflows":
    from overtide.service import workflows_of

    return workflows_of(project)


def _user() -> str:
    """Return the name of who runs the command, the number where the system knows no name."""
    return psutil.Process().username()


def _list_jobs(project: Project, arguments: Namespace, output: Output) -> None:
    del arguments
    found = [one.as_json() for one in _workflows(project).jobs.recent(SHOWN)]
    names = ("id", "status", "origin", "submittedBy", "submittedAt", "endedAt", "run")
    rows = [[one[name] for name in names] for one in found]
    output.result(
        {"jobs": found},
        lambda: output.table(names, rows) if rows else "There are no jobs yet.",
    )


def _show_job(project: Project, arguments: Namespace, output: Output) -> None:
    known = _workflows(project).jobs
    job = known.get(arguments.id)
    tasks = [one.as_json() for one in known.tasks(job)]
    names = ("stage", "status", "rows", "rowsTotal", "endedAt")
    rows = [[one[name] for name in names] for one in tasks]
    output.result(
        {**job.as_json(), "tasks": tasks},
        lambda: "\n".join([_said(job), *([output.table(names, rows)] if rows else [])]),
    )


def _submit_job(project: Project, arguments: Namespace, output: Output) -> None:
    from overtide.serving.workflows.job import Submission

    del arguments
    job = _workflows(project).jobs.submit(Submission(_user(), ORIGIN))
    output.confirm(job.as_json(), lambda: f"{_said(job)} A running `overtide serve` begins it.")


def _cancel_job(project: Project, arguments: Namespace, output: Output) -> None:
    workflows = _workflows(project)
    workflows.cancel(arguments.id)
    job = workflows.ended(arguments.id, ENDING_SECONDS)
    output.confirm(job.as_json(), lambda: _said(job))


def _run_job(project: Project, arguments: Namespace, output: Output) -> None:
    from overtide.refreshing import refreshed
    from overtide.serving.workflows.workflows import Progress

    workflows = _workflows(project)
    with traced(project, "job"), workflows.running(arguments.id) as job:
        progress = Progress(workflows.jobs, job.id)
        try:
            done = interruptibly(
                project,
                lambda: refreshed(
                    project, EMBEDDED, progress, job=job.id, full=job.submission.forced
                ),
            )
        except Exception as error:
            progress.flush()
            workflows.end(job, None, explained(error))
            raise
        progress.flush()
        job = workflows.end(job, done.publish.run)
    output.confirm(job.as_json(), lambda: _said(job))


def _said(job: "Job") -> str:
    run = "" if job.run is None else f", run {job.run} is published"
    error = "" if job.error is None else f": {job.error['message']}"
    return f"The job {job.id} is {job.status}{run}{error or '.'}"


def _list_schedules(project: Project, arguments: Namespace, output: Output) -> None:
    del arguments
    found = [one.as_json() for one in _workflows(project).schedules.all()]
    names = ("id", "cron", "timeZone", "active", "nextAt", "origin", "updatedBy")
    rows = [[one[name] for name in names] for one in found]
    output.result(
        {"schedules": found},
        lambda: output.table(names, rows) if rows else "There are no schedules yet.",
    )


def _create_schedule(project: Project, arguments: Namespace, output: Output) -> None:
    from overtide.serving.workflows.schedules import Planned

    planned = Planned(tuple(arguments.cron or ()), arguments.time_zone)
    (made,) = _workflows(project).schedules.put([(None, planned)], _user(), ORIGIN)
    output.confirm(made.as_json(), lambda: _next(made))


def _next(made: "Schedule") -> str:
    return f"Made the schedule {made.id}; it is due at {made.as_json()['nextAt']} next."


def _delete_schedule(project: Project, arguments: Namespace, output: Output) -> None:
    last = _workflows(project).schedules.delete(arguments.id, _user(), ORIGIN)
    output.confirm(last.as_json(), lambda: f"Deleted the schedule {last.id}.")


JOB_COMMANDS: dict[str, Command] = {
    "list": _list_jobs,
    "show": _show_job,
    "submit": _submit_job,
    "cancel": _cancel_job,
    "run": _run_job,
}
SCHEDULE_COMMANDS: dict[str, Command] = {
    "list": _list_schedules,
    "create": _create_schedule,
    "delete": _delete_schedule,
}
"""What each word does."""
