"""What submits jobs when their schedules are due, and runs those that wait, one at a time."""

import logging
import subprocess
import threading
from collections.abc import Callable
from typing import Protocol

from overtide.schemas.errors import LOCKED, FailedError
from overtide.serving.looking import look_until
from overtide.serving.workflows.job import Job, Status
from overtide.serving.workflows.workflows import Workflows

LOG = logging.getLogger("overtide.workflows")
"""Seconds between two looks; and after one that failed, as of a full disk."""
ENDING_SECONDS = 8
"""How long a job may take to end when the scheduler stops."""


class Process(Protocol):
    """A process that runs a job, as `subprocess.Popen` is one."""

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code once it has ended."""


class Scheduler:
    """Looks every half second for what is to be done; several on one project do it once.

    `start` begins a process that runs the job of an id. It is the scheduler's: it ends with it.
    """

    def __init__(self, workflows: Workflows, start: Callable[[str], Process]) -> None:
        self._workflows, self._start = workflows, start
        self._child: tuple[Job, Process] | None = None

    def run(self, stop: threading.Event) -> None:
        """Look until stopped, whatever happens; then end the job that it began."""
        look_until(stop, self.look, LOG, "the scheduler tries again")
        self.end()

    def look(self) -> None:
        """Find out what became of jobs, submit what is due, begin the job that waits first."""
        running = self._workflows.settle()
        if running is not None:
            self._workflows.insist(running)
        self._reap()
        self._workflows.schedules.fire()
        if self._child is None and not self._workflows.blocked():
            waiting = self._workflows.jobs.first(Status.QUEUED)
            if waiting is not None:
                self._child = waiting, self._start(waiting.id)

    def _reap(self) -> None:
        """Take note that the process ended; a job that it did not even begin has failed."""
        if self._child is None:
            return
        job, process = self._child
        code = process.poll()
        if code is None:
            return
        self._child = None
        if code != LOCKED:
            self._workflows.jobs.fail(job, _not_begun(code))

    def end(self) -> None:
        """End the process of a job; the base stays as it is, and a job that waits still waits."""
        if self._child is None:
            return
        _, process = self._child
        process.terminate()
        try:
            process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _not_begun(code: int) -> FailedError:
    return FailedError(
        "job_not_begun",
        f"The process that was to run the job ended with exit code {code}.",
        None,
        "`overtide jobs run ID` shows why.",
    )
