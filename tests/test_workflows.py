"""Jobs and schedules: from which state to which, what is done once, and what survives."""

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from overtide.lake.coordination import Lock, coordination
from overtide.schemas.errors import FailedError, LockedError, OvertideError
from overtide.schemas.instants import DAY, HOUR, MINUTE, SECOND, parse_instant
from overtide.schemas.paths import Paths
from overtide.schemas.progress import Event
from overtide.serving.workflows.job import Job, Status, Submission
from overtide.serving.workflows.jobs import KEPT, MOST_WAITING
from overtide.serving.workflows.scheduler import Scheduler
from overtide.serving.workflows.schedules import LATE, Planned
from overtide.serving.workflows.workflows import Progress, Workflows
from tests.command_line import ROOT

START = parse_instant("2026-11-29T10:00:00Z")
ASKED = Submission("ann", "api")
FORCED = Submission("ann", "api", forced=True)
BROKEN = FailedError("internal_error", "It broke.")
OTHER_RUNS = LockedError("locked", "Another refresh runs.")
AT_11 = Planned(("0 11 * * *",))


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


def workflows_in(folder: Path, clock: Clock, name: str = "") -> Workflows:
    """Return the workflows of a folder as the server of a name sees them."""
    numbers = itertools.count(1)
    return Workflows(Paths.of(folder), clock, lambda: f"{name}{next(numbers)}")


@pytest.fixture
def clock() -> Clock:
    """A clock at ten."""
    return Clock()


@pytest.fixture
def workflows(tmp_path, clock) -> Workflows:
    """The workflows of an empty project."""
    return workflows_in(tmp_path, clock)


def run(workflows: Workflows, job: Job, run: int | None, error: OvertideError | None = None) -> Job:
    """Run a job to an end."""
    with workflows.running(job.id) as begun:
        return workflows.end(begun, run, error)


# Jobs


def test_what_waits_already_does_for_a_later_submission_unless_it_is_forced(workflows):
    first = workflows.jobs.submit(ASKED)
    assert workflows.jobs.submit(Submission("bo", "api")) == first
    own = workflows.jobs.submit(FORCED)
    assert [one.id for one in workflows.jobs.recent(9)] == [own.id, first.id]
    with workflows.running(first.id):
        assert workflows.jobs.submit(ASKED).id == own.id  # the next one, not the one that runs


def test_a_job_runs_once_and_one_at_a_time(workflows):
    first, second = workflows.jobs.submit(ASKED), workflows.jobs.submit(FORCED)
    with workflows.running(first.id) as begun:
        with pytest.raises(OvertideError) as refused, workflows.running(second.id):
            pass
        assert refused.value.code == "locked"
        assert workflows.end(begun, 7).run == 7
    with pytest.raises(OvertideError) as refused, workflows.running(first.id):
        pass
    assert refused.value.code == "job_not_queued"


@pytest.mark.parametrize(
    ("published", "cancelled", "error", "expected"),
    [
        (1, False, None, Status.SUCCESSFUL),
        (1, True, BROKEN, Status.SUCCESSFUL),
        (None, True, BROKEN, Status.ABORTED),
        (None, True, OTHER_RUNS, Status.ABORTED),
        (None, False, BROKEN, Status.FAILED),
        (None, False, OTHER_RUNS, Status.QUEUED),
    ],
)
def test_what_becomes_of_a_job(workflows, published, cancelled, error, expected):
    job = workflows.jobs.submit(ASKED)
    with workflows.running(job.id) as begun:
        if cancelled:
            workflows.jobs.cancel(job.id)
        ended = workflows.end(begun, published, error)
    assert ended.status is expected
    assert (ended.error is not None) == (expected in (Status.FAILED, Status.ABORTED))
    assert (ended.ended_at is None) == (expected is Status.QUEUED)


def test_a_job_that_waits_is_aborted_at_once_and_one_that_is_over_stays(workflows):
    job = workflows.jobs.submit(ASKED)
    assert workflows.cancel(job.id).status is Status.ABORTED
    done = run(workflows, workflows.jobs.submit(ASKED), 3)
    assert workflows.cancel(done.id) == done
    with pytest.raises(OvertideError) as refused:
        workflows.cancel("?")
    assert refused.value.code == "unknown_job"


