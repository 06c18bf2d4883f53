"""Commands on a terminal: progress, colours, wide tables and input that is typed."""

import os
import pty
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.command_line import COMMAND, call, environment
from tests.shop import CONTACTS

WHO = ["--key", f"{CONTACTS}=1"]


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """Give both ends of a pseudo-terminal: what the command writes to, and where it is read."""
    ours, theirs = pty.openpty()
    try:
        yield theirs, ours
    finally:
        os.close(ours)


def run_on_terminal(
    *words: object, given: bytes = b"", more: dict[str, str] | None = None
) -> tuple[int, str]:
    """Run a command whose every stream is a terminal.

    Return its exit code and what the terminal showed.
    """
    with terminal() as (theirs, ours):
        process = subprocess.Popen(
            [*COMMAND, *map(str, words)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(**{"TERM": "xterm", **(more or {})}),
        )
        os.close(theirs)
        os.write(ours, given)
        shown = b""
        while process.poll() is None or select.select([ours], [], [], 0.1)[0]:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    shown += os.read(ours, 65536)
                except OSError:  # its other end is closed
                    break
        return process.wait(300), shown.decode()


def test_progress_on_a_terminal_is_one_line_that_changes(project_folder):
    code, shown = run_on_terminal("-C", project_folder, "refresh", "--full")
    assert code == 0
    assert shown.count("\r\x1b[K") > 5
    assert "\nPublished run 2 at " in shown.replace("\r", "")
    for stage in (
        "ingest",
        "keys",
        "match",
        "identities",
        "build Customer",
        "serving generation",
        "publish",
    ):
        assert stage in shown
    assert "0 of 10 rows" in shown


def test_live_values_are_green_on_a_terminal_unless_no_colours_are_wanted(project_folder):
    assert call("-C", project_folder, "update", *WHO, "Points=99").code == 0
    words = ("-C", project_folder, "get", *WHO)
    assert "\x1b[32mPoints" in run_on_terminal(*words)[1]
    assert "\x1b[" not in run_on_terminal(*words, more={"NO_COLOR": "1"})[1]
    assert "\x1b[" not in run_on_terminal(*words, more={"TERM": "dumb"})[1]
    assert "\x1b[" not in run_on_terminal("--json", *words)[1]


def test_wide_cells_are_cut_on_a_terminal_only(refreshed_shop):
    words = ("-C", refreshed_shop, "sql", "SELECT repeat('x', 1000) AS x")
    assert "x" * 1000 in call(*words).out
    assert "x…" in run_on_terminal(*words)[1]


def test_reading_a_terminal_says_how_to_end(project_folder):
    given = b'{"OrderId": "9", "AccountId": "1", "PlacedAt": "2026-01-01T10:00:00Z"}\n\x04'
    code, shown = run_on_terminal("-C", project_folder, "post", "Shop_Orders", given=given)
    assert code == 0
    assert "Reading standard input; end it with ctrl-D." in shown
    assert "1 accepted, 0 refused." in shown
