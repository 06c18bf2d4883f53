"""The refresh of a project: what its configuration says, by a runner, maybe for a job."""

from pathlib import Path
from typing import TYPE_CHECKING

from overtide import runner_configs
from overtide.schemas.errors import OvertideError
from overtide.schemas.loading import loaded
from overtide.schemas.progress import Report

if TYPE_CHECKING:
    from overtide.pipelines.refresh import Refreshed
    from overtide.project import Project


def refreshed(
    project: "Project",
    runner: str | Path,
    report: Report,
    allow_shrink: bool = False,
    job: str | None = None,
) -> "Refreshed":
    """Refresh a project, see `Project.refresh`; the manifest names the `job` that it runs for."""
    from overtide.pipelines.refresh import refresh

    configuration, document = loaded(project.folder, project.environ)
    try:
        return refresh(
            configuration,
            project.paths,
            runner_configs.load(str(runner)),
            project.clock,
            report,
            allow_shrink=allow_shrink,
            job=job,
        )
    except OvertideError as error:
        raise document.hidden(error) from None
