"""Named steps at which a test may kill the process, to see that nothing is lost wherever that happens."""

import os

VARIABLE = "OVERTIDE_CRASH_AT"
"""Names the step at which the process ends at once, as by kill -9; unset outside of tests."""


def crash_point(name: str) -> None:
    """End the process without cleaning up when this step is the one named in the environment."""
    if os.environ.get(VARIABLE) == name:
        os._exit(137)
