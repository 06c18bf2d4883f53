"""The overlay's tables and the stream's commit: rows and log positions in one transaction."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from overtide.lake.catalog import connect
from overtide.lake.coordination import coordination
from overtide.lake.definitions import define_view, inline_up_to, table_columns
from overtide.lake.standing import carried, committing, known
from overtide.schemas import tables
from overtide.schemas.crash import crash_point
from overtide.schemas.errors import ConflictError
from overtide.schemas.names import columns, quoted
from overtide.schemas.paths import Paths
from overtide.schemas.table import SCHEMA, Column, Table, create_statements

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

Groups = Mapping[str, Sequence["pa.Table"]]
"""Rows by table of the overlay, in groups that expire on one day (UTC)."""
At = Callable[[str], None]
"""Called with the name of each step, so that a test may die there."""

INLINED_ROWS = 40
"""Inserts of up to this many rows stay in the catalog until maintenance.

Maintenance moves them into a Parquet file.

A commit takes 10 ms and 0.3 ms per inlined row, or 18 ms with a file of its own, however many rows
that holds.
"""
LOG_PARTITION = 0
"""What `stream_commits` says of every commit: the log is one sequence of positions.

The column stays for lakes that have it.
"""
OVERLAY_STATE = Table(
    "overlay_state",
    "How far the stream is: SQL knows every event accepted up to here.",
    (
        Column(
            "Position",
            "BIGINT",
            "position in the event log up to which events are in the lake, exclusive",
        ),
        Column("AcceptedAt", "TIMESTAMPTZ", "acceptance of the last of them"),
    ),
)


@dataclass(frozen=True)
class Span:
    """The range [start, end) of positions of the log."""

    start: int
    end: int


def open_overlay(paths: Paths) -> "DuckDBPyConnection":
    """Return a connection for the stream's commits.

    Whoever comes first creates the lake and the overlay's tables.
    """
    with committing(paths):
        connection = connect(paths, read_only=False, threads=1)
        with transaction(connection):
            create_overlay(connection)
        crash_point("overlay.created")
        for table in tables.OVERLAY:
            inline_up_to(connection, INLINED_ROWS, table.name)
            crash_point("overlay.option_set")
    return connection


def create_overlay(connection: "DuckDBPyConnection") -> None:
    """Create the overlay's missing tables and, where missing, the view overlay_state.

    They are created in the current transaction if there is one.
    """
    there = table_columns(connection)
    for table in tables.OVERLAY:
        for statement in () if table.name in there else create_statements(table):
            connection.execute(statement)
    if OVERLAY_STATE.name not in there:
        # Not max(): DuckDB takes that of a whole table from statistics, which may be newer than the
        # rows it reads.
        define_view(
            connection,
            OVERLAY_STATE,
            f"""SELECT coalesce((SELECT s."ToPosition" FROM {SCHEMA}.stream_commits s
              ORDER BY s."ToPosition" DESC LIMIT 1), 0) AS "Position",
            (SELECT s."AcceptedAt" FROM {SCHEMA}.stream_commits s
             ORDER BY s."AcceptedAt" DESC NULLS LAST LIMIT 1) AS "AcceptedAt" """,
        )


def committed_position(connection: "DuckDBPyConnection") -> int:
    """Return the position from which the stream goes on, 0 before its first commit."""
    row = connection.execute(
        f'SELECT coalesce(max("ToPosition"), 0) FROM {SCHEMA}.stream_commits'
    ).fetchone()
    return int(row[0]) if row else 0


def commit(
    connection: "DuckDBPyConnection",
    paths: Paths,
    span: Span,
    groups: Groups,
    at: At = crash_point,
) -> None:
    """Add the rows of a range of the log, by table, and move the committed position to its end.

    All or nothing. The rows of one group go into one file, unless they are few.

    Raises `position_moved`, having changed nothing, when the range does not begin at the committed
    position: it was committed before, or another stream went on.
    """
    # 1. Wait for the other writers: two transactions at once would make one of them fail and start
    # over.
    with coordination(paths).commit():
        before, accepted_at = known(paths), _last_acceptance(groups)
        at("stream.before_commit")
        # 2. From here on everything happens together: rows without positions would be doubled by a
        # restart, positions without rows would lose them.
        with transaction(connection):
            # 3. Compare inside the transaction and under the lock: before it, another stream could
            # still move it.
            _expect_position(connection, span)
            # 4. The rows, then the position; their order does not matter within the transaction.
            _insert(connection, groups)
            at("stream.rows_written")
            connection.execute(
                f"INSERT INTO {SCHEMA}.stream_commits VALUES (?, ?, ?, ?)",
                [LOG_PARTITION, span.start, span.end, accepted_at],
            )
            at("stream.position_written")
        # 5. The commit, at the end of the block, is the only point of truth: dying before it leaves
        # the old position and none of the rows. 6. What says so beside the catalog comes last:
        # dying before it lets readers ask the
        # catalog.
        carried(paths, before, span.end, accepted_at)
    at("stream.after_commit")


def _insert(connection: "DuckDBPyConnection", groups: Groups) -> None:
    for name, of_table in groups.items():
        for rows in inserts(of_table):
            insert_arrow(connection, name, rows)


def inserts(groups: Sequence["pa.Table"]) -> "list[pa.Table]":
    """Return the groups of a table as what to insert at once.

    A large group fills a file of its own. The rows of the small ones stay in the catalog, whatever
    their number: in one file they would lie together although they do not belong together.
    """
    import pyarrow as pa

    large = [group for group in groups if group.num_rows > INLINED_ROWS]
    small = [group for group in groups if group.num_rows <= INLINED_ROWS]
    if not small:
        return large
    rest = pa.concat_tables(small)
    starts = range(0, rest.num_rows, INLINED_ROWS)
    return [*large, *(rest.slice(start, INLINED_ROWS) for start in starts)]


def _last_acceptance(groups: Groups) -> datetime | None:
    """Return the greatest AcceptedAt of the rows.

    None where the events of the range are gone from the log.
    """
    import pyarrow.compute as pc

    instants = [
        pc.max(group["AcceptedAt"]).as_py()
        for of_table in groups.values()
        for group in of_table
        if group.num_rows
    ]
    return max(instants, default=None)


def _expect_position(connection: "DuckDBPyConnection", span: Span) -> None:
    position = committed_position(connection)
    if position != span.start:
        raise ConflictError(
            "position_moved",
            f"The range [{span.start}, {span.end}) does not begin at the committed "
            f"position {position}.",
            "stream_commits",
            "Read the log again from there.",
        )


def insert_arrow(connection: "DuckDBPyConnection", name: str, rows: "pa.Table") -> None:
    """Insert Arrow rows into a table of the lake."""
    if rows.num_rows:
        names = columns(rows.column_names)
        connection.register("incoming", rows)
        connection.execute(
            f"INSERT INTO {SCHEMA}.{quoted(name)} ({names}) SELECT {names} FROM incoming"
        )
        connection.unregister("incoming")


@contextlib.contextmanager
def transaction(connection: "DuckDBPyConnection") -> Iterator[None]:
    """Commit what the block does, or nothing of it when it raises.

    The caller holds the commit lock.
    """
    connection.execute("BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: "DuckDBPyConnection") -> None:
    """End the transaction where the database has not done so itself."""
    import duckdb

    with contextlib.suppress(duckdb.Error):
        connection.execute("ROLLBACK")
