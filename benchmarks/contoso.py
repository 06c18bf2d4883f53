"""A first refresh with the Contoso example's own rules, beside hand-written SQL.

The SQL (`baseline_refresh.py`) runs before and after each refresh, so that both meet the same
minutes of a machine.
"""

import shutil
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

from benchmarks.measure import Row, Run, run
from benchmarks.refreshes import GIB, Files, Refresh, refresh

EXAMPLE = Path(__file__).parent.parent / "examples" / "contoso"
FILES = {
    "WebsiteReviews_LinkedToEcommerceContacts.txt": "WebsiteReviews.csv",
    ".txt": ".csv",
}
"""What the example's files are called by the generator."""
IN_ALL = {199_336: 2.5, 498_339: 2.0, 1_661_130: 2.0}
"""Bars by people: 1.2M, 3M and 10M source rows."""
TO_COMMIT = {1_661_130: 1.6}
OF_NIGHT = {1_661_130: (12, 15)}
"""Bars, in seconds to the commit and in all, of a delivery of one row in a hundred."""
SECONDS = 3.3
"""The bar of the example with its own 62,000 rows."""


def measure(folder: Path, sizes: Sequence[int], files: Files) -> list[Row]:
    """Measure the example itself, then its rules at each size."""
    shutil.copytree(EXAMPLE, folder / "example")
    runs = [refresh(folder / "example", "--full").run for _ in range(3)]
    seconds = statistics.median(one.seconds for one in runs)
    processor = statistics.median(one.processor_seconds for one in runs)
    rows = [
        Row("example: refresh of 62,000 rows", seconds, "s", at_most=SECONDS),
        Row("example: processor time", processor, "s"),
    ]
    for people in sizes:
        rows += of_size(folder / str(people), people, files(people, "csv"))
    return rows


def of_size(folder: Path, people: int, source: Path) -> list[Row]:
    """Measure one size: seconds to the commit and in all, processor seconds, and memory."""
    project = write_example(folder / "project", source)
    before = by_hand(source, folder / "before")
    first = refresh(project)
    after = by_hand(source, folder / "after")
    beside = (before.document["total_seconds"] + after.document["total_seconds"]) / 2
    assert first.source_rows == before.document["rows_in"], "the SQL by hand read other rows"
    again = refresh(project, "--full")
    night = delivered(folder / "nightly", source)
    size = f"example's rules, {first.source_rows:,} rows"
    return [
        _ratio(f"{size}: to commit", first.seconds_to_commit, beside, TO_COMMIT.get(people)),
        _ratio(f"{size}: in all", first.run.seconds, beside, IN_ALL.get(people)),
        _ratio(f"{size}: again, in all", again.run.seconds, beside, None),
        _processor(size, first.run, before, after),
        _memory(size, first, before),
        *_of_night(f"{size}, 1 % delivered", night, people, beside),
        _processor(f"{size}, 1 % delivered", night.run, before, after),
    ]


def delivered(folder: Path, source: Path) -> Refresh:
    """Refresh a project of folders of files, then measure the refresh of the last hundredth."""
    project, later = write_example(folder, None), folder / "later"
    names = [file.stem for file in source.glob("*.csv") if file.stem != "truth"]
    for name in names:
        (project / "data" / name).mkdir(parents=True)
        (later / name).mkdir(parents=True)
        rows = f"(SELECT *, row_number() OVER () AS __row FROM read_csv('{source}/{name}.csv', "
        rows += "all_varchar = true))"
        for folder_of, number, those in (
            (project / "data", 1, "<="),
            (later, 2, ">"),
        ):
            duckdb.execute(
                f"COPY (SELECT * EXCLUDE (__row) FROM {rows} "
                f"WHERE __row {those} (SELECT count(*) * 0.99 FROM {rows}) ORDER BY __row) "
                f"TO '{folder_of}/{name}/{number}.csv' (FORMAT csv, HEADER)"
            )
    refresh(project)
    for name in names:
        shutil.move(later / name / "2.csv", project / "data" / name)
    return refresh(project)


def _of_night(size: str, night: Refresh, people: int, beside: float) -> list[Row]:
    """Return the rows of a night, beside the SQL by hand, which computes everything."""
    commit, in_all = OF_NIGHT.get(people, (None, None))
    return [
        Row(f"{size}: to commit", night.seconds_to_commit, "s", beside, at_most=commit),
        Row(f"{size}: in all", night.run.seconds, "s", beside, at_most=in_all),
    ]


def _ratio(measure: str, seconds: float, beside: float, most: float | None) -> Row:
    return Row(measure, seconds, "s", beside, at_most=None if most is None else most * beside)


def _processor(size: str, first: Run, before: Run, after: Run) -> Row:
    beside = (before.processor_seconds + after.processor_seconds) / 2
    return Row(f"{size}: processor time", first.processor_seconds, "s", beside)


def _memory(size: str, first: Refresh, beside: Run) -> Row:
    return Row(
        f"{size}: peak memory",
        first.run.peak_bytes / GIB,
        "GiB",
        beside.peak_bytes / GIB,
        at_most=4,
    )


def by_hand(source: Path, out: Path) -> Run:
    """Run the SQL by hand, and keep nothing of it."""
    program = Path(__file__).parent / "baseline_refresh.py"
    measured = run([sys.executable, program, "--data", source, "--out", out])
    shutil.rmtree(out)
    return measured


def write_example(folder: Path, source: Path | None) -> Path:
    """Make a project of the example's configuration that reads generated files in place.

    Without a source it reads folders of deliveries, which are not there yet.
    """
    folder.mkdir(parents=True)
    if source is not None:
        (folder / "data").symlink_to(source.resolve())
    text = (EXAMPLE / "overtide.yaml").read_text(encoding="utf-8")
    for example, generated in FILES.items():
        text = text.replace(example, generated if source else generated.replace(".csv", "/*.csv"))
    (folder / "overtide.yaml").write_text(text, encoding="utf-8")
    return folder
