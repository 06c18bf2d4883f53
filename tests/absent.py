"""Parts of other makers that a machine may lack: tests that need one are skipped by name there.

Continuous integration has all of them, so that nothing is skipped there unseen.
"""

import os
from typing import NoReturn

import pytest

ALL_THERE = "OVERTIDE_ALL_THERE"
"""The environment variable with which `.ci/run` says that no part may be missing."""


def absent(reason: str) -> NoReturn:
    """Skip a test for a part that is not there; fail where all parts must be there."""
    if os.environ.get(ALL_THERE):
        pytest.fail(reason)
    pytest.skip(reason)
