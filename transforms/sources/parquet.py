"""Parquet: the file itself says which columns it has, and of which types."""

import json
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.names import folded
from overtide.schemas.source_paths import shown_path
from overtide.schemas.types.decimal import MOST_DIGITS
from overtide.transforms.sources.contents import UnreadableError, seems
from overtide.transforms.sources.contract import (
    MORE,
    Layout,
    SampledRow,
    SourceFormat,
    SourceText,
    Write,
)

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

MAGIC = b"PAR1"


class Parquet(SourceFormat):
    """Parquet files, as any writer makes them."""

    def layout(self, file: Path, entity: Entity) -> Layout:
        """Return the columns of the schema, with their types."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        from overtide.transforms.sources.parquet_types import type_name

        try:
            with file.open("rb") as opened:
                schema = pq.read_schema(opened)
                metadata = pq.read_metadata(opened)
            _check_decimals(schema, entity)
            _check_nested(schema, metadata, entity)
            more = json.loads((schema.metadata or {}).get(MORE, b"[]"))
            return Layout((*schema.names, *more), types=tuple(map(type_name, schema)))
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise _no_parquet(file) from None

    def read(
        self, connection: "DuckDBPyConnection", files: Sequence[SourceText], write: Write
    ) -> tuple[int, str]:
        """Write the rows; every one is whole."""
        from overtide.transforms.sources.parquet_reading import read_parquet

        return read_parquet(connection, files, write)

    def hashed_rows(self, connection: "DuckDBPyConnection", file: SourceText) -> str | None:
        """Return hashes of the values that are read."""
        from overtide.transforms.sources.hashed_values import hashed_values

        return hashed_values(connection, file)

    def only_rows(
        self, connection: "DuckDBPyConnection", file: SourceText, places: "NDArray[np.int64]"
    ) -> SourceText | None:
        """Write some rows as they are."""
        from overtide.transforms.sources.hashed_values import write_values

        return write_values(connection, file, places)

    def sampled(
        self, file: Path, shown: str, entity: Entity, layout: Layout, most: int
    ) -> Iterator[SampledRow]:
        """Give rows of the first, the middle and the last row group."""
        del layout  # it names columns too that a copy lacks
        import pyarrow.parquet as pq

        from overtide.transforms.sources.parquet_samples import read_sample

        with pq.ParquetFile(file) as source:
            groups, names = (
                source.num_row_groups,
                [name for name in entity.columns if name in source.schema_arrow.names],
            )
            for group in sorted({0, groups // 2, groups - 1}) if groups else ():
                before = sum(source.metadata.row_group(number).num_rows for number in range(group))
                for batch in islice(source.iter_batches(most, [group], names), 1):
                    yield from (
                        SampledRow(f"{shown}, row {before + number}", values)
                        for number, values in enumerate(read_sample(batch, entity), start=1)
                    )

    def about_rows(self, file: Path) -> int:
        """Return the number of rows that the file says."""
        import pyarrow.parquet as pq

        with file.open("rb") as table:
            return int(pq.read_metadata(table).num_rows)

    def alike(self, file: SourceText, place: int) -> object:
        """Return the layout; DuckDB's number of a file would be a column named so."""
        numbered = "file_index" in map(folded, file.layout.columns)
        return place if numbered else file.layout


def _check_decimals(schema: "pa.Schema", entity: Entity) -> None:
    """DuckDB reads decimals of more than 38 digits as wrong numbers."""
    import pyarrow as pa

    for column in schema:
        digits = column.type.precision if pa.types.is_decimal(column.type) else 0
        if digits > MOST_DIGITS and column.name in entity.columns:
            raise UnreadableError(
                f"has {column.name} as a decimal of {digits} digits",
                f"Write it with at most {MOST_DIGITS} digits, or as text.",
            )


def _check_nested(schema: "pa.Schema", metadata: "pq.FileMetaData", entity: Entity) -> None:
    """DuckDB misreads some values, which are written anew only where they are columns."""
    from overtide.transforms.sources.parquet_mending import nested_misread

    for one in entity.inputs.values():
        if len(one.path) > 1 and nested_misread(schema, metadata, one.path):
            raise UnreadableError(
                f"has {shown_path(one.path)} as a type that cannot be read within another",
                "Write it in microseconds (a decimal with at most 38 digits), or as a column.",
            )


def _no_parquet(file: Path) -> UnreadableError:
    """Return what is wrong with a file whose schema cannot be read; a whole one ends as it begins.

    Before its end stands a length of four bytes.
    """
    with file.open("rb") as opened:
        begins = opened.read(len(MAGIC)) == MAGIC
        opened.seek(-min(len(MAGIC), file.stat().st_size), os.SEEK_END)
        ends = opened.read() == MAGIC and opened.tell() >= 2 * len(MAGIC) + 4
    if not begins:
        return UnreadableError(
            f"is not a Parquet file{seems(file)}", "Correct `format` or `path` of the entity."
        )
    what = "is damaged" if ends else "ends in the middle"
    return UnreadableError(f"is a Parquet file that {what}", "Copy or write it anew.")
