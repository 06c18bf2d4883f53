"""Read sampled rows of a Parquet file by the very rules of a refresh.

They are written into a file of their own, whose columns are read as those of any source file; so
what no posted record can have (times, bytes, numbers of another width) becomes the text that a
refresh reads.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.numbers import Number
from overtide.schemas.types import type_of
from overtide.transforms.sources.contract import Layout, SourceText, TypedTime
from overtide.transforms.sources.parquet_reading import raw_rows


def read_sample(batch: pa.RecordBatch, entity: Entity) -> Iterator[dict[str, Any]]:
    """Give the rows of a batch as `SampledRow` has them."""
    kinds = {field.name: field.type for field in batch.schema}
    texts = _texts(batch, entity)
    columns = {
        name: batch.column(name).to_pylist()
        if pa.types.is_nested(kind)
        else [_value(text, kind, entity, name) for text in texts[name]]
        for name, kind in kinds.items()
    }
    for number in range(len(batch)):
        yield {name: values[number] for name, values in columns.items()}


def _texts(batch: pa.RecordBatch, entity: Entity) -> dict[str, list[str | None]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        duckdb.connect(config={"threads": 1}) as connection,
    ):
        connection.execute("SET TimeZone = 'UTC'")
        path = Path(folder) / "sample.parquet"
        pq.write_table(pa.Table.from_batches([batch]), path)
        layout = Layout(tuple(batch.schema.names))
        raw = raw_rows(connection, [SourceText(entity, path, path.name, layout, path)])
        places = ", ".join(map(raw.column, raw.attributes))
        rows = connection.execute(f"SELECT {places} FROM ({raw.query})").fetchall()
        return {name: [row[place] for row in rows] for place, name in enumerate(raw.attributes)}


def _value(text: str | None, kind: pa.DataType, entity: Entity, name: str) -> str | float | None:
    """Return what a posted record would have instead of the raw text of a typed value."""
    if text is None:
        return None
    if (pa.types.is_timestamp(kind) or pa.types.is_date(kind)) and type_of(
        entity.attribute(name).type
    ).is_time:
        return TypedTime(text)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return Number(text) if is_number and text[-1].isdigit() else text
