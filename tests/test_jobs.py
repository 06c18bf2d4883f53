"""Jobs of the refresh, from state to state: what waits, what runs, and what becomes of both."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import SECOND
from overtide.schemas.progress import Event
from overtide.serving.workflows.job import Job, Status, Submission
from overtide.serving.workflows.jobs import KEPT, MOST_WAITING
from overtide.serving.workflows.workflows import Progress, Workflows
from tests.command_line import ROOT
from tests.small_workflows import (
    ASKED,
    BROKEN,
    FORCED,
    OTHER_RUNS,
    Clock,
    clock,
    run,
    workflows,
    workflows_in,
)

__all__ = ["clock", "workflows"]


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
