"""Processes die at every named step, are started again, and nothing is lost, doubled or mixed up.

See `tests.crash`.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from overtide.schemas.crash import CRASH_POINTS, VARIABLE
from tests.crash_plan import BEFORE, TOUR, plan, roles_of
from tests.crash_story import Telling, make_template

ROOT = Path(__file__).parent.parent
FEW = 4
"""Stories that `make test` tells; `make long` tells the others."""
CALLS = re.compile(r"\b(?:crash_point|at)\(\"([a-z_.]+)\"\)")
PACKAGES = (
    "schemas",
    "eventlog",
    "lake",
    "transforms",
    "pipelines",
    "serving",
    "overtide",
    "runner_configs",
)


def test_every_step_of_the_code_is_in_the_list_and_every_step_of_the_list_in_the_code():
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    called = [step for file in files for step in CALLS.findall(file.read_text(encoding="utf-8"))]
    assert sorted(called) == sorted(CRASH_POINTS)


def test_the_tour_takes_every_step():
    planned = set().union(*(plan(seed).steps for seed in range(TOUR)))
    assert planned == set(CRASH_POINTS)
    assert all(roles_of(step) for step in CRASH_POINTS)
    assert {*BEFORE, *(step for steps in BEFORE.values() for step in steps)} <= set(CRASH_POINTS)


@pytest.mark.parametrize(
    ("wanted", "printed"), [("a.b", ""), ("a.b:2", "1"), ("a.b:3", "12"), ("other.step", "123")]
)
def test_a_process_dies_at_the_named_time_of_a_step(wanted, printed):
    code = (
        "from overtide.schemas.crash import crash_point\nfor n in '123':\n  crash_point('a.b')\n"
        "  print(n, end='', flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={VARIABLE: wanted, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == (printed, 0 if printed == "123" else 137)


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize(
    "seed",
    [pytest.param(seed, marks=[pytest.mark.long] * (seed >= FEW)) for seed in range(TOUR)],
    ids=lambda seed: str(plan(seed)),
)
def test_processes_die_and_nothing_is_lost(seed, template, tmp_path):
    told = Telling(plan(seed), tmp_path, template).tell()
    assert told.reached == plan(seed).steps
    shutil.rmtree(tmp_path)
