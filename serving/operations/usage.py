"""How the service is used: calls, bytes, durations and refusals, as the product's API usage tab."""

from overtide.schemas.instants import Instant, parse_duration, parse_instant
from overtide.serving.access.roles import Role
from overtide.serving.operations.contract import INSTANCE, Call, Operation, Parameter, Reply
from overtide.serving.telemetry.usage_file import GROUPS
from overtide.serving.telemetry.usage_report import LONGEST, USUAL, groups_of, usage_report
from overtide.serving.terms import parameter
from overtide.serving.wire.refusals import Errors

FROM = Parameter(
    "from",
    "Begin of the range: an instant, or how long before its end, such as 7d. Default: 24h.",
)
TO = Parameter("to", "End of the range: an instant. Default: now.")
GROUP_BY = Parameter(
    "groupBy", f"What to tell apart, separated by commas: {', '.join(GROUPS)}. Default: operation."
)

OPERATION = Parameter("operation", "Count the calls of this operation alone. Default: of all.")


def usage(call: Call) -> Reply:
    """Return the calls in a range of time, those of this instant included."""
    telemetry = call.service.telemetry
    telemetry.flush()
    until = _instant(call, "to", telemetry.clock() + 1)
    since = _begin(call, until)
    by = groups_of(call.query.get("groupBy", "operation"))
    report = usage_report(
        telemetry.usage.file,
        max(since, until - LONGEST),
        until,
        by,
        call.query.get(OPERATION.name),
    )
    return Reply(200, report)


def _begin(call: Call, until: Instant) -> Instant:
    text = call.query.get("from")
    if text is None:
        return until - USUAL
    if "-" in text or ":" in text:
        return parameter("from", parse_instant, text)
    return until - parameter("from", parse_duration, text)


def _instant(call: Call, name: str, default: int) -> int:
    text = call.query.get(name)
    return default if text is None else parameter(name, parse_instant, text)


OPERATIONS = (
    Operation(
        "Get-usage",
        "GET",
        "/instances/{instanceId}/usage",
        Role.ADMIN,
        "Read how the service is used",
        "Counts calls, bytes and durations in at most 30 days, grouped by operation, method, "
        "entity, caller, principal, result, status, error code, hour or day.",
        usage,
        {200: "The totals of each group, most calls first."},
        (INSTANCE, FROM, TO, GROUP_BY, OPERATION),
        errors=Errors.MANAGEMENT,
        blocks=True,
        statuses=(400,),
    ),
)
