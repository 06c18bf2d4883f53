"""A million profiles with a hundred thousand live updates.

SQL over the merged view, and single profiles.
"""

import json
import random
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import overtide as front_door
from benchmarks.log import HOUR, open_log
from benchmarks.measure import Row, median_seconds, overtide, percentile, seconds_of
from benchmarks.project import write_project
from benchmarks.refreshes import Files, refresh
from overtide.lake.catalog import connect
from overtide.lake.standing import current_publish
from overtide.schemas.events import Draft
from overtide.schemas.names import literal
from overtide.schemas.paths import Paths

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

UPDATES, BATCH, READS = 100_000, 1000, 10_000
PROFILES_PER_PERSON = 1.0594
CITIES = ("Akron", "Amarillo", "Aurora", "Columbia")


def make_project(folder: Path, profiles: int, files: Files) -> Path:
    """Make and refresh a project of about so many profiles."""
    source = files(round(profiles / PROFILES_PER_PERSON), "parquet")
    project = write_project(folder / "project", source, "parquet", "one")
    refresh(project)
    return project


def customer_ids(project: Path, count: int) -> list[str]:
    """Return so many CustomerIds, always the same for the same base."""
    with connect(Paths.of(project)) as connection:
        rows = connection.execute(
            f"SELECT CustomerId FROM lake.Customer ORDER BY md5(CustomerId) LIMIT {count}"
        )
        return [row[0] for row in rows.fetchall()]


def append_updates(project: Path, ids: list[str]) -> None:
    """Append one update of the city for each of these customers."""
    log = open_log(Paths.of(project).log)
    for first in range(0, len(ids), BATCH):
        drafts = [
            Draft(
                "update",
                one,
                None,
                None,
                json.dumps({"fields": {"City": CITIES[first // BATCH % 4]}}),
                ttl=24 * HOUR,
            )
            for one in ids[first : first + BATCH]
        ]
        assert all(answer.event for answer in log.append(drafts))
    log.close()


def measure(folder: Path, profiles: int, files: Files) -> list[Row]:
    """Measure the stream that lays updates over the base, SQL over the result, and reads.

    The reads are of single profiles.
    """
    project = make_project(folder, profiles, files)
    ids = customer_ids(project, UPDATES)
    append_updates(project, ids)
    caught_up = overtide(project, "stream", "--until-caught-up")
    with connect(Paths.of(project)) as connection:
        rows = merged_views(connection, folder / "plain")
    stream = Row("stream: events/s until caught up", UPDATES / caught_up.seconds, "/s")
    return [stream, *rows, *single_reads(project, ids)]


def merged_views(connection: "DuckDBPyConnection", plain: Path, when: str = "") -> list[Row]:
    """Measure a grouped count over the merged view, and the same in hand-written SQL.

    Both are measured now and as of an instant.
    """
    profiles = connection.execute("SELECT count(*) FROM lake.Customer").fetchall()[0][0]
    now = datetime.now(UTC).isoformat()
    by_hand = plain_view(connection, plain)
    queries = {
        "now": "SELECT City, count(*) FROM lake.Customer_live GROUP BY City ORDER BY ALL",
        "as of": f"SELECT City, count(*) FROM lake.customer_as_of(TIMESTAMPTZ '{now}', TIMESTAMPTZ "
        f"'{now}') GROUP BY City ORDER BY ALL",
    }
    answers = [connection.execute(query).fetchall() for query in [by_hand, *queries.values()]]
    assert answers[0] == answers[1] == answers[2], "the views and the hand-written SQL disagree"
    queries["plain"] = by_hand
    seconds = {name: median_seconds(runner(connection, query)) for name, query in queries.items()}
    updates = connection.execute("SELECT count(*) FROM lake.updates").fetchall()[0][0]
    what = f"SQL{when}: count grouped over {profiles:,} profiles, {updates:,} live updates"
    return [
        Row(f"{what}, now", seconds["now"], "s", seconds["plain"], at_most=0.3),
        Row(
            f"{what}, as of",
            seconds["as of"],
            "s",
            seconds["plain"],
            at_most=round(2 * seconds["now"], 3),
        ),
    ]


def runner(connection: "DuckDBPyConnection", query: str) -> Callable[[], object]:
    """Return a call that runs a query and fetches its rows."""
    return lambda: connection.execute(query).fetchall()


def plain_view(connection: "DuckDBPyConnection", folder: Path) -> str:
    """Write profiles and updates as plain Parquet; return hand-written SQL that merges them."""
    folder.mkdir()
    customers, updates = literal(f"{folder}/customer.parquet"), literal(f"{folder}/updates.parquet")
    connection.execute(f"COPY (FROM lake.Customer) TO {customers} (FORMAT parquet)")
    connection.execute(f"COPY (FROM lake.updates) TO {updates} (FORMAT parquet)")
    return f"""
        WITH latest AS (
            SELECT CustomerId, arg_max_null(Value, (ValidFrom, AcceptedAt, EventId)) AS City
              FROM {updates}
            WHERE Field = 'City' AND ValidFrom <= now() AND now() < ValidUntil GROUP BY CustomerId)
        SELECT CASE WHEN l.CustomerId IS NULL THEN c.City ELSE l.City ->> '$' END AS City, count(*)
        FROM {customers} c LEFT JOIN latest l USING (CustomerId) GROUP BY 1 ORDER BY ALL"""


def single_reads(project: Path, updated: list[str]) -> list[Row]:
    """Measure reads of single profiles beside a bare SQLite look-up.

    Half of the profiles have a live update.
    """
    ids = (
        random.Random(1).sample(customer_ids(project, 2 * UPDATES), READS // 2)
        + updated[: READS // 2]
    )
    random.Random(2).shuffle(ids)
    with front_door.open(project) as opened:
        opened.get(ids[0])
        times = [1000 * seconds_of(lambda one=one: opened.get(one)) for one in ids]
    store = plain_store(project)
    bare = [1000 * seconds_of(lambda one=one: plain_get(store, one)) for one in ids]
    return [
        Row(
            f"get: p{percent} of {READS:,} profiles",
            percentile(times, percent),
            "ms",
            percentile(bare, percent),
            at_most=1 if percent == 99 else None,
        )
        for percent in (50, 99)
    ]


def plain_store(project: Path) -> sqlite3.Connection:
    """Open the published profiles as a bare SQLite file."""
    paths = Paths.of(project)
    publish = current_publish(paths)
    assert publish is not None
    return sqlite3.connect(f"file:{paths.generation(publish.generation)}?mode=ro", uri=True)


def plain_get(store: sqlite3.Connection, customer_id: str) -> object:
    """Look one profile up, without any update."""
    row = store.execute(
        "SELECT document FROM profile WHERE customer_id = ?", [customer_id]
    ).fetchone()
    return json.loads(row[0])
