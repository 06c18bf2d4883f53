"""The stream's tables after many ticks.

How many files they have, and how fast SQL over the merged view still is.
"""

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa

from benchmarks.live import CITIES, customer_ids, merged_views
from benchmarks.log import HOUR, clock, open_log
from benchmarks.measure import Row
from overtide.eventlog.sqlite import SqliteEventLog
from overtide.lake.catalog import connect
from overtide.lake.held_open import held_open
from overtide.lake.maintenance import Keeper, Upkeep
from overtide.lake.overlay import Span, commit, committed_position, open_overlay
from overtide.schemas.events import Draft
from overtide.schemas.instants import DAY, HISTORY_DAYS
from overtide.schemas.paths import Paths
from overtide.schemas.tables import OVERLAY
from overtide.transforms.realtime import overlay_rows, to_batch

TICKS, EVENTS = 20_000, 5
READING_SECONDS = 5.0
"""Here a few seconds hold as many ticks as the default five minutes do.

Nothing waits between the ticks here.
"""


def measure(project: Path, plain: Path) -> list[Row]:
    """Make ticks without a pause and without a runner, and measure SQL again."""
    paths, ids, began = Paths.of(project), customer_ids(project, 10_000), time.perf_counter()
    with (
        closing(open_log(paths.log)) as log,
        closing(open_overlay(paths)) as connection,
        held_open(paths.catalog),
    ):
        keeper = Keeper(connection, paths, Upkeep(reading_seconds=READING_SECONDS))
        position = committed_position(connection)
        for tick in range(TICKS):
            append(log, [ids[(tick * EVENTS + number) % len(ids)] for number in range(EVENTS)])
            commit(connection, paths, Span(position, position + EVENTS), rows_of(log, position))
            keeper.committed(clock() - HISTORY_DAYS * DAY)
            position += EVENTS
    seconds = time.perf_counter() - began
    files = sum(1 for table in OVERLAY for _ in paths.storage.table(table.name).rglob("*.parquet"))
    with connect(paths) as connection:
        views = merged_views(connection, plain, f" after {TICKS:,} ticks")
    return [
        Row(f"{TICKS:,} ticks of {EVENTS} events: ticks/s with upkeep", TICKS / seconds, "/s"),
        Row(
            f"{TICKS:,} ticks of {EVENTS} events: files of the stream's tables",
            files,
            "",
            at_most=1000,
        ),
        *views,
    ]


def append(log: SqliteEventLog, ids: Sequence[str]) -> None:
    """Accept an update of the city of each of these customers."""
    drafts = [
        Draft("update", one, None, None, json.dumps({"fields": {"City": city}}), ttl=24 * HOUR)
        for one, city in zip(ids, islice(chain(CITIES, CITIES), len(ids)), strict=True)
    ]
    assert all(answer.event for answer in log.append(drafts))


def rows_of(log: SqliteEventLog, position: int) -> dict[str, list[pa.Table]]:
    """Return the overlay's rows of one tick, which expire on one day."""
    rows = defaultdict(list)
    for event in log.read(position, EVENTS):
        for table, row in overlay_rows(event, None):
            rows[table].append(row)
    return {
        table: [pa.Table.from_batches([to_batch(table, found)])] for table, found in rows.items()
    }
