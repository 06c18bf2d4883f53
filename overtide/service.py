"""What the HTTP service may use of a project."""

from typing import TYPE_CHECKING

from overtide.schemas.loading import load
from overtide.serving.definitions import Definitions
from overtide.serving.live_cards import LiveCards
from overtide.serving.odata.tables import Tables
from overtide.serving.service import Service

if TYPE_CHECKING:
    from overtide.project import Project


def service_of(project: "Project") -> Service:
    """Return the service of a project; raise `invalid_configuration`."""
    instance = load(project.folder, project.environ).instance
    definitions = Definitions(project.paths.definitions, project.clock)
    return Service(
        str(instance.id),
        instance.name,
        project.reader,
        project.acceptance,
        project.tokens,
        LiveCards(project.reader, project.log),
        Tables(project.paths, project.reader, definitions),
        definitions,
        project.paths,
        lambda: load(project.folder, project.environ),
    )
