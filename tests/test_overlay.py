"""The stream's commit is all or nothing, and a range of the log is committed once."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from small_lake import SmallLake, at, customer_id

from overtide.lake.catalog import METADATA, connect
from overtide.lake.overlay import Span, commit, committed_position, inserts, open_overlay
from overtide.schemas.errors import OvertideError
from overtide.schemas.paths import Paths
from overtide.transforms.realtime import to_batch


@pytest.fixture
def lake(tmp_path):
    return SmallLake(Paths.of(tmp_path))


def counts(lake):
    return lake.query(
        'SELECT (SELECT count(*) FROM lake.updates), (SELECT max("Position") FROM '
        "lake.overlay_state)"
    )[0]


def test_the_first_to_come_creates_the_tables(lake):
    assert committed_position(lake.connection) == 0
    assert lake.query("SELECT * FROM lake.overlay_state") == [(0, None)]
    second = open_overlay(lake.paths)
    assert committed_position(second) == 0
    second.close()


def test_rows_and_positions_are_committed_together(lake):
    lake.update(1, accepted=1, fields={"City": "Oslo", "Name": "Ann"})
    lake.withdraw(1, accepted=2)
    lake.stream()
    assert counts(lake) == (2, 2)
    assert lake.query('SELECT epoch_us("AcceptedAt") FROM lake.overlay_state') == [(at(2),)]
    reader = connect(lake.paths)
    assert reader.execute(
        'SELECT "CustomerId", "Field", "Value" FROM lake.updates ORDER BY 2'
    ).fetchall() == [(customer_id(1), "City", '"Oslo"'), (customer_id(1), "Name", '"Ann"')]
    reader.close()


@pytest.mark.parametrize("span", [Span(0, 1), Span(0, 2), Span(2, 3), Span(5, 6)])
def test_a_range_that_does_not_begin_at_the_committed_position_changes_nothing(lake, span):
    lake.update(1, accepted=1, fields={"City": "Oslo"})
    lake.stream()
    rows = {"updates": [lake.connection.execute("FROM lake.updates").to_arrow_table()]}
    with pytest.raises(OvertideError) as refused:
        commit(lake.connection, lake.paths, span, rows)
    assert refused.value.code == "position_moved"
    assert counts(lake) == (1, 1)


def group(first, rows, until):
    values = [
        ("e", first + n, "c", None, None, "City", '"x"', 1, until, first + n, None)
        for n in range(rows)
    ]
    return pa.Table.from_batches([to_batch("updates", values)])


@pytest.mark.parametrize(
    ("sizes", "inserted"),
    [
        ([], []),
        ([3], [3]),
        ([40, 41], [41, 40]),
        ([30, 30, 30], [40, 40, 10]),
        ([100, 200, 5], [100, 200, 5]),
    ],
)
def test_large_groups_are_inserted_on_their_own_and_small_ones_a_few_rows_at_a_time(
    sizes, inserted
):
    found = inserts([group(0, size, 9) for size in sizes])
    assert [rows.num_rows for rows in found] == inserted


def test_a_large_group_fills_a_file_and_small_ones_none(lake):
    groups = [group(number * 100, size, 9) for number, size in enumerate((50, 30, 30, 60))]
    commit(lake.connection, lake.paths, Span(0, 400), {"updates": groups})
    files = lake.query(f"SELECT record_count FROM {METADATA}.ducklake_data_file ORDER BY 1")
    assert files == [(50,), (60,)]
    assert counts(lake) == (170, 400)


class DiedError(Exception):
    pass


@pytest.mark.parametrize(
    "step",
    [
        "stream.before_commit",
        "stream.rows_written",
        "stream.position_written",
        "stream.after_commit",
    ],
)
def test_an_error_at_any_step_leaves_all_or_nothing(lake, step):
    def die(name):
        if name == step:
            raise DiedError

    lake.update(1, accepted=1, fields={"City": "Oslo"})
    lake.stream()
    rows = {"updates": [lake.connection.execute("FROM lake.updates").to_arrow_table()]}
    with pytest.raises(DiedError):
        commit(lake.connection, lake.paths, Span(1, 2), rows, at=die)
    assert counts(lake) == ((2, 2) if step == "stream.after_commit" else (1, 1))
    if step != "stream.after_commit":
        commit(lake.connection, lake.paths, Span(1, 2), rows)
    assert counts(lake) == (2, 2)


DYING = """
import sys
from pathlib import Path
import pyarrow as pa
from overtide.lake.overlay import Span, commit, open_overlay
from overtide.schemas.paths import Paths
from overtide.transforms.realtime import to_batch
paths = Paths.of(Path(sys.argv[1]))
row = ("e", 0, "c", None, None, "City", '"x"', 1, 2, 1, None)
commit(open_overlay(paths), paths, Span(0, 1),
       {"updates": [pa.Table.from_batches([to_batch("updates", [row])])]})
"""


@pytest.mark.crash
@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("stream.rows_written", (0, 0)),
        ("stream.position_written", (0, 0)),
        ("stream.after_commit", (1, 1)),
    ],
)
def test_a_killed_commit_leaves_all_or_nothing(lake, step, expected):
    died = subprocess.run(
        [sys.executable, "-c", DYING, str(lake.paths.project)],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "OVERTIDE_CRASH_AT": step},
        check=False,
    )
    assert died.returncode == 137
    assert counts(lake) == expected
