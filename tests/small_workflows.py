"""Jobs and schedules of a project, with a clock that tests set."""

import itertools
from pathlib import Path

import pytest

from overtide.schemas.errors import FailedError, LockedError, OvertideError
from overtide.schemas.instants import parse_instant
from overtide.schemas.paths import Paths
from overtide.serving.workflows.job import Job, Submission
from overtide.serving.workflows.schedules import Planned
from overtide.serving.workflows.workflows import Workflows

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
