"""Note in the audit what a command has changed."""

from overtide.cli.output import Output
from overtide.project import Project
from overtide.schemas.errors import UnavailableError
from overtide.serving.telemetry.audit import Audit, Change


def audited(project: Project, output: Output, change: Change) -> None:
    """Note a change before anybody is told of it; it is done also where that cannot be noted."""
    try:
        Audit(project.paths.audit, project.clock).record(change)
    except UnavailableError as error:
        output.warn(error)