def test_the_tasks_of_a_job_say_how_far_it_came(workflows):
    job = workflows.jobs.submit(ASKED)
    with workflows.running(job.id) as begun:
        progress = Progress(workflows.jobs, job.id)
        for event in (Event("ingest", 0, 10), Event("match", 1, 5), Event("ingest", 10, 10)):
            progress(event)
        progress.flush()
        shown = [(one.stage, one.status) for one in workflows.jobs.tasks(begun)]
        assert shown == [("ingest", Status.SUCCESSFUL), ("match", Status.RUNNING)]
        ended = workflows.end(begun, None, BROKEN)
    assert [one.status for one in workflows.jobs.tasks(ended)] == [Status.SUCCESSFUL, Status.FAILED]


def test_a_stage_is_done_when_what_needs_it_began_however_many_rows_were_expected(workflows):
    job = workflows.jobs.submit(ASKED)
    with workflows.running(job.id) as begun:
        events = [Event("ingest", 9, 10), Event("keys", 9, 9), Event("identities", 1, 9)]
        workflows.jobs.report(job.id, events)
        shown = [one.status for one in workflows.jobs.tasks(begun)]
    assert shown == [Status.SUCCESSFUL, Status.SUCCESSFUL, Status.RUNNING]


def test_too_many_jobs_do_not_wait_and_the_oldest_are_forgotten(workflows, monkeypatch):
    for _ in range(MOST_WAITING):
        workflows.jobs.submit(FORCED)
    with pytest.raises(OvertideError) as refused:
        workflows.jobs.submit(FORCED)
    assert refused.value.code == "queue_full"
    first = workflows.jobs.first(Status.QUEUED)
    assert first is not None
    run(workflows, first, 1)
    monkeypatch.setattr("overtide.serving.workflows.jobs.KEPT", 10)
    workflows.jobs.submit(FORCED)
    assert first.id not in {one.id for one in workflows.jobs.recent(KEPT)}
    assert len(workflows.jobs.recent(KEPT)) == MOST_WAITING  # none that waits is forgotten


def test_where_nothing_was_submitted_nothing_is_written(workflows):
    assert workflows.jobs.recent(9) == workflows.schedules.all() == workflows.schedules.fire() == []
    assert workflows.settle() is None
    with pytest.raises(OvertideError):
        workflows.jobs.get("?")
    assert not workflows.paths.workflows.exists()


@pytest.mark.parametrize("content", [b"", b"no database" * 100])
def test_a_file_without_tables_is_as_none_and_a_damaged_one_is_refused(workflows, content):
    workflows.paths.workflows.parent.mkdir()
    workflows.paths.workflows.write_bytes(content)
    if not content:
        assert workflows.jobs.recent(9) == []
        assert workflows.jobs.submit(ASKED) == workflows.jobs.recent(9)[0]
        return
    for ask in (lambda: workflows.jobs.recent(9), lambda: workflows.jobs.submit(ASKED)):
        with pytest.raises(OvertideError) as refused:
            ask()
        assert (refused.value.code, refused.value.status) == ("file_unusable", 503)


RUNS = """
import sys, time
from pathlib import Path
from overtide.project import Project
from overtide.schemas.paths import Paths
from overtide.serving.workflows.workflows import Workflows
workflows = Workflows(Paths.of(Path(sys.argv[1])), lambda: 1, lambda: "")
with workflows.running(sys.argv[2]):
    print("runs", flush=True)
    time.sleep(60)
"""
"""A process that runs a job and never says how it ended."""


def running_process(workflows: Workflows, job: Job) -> subprocess.Popen:
    """Begin a process that runs a job."""
    words = [sys.executable, "-c", RUNS, str(workflows.paths.project), job.id]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"runs\n"
    return process


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_job_whose_process_died_is_found_out(workflows, cancelled):
    job = workflows.jobs.submit(ASKED)
    with running_process(workflows, job) as process:
        running = workflows.settle()
        assert running is not None
        assert running.id == job.id
        if cancelled:
            workflows.jobs.cancel(job.id)
        process.kill()
        process.wait()
    assert workflows.settle() is None
    ended = workflows.jobs.get(job.id)
    assert ended.status is (Status.ABORTED if cancelled else Status.FAILED)
    assert ended.error is not None
    assert ended.error["code"] == "interrupted"


