"""Read sampled rows of a Parquet file by the very rules of a refresh.

They are written into a file of their own, whose columns are read as those of any source file; so
what no posted record can have (times, bytes, numbers of another width) becomes the text that a
refresh reads.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.configuration.entities import Attribute, Entity
from overtide.schemas.numbers import EXPONENT, NUMBER, Number
from overtide.schemas.source_paths import Path, value_at
from overtide.schemas.types import type_of
from overtide.schemas.types.decimal import MOST_DIGITS
from overtide.transforms.sources.contract import Layout, SourceText, TypedTime
from overtide.transforms.sources.parquet_reading import raw_rows
from overtide.transforms.sources.parquet_types import is_number_text, type_name

_NUMBER = re.compile(NUMBER + EXPONENT, re.ASCII)


def read_sample(batch: pa.RecordBatch, entity: Entity) -> Iterator[dict[str, Any]]:
    """Give the rows of a batch as `SampledRow` has them."""
    texts = _texts(batch, entity)
    columns = {}
    for name, one in entity.inputs.items():
        if name in texts:
            nested, kind = _at(batch, one.path)
            columns[name] = (
                nested
                if kind is None
                else [_value(text, kind, one.attribute) for text in texts[name]]
            )
    for number in range(len(batch)):
        yield {name: values[number] for name, values in columns.items()}


def _at(batch: pa.RecordBatch, path: Path) -> tuple[list[Any], pa.DataType | None]:
    """Return the type of the values at a path; where they are nested, these and no type."""
    field = batch.schema.field(str(path[0]))
    kind = pa.decimal128(MOST_DIGITS) if is_number_text(field) else field.type
    for step in path[1:]:
        if pa.types.is_struct(kind) and kind.get_field_index(str(step)) >= 0:
            kind = kind.field(str(step)).type
        elif (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and isinstance(step, int):
            kind = kind.value_type
        else:
            return [], pa.null()
    if not pa.types.is_nested(kind):
        return [], kind
    rows = batch.select([str(path[0])]).to_pylist()
    return [value_at(row, path) for row in rows], None


def _texts(batch: pa.RecordBatch, entity: Entity) -> dict[str, list[str | None]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        duckdb.connect(config={"threads": 1}) as connection,
    ):
        connection.execute("SET TimeZone = 'UTC'")
        path = File(folder) / "sample.parquet"
        pq.write_table(pa.Table.from_batches([batch]), path)
        layout = Layout(tuple(batch.schema.names), types=tuple(map(type_name, batch.schema)))
        raw = raw_rows(connection, [SourceText(entity, path, path.name, layout, path)])
        places = ", ".join(map(raw.column, raw.attributes))
        rows = connection.execute(f"SELECT {places} FROM ({raw.query})").fetchall()
        return {name: [row[place] for row in rows] for place, name in enumerate(raw.attributes)}


def _value(text: str | None, kind: pa.DataType, attribute: Attribute) -> str | float | None:
    """Return what a posted record would have instead of the raw text of a typed value."""
    if text is None:
        return None
    is_time = type_of(attribute.type).is_time
    if (pa.types.is_timestamp(kind) or pa.types.is_date(kind)) and is_time:
        return TypedTime(text)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return Number(text) if is_number and _NUMBER.fullmatch(text) else text
