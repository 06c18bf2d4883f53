"""Rows of a file chosen by their places: a bit for each, which DuckDB asks while it reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from overtide.schemas.names import PLACE

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray


@contextmanager
def chosen(
    connection: "DuckDBPyConnection", places: "NDArray[np.int64]", rows: int
) -> Iterator[str]:
    """Give the SQL condition that a row of a file of so many `rows` is at one of some places.

    It holds of `placed_rows`, which its reader skips where it does not.
    """
    import numpy as np

    wanted = np.zeros(rows, bool)
    wanted[places] = True
    connection.execute("SET VARIABLE chosen = ?::BLOB::BIT", [np.packbits(wanted).tobytes()])
    try:
        yield f"get_bit(getvariable('chosen'), {PLACE}::INTEGER) = 1"
    finally:
        connection.execute("RESET VARIABLE chosen")
