"""CreateEntities: add many activities, lines of JSON, with an answer to each."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from itertools import count

from overtide.schemas.errors import InvalidRequestError, TooLargeError
from overtide.serving.acceptance import Answer
from overtide.serving.access.roles import Role
from overtide.serving.batches import Batch, records
from overtide.serving.operations.contract import (
    CALLER,
    ENTITY,
    EVENT_TIME,
    INSTANCE,
    VALID_UNTIL,
    Body,
    Call,
    Operation,
    Parameter,
    Reply,
)
from overtide.serving.wire.results import answer_line

MOST_ATOMIC = 16 * 1024 * 1024
"""Bytes of a batch that is accepted as a whole or not at all."""
MOST_DETAILS = 100
"""Refused rows that the refusal of a batch names."""
LINES = {"Content-Type": "application/x-ndjson"}
ATOMIC = Parameter("atomic", "Accept all rows or none.", kind=bool)


async def create_entities(call: Call) -> Reply:
    """Accept lines as they come; with `atomic` all of them or none."""
    entity, terms = call.path["entityName"], call.terms()
    acceptance, chunks = call.service.acceptance, call.chunks
    if not call.flag("atomic"):
        prepare = partial(acceptance.prepared_activities, entity, terms=terms)
        batch = Batch(chunks, prepare, acceptance.append)
        return Reply(200, headers=LINES, stream=await batch.answers())
    rows = records((await _all(chunks)).split(b"\n"), 1)
    answers = await asyncio.to_thread(acceptance.post, entity, rows, terms, True)
    _expect_accepted(answers)
    return Reply(200, headers=LINES, stream=_lines(answers))


async def _all(chunks: AsyncIterator[bytes]) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > MOST_ATOMIC:
            raise TooLargeError(
                "too_large",
                f"An atomic batch is at most {MOST_ATOMIC // 1024 // 1024} MiB.",
                None,
                "Send less at once, or without `atomic`.",
            )
    return bytes(body)


def _expect_accepted(answers: Sequence[Answer]) -> None:
    """Raise `batch_refused`, with the rows that are the cause, where nothing was accepted."""
    refused = [
        error.about(f"row {index}" + (f", {error.target}" if error.target else ""))
        for index, answer in enumerate(answers)
        if (error := answer.refusal) is not None and error.code != "batch_refused"
    ]
    if refused:
        raise InvalidRequestError(
            "batch_refused",
            f"{len(refused)} of {len(answers)} rows are refused, so none was accepted.",
            None,
            "Mend them, or send the batch without `atomic`.",
            tuple(refused[:MOST_DETAILS]),
        )


async def _lines(answers: Sequence[Answer]) -> AsyncIterator[bytes]:
    yield b"".join(map(answer_line, answers, count()))


OPERATIONS = (
    Operation(
        "Create-entities",
        "POST",
        "/instances/{instanceId}/data/{entityName}/batch",
        Role.CONTRIBUTOR,
        "Add many activities",
        "Adds activities, one JSON object a line, as they come: each is durable when it is "
        "answered. The answer has a line per row, in order: its `index` from 0, its `status`, and "
        "its event or its `error`. A line without an index ends a batch that could not go on.",
        create_entities,
        {200: "Lines of JSON, one per row."},
        (INSTANCE, ENTITY, VALID_UNTIL, EVENT_TIME, CALLER, ATOMIC),
        Body(
            "Lines of JSON: a record each.",
            {"PurchaseId": "1009", "ContactId": "CNTID_1001", "PurchasedOn": "2026-11-28"},
            lines=True,
        ),
        statuses=(400, 409),
        content=(LINES["Content-Type"],),
    ),
)
