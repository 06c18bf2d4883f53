"""All limits of one server, as they are where nothing is configured."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from overtide.serving.telemetry.overload import MOST_AT_WORK, PATIENCE_SECONDS
from overtide.serving.telemetry.rate_limits import CONNECTOR, USUAL, Policy


@dataclass(frozen=True, slots=True)
class Limits:
    """How many requests of whom, how many at a time, and how slow they may be.

    `of_callers` has the policies of callers by name; `usual` is of all others, by principal.
    """

    usual: Policy = USUAL
    of_callers: Mapping[str, Policy] = field(default_factory=lambda: {CONNECTOR.name: CONNECTOR})
    most_at_work: int = MOST_AT_WORK
    patience_seconds: float = PATIENCE_SECONDS
