"""Rows of a database as a Parquet file: the columns that an entity needs, some rows at a time."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.configuration.entities import Entity
from overtide.transforms.sources.contract import MORE
from overtide.transforms.sources.databases.contract import Session, TableColumn
from overtide.transforms.sources.parquet_types import MARK

ROW_GROUP = 100_000


@dataclass(frozen=True)
class Asked:
    """What is asked of a session for an entity.

    The SQL of its rows, the columns that it needs, and the names of the others.
    """

    rows: str
    columns: list[TableColumn]
    more: list[str]


def asked_of(session: Session, entity: Entity) -> Asked:
    """Return what is asked for an entity; raise `missing_table` or `query_failed`."""
    rows = session.rows_of(entity)
    columns = session.columns(rows)
    return Asked(
        rows,
        [column for column in columns if column.name in entity.columns],
        [column.name for column in columns if column.name not in entity.columns],
    )


def copy_rows(
    session: Session, asked: Asked, path: Path, most: int | None, told: Callable[[int], None]
) -> None:
    """Write the rows to a file, the first ones if `most` says how many; how many is `told`."""
    metadata = {MORE: json.dumps(asked.more).encode()}
    if not asked.columns:
        pq.write_table(pa.table({}).replace_schema_metadata(metadata), path)
        return
    found = session.read(asked.rows, asked.columns, most)
    schema = _marked(found.schema, asked.columns).with_metadata(metadata)
    write_batches(path, schema, _guarded(session, found.batches), told)


def write_batches(
    path: Path,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    told: Callable[[int], None] | None = None,
) -> None:
    """Write batches that fit a schema to a file."""
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        for some in _in_groups(iter(batches)):
            if told is not None:
                told(sum(map(len, some)))
            writer.write_table(pa.Table.from_batches(some).cast(schema), ROW_GROUP)


def _marked(schema: pa.Schema, columns: list[TableColumn]) -> pa.Schema:
    return pa.schema(
        [
            field.with_metadata(MARK) if column.number else field
            for field, column in zip(schema, columns, strict=True)
        ]
    )


def _guarded(session: Session, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Give batches; raise what goes wrong meanwhile as an error of ours."""
    try:
        yield from batches
    except Exception as error:  # noqa: BLE001 - each kind has its own; all are raised
        raise session.failure(error) or error from None


def _in_groups(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Give as many batches at once as make a row group."""
    for first in batches:
        some, rows = [first], len(first)
        for batch in batches if rows < ROW_GROUP else ():
            some.append(batch)
            rows += len(batch)
            if rows >= ROW_GROUP:
                break
        yield some
