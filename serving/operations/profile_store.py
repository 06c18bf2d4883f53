"""The store that customers are read from: what it holds, and of when."""

from typing import Any

from overtide.lake.sealed import with_those_beneath
from overtide.schemas.instants import format_instant
from overtide.schemas.table import SCHEMA
from overtide.serving.access.roles import Role
from overtide.serving.operations.contract import INSTANCE, Call, Operation, Reply
from overtide.serving.wire.refusals import Errors

JOBS = ("profileStore", "activity")
"""The kinds of work that fill the store, in the product's words."""


def state(call: Call) -> Reply:
    """Return a ProfileStoreStateInfo: the generation in force; nothing waits beside it."""
    publish = call.service.reader.published()
    if publish is None:
        ingested, primary = None, _empty()
    else:
        ingested = format_instant(publish.published_at)
        names = with_those_beneath(call.service.paths, [publish.generation])
        files = [call.service.paths.generation(name) for name in names]
        ((rows,),) = call.service.rows(f"SELECT count(*) FROM {SCHEMA}.Customer")
        primary = {
            "currentState": "queryable",
            "rowCount": rows,
            "size": sum(file.stat().st_size for file in files if file.exists()),
            "profileStoreHydrationStateInfo": dict.fromkeys(JOBS, "hydrated"),
        }
    return Reply(
        200,
        {
            "instanceId": call.service.instance_id,
            "ingestionTime": ingested,
            "primaryInfo": primary,
            "secondaryInfo": _empty(),
        },
    )


def _empty() -> dict[str, Any]:
    states = dict.fromkeys(JOBS, "notHydrated")
    return {
        "currentState": "empty",
        "rowCount": 0,
        "size": 0,
        "profileStoreHydrationStateInfo": states,
    }


OPERATIONS = (
    Operation(
        "Get-profile-store-state",
        "GET",
        "/instances/{instanceId}/profilestore/stateinfo",
        Role.VIEWER,
        "Tell the state of the profile store",
        "Tells what the store of customers holds, and when it was filled.",
        state,
        {200: "As asked for."},
        (INSTANCE,),
        errors=Errors.MANAGEMENT,
        blocks=True,
    ),
)
