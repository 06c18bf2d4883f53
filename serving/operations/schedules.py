"""Schedules of the workflow `main`: what submits a refresh by itself."""

from collections.abc import Callable, Mapping
from uuid import UUID

from overtide.schemas.errors import NotFoundError, OvertideError, UsageError
from overtide.schemas.instants import format_instant
from overtide.serving.access.roles import Role
from overtide.serving.operations.contract import INSTANCE, Body, Call, Operation, Parameter, Reply
from overtide.serving.operations.members import members, parsed, text_of, texts_of, truth
from overtide.serving.operations.workflows import NAME, WORKFLOW, expect_main
from overtide.serving.wire.refusals import Errors
from overtide.serving.wire.workflows import schedule_info
from overtide.serving.workflows.operation_types import WHOLE, covered
from overtide.serving.workflows.schedules import Planned, Schedule
from overtide.serving.workflows.time_zones import supported

MOST_AT_ONCE = 100
SCHEDULE = Parameter("scheduleId", "Id of the schedule.", "path")
CRON = Parameter("cronSchedules", "Cron expressions, with `;` between them.", required=True)
ZONE = Parameter("timezoneId", "Id of a time zone, as supportedTimezones has them. Default: UTC.")
COUNT = Parameter("count", "How many times (default 5, at most 20).", kind=int)
MEMBERS = {
    "operationType",
    "subType",
    "identifiers",
    "jobType",
    "isActive",
    "timezoneId",
    "cronSchedules",
    "scheduleId",
    "instanceId",
}
SHOWN = {"version", "origin", "updatedBy", "updatedUtc", "isDeleted", "nextRun"}
"""Members that answers have beside the product's; they may be sent back, and say nothing."""
EXAMPLE = {
    "operationType": WHOLE,
    "isActive": True,
    "timezoneId": "W. Europe Standard Time",
    "cronSchedules": ["30 2 * * MON-FRI"],
}


def time_zones(call: Call) -> Reply:
    """Return the time zones that a schedule may name, each as a TimezoneDetail."""
    expect_main(call)
    return Reply(200, [{"id": zone, "name": name} for zone, name in supported()])


def schedules(call: Call) -> Reply:
    """Return all schedules."""
    expect_main(call)
    return Reply(200, _shown(call, call.service.workflows.schedules.all()))


def next_times(call: Call) -> Reply:
    """Return when a schedule of some cron expressions would be due next."""
    expect_main(call)
    texts = [one.strip() for one in call.query[CRON.name].split(";")]
    planned = Planned(tuple(texts), call.query.get(ZONE.name) or "UTC")
    found = call.service.workflows.schedules.due_times(planned, call.number(COUNT.name, 5, 20))
    return Reply(200, [format_instant(one) for one in found])


def versions(call: Call) -> Reply:
    """Return every version of a schedule, the oldest first."""
    expect_main(call)
    schedule_id = call.path["scheduleId"]
    found = call.service.workflows.schedules.versions(schedule_id)
    return Reply(200, _shown(call, found))


def create(call: Call) -> Reply:
    """Make a schedule, or a new version of the one whose id is sent."""
    return Reply(200, _put(call, [parsed(call.body)])[0])


def create_batch(call: Call) -> Reply:
    """Make several schedules, or none of them."""
    document = parsed(call.body)
    if not isinstance(document, list) or len(document) > MOST_AT_ONCE:
        raise UsageError(
            "invalid_parameter",
            f"A list of at most {MOST_AT_ONCE} schedules is expected.",
            "body",
            "Send one.",
        )
    return Reply(200, _put(call, document))


def delete(call: Call) -> Reply:
    """End a schedule."""
    expect_main(call)
    ended = call.service.workflows.schedules.delete(
        call.path["scheduleId"], call.principal.name, "api"
    )
    return Reply(200, _shown(call, [ended])[0])


def _put(call: Call, documents: list[object]) -> list[dict[str, object]]:
    expect_main(call)
    wanted = [_planned(call, members(one, MEMBERS | SHOWN)) for one in documents]
    return _shown(call, call.service.workflows.schedules.put(wanted, call.principal.name, "api"))


