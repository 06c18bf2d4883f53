"""The scheduler: begins one job at a time, in their order, and outlives what goes wrong."""

import itertools
import threading

import pytest

from overtide.lake.coordination import Lock, coordination
from overtide.schemas.instants import HOUR
from overtide.serving.workflows.job import Status
from overtide.serving.workflows.scheduler import Scheduler
from tests.small_workflows import ASKED, AT_11, FORCED, OTHER_RUNS, clock, run, workflows

__all__ = ["clock", "workflows"]


class Begun:
    """A process that does nothing until it is told how it ends."""

    def __init__(self) -> None:
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.code = -15

    def kill(self) -> None:
        self.code = -9

    def wait(self, timeout: float | None = None) -> int:
        del timeout
        assert self.code is not None
        return self.code


@pytest.fixture
def begun() -> list[tuple[str, Begun]]:
    """The processes that a scheduler began, with their jobs."""
    return []


@pytest.fixture
def scheduler(workflows, begun) -> Scheduler:
    """A scheduler whose processes are made up."""

    def start(job_id: str) -> Begun:
        begun.append((job_id, Begun()))
        return begun[-1][1]

    return Scheduler(workflows, start)


def test_the_scheduler_begins_one_job_at_a_time_in_their_order(scheduler, workflows, begun):
    first, second = workflows.jobs.submit(ASKED), workflows.jobs.submit(FORCED)
    for _ in range(3):
        scheduler.look()
    assert [name for name, _ in begun] == [first.id]
    run(workflows, first, 1)
    begun[0][1].code = 0
    scheduler.look()
    assert [name for name, _ in begun] == [first.id, second.id]


def test_a_schedule_that_is_due_is_begun_by_the_same_look(scheduler, workflows, begun, clock):
    workflows.schedules.put([(None, AT_11)], "ann", "api")
    scheduler.look()
    assert begun == []
    clock.now += HOUR
    scheduler.look()
    assert len(begun) == 1


@pytest.mark.parametrize("lock", list(Lock)[:1] + list(Lock)[-1:])
def test_a_job_waits_while_somebody_refreshes(scheduler, workflows, begun, lock):
    workflows.jobs.submit(ASKED)
    with coordination(workflows.paths).hold(lock, "overtide refresh", ""):
        scheduler.look()
        assert begun == []
    scheduler.look()
    assert len(begun) == 1


def test_a_job_that_could_not_be_begun_has_failed_and_is_not_tried_for_ever(
    scheduler, workflows, begun
):
    job = workflows.jobs.submit(ASKED)
    scheduler.look()
    begun[0][1].code = 1
    scheduler.look()
    ended = workflows.jobs.get(job.id)
    assert ended.error is not None
    assert (ended.status, ended.error["code"], len(begun)) == (Status.FAILED, "job_not_begun", 1)


def test_a_job_that_met_another_refresh_waits_again(scheduler, workflows, begun):
    job = workflows.jobs.submit(ASKED)
    scheduler.look()
    run(workflows, job, None, OTHER_RUNS)
    begun[0][1].code = 75
    scheduler.look()
    assert [name for name, _ in begun] == [job.id, job.id]


def test_a_scheduler_that_stops_ends_its_process_and_what_waits_still_waits(
    scheduler, workflows, begun
):
    job, stop = workflows.jobs.submit(ASKED), threading.Event()
    running = threading.Thread(target=scheduler.run, args=(stop,))
    running.start()
    while not begun:
        pass
    stop.set()
    running.join(10)
    assert (begun[0][1].code, workflows.jobs.get(job.id).status) == (-15, Status.QUEUED)


def test_a_look_that_fails_does_not_end_the_scheduler(scheduler, workflows, monkeypatch, begun):
    looks = itertools.count()
    real = Scheduler.look
    monkeypatch.setattr("overtide.serving.looking.PAUSE_AFTER_FAILURE", 0.01)

    def look(self: Scheduler) -> None:
        if next(looks) == 0:
            raise OSError("the disk is full")
        real(self)

    monkeypatch.setattr(Scheduler, "look", look)
    workflows.jobs.submit(ASKED)
    stop = threading.Event()
    running = threading.Thread(target=scheduler.run, args=(stop,))
    running.start()
    while not begun:
        pass
    stop.set()
    running.join(10)
    assert next(looks) >= 2
