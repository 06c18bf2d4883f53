"""Customers that are watched, whatever else a process does, and whatever fails in between."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from overtide.project import Project
from overtide.schemas.errors import CorruptError, OvertideError, UnavailableError
from overtide.serving.acceptance import Target
from overtide.serving.committing import Committer
from overtide.serving.live_cards import LiveCards, Watched
from overtide.serving.terms import NO_TERMS
from tests import shop

ANN = Target(None, shop.CONTACTS, "1")
LONG = 60.0
"""Seconds after which something has not come and never will."""


class FailingLog:
    """A log of which the next looks fail."""

    def __init__(self, project: Project) -> None:
        self._log, self.failures = project.log, list[OvertideError]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def end(self) -> int:
        if self.failures:
            raise self.failures.pop()
        return self._log.end()


@pytest.fixture
def project(project_folder) -> Iterator[Project]:
    with Project(project_folder) as found:
        yield found


@asynccontextmanager
async def watching(project: Project, log: object) -> AsyncIterator[AsyncIterator[Watched | None]]:
    """Watch Ann for the block."""
    cards = LiveCards(project.reader, log)  # type: ignore[arg-type]  # it is a log in all but its class
    async with aclosing(cards.cards(ANN, LONG)) as found:
        yield found


async def points(found: AsyncIterator[Watched | None], wanted: int) -> None:
    """Wait for a card with so many points."""
    async with asyncio.timeout(LONG):
        async for seen in found:
            if seen is not None and seen.card.card()["Points"] == wanted:
                return


@asynccontextmanager
async def busy_threads() -> AsyncIterator[None]:
    """Let all threads of the loop wait for something, as many long reads and batches would."""
    over, loop = threading.Event(), asyncio.get_running_loop()
    waiting = [loop.run_in_executor(None, over.wait) for _ in range(100)]
    try:
        yield
    finally:
        over.set()
        await asyncio.gather(*waiting)


@pytest.mark.parametrize(
    "failure",
    [
        CorruptError("log_corrupt", "It says what was never written."),
        UnavailableError("log_busy", "Another process has it."),
    ],
)
def test_a_look_that_fails_is_not_the_last_one(project, failure):
    async def story() -> None:
        log = FailingLog(project)
        async with watching(project, log) as found:
            await anext(found)
            log.failures.append(failure)
            while log.failures:
                await asyncio.sleep(0.01)
            project.update(key=(shop.CONTACTS, "1"), fields={"Points": 41})
            await points(found, 41)

    asyncio.run(story())


def test_what_happens_as_soon_as_the_first_card_is_there_is_seen(project):
    async def story() -> None:
        async with watching(project, project.log) as found:
            await anext(found)
            project.update(key=(shop.CONTACTS, "1"), fields={"Points": 42})
            await points(found, 42)

    asyncio.run(story())


def test_changes_are_accepted_and_seen_while_all_threads_of_the_loop_are_busy(project):
    async def story() -> None:
        async with busy_threads(), watching(project, project.log) as found:
            await anext(found)
            change = project.acceptance.prepared_update(ANN, {"Points": 43}, NO_TERMS)
            async with asyncio.timeout(LONG):
                await Committer(project.log).append(change)
            await points(found, 43)

    asyncio.run(story())
