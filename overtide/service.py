"""What the HTTP service may use of a project, and the command line of its jobs."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from overtide.lake.standing import current_publish
from overtide.schemas.configuration import Configuration
from overtide.schemas.document import FILE
from overtide.schemas.loading import load
from overtide.serving.acceptance import Acceptance
from overtide.serving.access.admission import Admission
from overtide.serving.access.sessions import TABLES as TABLES_OF_SESSIONS
from overtide.serving.access.sessions import Sessions
from overtide.serving.committing import Committer
from overtide.serving.definitions import Definitions
from overtide.serving.live_cards import LiveCards
from overtide.serving.odata.tables import Tables
from overtide.serving.service import Service
from overtide.serving.telemetry.telemetry import Telemetry
from overtide.serving.webhooks.destinations import Destinations
from overtide.serving.webhooks.events import Standing
from overtide.serving.webhooks.webhooks import TABLES, Webhooks
from overtide.serving.windows import Windows
from overtide.serving.workflows.database import Database
from overtide.serving.workflows.job import Status
from overtide.serving.workflows.workflows import Workflows

if TYPE_CHECKING:
    from overtide.project import Project


def workflows_of(project: "Project") -> Workflows:
    """Return the jobs and schedules of a project."""
    return Workflows(project.paths, project.clock, lambda: str(uuid4()))


def webhooks_of(project: "Project", configuration: Configuration, local: bool) -> Webhooks:
    """Return the webhooks of a project; `local`: the service listens on this machine alone."""
    workflows = workflows_of(project)
    hosts = configuration.service.webhooks.allowed_hosts
    return Webhooks(
        Database(project.paths.webhooks, TABLES),
        str(configuration.instance.id),
        project.clock,
        lambda: str(uuid4()),
        lambda: Standing(current_publish(project.paths), workflows.jobs.all_of(Status.FAILED)),
        Destinations(frozenset(host.strip("[]") for host in hosts), local),
    )


def sessions_of(project: "Project") -> Sessions:
    """Return who is signed in to the pages of a project."""
    database = Database(project.paths.sessions, TABLES_OF_SESSIONS)
    return Sessions(database, project.clock, lambda: secrets.token_urlsafe(32))


class Configured:
    """The configuration as the file says now: read again where it is another one. Any thread."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder, self._environ = folder, environ
        self._read: tuple[tuple[int, ...], Configuration] | None = None

    def __call__(self) -> Configuration:
        """Return it; raise what is wrong with it."""
        # What the file is said to be is asked before it is read: a change meanwhile is read again.
        found = self._file()
        read = self._read
        if read is None or found is None or read[0] != found:
            configuration = load(self._folder, self._environ)
            read = (found or (), configuration)
            self._read = read if found else None
        return read[1]

    def _file(self) -> tuple[int, ...] | None:
        try:
            found = (self._folder / FILE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def service_of(project: "Project", local: bool = False, attempts: Windows | None = None) -> Service:
    """Return the service of a project; raise `invalid_configuration`.

    `local`: it listens on this machine alone. `attempts` keep who tries what is none.
    """
    configuration = load(project.folder, project.environ)
    instance = configuration.instance
    definitions = Definitions(project.paths.definitions, project.clock)
    return Service(
        str(instance.id),
        instance.name,
        project.reader,
        Acceptance(project.log, lambda: project.reader.current(shared=True)),
        Committer(project.log),
        Admission(project.access, configuration.service, project.clock, attempts),
        LiveCards(project.reader, project.log),
        Tables(project.paths, project.reader, definitions),
        definitions,
        project.paths,
        Configured(project.folder, project.environ),
        workflows_of(project),
        Telemetry(project.paths, project.clock, project.reader.current, project.status),
        webhooks_of(project, configuration, local),
        sessions_of(project),
    )
