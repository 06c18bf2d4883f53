"""What an operation may use of a project: reading, accepting, tokens; no command line, no HTTP."""

from dataclasses import dataclass
from functools import cached_property

from overtide.lake.generation import Generation
from overtide.schemas.instants import Clock
from overtide.schemas.paths import Paths
from overtide.serving.acceptance import Acceptance
from overtide.serving.access.tokens import Tokens
from overtide.serving.cards import Reader
from overtide.serving.fields import published


@dataclass(frozen=True)
class Service:
    """One project that is served: usable from every thread."""

    paths: Paths
    instance_id: str
    instance_name: str
    reader: Reader
    acceptance: Acceptance
    clock: Clock

    @cached_property
    def tokens(self) -> Tokens:
        """Who may use the service."""
        return Tokens(self.paths.tokens, self.clock)

    def generation(self) -> Generation:
        """Return what is published now; raise `nothing_published`."""
        return published(self.reader.current())
