"""Rows keep the run that first published them, and what a run replaces goes to history.

Against plain Python.
"""

from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.lake.catalog import Publish
from overtide.lake.decide.present import history_begins
from overtide.schemas.instants import DAY
from overtide.transforms.history import replaced, stamped

Table = dict[tuple[str, str], tuple[Any, ...]]
"""Rows by their key of two columns: the values behind it."""
VALUES = ["k", "l", "v", "w"]
KEY = "k, l"
ROWS = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xy")),
    st.tuples(st.none() | st.sampled_from(["", "1"]), st.none() | st.sampled_from([0.0, 0.5])),
)


class Versioned:
    """A table and its history, run by run, as the refresh keeps them."""

    def __init__(self) -> None:
        self.connection, self.run = duckdb.connect(), 0
        self.connection.execute(
            "CREATE TABLE history (k VARCHAR, l VARCHAR, v VARCHAR, w DOUBLE, FirstRun INTEGER, "
            "ReplacedRun INTEGER)"
        )

    def publish(self, rows: Table) -> None:
        self.run += 1
        whole = [(*key, *row) for key, row in rows.items()]
        columns = [[row[place] for row in whole] for place in range(len(VALUES))]
        schema = pa.schema(
            [("k", pa.string()), ("l", pa.string()), ("v", pa.string()), ("w", pa.float64())]
        )
        self.connection.register("new", pa.table(columns, schema=schema))
        old = None if self.run == 1 else "FROM current"
        self.connection.execute(
            f"CREATE TABLE next AS {stamped('FROM new', old, KEY, VALUES, self.run)}"
        )
        if old is not None:
            self.connection.execute(
                f"INSERT INTO history {replaced('FROM next', old, KEY, VALUES, self.run)}"
            )
            self.connection.execute("DROP TABLE current")
        self.connection.execute("ALTER TABLE next RENAME TO current")

    def rows(self) -> dict[tuple[str, str], tuple[tuple[Any, ...], int]]:
        return {
            (k, other): ((v, w), run)
            for k, other, v, w, run in self.connection.execute("FROM current").fetchall()
        }

    def gone(self) -> list[tuple[Any, ...]]:
        return self.connection.execute("FROM history").fetchall()

    def at(self, run: int) -> Table:
        """The table as run `run` published it.

        Current rows of its time or before, and those replaced later.
        """
        found = self.connection.execute(f"""
            SELECT * EXCLUDE (FirstRun) FROM current WHERE FirstRun <= {run} UNION ALL
            SELECT k, l, v, w FROM history WHERE FirstRun <= {run}
              AND {run} < ReplacedRun""").fetchall()
        assert len({row[:2] for row in found}) == len(found)
        return {(k, other): (v, w) for k, other, v, w in found}


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ROWS, min_size=1, max_size=6))
def test_every_run_can_be_read_again_and_unchanged_rows_keep_their_first_run(runs):
    table = Versioned()
    first: dict[tuple[str, str], int] = {}
    before: Table = {}
    gone = 0
    for run, rows in enumerate(runs, 1):
        table.publish(rows)
        gone += sum(rows.get(key) != row for key, row in before.items())
        first = {key: first[key] if before.get(key) == row else run for key, row in rows.items()}
        before = rows
        assert table.rows() == {key: (row, first[key]) for key, row in rows.items()}
        assert len(table.gone()) == gone
        assert [table.at(past) for past in range(1, run + 1)] == runs[:run]
    table.connection.close()


ROW: Table = {("a", "x"): ("1", 0.5)}


@pytest.mark.parametrize(
    ("runs", "first", "history"),
    [
        pytest.param([ROW, ROW, ROW], 1, [], id="unchanged"),
        pytest.param(
            [ROW, {("a", "x"): ("1", 0.0)}], 2, [("a", "x", "1", 0.5, 1, 2)], id="changed"
        ),
        pytest.param(
            [ROW, {("a", "x"): (None, 0.5)}], 2, [("a", "x", "1", 0.5, 1, 2)], id="became null"
        ),
        pytest.param([{("a", "x"): (None, None)}] * 2, 1, [], id="null stays null"),
        pytest.param(
            [{("a", "x"): (None, None)}, {("a", "x"): ("", None)}],
            2,
            [("a", "x", None, None, 1, 2)],
            id="empty",
        ),
        pytest.param([ROW, {}, ROW], 3, [("a", "x", "1", 0.5, 1, 2)], id="vanished and returned"),
        pytest.param([ROW, {}, {}, ROW, ROW], 4, [("a", "x", "1", 0.5, 1, 2)], id="returned once"),
    ],
)
def test_what_becomes_of_a_row(runs, first, history):
    table = Versioned()
    for rows in runs:
        table.publish(rows)
    assert table.rows()["a", "x"][1] == first
    assert table.gone() == history
    table.connection.close()


def test_history_reaches_back_to_the_last_publish_at_least():
    last = Publish(1, 1000 * DAY, "", history_days=2)
    assert [history_begins(days * DAY, last) for days in (1000, 1001, 1002, 1003)] == [
        998 * DAY,
        999 * DAY,
        1000 * DAY,
        1000 * DAY,
    ]
