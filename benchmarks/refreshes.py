"""The refresh: first, again, and with one row in a hundred changed.

Each is measured beside the plain alternative on the same files.
"""

import json
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.accuracy import Accuracy, accuracy, same_customers
from benchmarks.measure import Row, Run, overtide, run
from benchmarks.project import write_project
from overtide.lake.catalog import connect
from overtide.schemas.names import literal
from overtide.schemas.paths import Paths

Files = Callable[[int, str], Path]
"""Gives the folder of generated files for a number of people and a format."""

GIB = 2**30
NIGHTS = 30
"""Refreshes of what has not changed."""
CHANGED = {
    "Contact": ("ContactId", "City", "City || ' North'"),
    "Customer-Loyalty": ("LoyaltyId", "RewardPoints", "RewardPoints || '0'"),
    "OnlinePurchases": ("PurchaseId", "TotalPrice", "TotalPrice || '0'"),
    "POSPurchases": ("PurchaseId", "TotalPrice", "TotalPrice || '0'"),
    "WebsiteReviews": ("ReviewId", "ReviewText", "ReviewText || '!'"),
}


@dataclass(frozen=True)
class Refresh:
    """One measured refresh: the command, and what its manifest says."""

    run: Run
    manifest: dict[str, Any]

    @property
    def source_rows(self) -> int:
        """Rows read from all files."""
        return sum(entity["rows_read"] for entity in self.manifest["entities"].values())

    @property
    def seconds_to_commit(self) -> float:
        """Seconds of the whole command without the serving generation, where it built one."""
        built = self.manifest["stages"].get("serving generation", {"seconds": 0})
        return self.run.seconds - float(built["seconds"])


def refresh(project: Path, *options: str) -> Refresh:
    """Run `overtide refresh` and read the manifest of the run that it published."""
    measured = overtide(project, "refresh", *options)
    return Refresh(
        measured,
        json.loads(one(project, "SELECT Manifest FROM lake.runs ORDER BY Run DESC LIMIT 1")),
    )


def one(project: Path, query: str) -> Any:  # noqa: ANN401 - whatever the query gives
    """Return the one value of a query on a project's lake."""
    with connect(Paths.of(project)) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row else None


def plain(files: Path, out: Path) -> Run:
    """Run the plain alternative."""
    program = Path(__file__).parent / "plain.py"
    return run([sys.executable, program, "--source", files, "--out", out])


def exported_keys(project: Path, path: Path) -> Path:
    """Write the lake's AlternateKey as a plain Parquet file."""
    with connect(Paths.of(project)) as connection:
        connection.execute(
            f"COPY (SELECT EntityName, PrimaryKey, CustomerId FROM lake.AlternateKey) "
            f"TO {literal(str(path))} (FORMAT parquet)"
        )
    return path


def change_one_in_a_hundred(files: Path, out: Path, kind: str) -> Path:
    """Write the same files with one value changed in every hundredth row or so."""
    out.mkdir()
    for name, (key, column, value) in CHANGED.items():
        source, options = (
            f"{files}/{name}.{kind}",
            "FORMAT csv, HEADER" if kind == "csv" else "FORMAT parquet",
        )
        read = (
            f"read_csv('{source}', all_varchar = true)"
            if kind == "csv"
            else f"read_parquet('{source}')"
        )
        duckdb.execute(
            f"COPY (SELECT * REPLACE (CASE WHEN hash({key}) % 100 = 0 THEN {value} ELSE {column} "
            f"END AS {column}) FROM {read}) TO '{out}/{name}.{kind}' ({options})"
        )
    return out