def _planned(call: Call, document: Mapping[str, object]) -> tuple[str | None, Planned]:
    instance = document.get("instanceId")
    if instance is not None and str(instance).lower() != call.service.instance_id:
        raise _other_instance(str(instance))
    schedule_id = document.get("scheduleId")
    planned = Planned(
        texts_of(document.get("cronSchedules"), "cronSchedules"),
        text_of(document.get("timezoneId") or "UTC", "timezoneId"),
        truth(document, "isActive", default=True),
        covered(text_of(document.get("operationType") or WHOLE, "operationType")),
        texts_of(document.get("identifiers"), "identifiers"),
    )
    return None if schedule_id is None else _uuid(schedule_id), planned


def _uuid(value: object) -> str:
    try:
        return str(UUID(text_of(value, "scheduleId")))
    except ValueError:
        raise UsageError(
            "invalid_parameter",
            f"{value!r} is no UUID.",
            "scheduleId",
            "Leave it out for a new one.",
        ) from None


def _other_instance(name: str) -> OvertideError:
    return NotFoundError(
        "unknown_instance",
        f"There is no instance {name!r} here.",
        "instanceId",
        "GET /v1/instances shows its id.",
    )


def _shown(call: Call, found: list[Schedule]) -> list[dict[str, object]]:
    return [schedule_info(schedule, call.service.instance_id) for schedule in found]


def _operation(
    name: str,
    method: str,
    path: str,
    title: str,
    text: str,
    run: Callable[[Call], Reply],
    body: Body | None = None,
    parameters: tuple[Parameter, ...] = (),
) -> Operation:
    reading = method == "GET"
    of_one = "{scheduleId}" in path
    return Operation(
        name,
        method,
        f"{WORKFLOW}/schedules{path}",
        Role.VIEWER if reading else Role.ADMIN,
        title,
        text,
        run,
        {200: "As asked for." if reading else "The schedule as it is now."},
        (INSTANCE, NAME, SCHEDULE) if of_one else (INSTANCE, NAME, *parameters),
        body,
        Errors.MANAGEMENT,
        blocks=True,
        statuses=(501,) if body else (),
    )


OPERATIONS = (
    _operation(
        "Get-supported-timezones",
        "GET",
        "/supportedTimezones",
        "List the time zones",
        "Lists the time zones that a schedule may name: those of Windows and of IANA.",
        time_zones,
    ),
    _operation(
        "Get-workflow-schedules",
        "GET",
        "",
        "List the schedules",
        "Lists the schedules, each with when it is due next.",
        schedules,
    ),
    _operation(
        "Get-next-times-of-a-schedule",
        "GET",
        "/nextTimes",
        "Tell when a schedule would be due",
        "Tells the next times of some cron expressions in a time zone, without making a schedule.",
        next_times,
        parameters=(CRON, ZONE, COUNT),
    ),
    _operation(
        "Create-workflow-refresh-schedule",
        "POST",
        "",
        "Create or change a schedule",
        "Makes a schedule, or a new version of the one whose `scheduleId` is sent.",
        create,
        Body("A WorkflowRefreshSchedule.", EXAMPLE),
    ),
    _operation(
        "Create-a-batch-of-workflow-refresh-schedules",
        "POST",
        "/batch",
        "Create or change several schedules",
        "Makes all of them, or none where one is wrong.",
        create_batch,
        Body("A list of WorkflowRefreshSchedule.", [EXAMPLE]),
    ),
    _operation(
        "Get-schedule-versions",
        "GET",
        "/{scheduleId}/versions",
        "List the versions of a schedule",
        "Lists every version of a schedule, the oldest first, with who made it and from where.",
        versions,
    ),
    _operation(
        "Delete-workflow-refresh-schedule",
        "DELETE",
        "/{scheduleId}",
        "Delete a schedule",
        "Ends a schedule; its versions stay to be read.",
        delete,
    ),
)
