"""Files that no commit names do not pile up.

Whoever begins removes what the dead left, and nothing else.
"""

import pyarrow as pa
import pytest
from small_lake import SmallLake, at, customer_id

from overtide.eventlog.sqlite import SqliteEventLog
from overtide.lake.catalog import METADATA
from overtide.lake.orphans import remove_orphans
from overtide.lake.overlay import Span, commit, open_overlay
from overtide.schemas.paths import Paths
from overtide.schemas.tables import OVERLAY
from overtide.transforms.realtime import to_batch
from tests import shop
from tests.engine import CONFIGURATION, TestClock
from tests.engine_by_hand import HandEngine
from tests.oracle import Truth

OVERLAY_FOLDERS = [table.name for table in OVERLAY]


@pytest.fixture
def lake(tmp_path):
    return SmallLake.create(tmp_path)


def carry(lake, rows):
    """Commit an event with so many rows."""
    values = [
        ("e", 0, customer_id(1), None, None, f"Field {number}", '"x"', at(1), at(2), at(1), None)
        for number in range(rows)
    ]
    commit(
        lake.connection,
        lake.paths,
        Span(0, 1),
        {"updates": [pa.Table.from_batches([to_batch("updates", values)])]},
    )


def leave(paths, *names):
    """Leave files as a process does that dies before its commit."""
    files = [paths.storage.table(name.split("/")[0]) / name.split("/")[1] for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    return files


def test_files_that_no_commit_names_go_and_all_others_stay(lake):
    carry(lake, 100)
    left = leave(lake.paths, "updates/ducklake-1.parquet", "Customer/run000002-0000.parquet")
    assert remove_orphans(lake.connection, lake.paths.storage) == 2
    assert not any(file.exists() for file in left)
    assert lake.query("SELECT count(*) FROM lake.updates") == [(100,)]


def test_only_the_named_tables_are_looked_at(lake):
    left = leave(lake.paths, "updates/ducklake-1.parquet", "Customer/run000002-0000.parquet")
    assert remove_orphans(lake.connection, lake.paths.storage, OVERLAY_FOLDERS) == 1
    assert [file.exists() for file in left] == [False, True]


def test_a_file_of_the_same_name_in_another_table_does_not_count(tmp_path):
    engine, truth = HandEngine(tmp_path, TestClock(1)), Truth(shop.world())
    sources = shop.sources()
    engine.publish(sources, truth.publish(sources, 1))
    paths = engine.paths
    names = sorted(file.name for file in paths.storage.table("Customer").glob("*.parquet"))
    left = leave(paths, f"OldTable/{names[0]}")
    with engine.sql() as sql:
        remove_orphans(sql.connection, paths.storage)
        assert sql.customers_now()
    assert (
        left[0].exists(),
        sorted(file.name for file in paths.storage.table("Customer").glob("*.parquet")),
    ) == (False, names)


def test_a_table_without_rows_leaves_no_file(tmp_path):
    engine, truth = HandEngine(tmp_path, TestClock(1)), Truth(shop.world())
    sources = shop.sources()
    engine.publish(sources, truth.publish(sources, 1))
    assert not any(engine.paths.storage.table("IdentityAlias").glob("*"))
    with engine.sql() as sql:
        assert remove_orphans(sql.connection, engine.paths.storage) == 0
        assert sql.connection.execute('SELECT count(*) FROM lake."IdentityAlias"').fetchall() == [
            (0,)
        ]


def test_files_of_a_few_rows_go_too_when_they_are_replaced(tmp_path):
    engine, truth = HandEngine(tmp_path, TestClock(1)), Truth(shop.world())
    for points in range(5):
        sources = shop.sources((shop.CONTACTS, "1", {"Points": points}))
        engine.publish(sources, truth.publish(sources, 1))
    with engine.sql() as sql:
        files = dict(
            sql.connection.execute(f"""
            SELECT t.table_name, count(*) FROM {METADATA}.ducklake_data_file f
            JOIN {METADATA}.ducklake_table t USING (table_id) WHERE f.end_snapshot IS NULL
              GROUP BY ALL""").fetchall()
        )
        assert len(sql.customers_now()) == 3
    assert (files["Customer"], files["AlternateKey"]) == (1, 1)
    assert files["runs"] <= 2


def test_a_stream_removes_what_an_earlier_one_left(tmp_path):
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    from overtide.pipelines.realtime import stream

    paths = Paths.of(tmp_path)
    open_overlay(paths).close()
    [left] = leave(paths, "updates/ducklake-1.parquet")
    log = SqliteEventLog(paths.log, lambda: 1, lambda _: "e")
    stream(paths, log, lambda: 1, FnApiRunner(), until_caught_up=True)
    assert not left.exists()


@pytest.mark.slow
def test_a_refresh_removes_what_an_earlier_one_left(tmp_path):
    from overtide import runner_configs
    from overtide.pipelines.refresh import refresh

    engine = HandEngine(tmp_path, TestClock(1))
    shop.write_sources(tmp_path, shop.sources())
    open_overlay(engine.paths).close()
    left = leave(
        engine.paths,
        "Customer/run000001-0077.parquet",
        "runs/ducklake-1.parquet",
        "updates/ducklake.parquet",
    )
    refresh(CONFIGURATION, engine.paths, runner_configs.load(), engine.clock)
    assert not any(file.exists() for file in left)
    with engine.sql() as sql:
        assert sql.customers_now()
