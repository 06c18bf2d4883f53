"""What the benchmarks compare is comparable.

One rule finds the same customers, and a user's own rules find more.
"""

from pathlib import Path

import pytest
import yaml

from benchmarks.accuracy import Accuracy, accuracy, same_customers
from benchmarks.make_customers import make
from benchmarks.measure import Row, percentile, run, table
from benchmarks.plain import unify
from benchmarks.project import write_project
from benchmarks.refreshes import change_one_in_a_hundred, exported_keys
from benchmarks.run import command_of
from overtide.pipelines.refresh import refresh
from overtide.runner_configs import load
from overtide.schemas.configuration import Configuration
from overtide.schemas.paths import Paths

PEOPLE = 3_000


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    make(PEOPLE, folder, seed=3, file_format="parquet")
    return folder


def keys(folder: Path, files: Path, rules: str) -> Path:
    """AlternateKey of a refresh with the named rules, as a Parquet file."""
    project = write_project(folder / rules, files, "parquet", rules)
    configuration = Configuration.model_validate(
        yaml.safe_load((project / "overtide.yaml").read_text())
    )
    refresh(configuration, Paths.of(project), load(), lambda: 1_800_000_000_000_000)
    return exported_keys(project, folder / f"{rules}.parquet")


def judged(path: Path, files: Path) -> Accuracy:
    return accuracy(path, files / "truth.parquet")


@pytest.mark.slow
def test_the_one_rule_finds_the_customers_that_plain_sql_finds_and_own_rules_find_more(
    files, tmp_path
):
    unify(files, tmp_path / "plain")
    beside = tmp_path / "plain" / "AlternateKey.parquet"
    one, own = keys(tmp_path, files, "one"), keys(tmp_path, files, "own")
    assert same_customers(one, beside)
    assert not same_customers(own, beside)
    assert judged(one, files).precision >= 0.999
    assert judged(one, files).recall >= 0.96
    assert judged(own, files).f1 >= 0.999


def test_one_row_in_a_hundred_is_changed(files, tmp_path):
    changed = change_one_in_a_hundred(files, tmp_path / "changed", "parquet")
    assert sorted(path.name for path in changed.iterdir()) == sorted(
        f"{name}.parquet"
        for name in (
            "Contact",
            "Customer-Loyalty",
            "OnlinePurchases",
            "POSPurchases",
            "WebsiteReviews",
        )
    )


def test_a_row_shows_the_ratio_and_whether_the_bar_is_met():
    shown = table([Row("rate", 300.0, "/s", 600.0, at_least=200), Row("time", 3.0, "s", at_most=2)])
    assert "| rate    | 300 /s   | 600   | 0.50  | >= 200 met  |" in shown
    assert "| time    | 3 s      |       |       | <= 2 MISSED |" in shown


def test_percentiles():
    assert (percentile([3, 1, 2], 50), percentile(list(range(100)), 99), percentile([1], 99)) == (
        2,
        99,
        1,
    )


def test_a_run_is_measured_with_its_children():
    measured = run(
        ["python3", "-c", "import time; held = b'x' * 80_000_000; time.sleep(0.5); print('[1]')"]
    )
    assert measured.seconds >= 0.5
    assert measured.peak_bytes > 80_000_000
    assert measured.document == [1]


def test_a_run_may_print_more_than_a_pipe_holds():
    measured = run(["python3", "-c", "print([0] * 100_000)"])
    assert len(measured.document) == 100_000


@pytest.mark.parametrize("given", [["--folder", "big/disk"], ["--folder=big/disk"]])
def test_what_is_recorded_names_no_folder_of_one_machine(given):
    found = command_of(["--sections", "live", *given], Path("big/disk"))
    assert found == "python -m benchmarks.run --sections live"
