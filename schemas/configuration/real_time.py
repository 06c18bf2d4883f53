"""The section `real_time`: defaults of events."""

from pydantic import Field

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.model import Model
from overtide.schemas.errors import InvalidValueError
from overtide.schemas.instants import DAY, MINUTE, parse_duration

LONGEST = 30 * DAY + 5 * MINUTE
"""The longest validity of an event, semantics 2.2."""


class RealTime(Model):
    """Defaults of real-time events; durations such as 4h, 30d, 90m, 45s, 1h30m."""

    update_ttl: str = Field(
        default="4h",
        description="how long a profile update is valid when it does not say",
        examples=["90m"],
    )
    activity_ttl: str = Field(
        default="30d",
        description="how long a real-time activity is kept when it does not say",
        examples=["7d"],
    )


def check_durations(checking: Checking, real_time: RealTime) -> None:
    """Check that the defaults are durations that an event can have."""
    for name, text in real_time.model_dump().items():
        path = ("real_time", name)
        try:
            duration = parse_duration(text)
        except InvalidValueError as error:
            checking.add(
                "invalid_duration",
                path,
                f"`{text}` is not a duration.",
                expected="such as 4h or 30d",
                hint=error.hint,
            )
            continue
        if not 0 < duration <= LONGEST:
            checking.add(
                "invalid_duration",
                path,
                f"`{text}` is not between one second and 30 days.",
                expected="1s to 30d",
            )
