"""The refresh of a project: what its configuration says, by a runner, maybe for a job."""

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from overtide import runner_configs
from overtide.schemas.errors import OvertideError, UnavailableError
from overtide.schemas.instants import Instant
from overtide.schemas.loading import loaded
from overtide.schemas.progress import Event, Report
from overtide.schemas.spans import Span, span, watched

if TYPE_CHECKING:
    from overtide.pipelines.refresh import Refreshed
    from overtide.project import Project


def refreshed(
    project: "Project",
    runner: str | Path,
    report: Report,
    allow_shrink: bool = False,
    job: str | None = None,
    full: bool = False,
) -> "Refreshed":
    """Refresh a project, see `Project.refresh`; the manifest names the `job` that it runs for."""
    from overtide.pipelines.importing import nothing_collected

    with nothing_collected():
        from overtide.pipelines.refresh import refresh

    configuration, document = loaded(project.folder, project.environ)
    stages = Stages(report)
    with span("refresh", {"overtide.job": job or ""}) as whole:
        try:
            done = refresh(
                configuration,
                project.paths,
                runner_configs.load(str(runner)),
                project.clock,
                stages if watched() else report,
                allow_shrink=allow_shrink,
                job=job,
                full=full,
            )
            whole.tell({"overtide.run": done.publish.run})
            return done
        except OvertideError as error:
            raise document.hidden(error) from None
        finally:
            stages.tell(whole)


ENDED_BY_HAND = ("locked", "interrupted")
"""Why a refresh ended that did not fail: another one runs, or whoever began it stopped it."""


def note_failure(project: "Project", user: str, began: Instant, error: OvertideError) -> None:
    """Note a refresh that failed by hand among the jobs, so that webhooks tell of it as of a job.

    Only where there are jobs: nobody else is told of any. That it cannot be noted is no failure of
    its own.
    """
    if error.code in ENDED_BY_HAND or not project.paths.workflows.exists():
        return
    from overtide.serving.workflows.job import Submission
    from overtide.serving.workflows.workflows import Workflows

    workflows = Workflows(project.paths, project.clock, lambda: str(uuid4()))
    with suppress(OSError, UnavailableError):
        workflows.jobs.failed(Submission(user, "command"), began, error)


class Stages:
    """Takes the progress of a refresh, passes it on, and knows when its stages began and ended."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._seen: dict[str, tuple[int, int, int]] = {}

    def __call__(self, event: Event) -> None:
        """Take note of how far a stage is."""
        now = time.time_ns()
        began, _, _ = self._seen.get(event.stage, (now - int(event.seconds * 1e9), now, 0))
        self._seen[event.stage] = began, now, event.rows_done
        self._report(event)

    def tell(self, whole: Span) -> None:
        """Add each stage to the span of the refresh."""
        for stage, (began, ended, rows) in self._seen.items():
            whole.child(f"refresh {stage}", began, ended, {"overtide.rows": rows})
