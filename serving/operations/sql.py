"""SQL over the lake for Admins: one statement that reads, within bounds."""

import json
from dataclasses import dataclass

import anyio

from overtide.schemas.errors import (
    InvalidRequestError,
    InvalidValueError,
    NotAcceptableError,
    OvertideError,
    UsageError,
)
from overtide.schemas.statements_without_values import without_values
from overtide.serving.access.roles import Role
from overtide.serving.odata.negotiation import CSV, JSON
from overtide.serving.operations.contract import INSTANCE, Body, Call, Operation, Parameter, Reply
from overtide.serving.operations.members import members, parsed, text_of
from overtide.serving.operations.tables import in_turn
from overtide.serving.sql_child import Request
from overtide.serving.sql_process import answered
from overtide.serving.wire.refusals import Errors

PARQUET = "application/vnd.apache.parquet"
FORMS = {JSON: "json", CSV: "csv", PARQUET: "parquet"}
TURNS = anyio.CapacityLimiter(2)
"""Statements at once; reads of tables have turns of their own."""
USUAL, MOST, MOST_IN_FILES = 1_000, 10_000, 1_000_000
SECONDS, MOST_SECONDS = 30, 60
LONGEST = 100_000
"""Letters of a statement."""
TOP = Parameter(
    "top", f"How many rows of a JSON document at most (default {USUAL}, at most {MOST}).", kind=int
)
LIMIT = Parameter(
    "seconds",
    f"After how many seconds it is stopped (default {SECONDS}, at most {MOST_SECONDS}).",
    kind=int,
)
ACCEPT = Parameter("Accept", f"{JSON} (default), {CSV} or {PARQUET}.", "header")


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement and how it is to be run."""

    call: Call
    statement: str
    kind: str
    top: int
    seconds: int


async def query(call: Call) -> Reply:
    """Run a statement when its turn has come."""
    statement = _statement(call)
    kind = _kind(call.headers.get("Accept", ""))
    top = call.number(TOP.name, USUAL, MOST)
    seconds = max(1, call.number(LIMIT.name, SECONDS, MOST_SECONDS))
    return await in_turn(_answered, Asked(call, statement, kind, top, seconds), TURNS)


def _statement(call: Call) -> str:
    document = members(parsed(call.body), {"sql"})
    return text_of(document.get("sql"), "sql", LONGEST)


def _refused(call: Call, error: OvertideError) -> object:
    """Return what the audit keeps of a refusal: what it says may be made of values."""
    try:
        kept = without_values(_statement(call))
    except (InvalidRequestError, InvalidValueError, UsageError):
        kept = ""
    return {"sql": kept, "errorCode": error.code}


def _kind(accepted: str) -> str:
    """Return the first media type that a client takes of those there are; JSON where it says none.

    Raise `not_acceptable`.
    """
    wanted = [one.partition(";")[0].strip().lower() for one in accepted.split(",")]
    for one in filter(None, wanted):
        if one in ("*/*", "application/*", JSON):
            return JSON
        if one in (CSV, PARQUET):
            return one
    if not any(wanted):
        return JSON
    raise NotAcceptableError(
        "not_acceptable", f"{accepted!r} is none of its forms.", "Accept", ACCEPT.text
    )


def _answered(asked: Asked) -> Reply:
    request = Request.of(
        asked.call.service.paths,
        asked.statement,
        FORMS[asked.kind],
        asked.top if asked.kind == JSON else MOST_IN_FILES,
        float(asked.seconds),
    )
    content = answered(request)
    changed = (None, {"sql": without_values(asked.statement)})
    if asked.kind == JSON:
        return Reply(200, json.loads(content), changed=changed)
    header = "; charset=utf-8; header=present" if asked.kind == CSV else ""
    headers = {"Content-Type": f"{asked.kind}{header}"}
    return Reply(200, headers=headers, content=content, changed=changed)


OPERATIONS = (
    Operation(
        "Query-with-SQL",
        "POST",
        "/instances/{instanceId}/sql",
        Role.ADMIN,
        "Query the lake with SQL",
        "Runs one statement that reads, as `overtide sql` does: it can change nothing, and reads "
        "no file beside the lake. A JSON document has the first rows; a CSV or Parquet file has "
        f"all of them, at most {MOST_IN_FILES:,}. The audit keeps the statement with a `?` for "
        "each value in it, also of one that is refused, with the error code.",
        query,
        {200: "Columns with their types, rows in their order, and whether there are `more`."},
        (INSTANCE, TOP, LIMIT, ACCEPT),
        Body("The statement.", {"sql": "SELECT count(*) FROM Customer_live"}),
        Errors.MANAGEMENT,
        statuses=(404, 406, 500, 503),
        content=(JSON, CSV, PARQUET),
        refused=_refused,
    ),
)
