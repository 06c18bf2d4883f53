"""What the HTTP service may use of a project, and the command line of its jobs."""

from typing import TYPE_CHECKING
from uuid import uuid4

from overtide.schemas.loading import load
from overtide.serving.access.admission import Admission
from overtide.serving.committing import Committer
from overtide.serving.definitions import Definitions
from overtide.serving.live_cards import LiveCards
from overtide.serving.odata.tables import Tables
from overtide.serving.service import Service
from overtide.serving.telemetry.telemetry import Telemetry
from overtide.serving.workflows.workflows import Workflows

if TYPE_CHECKING:
    from overtide.project import Project


def workflows_of(project: "Project") -> Workflows:
    """Return the jobs and schedules of a project."""
    return Workflows(project.paths, project.clock, lambda: str(uuid4()))


def service_of(project: "Project") -> Service:
    """Return the service of a project; raise `invalid_configuration`."""
    configuration = load(project.folder, project.environ)
    instance = configuration.instance
    definitions = Definitions(project.paths.definitions, project.clock)
    return Service(
        str(instance.id),
        instance.name,
        project.reader,
        project.acceptance,
        Committer(project.log),
        Admission(project.access, configuration.service, project.clock),
        LiveCards(project.reader, project.log),
        Tables(project.paths, project.reader, definitions),
        definitions,
        project.paths,
        lambda: load(project.folder, project.environ),
        workflows_of(project),
        Telemetry(project.paths, project.clock, project.reader.current, project.status),
    )
