"""Batches whose answers end before their time: who reads them sees how."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import pytest

from overtide.schemas.errors import OvertideError, UnavailableError
from overtide.serving import batches
from overtide.serving.acceptance import Answer, Prepared
from overtide.serving.batches import Batch

SENT = [{"row": number} for number in range(6)]


async def sent() -> AsyncIterator[bytes]:
    """Send a line at a time, each once the one before may have been read."""
    for one in SENT:
        yield json.dumps(one).encode() + b"\n"
        await asyncio.sleep(0)


def answers_until(failure: Exception) -> tuple[list[dict[str, object]], Exception | None]:
    """Return the answers to a batch of which the third row fails, and what ends them."""
    refusal = UnavailableError("log_unwritable", "Not now.")
    given = 0

    def append(rows: Sequence[Prepared]) -> list[Answer]:
        nonlocal given
        if given >= 2:
            raise failure
        given += len(rows)
        return [Answer(refusal=refusal) for _ in rows]

    async def story() -> tuple[bytes, Exception | None]:
        batch = Batch(sent(), lambda records: [Answer() for _ in records], append)
        received = b""
        try:
            async for chunk in await batch.answers():
                received += chunk
        except Exception as error:  # noqa: BLE001 - whatever ends them
            return received, error
        return received, None

    received, error = asyncio.run(story())
    return [json.loads(line) for line in received.splitlines()], error


@pytest.fixture(autouse=True)
def row_by_row(monkeypatch):
    """Let each row be appended by itself."""
    monkeypatch.setattr(batches, "AT_ONCE", 1)


def test_a_batch_that_cannot_go_on_ends_with_a_line_without_an_index():
    found, error = answers_until(UnavailableError("log_unwritable", "The disk is full."))
    assert [one.get("index") for one in found] == [0, 1, None]
    assert (found[-1]["status"], found[-1]["error"]["code"]) == (503, "log_unwritable")
    assert error is None


def test_a_fault_amid_a_batch_ends_its_answers_without_an_end():
    """The connection breaks, so that nobody takes what has come for the whole."""
    fault = RuntimeError("a fault of ours")
    found, error = answers_until(fault)
    assert [one.get("index") for one in found] == [0, 1]
    assert error is fault


def test_a_batch_that_fails_with_its_first_rows_is_refused_as_a_whole():
    async def story() -> None:
        def append(rows: Sequence[Prepared]) -> list[Answer]:
            raise UnavailableError("log_unwritable", "The disk is full.")

        await Batch(sent(), lambda records: [Answer() for _ in records], append).answers()

    with pytest.raises(OvertideError) as refused:
        asyncio.run(story())
    assert refused.value.code == "log_unwritable"
