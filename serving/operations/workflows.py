"""Jobs of the workflow `main`, the refresh: submit, watch, cancel."""

from collections.abc import Mapping
from itertools import islice

from overtide.schemas.errors import NotFoundError
from overtide.serving.access.roles import Role
from overtide.serving.operations.contract import (
    INSTANCE,
    Body,
    Call,
    Operation,
    Parameter,
    Reply,
    reading,
)
from overtide.serving.operations.members import members, parsed, text_of, texts_of, truth
from overtide.serving.wire.refusals import Errors
from overtide.serving.wire.workflows import job_info, node_info, task_info
from overtide.serving.workflows.job import Job, Submission
from overtide.serving.workflows.operation_types import COVERED, WHOLE, covered

MAIN = "main"
MOST, USUAL = 1000, 10
ENDING_SECONDS = 5.0
"""How long `cancel` waits for a job to end before it answers that it still runs."""
WORKFLOW = "/instances/{instanceId}/workflows/{workflowName}"
IN_DOCUMENTS = "/instances/{instanceId}/manage/workflows/{workflowName}/jobs"
"""Where the product's documents submit a job; its client does at `WORKFLOW`."""
NAME = Parameter("workflowName", f"`{MAIN}`, the only one there is.", "path")
JOB = Parameter("jobId", "Id of the job.", "path")
TOP = Parameter("top", f"How many at most (default {USUAL}, at most {MOST}).", kind=int)
TASKS = Parameter("includeTasks", "Show the tasks of each job, too.", kind=bool)
TYPE = Parameter(
    "operationType",
    f"What to do. A refresh does all of it, whichever is asked for: {', '.join(COVERED)}. "
    "Default: all.",
)
IDENTIFIERS = Parameter(
    "identifiers", "What it is asked for, with commas between; it is kept, and all is done."
)
FORCE = Parameter(
    "forceRunRequested",
    "Make it a job of its own, also where one waits already, and compute all, changed or not.",
    kind=bool,
)
REQUEST = {
    "graphName",
    "operationType",
    "submissionKind",
    "jobType",
    "identifiers",
    "forceRunRequested",
    "inputRefreshMode",
    "options",
}
"""The members of an OnDemandJobRequest."""


def submit(call: Call) -> Reply:
    """Submit a refresh, as the query or an OnDemandJobRequest says."""
    expect_main(call)
    job = call.service.workflows.jobs.submit(_submission(call))
    return Reply(200, job_info(job))


def _submission(call: Call) -> Submission:
    asked = _request(call.body)
    kind = call.query.get("operationType", asked.get("operationType")) or WHOLE
    listed = call.query.get("identifiers")
    names = [one for one in listed.split(",") if one] if listed else asked.get("identifiers")
    forced = call.flag("forceRunRequested") or truth(asked, "forceRunRequested", default=False)
    return Submission(
        call.principal.name,
        "api",
        covered(text_of(kind, "operationType")),
        texts_of(names, "identifiers"),
        forced,
    )


def _request(body: bytes) -> Mapping[str, object]:
    """Return an OnDemandJobRequest; there may be none."""
    asked = members(parsed(body), REQUEST) if body.strip() else {}
    if asked.get("graphName") not in (None, MAIN):
        raise _unknown(str(asked["graphName"]))
    return asked


def recent(call: Call) -> Reply:
    """Return the jobs submitted last, newest first."""
    expect_main(call)
    found = call.service.workflows.jobs.recent(call.number("top", USUAL, MOST))
    return Reply(200, [_shown(call, job) for job in found])


def one(call: Call) -> Reply:
    """Return one job."""
    expect_main(call)
    return Reply(200, _shown(call, call.service.workflows.jobs.get(call.path["jobId"])))


def _shown(call: Call, job: Job) -> dict[str, object]:
    tasks = call.service.workflows.jobs.tasks(job) if call.flag("includeTasks") else None
    return job_info(job, tasks)


