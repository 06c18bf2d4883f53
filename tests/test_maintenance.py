"""The stream's tables stay small however often it commits, and nothing that a reader needs goes."""

import os

import pyarrow as pa
import pytest
from small_lake import SmallLake, at, customer_id

from overtide.lake.catalog import METADATA, connect
from overtide.lake.maintenance import EVENT_TABLES, Keeper, Upkeep
from overtide.lake.overlay import Span, commit
from overtide.transforms.realtime import to_batch

TICKS = int(os.environ.get("OVERTIDE_TICKS", "160"))
"""How many commits the accelerated stream makes."""


@pytest.fixture
def lake(tmp_path):
    made = SmallLake.create(tmp_path)
    for number in range(3):
        made.insert("Customer", CustomerId=customer_id(number), City="Rome", FirstRun=1)
    made.publish(1, 100)
    return made


def tick(lake, position, rows=2):
    """Commit rows of one event each, as one tick of the stream does."""
    values = [
        (
            f"e{number}",
            number,
            customer_id(number % 3),
            None,
            None,
            "City",
            f'"{number}"',
            at(200 + number),
            at(10**6),
            at(200 + number),
            None,
        )
        for number in range(position, position + rows)
    ]
    commit(
        lake.connection,
        lake.paths,
        Span(position, position + rows),
        {"updates": pa.Table.from_batches([to_batch("updates", values)])},
    )


def files(lake):
    return sum(1 for file in lake.paths.data.rglob("*.parquet") if "Customer" not in file.parts)


def snapshots(lake):
    return lake.query("SELECT count(*) FROM ducklake_snapshots('lake')")[0][0]


def keep_small(lake, horizon=0, reading_seconds=0.0):
    """Do a whole upkeep, the first and so the thorough one of a process."""
    keeper = Keeper(lake.connection, lake.paths, Upkeep(commits=1, reading_seconds=reading_seconds))
    keeper.committed(horizon)
    assert keeper.finish(horizon)


def test_files_and_snapshots_are_bounded_and_every_row_is_there(lake):
    keeper = Keeper(lake.connection, lake.paths, Upkeep(commits=10, reading_seconds=0))
    for number in range(TICKS):
        tick(lake, number * 2)
        keeper.committed(0)
    keep_small(lake)
    assert files(lake) < 20
    assert snapshots(lake) < 20
    assert lake.query('SELECT count(*), count(DISTINCT "Position") FROM lake.updates') == [
        (TICKS * 2, TICKS * 2)
    ]
    assert lake.query('SELECT "Position" FROM lake.overlay_state') == [(TICKS * 2,)]
    assert lake.query('SELECT count(*) FROM lake."Customer_live"') == [(3,)]


def test_events_wait_behind_one_step_of_an_upkeep_at_most(lake):
    keeper = Keeper(lake.connection, lake.paths, Upkeep(commits=4, seldom=1, reading_seconds=0))
    done = []
    for number in range(24):
        tick(lake, number * 2)
        before = len(keeper._due)
        thorough = keeper.committed(0)
        done.append((before - len(keeper._due), thorough))
    begun = len(EVENT_TABLES) + 4  # steps of an upkeep
    assert done[:3] == [(0, False)] * 3
    assert done[3] == (1 - begun, False)  # made due, and the first is done
    assert done[4 : 3 + begun] == [(1, False)] * (begun - 2) + [(1, True)]
    assert done[3 + begun] == (1 - begun, False)


def test_streams_that_live_for_one_commit_keep_their_tables_small_together(lake):
    for number in range(25):
        keeper = Keeper(lake.connection, lake.paths, Upkeep(commits=10, reading_seconds=0))
        tick(lake, number * 50, rows=50)
        keeper.committed(0)
        keeper.finish(0)
    assert files(lake) < 15
    assert lake.query("SELECT count(*) < 10 FROM lake.stream_commits") == [(True,)]
    assert lake.query("SELECT count(*) FROM lake.updates") == [(1250,)]


def test_a_reader_keeps_its_snapshot_while_it_may_be_reading(lake):
    reader = connect(lake.paths)
    tick(lake, 0, rows=100)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM lake.updates").fetchall() == [(100,)]
    for number in range(1, 9):
        tick(lake, number * 100, rows=100)
    keep_small(lake, reading_seconds=600)
    assert reader.execute('SELECT count(*), count("Value") FROM lake.updates').fetchall() == [
        (100, 100)
    ]
    reader.execute("COMMIT")
    assert reader.execute("SELECT count(*) FROM lake.updates").fetchall() == [(900,)]
    reader.close()


def test_a_reader_of_a_snapshot_that_was_the_latest_for_long_keeps_it_too(lake):
    tick(lake, 0, rows=100)
    tick(lake, 100, rows=100)
    lake.query(
        f"UPDATE {METADATA}.ducklake_snapshot SET snapshot_time ="
        " (snapshot_time::TIMESTAMPTZ - INTERVAL 1 HOUR)::VARCHAR"
    )
    reader = connect(lake.paths)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM lake.updates").fetchall() == [(200,)]
    keep_small(lake, reading_seconds=600)
    assert reader.execute('SELECT count(*), count("Value") FROM lake.updates').fetchall() == [
        (200, 200)
    ]
    reader.close()


def test_only_what_lies_beyond_the_history_goes(lake):
    lake.update(1, accepted=200, until=300, fields={"City": "ended"})
    lake.update(1, accepted=201, until=301, fields={"City": "at the horizon"})
    lake.activity(1, accepted=202, until=300, name="ended")
    lake.withdraw(1, accepted=203)
    lake.stream()
    keep_small(lake, at(300) - 1)
    assert lake.query("SELECT count(*) FROM lake.updates") == [(2,)]
    keep_small(lake, at(300))
    assert lake.query('SELECT "Value" FROM lake.updates') == [('"at the horizon"',)]
    assert lake.query("SELECT count(*) FROM lake.realtime_activities") == [(0,)]
    assert lake.query("SELECT count(*) FROM lake.withdrawals") == [(1,)]


def test_the_base_is_left_alone(lake):
    base = {
        file: file.stat().st_mtime_ns for file in lake.paths.table("Customer").rglob("*.parquet")
    }
    lake.connection.execute(
        'COPY (SELECT \'new\' AS "CustomerId", 1 AS "FirstRun") TO ? (FORMAT parquet)',
        [str(lake.paths.table("Customer") / "run000001-0000.parquet")],
    )
    added = lake.paths.table("Customer") / "run000001-0000.parquet"
    lake.connection.execute(
        f"CALL ducklake_add_data_files('lake', 'Customer', '{added}', allow_missing => true)"
    )
    keep_small(lake)
    assert added.exists()
    assert all(file.stat().st_mtime_ns == time for file, time in base.items())
    assert lake.query('SELECT count(*) FROM lake."Customer_live"') == [(4,)]
