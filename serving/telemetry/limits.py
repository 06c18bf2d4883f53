"""All limits of one server."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from overtide.schemas.configuration.rate_limits import EVERYONE, RateLimit
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


def limits_of(configured: Mapping[str, RateLimit]) -> Limits:
    """Return the limits that are configured, and those that always are."""
    named = {name: _policy(name, limit) for name, limit in configured.items()}
    usual = named.pop(EVERYONE, USUAL)
    return Limits(usual, {CONNECTOR.name: CONNECTOR, **named})


def _policy(name: str, limit: RateLimit) -> Policy:
    """Return a policy under a name that a header can hold."""
    return Policy(re.sub(r"[^A-Za-z0-9_.-]", "_", name), limit.requests, limit.seconds)
