"""What is kept with the rows of a file, so that of the next only those that are others are read.

That is possible where each of its lines is one row, or is set aside whatever the others are: then
all that is said of a row is said of it alone, or of those with its key (`faulty_rows`).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.names import PLACE, parquet_rows, placed_rows, quoted
from overtide.transforms.kernel import count
from overtide.transforms.row_hashes import (
    KeptRows,
    ReadBefore,
    few_are,
    find_rows_apart,
    kept_rows_at,
    rows_that_count,
    write_row_hashes,
)
from overtide.transforms.sources.contract import SourceText
from overtide.transforms.sources.formats import format_of

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

    from overtide.transforms.ingest import IngestedFiles


def with_hashes(
    connection: "DuckDBPyConnection", file: SourceText, entity: Entity, found: "IngestedFiles"
) -> "IngestedFiles":
    """Return what a single file gave with the hashes of its rows, where each depends on no other.

    Rows without a key have the numbers of their lines then.
    """
    if entity.filter is not None or entity.deliveries is not None:
        return found
    few = few_are(found.lines, found.rows + found.lines)
    aside = _lines_aside(connection, file, found) if few else None
    if aside is None:
        return found
    rows = Path(found.rows_path)
    path = rows.with_name(f"hashes-{rows.name}")
    if not write_row_hashes(connection, file, found.rows, path, aside):
        return found
    return replace(found, hashes=str(path), numbered=_numbered(connection, file, found, aside))


def read_changed(
    connection: "DuckDBPyConnection",
    file: SourceText,
    before: ReadBefore,
    folder: Path,
    read: Callable[[SourceText], "IngestedFiles"],
) -> "IngestedFiles | None":
    """Read the rows of a file that it did not have before, None where all must be read.

    They are those that differ from the first reading of it, so that what is kept of it grows with
    what changed, and not with how often.
    """
    import duckdb

    kept = before.kept
    apart = find_rows_apart(connection, file, kept.hashes, kept.rows, folder)
    if apart is None:
        return None
    try:
        found = read(apart.came)
    except (duckdb.OutOfMemoryException, duckdb.InterruptException):
        raise
    except duckdb.Error:  # it is told of the file as it is
        return None
    aside = _lines_aside(connection, file, found)
    if aside is None or found.rows + found.lines != apart.came_rows:
        return None
    changes = kept.changes + 1
    left = replace(kept, gone=apart.gone, gone_rows=apart.gone_rows, changes=changes)
    if not _have_own_keys(connection, file.entity, found.rows_path, left, before):
        return None
    numbered = _numbered(connection, apart.came, found, aside)
    return replace(found, kept=left, before=before, numbered=numbered)


def _have_own_keys(
    connection: "DuckDBPyConnection", entity: Entity, read: str, kept: KeptRows, before: ReadBefore
) -> bool:
    """Say whether no row that was `read` has the key of a kept one, each of which has its own.

    A key of one that is gone is free, and so is one of a row beside the kept ones before, unless it
    is that of one that is there again: so only few keys are sought among those of all rows.
    """
    key = quoted(entity.primary_key)
    gone = f"SELECT {key} {kept_rows_at(kept, replace(kept, gone=None))}"
    beside = f"SELECT {key} FROM {parquet_rows([read])} LIMIT 0"
    if before.rows_path is not None:
        beside = f"SELECT {key} FROM {parquet_rows([before.rows_path])}"
    again = f"SELECT {key} {kept_rows_at(before.kept, kept)}"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE sought AS
        SELECT DISTINCT {key} FROM {parquet_rows([read])} ANTI JOIN ({gone}) USING ({key})
          ANTI JOIN (FROM ({beside}) ANTI JOIN ({again}) USING ({key})) USING ({key})
        WHERE {key} IS NOT NULL""")
    try:
        if not count(connection, "SELECT count(*) FROM sought"):
            return True
        taken = f"SELECT {key} FROM ({rows_that_count(kept.rows_path, kept.gone)})"
        taken = f"SELECT count(*) FROM ({taken}) SEMI JOIN sought USING ({key})"
        return not count(connection, taken)
    finally:
        connection.execute("DROP TABLE sought")


def _lines_aside(
    connection: "DuckDBPyConnection", file: SourceText, found: "IngestedFiles"
) -> "NDArray[np.int64] | None":
    """Return the numbers of the lines that are set aside, which ascend.

    None where one of them is, or may be, for what another one holds.
    """
    import numpy as np

    if not found.lines:
        return np.empty(0, np.int64)
    lines = connection.execute(
        f"SELECT Line, CorruptionDetails FROM {parquet_rows([found.lines_path])} ORDER BY Line"
    ).fetchall()
    told_alone = format_of(file.entity).is_told_alone
    if any(line is None or not told_alone(details) for line, details in lines):
        return None
    return np.array([line for line, _ in lines], np.int64)


def _numbered(
    connection: "DuckDBPyConnection",
    file: SourceText,
    found: "IngestedFiles",
    aside: "NDArray[np.int64]",
) -> str | None:
    """Write in which lines (`line`) rows without a key stand, by their places; None of none.

    Each line is a row or is among those set `aside`.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    source_format, key = format_of(file.entity), quoted(file.entity.primary_key)
    if source_format.numbers_rows:
        return None
    rows = f"FROM {placed_rows(found.rows_path)} WHERE {key} IS NULL"
    places = connection.execute(f"SELECT {PLACE} AS place {rows} ORDER BY ALL").fetchnumpy()[
        "place"
    ]
    if not len(places):
        return None
    taken = source_format.places_of(file, aside)
    lines = source_format.lines_at(
        file, places + np.searchsorted(taken - np.arange(len(taken)), places, side="right")
    )
    if lines is None or len(lines) < len(places):
        return None
    path = Path(found.rows_path)
    path = path.with_name(f"numbered-{path.name}")
    pq.write_table(pa.table({"place": places, "line": lines}), path)
    return str(path)
