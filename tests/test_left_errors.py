"""The error that a step leaves for the process that runs the refresh.

Whole, and that of the first step that failed.
"""

import threading

import pytest

from overtide.schemas.errors import InvalidValueError, SourceError, UnavailableError
from overtide.transforms.left_errors import leave_error, left_error


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def test_an_error_comes_back_whole(scratch):
    innermost = InvalidValueError("invalid_value", "Bad.", "Day", "Mend it.")
    error = UnavailableError(
        "sources_wrong",
        "Two mistakes.",
        "a.csv",
        None,
        (
            SourceError("too_many_set_aside", "Too many.", details=(innermost,)),
            SourceError("no_rows", "None."),
        ),
    )
    assert left_error(scratch) is None
    leave_error(scratch, error)
    assert left_error(scratch) == error
    assert [file.name for file in scratch.iterdir()] == ["error.json"]


def test_the_first_error_is_kept(scratch):
    for code in ("first", "second"):
        leave_error(scratch, SourceError(code, "Bad."))
    assert left_error(scratch).code == "first"


def test_an_error_of_a_step_that_outlives_its_refresh_is_left_nowhere(scratch):
    scratch.rmdir()
    leave_error(scratch, SourceError("late", "Bad."))
    assert left_error(scratch) is None


def test_steps_that_fail_at_once_leave_one_whole_error(scratch):
    begin, seen = threading.Barrier(9), set()

    def leave(number):
        begin.wait()
        leave_error(scratch, SourceError(f"of {number}", "x" * 200_000))

    steps = [threading.Thread(target=leave, args=(number,)) for number in range(8)]
    for step in steps:
        step.start()
    begin.wait()
    while any(step.is_alive() for step in steps):
        left = left_error(scratch)
        seen |= {len(left.message)} if left else set()
    for step in steps:
        step.join()
    assert seen | {len(left_error(scratch).message)} == {200_000}
