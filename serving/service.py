"""What an operation may use of a project: reading, accepting, access; no command line, no HTTP."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from overtide.lake.generation import Generation
from overtide.schemas.configuration import Configuration
from overtide.schemas.paths import Paths
from overtide.serving.acceptance import Acceptance
from overtide.serving.access.admission import Admission
from overtide.serving.access.sessions import Sessions
from overtide.serving.committing import Committer
from overtide.serving.definitions import Definitions
from overtide.serving.fields import published
from overtide.serving.live_cards import LiveCards
from overtide.serving.odata.scans import Scan
from overtide.serving.odata.sql import Sql
from overtide.serving.odata.tables import Tables
from overtide.serving.reader import Reader
from overtide.serving.telemetry.telemetry import Telemetry
from overtide.serving.webhooks.webhooks import Webhooks
from overtide.serving.workflows.workflows import Workflows

if TYPE_CHECKING:
    import pyarrow as pa


class Ask(Protocol):
    """Answers queries over the lake."""

    def __call__(self, query: str, parameters: Sequence[object] = (), /) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""


@dataclass(frozen=True)
class Asked:
    """Answers queries of ours over one snapshot of the lake."""

    scan: Scan

    def __call__(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.scan.rows(Sql(query, tuple(parameters)))

    def table(self, query: str, parameters: Sequence[object] = ()) -> "pa.Table":
        """Return the rows of a query that may have millions of them."""
        with self.scan.refusing():
            return self.scan.started(Sql(query, tuple(parameters))).to_arrow_table()


@dataclass(frozen=True)
class Service:
    """One project that is served: usable from every thread."""

    instance_id: str
    instance_name: str
    reader: Reader
    acceptance: Acceptance
    committer: Committer
    admission: Admission
    live_cards: LiveCards
    tables: Tables
    definitions: Definitions
    paths: Paths
    configuration: Callable[[], Configuration]
    """The project's `overtide.yaml` as it is now."""
    workflows: Workflows
    telemetry: Telemetry
    webhooks: Webhooks
    sessions: Sessions
    """Who is signed in to the pages, and what frames of other pages may see."""

    @contextmanager
    def asking(self) -> Iterator[Asked]:
        """Give what answers queries of ours over one snapshot of the lake."""
        with self.tables.scans.of_lake() as scan:
            yield Asked(scan)

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one query of ours over the lake."""
        with self.asking() as ask:
            return ask(query, parameters)

    def generation(self) -> Generation:
        """Return what is published now; raise `nothing_published`."""
        return published(self.reader.current(shared=True))
