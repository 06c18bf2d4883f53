"""Run an operation for whoever may: beside the event loop where it waits for a disk."""

from collections.abc import Mapping

import anyio.to_thread

from overtide.schemas.errors import FailedError, ForbiddenError, OvertideError
from overtide.serving.access.principals import Principal
from overtide.serving.operations.contract import Call, Operation, Reply
from overtide.serving.telemetry.observed import Observed
from overtide.serving.telemetry.telemetry import Telemetry


def expect_role(principal: Principal, operation: Operation) -> None:
    """Raise `forbidden` where the sender's role is too small."""
    if principal.role < operation.role:
        raise ForbiddenError(
            "forbidden",
            f"{principal.name} is {principal.role.label}; this takes {operation.role.label}.",
            None,
            "Ask an Admin for a token with that role.",
        )


async def performed(
    operation: Operation,
    call: Call,
    telemetry: Telemetry,
    observed: Observed,
    path: Mapping[str, str],
) -> Reply:
    """Return the reply of an operation to a call; raise what it refuses.

    What changes something is audited, and so is a refusal where the operation says what of it.
    """
    try:
        reply = await _ran(operation, call)
    except OvertideError as error:
        if operation.refused is not None:
            kept = (None, operation.refused(call, error))
            await telemetry.note_change(observed, path, {}, kept)
        raise
    if operation.changes:
        await telemetry.note_change(observed, path, reply.headers, reply.changed)
    return reply


async def _ran(operation: Operation, call: Call) -> Reply:
    if operation.blocks:
        reply = await anyio.to_thread.run_sync(operation.run, call)
    else:
        reply = operation.run(call)
    return reply if isinstance(reply, Reply) else await reply


def internal_error(request_id: str) -> OvertideError:
    """Return what is said of a fault of ours, whose trace is in the log."""
    return FailedError(
        "internal_error",
        "Something went wrong inside.",
        None,
        f"The server's log says more, at request {request_id}.",
    )
