"""Draw a sample of the records that were read, so that large sources are tried in seconds.

Records alone would find nobody: with each that is drawn comes all that it is compared with, and
the other records of its published customer.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.pipelines.matching.alone import Matching
from overtide.pipelines.matching.trying import rules_of
from overtide.schemas.names import literal
from overtide.transforms.kernel import write_parquet
from overtide.transforms.keys import EntityTable
from overtide.transforms.matching import changes, sizes
from overtide.transforms.matching.blocks import BlockFile
from overtide.transforms.matching.pairs import Search
from overtide.transforms.matching.rules import RuleMatcher
from overtide.transforms.records import RECORD, Unified
from overtide.transforms.step import attached_kernel, new_folder

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def sampled(matching: Matching, size: int) -> Matching:
    """Return the matching of so many records of each entity, and of those around them.

    They are drawn by a hash of their keys: the same ones each time.
    """
    plan, unified = matching.steps.plan, matching.records
    if all(one.table.rows_kept <= size for one in unified):
        return matching
    pieces, matcher = matching.prepare(), rules_of(plan)
    folder = new_folder(plan.scratch, "sample")
    with attached_kernel(plan.settings, plan.attach) as connection:
        _draw(connection, unified, size)
        for (search, block), files in sizes.block_kinds(matcher, pieces).items():
            for query in _compared_with(matcher, search, block, files):
                connection.execute(f"INSERT INTO around {query}")
        if plan.attach:
            _add_customers(connection, unified)
        tables = [_written(connection, one, folder) for one in unified]
    return replace(matching, tables=tables)


def _draw(connection: "DuckDBPyConnection", unified: Sequence[Unified], size: int) -> None:
    """Create `drawn` (record), and `around` (record), to which others are added."""
    rows = " UNION ALL ".join(
        f"(SELECT {RECORD} AS record FROM ({one.records}) "
        f"ORDER BY md5({one.key}), {one.key} LIMIT {size})"
        for one in unified
    )
    connection.execute(f"CREATE TEMP TABLE drawn AS {rows}")
    connection.execute("CREATE TEMP TABLE around AS FROM drawn")


def _compared_with(
    matcher: RuleMatcher, search: Search, block: int, files: Sequence[BlockFile]
) -> list[str]:
    """Return the SQL of what drawn records are compared with, seen from either side."""
    sides = [
        sizes.block_rows(matcher, search, block, own)
        for name in dict.fromkeys((search.lower, search.upper))
        if (own := [file for file in files if file.entity == name])
    ]
    if len(sides) < 2 and not search.within:
        return []
    both = " UNION ALL ".join(f"SELECT block FROM ({side})" for side in sides)
    large = f"SELECT block FROM ({both}) GROUP BY 1 HAVING count(*) > {matcher.limits.block_size}"
    return [
        f"""
        SELECT DISTINCT record FROM ({other}) SEMI JOIN (
          SELECT block FROM ({one}) SEMI JOIN drawn USING (record) EXCEPT {large}) USING (block)"""
        for one, other in ((sides[0], sides[-1]), (sides[-1], sides[0]))
    ]


def _add_customers(connection: "DuckDBPyConnection", unified: Sequence[Unified]) -> None:
    rows = " UNION ALL ".join(
        f"SELECT {RECORD} AS record, {literal(one.table.entity)} AS EntityName, "
        f"{one.key} AS PrimaryKey FROM ({one.records})"
        for one in unified
    )
    connection.execute(
        f"""
        INSERT INTO around
        WITH keyed AS (SELECT * FROM ({rows}) JOIN ({changes.PUBLISHED})
          USING (EntityName, PrimaryKey))
        SELECT record FROM keyed SEMI JOIN (FROM keyed SEMI JOIN drawn USING (record))
        USING (CustomerId)"""
    )


def _written(connection: "DuckDBPyConnection", one: Unified, folder: Path) -> EntityTable:
    path = folder / f"{one.place}.parquet"
    rows = write_parquet(
        connection,
        f"""
        SELECT * EXCLUDE ({RECORD}) FROM ({one.records})
        WHERE {RECORD} IN (SELECT record FROM around) ORDER BY {RECORD}""",
        path,
    )
    return replace(one.table, files=(str(path),), file_rows=(rows,), rows_kept=rows)
