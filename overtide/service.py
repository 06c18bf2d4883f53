"""What the HTTP service may use of a project."""

from typing import TYPE_CHECKING

from overtide.schemas.loading import load
from overtide.serving.access.admission import Admission
from overtide.serving.definitions import Definitions
from overtide.serving.live_cards import LiveCards
from overtide.serving.service import Service
from overtide.serving.telemetry.telemetry import Telemetry

if TYPE_CHECKING:
    from overtide.project import Project


def service_of(project: "Project") -> Service:
    """Return the service of a project; raise `invalid_configuration`."""
    configuration = load(project.folder, project.environ)
    instance = configuration.instance
    return Service(
        str(instance.id),
        instance.name,
        project.reader,
        project.acceptance,
        Admission(project.access, configuration.service, project.clock),
        LiveCards(project.reader, project.log),
        Definitions(project.paths.definitions, project.clock),
        project.paths,
        lambda: load(project.folder, project.environ),
        Telemetry(project.paths, project.clock, project.reader.current, project.status),
    )