def test_who_runs_a_job_by_hand_finds_out_what_became_of_the_one_before(workflows):
    first, second = workflows.jobs.submit(ASKED), workflows.jobs.submit(FORCED)
    with running_process(workflows, first) as process:
        process.kill()
        process.wait()
    assert run(workflows, second, 1).status is Status.SUCCESSFUL
    assert workflows.jobs.get(first.id).status is Status.FAILED


def test_who_cancels_ends_the_process_whoever_began_it(workflows):
    job = workflows.jobs.submit(ASKED)
    with running_process(workflows, job) as process:
        workflows.cancel(job.id)
        assert process.wait(120) == -signal.SIGTERM
        assert workflows.settle() is None
    assert workflows.jobs.get(job.id).status is Status.ABORTED


def test_a_process_that_does_not_end_when_cancelled_is_killed(workflows, clock):
    job = workflows.jobs.submit(ASKED)
    with running_process(workflows, job) as process:
        clock.now = 11 * SECOND  # the process's clock says 1
        asked = workflows.jobs.cancel(job.id)
        workflows.insist(asked)
        clock.now += 11 * SECOND
        workflows.insist(asked)
        assert process.wait(120) == -signal.SIGKILL


class JobMachine(RuleBasedStateMachine):
    """Jobs as any number of servers treat them, beside a plain list that says what is true."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.workflows = workflows_in(Path(self.folder.name), Clock())
        self.known: dict[str, Status] = {}
        self.begun: Job | None = None
        self.cancelled = False

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(forced=st.booleans())
    def submit(self, forced: bool) -> None:
        waits = [name for name, status in self.known.items() if status is Status.QUEUED]
        job = self.workflows.jobs.submit(FORCED if forced else ASKED)
        if waits and not forced:
            assert job.id == waits[0]
        else:
            assert job.id not in self.known
            self.known[job.id] = Status.QUEUED

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.known)))
        if self.known[name] is Status.QUEUED and self.begun is None:
            self.begun = self.workflows.jobs.begin(name)
            self.known[name], self.cancelled = Status.RUNNING, False
        elif self.known[name] is not Status.QUEUED:
            with pytest.raises(OvertideError):
                self.workflows.jobs.begin(name)

    @precondition(lambda self: self.begun)
    @rule(published=st.booleans(), error=st.sampled_from([BROKEN, OTHER_RUNS]))
    def end(self, published: bool, error: OvertideError) -> None:
        assert self.begun is not None
        self.workflows.end(self.begun, 5 if published else None, None if published else error)
        what = Status.QUEUED if error is OTHER_RUNS else Status.FAILED
        what = Status.ABORTED if self.cancelled else what
        self.known[self.begun.id] = Status.SUCCESSFUL if published else what
        self.begun = None

    @precondition(lambda self: self.begun)
    @rule()
    def die(self) -> None:
        assert self.begun is not None
        assert self.workflows.settle() is None
        self.known[self.begun.id] = Status.ABORTED if self.cancelled else Status.FAILED
        self.begun = None

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.known)))
        self.workflows.jobs.cancel(name)
        if self.known[name] is Status.QUEUED:
            self.known[name] = Status.ABORTED
        self.cancelled |= self.known[name] is Status.RUNNING

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        found = {one.id: one.status for one in self.workflows.jobs.recent(KEPT)}
        assert found == self.known
        assert list(found.values()).count(Status.RUNNING) <= 1


JobMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
TestJobs = JobMachine.TestCase


# Schedules


def test_a_schedule_is_due_once_whoever_looks(tmp_path, workflows, clock):
    (made,) = workflows.schedules.put([(None, AT_11)], "ann", "api")
    assert made.next_at == START + HOUR
    assert workflows.schedules.fire() == []
    clock.now += HOUR + SECOND
    other = workflows_in(tmp_path, clock, "other")
    fired = [*workflows.schedules.fire(), *other.schedules.fire(), *workflows.schedules.fire()]
    assert [(one.submission.schedule, one.submission.origin) for one in fired] == [
        (made.id, "schedule")
    ]
    assert workflows.schedules.all()[0].next_at == START + HOUR + DAY


def test_servers_that_look_at_one_instant_submit_one_job(tmp_path, clock):
    many = [workflows_in(tmp_path, clock, name) for name in "abcdefgh"]
    many[0].schedules.put([(None, AT_11)], "ann", "api")
    clock.now += HOUR
    fired: list[Job] = []
    together = threading.Barrier(len(many))

    def look(workflows: Workflows) -> None:
        together.wait()
        fired.extend(workflows.schedules.fire())

    threads = [threading.Thread(target=look, args=(one,)) for one in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fired) == len(many[0].jobs.recent(9)) == 1


@pytest.mark.parametrize(
    ("late", "jobs"), [(0, 1), (LATE - MINUTE, 1), (LATE + MINUTE, 0), (3 * DAY + 30 * MINUTE, 1)]
)
def test_what_was_missed_is_made_up_for_once_and_within_an_hour(workflows, clock, late, jobs):
    workflows.schedules.put([(None, AT_11)], "ann", "api")
    clock.now += HOUR + late
    assert len(workflows.schedules.fire()) == jobs
    assert workflows.schedules.fire() == []


@settings(deadline=None)
@given(st.lists(st.integers(0, 5 * HOUR), max_size=12))
def test_at_any_look_a_schedule_is_due_if_a_time_of_it_has_come_since_and_is_not_too_late(steps):
    clock, every_second_hour = Clock(), Planned(("0 */2 * * *",))
    with tempfile.TemporaryDirectory() as folder:
        workflows = workflows_in(Path(folder), clock)
        workflows.schedules.put([(None, every_second_hour)], "ann", "api")
        for step in steps:
            before, clock.now = clock.now, clock.now + step
            last = clock.now - clock.now % (2 * HOUR)
            expected = before < last and clock.now - last < LATE
            assert len(workflows.schedules.fire()) == expected


def test_a_clock_that_is_set_back_makes_nothing_due_again(workflows, clock):
    workflows.schedules.put([(None, AT_11)], "ann", "api")
    clock.now += HOUR
    assert len(workflows.schedules.fire()) == 1
    clock.now -= 2 * HOUR
    assert workflows.schedules.fire() == []
    clock.now += 2 * HOUR
    assert workflows.schedules.fire() == []


def test_a_schedule_that_is_not_active_or_deleted_is_never_due(workflows, clock):
    idle, gone = Planned(("* * * * *",), active=False), Planned(("* * * * *",))
    made = workflows.schedules.put([(None, idle), (None, gone)], "ann", "api")
    workflows.schedules.delete(made[1].id, "bo", "command")
    clock.now += DAY
    assert workflows.schedules.fire() == []
    assert [one.id for one in workflows.schedules.all()] == [made[0].id]
    with pytest.raises(OvertideError) as refused:
        workflows.schedules.delete(made[1].id, "bo", "command")
    assert refused.value.code == "unknown_schedule"


def test_every_version_of_a_schedule_is_kept_with_who_made_it(tmp_path, workflows, clock):
    (made,) = workflows.schedules.put([(None, AT_11)], "ann", "api")
    changed = Planned(("0 12 * * *",), "Pacific Standard Time")
    workflows.schedules.put([(made.id, changed)], "bo", "command")
    workflows.schedules.delete(made.id, "cy", "api")
    again = workflows_in(tmp_path, clock, "again")
    found = again.schedules.versions(made.id)
    shown = [(one.version, one.updated_by, one.origin, one.deleted) for one in found]
    assert shown == [
        (1, "ann", "api", False),
        (2, "bo", "command", False),
        (3, "cy", "api", True),
    ]
    assert found[1].planned == changed


@pytest.mark.parametrize(
    ("planned", "code"),
    [
        (Planned(()), "invalid_parameter"),
        (Planned(("* * * * *",) * 51), "invalid_parameter"),
        (Planned(("every day",)), "invalid_cron"),
        (Planned(("* * * * *",), "Mars"), "unknown_time_zone"),
    ],
)
def test_of_several_schedules_all_are_made_or_none(workflows, planned, code):
    with pytest.raises(OvertideError) as refused:
        workflows.schedules.put([(None, AT_11), (None, planned)], "ann", "api")
    assert refused.value.code == code
    assert workflows.schedules.all() == []


# The scheduler


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
    monkeypatch.setattr("overtide.serving.workflows.scheduler.PAUSE_AFTER_FAILURE", 0.01)

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
