"""Timelines at full size, in one process, beside DuckDB on the plain alternative's Parquet file."""

import random
from pathlib import Path

import duckdb

import overtide
from benchmarks.live import customer_ids
from benchmarks.measure import Row, percentile, seconds_of
from overtide.schemas.names import literal

READS = 500
BARS = {50: 8, 95: 20}
"""Milliseconds at 10M source rows, by percentile."""


def measure(project: Path) -> list[Row]:
    """Measure timelines of random customers."""
    ids = random.Random(1).sample(customer_ids(project, 20_000), READS)
    with overtide.open(project) as opened:
        opened.timeline(ids[0])
        times = [1000 * seconds_of(lambda one=one: opened.timeline(one)) for one in ids]
    beside = plain_times(project.parent / "plain-csv" / "UnifiedActivity.parquet")
    return [
        Row(
            f"timeline: p{percent} of {READS} customers",
            percentile(times, percent),
            "ms",
            percentile(beside, percent),
            at_most=most,
        )
        for percent, most in BARS.items()
    ]


def plain_times(activities: Path) -> list[float]:
    """Return milliseconds of the same question to a plain Parquet file, twenty times."""
    file = literal(str(activities))
    ids = duckdb.execute(f"SELECT CustomerId FROM {file} USING SAMPLE 21").fetchall()
    query = f"FROM {file} WHERE CustomerId = ? ORDER BY ActivityTime DESC"
    return [
        1000 * seconds_of(lambda one=one: duckdb.execute(query, list(one)).fetchall())
        for one in ids
    ][1:]
