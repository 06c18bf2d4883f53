"""Changes of one event loop are appended together, each with an answer of its own."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from overtide.eventlog.contract import Come, Decision, Request
from overtide.eventlog.sqlite import SqliteEventLog
from overtide.project import Project
from overtide.schemas.errors import ConflictError, OvertideError, UnavailableError
from overtide.schemas.events import Draft
from overtide.serving.acceptance import Answer, Target, Terms
from overtide.serving.committing import Committer
from tests import shop

ANN = Target(None, shop.CONTACTS, "1")


class Watched:
    """A log that notes how many requests came together, and may fail once."""

    def __init__(self, log: SqliteEventLog) -> None:
        self.log = log
        self.groups: list[int] = []
        self.failures: list[OvertideError] = []

    def append(self, drafts: Sequence[Draft], atomic: bool = False) -> list[Decision]:
        return self.log.append(drafts, atomic)

    def append_together(self, come: Come) -> list[list[Decision]]:
        if self.failures:
            raise self.failures.pop()

        def noted() -> Sequence[Request]:
            requests = come()
            self.groups.append(len(requests))
            return requests

        return self.log.append_together(noted)


@pytest.fixture
def project(project_folder) -> Iterator[Project]:
    with Project(project_folder) as found:
        yield found


@pytest.fixture
def log(project) -> Watched:
    return Watched(project.log)


def update(project: Project, points: int, key: str | None = None) -> Draft | Answer:
    """Return an update that passed its checks."""
    terms = Terms(caller="test", idempotency_key=key)
    return project.acceptance.prepared_update(ANN, {"Points": points}, terms)


def test_what_gathers_during_a_commit_is_one_commit(project, log):
    async def fifty() -> list[Answer]:
        committer = Committer(log)
        return await asyncio.gather(
            *(committer.append(update(project, number)) for number in range(50))
        )

    answers = asyncio.run(fifty())
    positions = [answer.event.position for answer in answers if answer.event is not None]
    assert positions == list(range(50))
    assert sum(log.groups) == 50
    assert len(log.groups) <= 3
    assert project.get(key=(shop.CONTACTS, "1"))["Points"] == 49


def test_what_comes_while_another_process_writes_is_in_the_next_commit(project, log):
    """It is asked for once the log's lock is free, and not when the first of it came."""

    async def story() -> list[Answer]:
        committer = Committer(log)
        with project.log.taking():  # as a publish, or an append of another process
            first = [asyncio.create_task(committer.append(update(project, one))) for one in (1, 2)]
            await asyncio.sleep(0.2)  # by now the thread that appends waits for the lock
            more = [asyncio.create_task(committer.append(update(project, one))) for one in (3, 4)]
            await asyncio.sleep(0)
        return await asyncio.gather(*first, *more)

    answers = asyncio.run(story())
    assert [answer.event.position for answer in answers if answer.event] == [0, 1, 2, 3]
    assert log.groups == [4]


def test_who_goes_away_takes_nothing_back_and_holds_up_nobody(project, log):
    async def story() -> Answer:
        committer = Committer(log)
        gone = [asyncio.create_task(committer.append(update(project, one))) for one in range(5)]
        stays = asyncio.create_task(committer.append(update(project, 7)))
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        return await stays

    answer = asyncio.run(story())
    assert answer.event is not None
    assert answer.event.position == 5
    assert project.log.end() == 6


def test_each_is_decided_by_itself(project, log):
    async def story() -> list[Answer | BaseException]:
        committer = Committer(log)
        sent = [update(project, 1, "a"), update(project, 1, "a"), update(project, 2, "a")]
        return await asyncio.gather(*map(committer.append, sent), return_exceptions=True)

    first, again, other = asyncio.run(story())
    assert isinstance(first, Answer)
    assert isinstance(again, Answer)
    assert (first.repeated, again.repeated, again.event) == (False, True, first.event)
    assert isinstance(other, ConflictError)
    assert project.log.end() == 1


def test_a_log_that_fails_is_told_to_all_and_asked_again_by_the_next(project, log):
    log.failures.append(UnavailableError("log_unwritable", "The disk is full.", None, "Wait."))

    async def story() -> tuple[list[Answer | BaseException], Answer]:
        committer = Committer(log)
        sent = [committer.append(update(project, number)) for number in range(3)]
        refused = await asyncio.gather(*sent, return_exceptions=True)
        return refused, await committer.append(update(project, 9))

    refused, answer = asyncio.run(story())
    assert {type(one) for one in refused} == {UnavailableError}
    assert answer.event is not None
    assert project.log.end() == 1
