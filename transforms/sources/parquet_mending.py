"""Write anew the columns of a Parquet file that DuckDB cannot read, or reads wrongly.

It stops at milliseconds beyond its own calendar, rounds nanoseconds of a time zone before 1970 up,
and takes the nanoseconds of a time of day for microseconds.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from overtide.schemas.instants import EARLIEST, LATEST
from overtide.schemas.types.decimal import MOST_DIGITS

Times = NDArray[np.int64]
NO_BOUNDS = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)


def mended(files: Sequence[tuple[Path, Path]], names: list[str]) -> list[Path]:
    """Return the files where DuckDB reads the columns `names` rightly, else mended copies.

    Each file comes with the place of its copy; all of them have the same columns, and so have the
    copies.
    """
    wrong = {name for path, _ in files for name in _misread(path, names)}
    if wrong:
        for path, copy in files:
            _write_anew(path, names, wrong, copy)
    return [copy if wrong else path for path, copy in files]


def _misread(path: Path, names: list[str]) -> list[str]:
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        kinds = {name: schema.field(name).type for name in names if name in set(schema.names)}
        return [
            name
            for name, kind in kinds.items()
            if _is_of_times(kind) and _is_misread(kind, _bounds(file.metadata, name))
        ]


def _write_anew(path: Path, names: list[str], wrong: set[str], copy: Path) -> None:
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        kinds = {name: schema.field(name).type for name in names if name in set(schema.names)}
        fields = pa.schema(
            [
                (name, _in_microseconds(kind) if name in wrong else kind)
                for name, kind in kinds.items()
            ]
        )
        with pq.ParquetWriter(copy, fields) as out:
            for batch in file.iter_batches(columns=list(kinds)):
                out.write_batch(
                    pa.record_batch(
                        [
                            _microseconds(batch.column(name), kind)
                            if name in wrong
                            else batch.column(name)
                            for name, kind in kinds.items()
                        ],
                        fields,
                    )
                )


def nested_misread(schema: pa.Schema, metadata: pq.FileMetaData, path: Sequence[str | int]) -> bool:
    """Say whether DuckDB would misread the value at a path of several steps."""
    kind, way = pa.struct(list(schema)), ""
    for step in path:
        if isinstance(step, str) and pa.types.is_struct(kind):
            if kind.get_field_index(step) < 0:
                return False
            kind, way = kind.field(step).type, f"{way}.{step}".lstrip(".")
        elif isinstance(step, int) and (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
            kind, way = kind.value_type, f"{way}.list.element"
        else:
            return False
    if pa.types.is_decimal(kind):
        return bool(kind.precision > MOST_DIGITS)
    return _is_of_times(kind) and _is_misread(kind, _bounds(metadata, way))


def _is_of_times(kind: pa.DataType) -> bool:
    return bool(pa.types.is_time64(kind) or pa.types.is_timestamp(kind))


def _bounds(metadata: pq.FileMetaData, name: str) -> tuple[int, int]:
    """Return the least and the greatest stored number of a column, as far as the file says."""
    found = []
    for group in range(metadata.num_row_groups):
        columns = map(metadata.row_group(group).column, range(metadata.num_columns))
        statistics = next(
            (column.statistics for column in columns if column.path_in_schema == name), None
        )
        if statistics is None or not statistics.has_min_max:
            if statistics is None or statistics.null_count != metadata.row_group(group).num_rows:
                return NO_BOUNDS
            continue
        found += [statistics.min_raw, statistics.max_raw]
    return (min(found), max(found)) if found else (0, 0)


def _is_misread(kind: pa.DataType, bounds: tuple[int, int]) -> bool:
    if pa.types.is_time64(kind):
        return bool(kind.unit == "ns")
    if kind.unit == "ns":
        return kind.tz is not None and bounds[0] < 0
    return (
        kind.unit in ("s", "ms")
        and not EARLIEST // 1000 <= bounds[0] <= bounds[1] <= LATEST // 1000
    )


def _in_microseconds(kind: pa.DataType) -> pa.DataType:
    return pa.time64("us") if pa.types.is_time64(kind) else pa.timestamp("us", kind.tz)


def _microseconds(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cut to microseconds; what no text can write becomes an instant out of range.

    That is the instant before the first year, or behind the last one.
    """
    stored = column.view(pa.int64())
    convert: dict[str, Callable[[Times], Times]] = {
        "ns": lambda times: times // 1000,
        "ms": lambda times: _widened(times, 1000),
        "s": lambda times: _widened(times, 1_000_000),
    }
    times, missing = (
        convert[kind.unit](stored.fill_null(0).to_numpy()),
        stored.is_null().to_numpy(zero_copy_only=False),
    )
    return pa.array(times, pa.int64(), mask=missing).view(_in_microseconds(kind))


def _widened(times: Times, factor: int) -> Times:
    inside = np.clip(times, EARLIEST // factor, LATEST // factor) * factor
    return np.where(
        times > LATEST // factor,
        LATEST + 1,
        np.where(times < EARLIEST // factor, EARLIEST - 1, inside),
    )