def measure(folder: Path, people: int, files: Files) -> list[Row]:
    """Measure first and later refreshes from CSV and Parquet, and how seconds grow.

    The seconds grow with the rows.
    """
    rows, firsts = [], {}
    for kind in ("csv", "parquet"):
        written, firsts[kind] = of_format(folder, people, files, kind)
        rows += written
    small = write_project(folder / "project-small", files(people // 10, "csv"), "csv", "one")
    growth = firsts["csv"].run.seconds / refresh(small).run.seconds
    return [*rows, Row("refresh: seconds(N) / seconds(N/10), csv", growth, "x", at_most=11.5)]


def of_format(folder: Path, people: int, files: Files, kind: str) -> tuple[list[Row], Refresh]:
    """Measure one format; the project stays in `folder/project-<format>`, refreshed three times."""
    source, out = files(people, kind), folder / f"plain-{kind}"
    beside = plain(source, out)
    project = write_project(folder / f"project-{kind}", source, kind, "one")
    first = refresh(project)
    total, plain_rate = first.source_rows, first.source_rows / beside.seconds
    assert total == beside.document["rows"], "the plain alternative read other rows"
    same = same_customers(
        exported_keys(project, folder / f"keys-{kind}.parquet"), out / "AlternateKey.parquet"
    )
    rows = [
        Row(
            f"first refresh from {kind}: rows/s to commit",
            total / first.seconds_to_commit,
            "/s",
            plain_rate,
            at_least=200_000,
        ),
        Row(
            f"first refresh from {kind}: rows/s in all",
            total / first.run.seconds,
            "/s",
            plain_rate,
            at_least=125_000,
        ),
        Row(
            f"first refresh from {kind}: peak memory",
            first.run.peak_bytes / GIB,
            "GiB",
            beside.peak_bytes / GIB,
            at_most=4,
        ),
        Row(f"first refresh from {kind}: same customers as plain", same, "", at_least=1),
    ]
    return [*rows, *again(project, folder, source, kind, plain_rate)], first


def again(project: Path, folder: Path, source: Path, kind: str, plain_rate: float) -> list[Row]:
    """Measure refreshes of unchanged files, computed and not, and one of changed files."""
    rows = [*nights(project, kind), *later(refresh(project, "--full"), f"all {kind}", plain_rate)]
    assert one(project, "SELECT count(*) FROM lake.Customer_history") == 0, (
        "unchanged rows were written to history"
    )
    changed = change_one_in_a_hundred(source, folder / f"changed-{kind}", kind)
    (project / "data").unlink()
    (project / "data").symlink_to(changed.resolve())
    changes = refresh(project)
    rows += later(changes, f"1 % changed {kind}", plain_rate)
    rows += [
        Row(f"1 % changed {kind}: to commit", changes.seconds_to_commit, "s", at_most=12),
        Row(f"1 % changed {kind}: in all", changes.run.seconds, "s", at_most=15),
    ]
    shutil.rmtree(changed)
    share = (
        "SELECT 100 * (SELECT count(*) FROM lake.Customer_history) / (SELECT count(*) FROM "
        "lake.Customer)"
    )
    return [
        *rows,
        Row(f"1 % changed {kind}: customers in history", one(project, share), "%", at_most=2.2),
    ]


def nights(project: Path, kind: str) -> list[Row]:
    """Measure refreshes of what has not changed, one after the other."""
    sizes, runs = [disk_of(project / "lake")], []
    for _ in range(NIGHTS):
        runs.append(refresh(project))
        sizes.append(disk_of(project / "lake"))
    assert all(one.manifest["unchanged_since"] for one in runs), "something had changed"
    growth = (sizes[-1] - sizes[0]) / NIGHTS / 1e6
    last, first = (
        statistics.median(one.run.seconds for one in some) for some in (runs[-3:], runs[:3])
    )
    return [
        Row(f"unchanged {kind}: in all", first, "s", at_most=5),
        Row(f"unchanged {kind}: processor time", runs[0].run.processor_seconds, "s"),
        Row(f"unchanged {kind}: growth of the lake per run", growth, "MB", at_most=1),
        Row(f"unchanged {kind}: run {NIGHTS} as a multiple of the first", last / first, "x"),
    ]


def disk_of(folder: Path) -> int:
    """Return the bytes of the files in a folder, each once however many names it has."""
    found = (file.stat() for file in folder.rglob("*") if file.is_file())
    return sum({one.st_ino: one.st_size for one in found}.values())


def later(refreshed: Refresh, what: str, plain_rate: float) -> list[Row]:
    """Return the rows of a refresh over a base."""
    rate = refreshed.source_rows / refreshed.seconds_to_commit
    return [
        Row(f"refresh of {what}: rows/s to commit", rate, "/s", plain_rate, at_least=125_000),
        Row(f"refresh of {what}: peak memory", refreshed.run.peak_bytes / GIB, "GiB", at_most=4),
    ]


def measure_rules(folder: Path, people: int, files: Files) -> list[Row]:
    """Compare precision, recall and F1 of the one rule and of the rules that a user would write."""
    found: dict[str, Accuracy] = {}
    source = files(people, "csv")
    for rules in ("one", "own"):
        project = write_project(folder / rules, source, "csv", rules)
        refresh(project)
        found[rules] = accuracy(
            exported_keys(project, folder / f"{rules}.parquet"), source / "truth.csv"
        )
    plain(source, folder / "plain")
    beside = accuracy(folder / "plain" / "AlternateKey.parquet", source / "truth.csv")
    one_rule, own = found["one"], found["own"]
    return [
        Row(
            "one rule: precision",
            one_rule.precision,
            "",
            beside.precision,
            at_least=beside.precision,
        ),
        Row("one rule: recall", one_rule.recall, "", beside.recall, at_least=beside.recall),
        Row("own rules: precision", own.precision, ""),
        Row("own rules: recall", own.recall, ""),
        Row("own rules: F1", own.f1, "", beside.f1, at_least=beside.f1),
    ]
