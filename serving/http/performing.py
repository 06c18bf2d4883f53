"""Run an operation: beside the event loop where it waits for a disk."""

import anyio.to_thread

from overtide.serving.operations.contract import Call, Operation, Reply


async def performed(operation: Operation, call: Call) -> Reply:
    """Return the reply of an operation to a call; raise what it refuses."""
    if operation.blocks:
        reply = await anyio.to_thread.run_sync(operation.run, call)
    else:
        reply = operation.run(call)
    return reply if isinstance(reply, Reply) else await reply
