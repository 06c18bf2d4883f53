"""Find the pairs of records that a score rule joins, within one of its blocks.

Records move as places of rows in two tables; their texts are codes of one dictionary.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from overtide.schemas.configuration.unification import Limits
from overtide.schemas.names import parquet_rows
from overtide.transforms.matching.blocks import BlockFile, block_of
from overtide.transforms.matching.pairs import Pairs, Search
from overtide.transforms.matching.scoring import Scoring, Side, scored
from overtide.transforms.matching.similarity import Points, Texts

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BATCH = 500_000
"""Pairs that are scored at once."""
FOUND = pa.schema(
    [
        ("lower_record", pa.int64()),
        ("upper_record", pa.int64()),
        ("rule", pa.int32()),
        ("points", pa.int32()),
    ]
)
"""What a search writes of each pair; the points are a score in ten-thousandths."""
NO_PAIRS = (
    "SELECT 0::BIGINT AS lower_record, 0::BIGINT AS upper_record, 0::INTEGER AS rule, 0::INTEGER "
    "AS points WHERE false"
)
"""The SQL of none."""
Files = Sequence[BlockFile]


def find_scored(
    connection: "DuckDBPyConnection",
    search: Search,
    scoring: Scoring,
    block: int,
    sides: tuple[Files, Files],
    limits: Limits,
    path: Path,
    threads: int,
) -> Pairs:
    """Write the pairs within one of a rule's blocks, in one bucket, to `path`.

    `sides` are the files of the lower and of the upper entity, the same within one.
    """
    oversized = prepare_blocks(connection, search, scoring, block, sides, limits.block_size)
    columns = scoring.columns
    lower = _records(connection, "scored_lower", columns)
    upper = lower if search.within else _records(connection, "scored_upper", columns)
    ends = [np.asarray(table.column("record").combine_chunks()) for table in (lower, upper)]
    rows = 0
    with pq.ParquetWriter(path, FOUND, compression="lz4") as writer:
        if lower.num_rows and upper.num_rows:
            texts, *two = encoded(lower, upper, columns, threads)
            for one, other, points in _pairs(connection, search, scoring, texts, *two):
                rule = np.full(len(points), search.rule, np.int32)
                found = [ends[0][one], ends[1][other], rule, points.astype(np.int32)]
                writer.write_batch(pa.record_batch(found, schema=FOUND))
                rows += len(points)
    return Pairs(search, str(path), rows, oversized)


def prepare_blocks(
    connection: "DuckDBPyConnection",
    search: Search,
    scoring: Scoring,
    block: int,
    sides: tuple[Files, Files],
    most: int,
) -> tuple[tuple[str, int], ...]:
    """Make the tables scored_lower and scored_upper of the records that are to be compared.

    Those of blocks with more records than `most` are not; they are returned.
    """
    names = ["scored_lower"] if search.within else ["scored_lower", "scored_upper"]
    rows = [blocked(scoring, block, files) for files in sides[: len(names)]]
    sized = " UNION ALL ".join(
        f"SELECT block, {place} AS side FROM ({query})" for place, query in enumerate(rows)
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE sized AS
        SELECT block, count(*) AS records FROM ({sized}) GROUP BY block
        HAVING count(*) > 1 AND max(side) - min(side) = {len(names) - 1}"""
    )
    for name, query in zip(names, rows, strict=True):
        connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE {name} AS
            SELECT * FROM ({query}) SEMI JOIN (FROM sized WHERE records <= {most}) USING (block)"""
        )
    large = f"SELECT block, records FROM sized WHERE records > {most} ORDER BY ALL"
    return tuple((str(value), int(size)) for value, size in connection.execute(large).fetchall())


def blocked(scoring: Scoring, block: int, files: Files) -> str:
    """Return the SQL of the records that have a block: record, block and what is compared (c0)."""
    numbers = files[0].columns
    parts = [(f"v{numbers[column]}", letters) for column, letters in scoring.blocks[block]]
    texts = "".join(f", v{numbers[column]} AS c{column}" for column in scoring.columns)
    rows = parquet_rows(file.path for file in files)
    query = f"SELECT record, {block_of(parts)} AS block{texts} FROM {rows}"
    return f"SELECT * FROM ({query}) WHERE block IS NOT NULL"


def _records(connection: "DuckDBPyConnection", table: str, columns: Sequence[int]) -> pa.Table:
    """Return a table's rows in their order, which is that of `rowid`."""
    texts = "".join(f", c{column}" for column in columns)
    return connection.execute(f"SELECT record{texts} FROM {table} ORDER BY rowid").to_arrow_table()


def encoded(
    lower: pa.Table, upper: pa.Table, columns: Sequence[int], threads: int
) -> tuple[Texts, Side, Side]:
    """Return the distinct texts of both tables, and the codes of each."""
    tables = (lower,) if lower is upper else (lower, upper)
    chunks = [
        table.column(f"c{column}").combine_chunks().cast(pa.large_string())
        for table in tables
        for column in columns
    ]
    encoded = pa.chunked_array(chunks, pa.large_string()).dictionary_encode().chunks
    codes = [np.asarray(chunk.indices.fill_null(-1)) for chunk in encoded]
    sides = [
        Side(dict(zip(columns, codes[at : at + len(columns)], strict=True)))
        for at in range(0, len(codes), len(columns))
    ]
    return Texts(encoded[0].dictionary, threads), sides[0], sides[-1]


def _pairs(
    connection: "DuckDBPyConnection",
    search: Search,
    scoring: Scoring,
    texts: Texts,
    left: Side,
    right: Side,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], Points]]:
    """Give the pairs that the rule joins: places in both tables, and scores."""
    upper = "scored_lower" if search.within else "scored_upper"
    order = " AND l.record < r.record" if search.within else ""
    reader = connection.execute(
        f"SELECT l.rowid, r.rowid FROM scored_lower AS l JOIN {upper} AS r "
        f"ON l.block = r.block{order}"
    ).to_arrow_reader(BATCH)
    for batch in reader:
        one, other = (np.asarray(column) for column in batch.columns)
        places, points = scored(scoring, texts, left.take(one), right.take(other))
        yield one[places], other[places], points
