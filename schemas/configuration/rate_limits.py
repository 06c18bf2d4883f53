"""How many requests the HTTP service takes: a part of the section `service`."""

from pydantic import Field

from overtide.schemas.configuration.model import Model

EVERYONE = "default"
"""The name under which the limit of all other principals stands."""


class RateLimit(Model):
    """So many requests in so many seconds, in any such window of time."""

    requests: int = Field(
        ge=1, le=1_000_000_000, description="how many requests", examples=[100, 60_000]
    )
    seconds: int = Field(default=60, ge=1, le=86_400, description="in how long", examples=[1])
