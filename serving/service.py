"""What an operation may use of a project: reading, accepting, tokens; no command line, no HTTP."""

from dataclasses import dataclass

from overtide.lake.generation import Generation
from overtide.serving.acceptance import Acceptance
from overtide.serving.access.tokens import Tokens
from overtide.serving.fields import published
from overtide.serving.live_cards import LiveCards
from overtide.serving.reader import Reader
from overtide.serving.telemetry.telemetry import Telemetry


@dataclass(frozen=True)
class Service:
    """One project that is served: usable from every thread."""

    instance_id: str
    instance_name: str
    reader: Reader
    acceptance: Acceptance
    tokens: Tokens
    telemetry: Telemetry
    live_cards: LiveCards

    def generation(self) -> Generation:
        """Return what is published now; raise `nothing_published`."""
        return published(self.reader.current())
