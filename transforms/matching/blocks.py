"""Write what the searches compare of an entity's records.

Each value is normalised once, however many rules compare it: the file has the columns `record`, and
for each of what is compared v0, v1, … (the text, null where it compares with nothing) and i0, i1, …
(what of it was ignored).
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.names import literal, parquet_rows, quoted
from overtide.schemas.types import type_of
from overtide.transforms.in_turn import in_order
from overtide.transforms.kernel import PARQUET
from overtide.transforms.matching.compared import Compared

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BATCH = 100_000
"""Rows that are normalised at once: the lists of words are prepared anew for each batch."""


@dataclass(frozen=True)
class BlockFile:
    """What a search compares of one entity, of one bucket of blocks.

    `columns` are the numbers of what each comparison of the rule compares, the exact ones first.
    """

    entity: str
    path: str
    columns: tuple[int, ...]
    keys: str | None = None
    """A file of the keys of its records, where they are asked for."""
    hashes: str | None = None
    """A file of the hashes of the blocks of all records of the entity, where they are of use."""
    values: str | None = None
    """The same of their values of which it counts how many records have them."""


def write_compared(
    connection: "DuckDBPyConnection",
    sides: Sequence[Compared],
    rows: str,
    record: str,
    path: Path,
    threads: int,
) -> None:
    """Write what is compared of the rows of an entity; `record` is the column of their numbers."""
    fields = list(dict.fromkeys(field for side in sides for field in side.fields))
    texts = ", ".join(_text(field, sides) for field in fields)
    reader = connection.execute(f"SELECT {record}, {texts} FROM ({rows})").to_arrow_reader(BATCH)

    def normalised(batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = dict(zip(fields, batch.columns[1:], strict=True))
        found = [side.values([columns[field] for field in side.fields]) for side in sides]
        return pa.record_batch([batch.column(0), *(one for both in found for one in both)], schema)

    schema = pa.schema([("record", pa.int64()), *_columns(len(sides))])
    with (
        pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer,
        ThreadPoolExecutor(threads) as pool,
    ):
        for batch in in_order(pool, normalised, reader, threads):
            writer.write_batch(batch)


def _text(field: str, sides: Sequence[Compared]) -> str:
    kind = type_of(sides[0].entity.attribute(field).type)
    return f"{kind.text_sql(quoted(field))} AS {quoted(field)}"


def _columns(sides: int) -> Iterator[tuple[str, pa.DataType]]:
    for place in range(sides):
        yield f"v{place}", pa.string()
        yield f"i{place}", pa.string()


def bucketed(
    connection: "DuckDBPyConnection",
    written: Path,
    columns: Sequence[int],
    block: str,
    folder: Path,
    buckets: int,
) -> list[tuple[int, str]]:
    """Write these columns split by the hash of the block; return each bucket with its file.

    One bucket is the file that is there.
    """
    if buckets == 1:
        return [(0, str(written))]
    folder.mkdir()
    chosen = ", ".join(f"v{place}, i{place}" for place in dict.fromkeys(columns))
    query = (
        f"SELECT record, {chosen}, (hash({block}) % {buckets})::INTEGER AS bucket "
        f"FROM {parquet_rows([written])}"
    )
    connection.execute(
        f"COPY ({query}) TO "
        f"{literal(str(folder))} ({PARQUET}, PARTITION_BY (bucket), OVERWRITE_OR_IGNORE)"
    )
    return [
        (int(path.parent.name.split("=")[1]), str(path))
        for path in sorted(folder.glob("bucket=*/*.parquet"))
    ]


def block(columns: Sequence[int]) -> str:
    """Return the SQL of the exact values, joined by a separator that no text holds."""
    return block_of((f"v{place}", None) for place in columns)


def block_of(parts: Iterable[tuple[str, int | None]]) -> str:
    """Return the SQL of the values of columns, or their first letters, joined the same way."""
    return " || chr(31) || ".join(
        column if letters is None else f"left({column}, {letters})" for column, letters in parts
    )