def cancel(call: Call) -> Reply:
    """Cancel a job; it may take a moment longer than the answer."""
    expect_main(call)
    call.service.workflows.cancel(call.path["jobId"])
    return Reply(200, job_info(call.service.workflows.ended(call.path["jobId"], ENDING_SECONDS)))


def history(call: Call) -> Reply:
    """Return the tasks of the jobs submitted last, newest first."""
    expect_main(call)
    most, jobs = call.number("top", USUAL, MOST), call.service.workflows.jobs
    found = (task for job in jobs.recent(most) for task in reversed(jobs.tasks(job)))
    return Reply(200, [task_info(task) for task in islice(found, most)])


def status(call: Call) -> Reply:
    """Return how each stage of the last job that began is, and how it went well last."""
    expect_main(call)
    jobs = call.service.workflows.jobs
    began = next((job for job in jobs.recent(MOST) if jobs.tasks(job)), None)
    well = jobs.last_successful()
    last = {} if well is None else {task.stage: task for task in jobs.tasks(well)}
    tasks = [] if began is None else jobs.tasks(began)
    return Reply(200, [node_info(task, last.get(task.stage)) for task in tasks])


def expect_main(call: Call) -> None:
    """Raise `unknown_workflow` for another workflow than the one there is."""
    if call.path["workflowName"] != MAIN:
        raise _unknown(call.path["workflowName"])


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(
        "unknown_workflow", f"There is no workflow {name!r}.", "workflowName", f"Take {MAIN}."
    )


def _submitting(name: str, path: str) -> Operation:
    return Operation(
        name,
        "POST",
        path,
        Role.CONTRIBUTOR,
        "Submit a refresh",
        "Submits a refresh of everything. It waits for the one that runs; where one waits already, "
        "that is the answer, unless a run of its own is forced.",
        submit,
        {200: "The job: a new one, or the one that waits."},
        (INSTANCE, NAME, TYPE, IDENTIFIERS, FORCE),
        Body(
            "An OnDemandJobRequest, or nothing.",
            {"graphName": MAIN, "operationType": WHOLE, "forceRunRequested": False},
            required=False,
        ),
        Errors.MANAGEMENT,
        blocks=True,
        statuses=(501,),
    )


OPERATIONS = (
    _submitting("Submit-a-workflow-job", f"{WORKFLOW}/jobs"),
    _submitting("Submit-a-workflow-job-as-documented", IN_DOCUMENTS),
    reading(
        "Get-list-of-recent-workflow-jobs",
        f"{WORKFLOW}/jobs",
        "List the last jobs",
        "Lists the jobs submitted last, newest first.",
        recent,
        NAME,
        TOP,
        TASKS,
    ),
    reading(
        "Get-a-workflow-job-information",
        f"{WORKFLOW}/jobs/{{jobId}}",
        "Read a job",
        "Reads how a job is, and each of its stages.",
        one,
        NAME,
        JOB,
        TASKS,
    ),
    Operation(
        "Cancel-a-workflow-job",
        "POST",
        f"{WORKFLOW}/jobs/{{jobId}}/cancel",
        Role.CONTRIBUTOR,
        "Cancel a job",
        "Ends a job that waits or runs; what is published stays. One that is over stays as it is.",
        cancel,
        {200: "The job; it is aborted, or will be in a moment."},
        (INSTANCE, NAME, JOB),
        errors=Errors.MANAGEMENT,
        blocks=True,
    ),
    reading(
        "Get-list-of-workflow-task-information-history",
        f"{WORKFLOW}/history",
        "List the last tasks",
        "Lists the stages of the jobs submitted last, newest first.",
        history,
        NAME,
        TOP,
    ),
    reading(
        "Get-workflow-status",
        f"{WORKFLOW}/status",
        "Read the status of the workflow",
        "Reads how each stage of the last job is, and when it went well last.",
        status,
        NAME,
    ),
)
