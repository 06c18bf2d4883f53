"""The section `service`: what the HTTP service takes from whom."""

from pydantic import Field

from overtide.schemas.configuration.model import Model
from overtide.schemas.configuration.rate_limits import RateLimit


class Service(Model):
    """What `overtide serve` takes from whom."""

    rate_limits: dict[str, RateLimit] = Field(
        default={},
        description="caller, or `default` for each principal -> its limit; what is not named has "
        "600,000 requests in 60 seconds, the caller `connector` 100",
        examples=[{"default": {"requests": 6000}, "till": {"requests": 50, "seconds": 1}}],
    )
