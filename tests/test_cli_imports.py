"""What the commands import: those that only read or append load no large library."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import call, environment
from tests.shop import CONTACTS

WHO = ["--key", f"{CONTACTS}=1"]
LIGHT = {
    "version": ["version"],
    "get": ["get", *WHO],
    "update": ["update", *WHO, "Points=1"],
    "withdraw": ["withdraw", *WHO],
    "post": ["post", "Shop_Orders"],
    "open": ["open"],
    "help": ["--help"],
}
"""Commands that only read or append.

Neither Beam nor DuckDB, Arrow, pydantic or another large library.
"""
WITH_DUCKDB = {
    "sql": ["sql", "SELECT 1 AS x"],
    "status": ["status"],
    "get as of": ["get", *WHO, "--as-of", "2999-01-01T00:00:00Z"],
}
HEAVY = (
    "apache_beam",
    "pipelines",
    "pyarrow",
    "pydantic",
    "numpy",
    "scipy",
    "rapidfuzz",
    "grpc",
    "pandas",
)
PROGRAM = """
import sys
from overtide.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as left:
    code = left.code
names = {name.removeprefix('overtide.').partition('.')[0] for name in sys.modules}
print(code, *sorted(names), file=sys.stderr)
"""


def loaded(folder: Path, words: list[str]) -> set[str]:
    """Return the packages that a command has loaded when it has succeeded, ours too."""
    given = '{"OrderId": "9", "AccountId": "1", "PlacedAt": "2026-01-01T10:00:00Z"}'
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "-C", folder, *words],
        input=given,
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    code, *names = done.stderr.split()
    assert code == "0"
    return set(names)


@pytest.mark.parametrize("command", LIGHT)
def test_commands_that_read_or_append_load_no_large_library(project_folder, command):
    assert (
        call("-C", project_folder, "status").code == 0
    )  # a folder that was copied asks its catalog once
    names = loaded(project_folder, LIGHT[command])
    assert names & {*HEAVY, "duckdb", "transforms", "difflib", "asyncio"} == set()
    if command in ("version", "help"):
        assert names & {"yaml", "sqlite3", "serving", "lake", "eventlog"} == set()


@pytest.mark.parametrize("command", WITH_DUCKDB)
def test_commands_that_open_the_lake_load_duckdb_alone(project_folder, command):
    assert loaded(project_folder, WITH_DUCKDB[command]) & set(HEAVY) == set()


def test_a_timeline_is_read_by_arrow_alone(project_folder):
    # A folder that was copied asks its catalog once.
    assert call("-C", project_folder, "status").code == 0
    heavy = loaded(project_folder, ["timeline", *WHO]) & {*HEAVY, "duckdb", "transforms"}
    assert heavy == {"pyarrow", "numpy"}


def test_validate_loads_neither_beam_nor_duckdb(project_folder):
    assert (
        call("-C", project_folder, "status").code == 0
    )  # a folder that was copied asks its catalog once
    assert (
        loaded(project_folder, ["validate"])
        & {"apache_beam", "pipelines", "duckdb", "pyarrow", "numpy"}
        == set()
    )
