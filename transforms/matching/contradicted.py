"""Find the records that contradict each other though others join them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.names import parquet_rows
from overtide.transforms import clusters
from overtide.transforms.kernel import define
from overtide.transforms.matching.contract import KeptApart, PairTable
from overtide.transforms.matching.pairs import agrees
from overtide.transforms.matching.similarity import points_alike

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Pair = tuple[int, int]


def contradicted(
    connection: "DuckDBPyConnection",
    folder: Path,
    tables: Sequence[PairTable],
    always: Iterable[Pair],
    most: int,
) -> set[Pair]:
    """Return the pairs of records of one customer that contradict each other.

    A pair that a rule joins itself, or a person, is none. Customers with more than `most` records
    are not looked at: they are not merged anyway.
    """
    define(connection, points_alike, ["VARCHAR", "VARCHAR"], "BIGINT")
    linked = " UNION ALL ".join(
        f"SELECT lower_record, upper_record FROM {parquet_rows([table.path])}" for table in tables
    )
    edges = connection.execute(linked).to_arrow_table()
    pairs = np.array([*always], np.int64).reshape(-1, 2)
    ends = [
        np.concatenate([np.asarray(column), pairs[:, place]])
        for place, column in enumerate(edges.columns)
    ]
    path = folder / "joined.parquet"
    pq.write_table(pa.Table.from_batches([clusters.forest(*ends)]), path)
    rows = parquet_rows([str(path)])
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE joined AS
        WITH members AS (FROM {rows} UNION ALL SELECT DISTINCT root, root FROM {rows})
        FROM members WHERE root IN (
          SELECT root FROM members GROUP BY root HAVING count(*) BETWEEN 3 AND {most})"""
    )
    found: set[Pair] = set()
    for table in tables:
        for apart in table.apart:
            query = f"({_contradicting(apart, table.lower == table.upper)}) EXCEPT ({linked})"
            found |= {(lower, upper) for lower, upper in connection.execute(query).fetchall()}
    return found - set(always)


def _contradicting(apart: KeptApart, within: bool) -> str:
    """Return the SQL of the pairs of records of one customer that contradict each other."""
    tests = [
        agrees(
            f"l.v{lower}",
            f"r.v{upper}",
            None if across is None or back is None else (f"l.v{across}", f"r.v{back}"),
            percent,
        )
        for lower, upper, across, back, percent in apart.tests
    ]
    sides = [
        f"(SELECT * FROM {parquet_rows(paths)} JOIN joined USING (record))"
        for paths in (apart.lower, apart.upper)
    ]
    order = " AND l.record < r.record" if within else ""
    return f"""
        SELECT l.record AS lower_record, r.record AS upper_record
        FROM {sides[0]} AS l JOIN {sides[1]} AS r ON l.root = r.root{order}
        WHERE NOT ({" AND ".join(tests)})"""
