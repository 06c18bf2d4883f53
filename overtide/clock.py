"""The machine's clock, and whether it is behind what happened."""

import time
from datetime import timedelta

from overtide.schemas.errors import OvertideError, SetupError
from overtide.schemas.instants import SECOND, Instant, format_instant


def system_clock() -> Instant:
    """Return the instant of the machine's clock."""
    return time.time_ns() // 1000


def clock_behind(clock: Instant, last: Instant) -> OvertideError | None:
    """Return a warning where a clock is over a second behind the last instant taken, else None."""
    if last - clock <= SECOND:
        return None
    behind = timedelta(seconds=(last - clock) // SECOND)
    return SetupError(
        "clock_behind",
        f"The clock of this machine says {format_instant(clock)}, which is {behind} "
        f"behind the last event or publish ({format_instant(last)}).",
        None,
        "Set it right. Until then new events and publishes get instants just after that one, and "
        "now is that instant.",
    )
