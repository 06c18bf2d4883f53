"""The same refresh on every runner gives the same content.

FnApiRunner, Dask with two workers, Prism.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from benchmarks.make_customers import make
from benchmarks.project import write_project
from overtide.pipelines.refresh import Refreshed, refresh
from overtide.runner_configs import RunnerConfig, load
from overtide.schemas.configuration import Configuration
from overtide.schemas.instants import parse_instant
from overtide.schemas.paths import Paths

ROOT = Path(__file__).parent.parent
PEOPLE = 1_000
PRISM = "github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0"
HOUSE = {
    "name": "Address",
    "conditions": [
        {"fields": "LastName", "normalize": ["name"], "aliases": "Names"},
        {"fields": "StreetAddress", "normalize": ["address"]},
    ],
}
MADE = {
    "aliases": {"Names": {"Smyth": "Smith"}},
    "customer_id": {"fields": ["EMail", "DateOfBirth"]},
    "clusters": [{"name": "HouseholdId", "rules": [HOUSE]}],
}
NEWEST = {"of": "Telephone", "policy": "most_recent", "attribute": "CreatedOn"}
"""What else customers are made of, so that all of it is the same on every runner."""
NOW = parse_instant("2026-11-24T10:00:00Z")

pytestmark = [pytest.mark.runners, pytest.mark.slow]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    make(PEOPLE, folder, seed=7, file_format="csv")
    return folder


def refreshed(project: Path, runner: RunnerConfig, rows_per_bucket: int = 1_500) -> Refreshed:
    """Refresh a project; few rows per bucket, so that every stage has several."""
    document = yaml.safe_load((project / "overtide.yaml").read_text())
    document["unification"] |= MADE
    document["unification"]["entities"][0]["deduplicate"]["per_attribute"] = [NEWEST]
    configuration = Configuration.model_validate(document)
    cut = runner.model_copy(update={"rows_per_bucket": rows_per_bucket, "memory_limit": "500MB"})
    return refresh(configuration, Paths.of(project), cut, lambda: NOW)


def hashes(result: Refreshed) -> dict[str, object]:
    tables = result.manifest["tables"]
    assert isinstance(tables, dict)
    assert tables["Customer"]["rows"] > PEOPLE
    return {name: (table["rows"], table["hash"]) for name, table in tables.items()}


@pytest.fixture(scope="module")
def expected(files, tmp_path_factory) -> dict[str, object]:
    """The hashes on the embedded runner."""
    project = write_project(tmp_path_factory.mktemp("embedded") / "project", files, "csv", "own")
    return hashes(refreshed(project, load("embedded")))


def test_one_bucket_gives_the_same_as_many(files, expected, tmp_path):
    project = write_project(tmp_path / "project", files, "csv", "own")
    assert hashes(refreshed(project, load("embedded"), rows_per_bucket=1_000_000)) == expected


@contextmanager
def program(*arguments: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of the environment beside the test.

    Workers import the packages from the repository.
    """
    command = [str(Path(sys.executable).parent / arguments[0]), *map(str, arguments[1:])]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(120)


@pytest.fixture
def dask(tmp_path, monkeypatch) -> Iterator[str]:
    """The address of a Dask scheduler with two worker processes."""
    from distributed import Client, default_client

    where = tmp_path / "scheduler.json"
    alike = ("--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", where)
    worker = ("--nthreads", "1", "--no-nanny", "--local-directory", tmp_path)
    with ExitStack() as running:
        running.enter_context(program("dask", "scheduler", "--port", "0", *alike))
        for _ in range(2):
            running.enter_context(program("dask", "worker", *worker, *alike))
        address = address_in(where)
        with Client(address) as client:
            client.wait_for_workers(2, timeout=60)
        monkeypatch.setenv("OVERTIDE_DASK", address)
        yield address
        default_client().close()  # Beam leaves its own open


def address_in(scheduler_file: Path) -> str:
    """Wait until a scheduler has written where it is."""
    for _ in range(600):
        if scheduler_file.exists() and (text := scheduler_file.read_text()):
            return json.loads(text)["address"]
        time.sleep(0.1)
    raise TimeoutError("the Dask scheduler did not start within a minute")


def test_dask_with_two_workers_gives_the_same(files, expected, dask, tmp_path):
    project = write_project(tmp_path / "project", files, "csv", "own")
    assert hashes(refreshed(project, load("dask"))) == expected
    done = tasks_done(dask)
    assert len(done) == 2
    assert min(done) > 0
    assert sum(done) < 15_000  # 22,400 where each reader has its side inputs computed anew


def tasks_done(address: str) -> list[int]:
    """How many steps of tasks each worker has taken."""
    from distributed import Client

    with Client(address) as client:
        return list(client.run(lambda dask_worker: dask_worker.state.transition_counter).values())


@pytest.fixture(scope="module")
def prism() -> Path:
    """The binary of Prism: the one OVERTIDE_PRISM names, else one built with Go.

    It is built once and kept in .venv.
    """
    if named := os.environ.get("OVERTIDE_PRISM"):
        return Path(named)
    binary = ROOT / ".venv" / "prism" / "prism"
    if not binary.exists():
        if not shutil.which("go"):
            pytest.skip("no Go toolchain to build Prism with")
        there = os.environ | {"GOBIN": str(binary.parent)}
        quickly = "-gcflags=all=-N -l"  # without optimising, in two thirds of the time
        subprocess.run(["go", "install", quickly, PRISM], check=True, timeout=600, env=there)
    return binary


def test_prism_gives_the_same(files, expected, prism, tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTIDE_PRISM", str(prism))
    project = write_project(tmp_path / "project", files, "csv", "own")
    assert hashes(refreshed(project, load("prism"))) == expected
