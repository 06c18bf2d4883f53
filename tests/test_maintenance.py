"""The stream's tables stay small however often it commits, and nothing that a reader needs goes."""

import os
from datetime import date

import duckdb
import pyarrow as pa
import pytest
from small_lake import SmallLake, at, customer_id

from overtide.lake.catalog import METADATA, connect
from overtide.lake.maintenance import Keeper, Upkeep
from overtide.lake.overlay import INLINED_ROWS, Span, commit
from overtide.lake.overlay_files import EXPIRY, LARGEST, Piece, first_to_join
from overtide.transforms.realtime import to_batch

TICKS = int(os.environ.get("OVERTIDE_TICKS", "160"))
"""How many commits the accelerated stream makes."""
START_DAY = date(2027, 1, 15)
"""The day (UTC) of the tests' start, at 8 o'clock."""


@pytest.fixture
def lake(tmp_path):
    made = SmallLake.create(tmp_path)
    for number in range(3):
        made.insert("Customer", CustomerId=customer_id(number), City="Rome", FirstRun=1)
    made.publish(1, 100)
    return made


def batch(position, rows=2, until=10**6):
    """Return the rows of one event each, which end so many seconds after the tests' start."""
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
            at(until),
            at(200 + number),
            None,
        )
        for number in range(position, position + rows)
    ]
    return pa.Table.from_batches([to_batch("updates", values)])


def tick(lake, position, rows=2, until=10**6):
    """Commit rows of one event each, as one tick of the stream does."""
    commit(
        lake.connection,
        lake.paths,
        Span(position, position + rows),
        {"updates": [batch(position, rows, until)]},
    )


def files(lake):
    return sum(
        1 for file in lake.paths.storage.folder.rglob("*.parquet") if "Customer" not in file.parts
    )


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
    begun = len(EXPIRY) + 4  # steps of an upkeep
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
    midnight = 16 * 3600  # after the tests' start
    lake.update(1, accepted=200, until=midnight - 1, fields={"City": "ended"})
    lake.update(1, accepted=201, until=midnight, fields={"City": "on the day of the horizon"})
    lake.activity(1, accepted=202, until=300, name="ended")
    lake.withdraw(1, accepted=203)
    lake.stream()
    keep_small(lake, at(midnight) - 1)
    assert lake.query("SELECT count(*) FROM lake.updates") == [(2,)]
    keep_small(lake, at(midnight + 3600))
    assert lake.query('SELECT "Value" FROM lake.updates') == [('"on the day of the horizon"',)]
    assert lake.query("SELECT count(*) FROM lake.realtime_activities") == [(0,)]
    assert lake.query("SELECT count(*) FROM lake.withdrawals") == [(1,)]


DAYS = 24 * 3600
MANY = INLINED_ROWS + 1


def files_of_updates(lake):
    """Return the days, counted from the tests' start, on which the rows of each file expire."""
    rows = lake.query(
        f"""SELECT s.min_value::TIMESTAMPTZ, s.max_value::TIMESTAMPTZ, f.path, f.record_count
        FROM {METADATA}.ducklake_data_file f JOIN {METADATA}.ducklake_table t USING (table_id)
        JOIN {METADATA}.ducklake_column c ON c.table_id = t.table_id
          AND c.column_name = 'ValidUntil'
        JOIN {METADATA}.ducklake_file_column_stats s USING (data_file_id, column_id)
        WHERE f.end_snapshot IS NULL AND t.table_name = 'updates' ORDER BY 1, f.data_file_id"""
    )
    return [
        ((first.date() - START_DAY).days, (last.date() - START_DAY).days, path, count)
        for first, last, path, count in rows
    ]


def mixed(lake, position, days, rows=MANY):
    """Commit rows that end on several days as one group, as an earlier program did."""
    tables = [batch(position + rows * n, rows, n * DAYS) for n in range(days)]
    commit(
        lake.connection,
        lake.paths,
        Span(position, position + rows * days),
        {"updates": [pa.concat_tables(tables)]},
    )


def test_rows_are_joined_by_the_day_on_which_they_expire(lake):
    for number in range(12):
        tick(lake, number * 20, rows=20, until=number % 3 * DAYS)
    assert files_of_updates(lake) == []
    keep_small(lake)
    assert [(first, last, count) for first, last, _, count in files_of_updates(lake)] == [
        (day, day, 80) for day in range(3)
    ]
    assert lake.query('SELECT count(DISTINCT "Position") FROM lake.updates') == [(240,)]


