"""The rows of a Parquet file by the hashes of their values, and a file of some of them alone."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from overtide.schemas.names import PLACE, folded, literal, parquet_rows, placed_rows, quoted
from overtide.transforms.kernel import count
from overtide.transforms.places import chosen
from overtide.transforms.sources.contract import NUMBER, SourceText
from overtide.transforms.sources.hashed_lines import AHEAD, read_by
from overtide.transforms.sources.parquet_mending import mended
from overtide.transforms.sources.texts import nameable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FLOATS = ("FLOAT", "DOUBLE")
"""0.0 and -0.0 have one hash, and two texts."""
WHOLE = (
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE",
    "VARCHAR",
)
"""Types whose values are alike where their hashes are."""


def hashed_values(connection: "DuckDBPyConnection", file: SourceText) -> str | None:
    """Return the SQL of the hashes of the values of a file's rows, `h` and `g`, in their order.

    None where a column that is read has values of another kind.
    """
    if PLACE in map(folded, file.layout.columns) or NUMBER in file.layout.types:
        return None
    source = _source(file)
    relation = connection.sql(f"FROM {parquet_rows([source])} LIMIT 0")
    kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
    read = {name: kinds[name] for name in file.entity.columns if name in kinds}
    if not read or not all(_is_whole(kind) for kind in read.values()):
        return None
    values = [_value(quoted(name), kind) for name, kind in read.items()]
    others = [_other(value, kind) for value, kind in zip(values, read.values(), strict=True)]
    kept = dict(zip(file.layout.columns, file.layout.types, strict=False))
    told = [(name, kind, kept.get(name)) for name, kind in read.items()]  # a time may have a zone
    return f"""
        SELECT {read_by(f"hash({', '.join(values)})", told)} AS h,
          {read_by(f"hash({', '.join(reversed(others))})", told)} AS g
        FROM {parquet_rows([source])}"""


def _source(file: SourceText) -> str:
    """Return the file as DuckDB reads it right: itself, or a copy of it."""
    place = nameable(file), file.copy.with_suffix(".mended")
    (source,) = mended([place], list(file.entity.columns))
    return str(source)


def _is_whole(kind: str) -> bool:
    return kind in (*WHOLE, *FLOATS) or kind.startswith("DECIMAL")


def _value(column: str, kind: str) -> str:
    """Return the SQL of what is hashed of a column."""
    return f"{column}::VARCHAR" if kind in FLOATS else column


def _other(value: str, kind: str) -> str:
    """Return the SQL of what is hashed a second time, in another order; null stays null."""
    return f"{AHEAD} || {value}" if kind in (*FLOATS, "VARCHAR") else value


def write_values(
    connection: "DuckDBPyConnection", file: SourceText, places: NDArray[np.int64]
) -> SourceText:
    """Write the rows at some places to a file of their own.

    A bit for each place is a filter of DuckDB's reader, which skips values that it needs not; of
    a join it decodes all of them.
    """
    copy, source = file.copy.with_suffix(".rows"), _source(file)
    rows = count(connection, f"SELECT count(*) FROM {parquet_rows([source])}")
    with chosen(connection, places, rows) as wanted:
        connection.execute(f"""
            COPY (SELECT * EXCLUDE ({PLACE}) FROM {placed_rows(source)} WHERE {wanted}
                  ORDER BY {PLACE})
            TO {literal(str(copy))} (FORMAT parquet)""")
    return replace(file, path=copy, copy=file.copy.with_suffix(".came"))