def test_rows_of_a_day_that_has_few_stay_in_the_catalog(lake):
    for number in range(4):
        tick(lake, number * 20, rows=20, until=number % 2 * 10 * DAYS + number // 3 * DAYS)
    keep_small(lake)
    assert [(first, count) for first, _, _, count in files_of_updates(lake)] == []
    tick(lake, 80, rows=20)
    tick(lake, 100, rows=20, until=0)
    keep_small(lake)
    assert [(first, count) for first, _, _, count in files_of_updates(lake)] == [(0, 60)]
    assert lake.query('SELECT count(DISTINCT "Position") FROM lake.updates') == [(120,)]


def test_days_that_closed_beyond_history_go_as_whole_files(lake):
    for number in range(6):
        tick(lake, number * MANY, rows=MANY, until=number * DAYS)
    before = files_of_updates(lake)
    keep_small(lake, at(3 * DAYS))
    assert files_of_updates(lake) == before[3:]
    deleted = f"SELECT count(*) FROM {METADATA}.ducklake_delete_file WHERE end_snapshot IS NULL"
    assert lake.query(deleted) == [(0,)]
    keep_small(lake, at(3 * DAYS))  # the snapshots that named them are forgotten only now
    gone, kept = before[0][2], before[3][2]
    assert not (lake.paths.storage.table("updates") / gone).exists()
    assert (lake.paths.storage.table("updates") / kept).exists()


def test_a_live_read_opens_no_file_of_a_day_that_is_over(lake):
    for number, until in enumerate((-3000 * DAYS, -2999 * DAYS, 10**6)):
        tick(lake, number * MANY, rows=MANY, until=until)
    keep_small(lake)
    over = [path for _, last, path, _ in files_of_updates(lake) if last < 0]
    assert len(over) == 2
    for path in over:
        (lake.paths.storage.table("updates") / path).unlink()
    with connect(lake.paths) as reader:  # that has nothing of the files in memory
        live = reader.execute('SELECT count("City") FROM lake."Customer_live"').fetchall()
        assert live == [(3,)]
        with pytest.raises(duckdb.Error):
            reader.execute('SELECT max(length("Value")) FROM lake.updates').fetchall()


def test_files_of_several_days_are_read_and_stay_until_their_rows_go(lake):
    mixed(lake, 0, 3)
    tick(lake, 3 * MANY, rows=20, until=DAYS)
    tick(lake, 3 * MANY + 20, rows=30, until=DAYS)
    keep_small(lake)
    found = [(first, last, count) for first, last, _, count in files_of_updates(lake)]
    assert found == [(0, 2, 3 * MANY), (1, 1, 50)]
    keep_small(lake, at(2 * DAYS))
    assert lake.query('SELECT count(DISTINCT "Position") FROM lake.updates') == [(MANY,)]
    keep_small(lake, at(3 * DAYS))
    assert files_of_updates(lake) == []


@pytest.mark.parametrize(
    ("files", "inlined", "first"),
    [
        ([], Piece(40, 5), None),
        ([], Piece(41, 5), 5),
        ([Piece(50, 0)], Piece(0, 0), None),
        ([Piece(50, 0), Piece(50, 50)], Piece(0, 0), 0),
        ([Piece(100, 0), Piece(50, 100)], Piece(45, 150), 150),
        ([Piece(100, 0), Piece(50, 100)], Piece(50, 150), 0),
        ([Piece(1000, 0), Piece(500, 100)], Piece(10, 50), 50),  # among the inlined ones
        ([Piece(LARGEST + 1, 0), Piece(LARGEST + 1, LARGEST + 1)], Piece(0, 0), None),
    ],
)
def test_a_file_joins_when_it_has_no_more_rows_than_all_newer_ones(files, inlined, first):
    assert first_to_join(files, inlined) == first


def test_the_base_is_left_alone(lake):
    base = {
        file: file.stat().st_mtime_ns
        for file in lake.paths.storage.table("Customer").rglob("*.parquet")
    }
    lake.connection.execute(
        'COPY (SELECT \'new\' AS "CustomerId", 1 AS "FirstRun") TO ? (FORMAT parquet)',
        [str(lake.paths.storage.table("Customer") / "run000001-0000.parquet")],
    )
    added = lake.paths.storage.table("Customer") / "run000001-0000.parquet"
    lake.connection.execute(
        f"CALL ducklake_add_data_files('lake', 'Customer', '{added}', allow_missing => true)"
    )
    keep_small(lake)
    assert added.exists()
    assert all(file.stat().st_mtime_ns == time for file, time in base.items())
    assert lake.query('SELECT count(*) FROM lake."Customer_live"') == [(4,)]
