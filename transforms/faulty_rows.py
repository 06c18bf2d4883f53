"""Rows of which their file alone, or more than they themselves, says what becomes of them.

Those without a key, those whose key several rows have, and those of which it is told in which line
they stand. Where an entity's one file changes in place they are read anew each time, beside the few
rows that are others; so the file of hashes has none of theirs: a hash that is null is known to
nobody (docs/decisions/files-that-change-in-place.md).
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.names import PLACE, parquet_rows, placed_rows, quoted
from overtide.transforms.ingest import CORRUPT, IngestedFiles
from overtide.transforms.kernel import write_parquet
from overtide.transforms.keys import REPEATS, EntityTable, one_per_key
from overtide.transforms.row_hashes import Unknown, few_are, forget_hashes
from overtide.transforms.sources.formats import format_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def without_faulty(
    connection: "DuckDBPyConnection", entity: Entity, table: EntityTable, folder: Path
) -> EntityTable:
    """Return a table that was settled in `folder` with the hashes of the rows alone that may stay.

    With no hashes where the others are many.
    """
    if len(table.ingested) != 1 or table.ingested[0].hashes is None:
        return table
    (file,) = table.ingested
    told = format_of(entity).numbers_rows and table.corrupt_records
    if table.rows_kept == file.rows and not told:
        return table
    faulty, settled = (folder / f"{name}.parquet" for name in ("faulty", "settled-faulty"))
    rows = write_parquet(connection, _places(entity, table, file, folder), faulty)
    if not few_are(rows, file.rows):
        return replace(table, ingested=(replace(file, hashes=None),))
    hashes = forget_hashes(connection, file.hashes or "", str(faulty), file.rows, folder)
    chosen = f"""SELECT typed.* FROM {placed_rows(file.rows_path)} AS typed
        SEMI JOIN {parquet_rows([faulty])} AS faulty ON typed.{PLACE} = faulty.place"""
    write_parquet(connection, one_per_key(entity, chosen, _repeats(table, folder)), settled)
    unknown = Unknown(str(faulty), rows, str(settled))
    return replace(table, ingested=(replace(file, hashes=hashes, unknown=unknown),))


def _repeats(table: EntityTable, folder: Path) -> Path | None:
    """Return the file of the rows of keys that several have, None where there are none."""
    return folder / REPEATS if table.exact_repeats or table.lost_rows else None


def _places(entity: Entity, table: EntityTable, file: IngestedFiles, folder: Path) -> str:
    """Return the SQL of the places of the faulty rows, which ascend."""
    key, repeats = quoted(entity.primary_key), _repeats(table, folder)
    told = f" OR {CORRUPT} IS NOT NULL" if format_of(entity).numbers_rows else ""
    rows = placed_rows(file.rows_path)
    found = f"SELECT {PLACE} AS place FROM {rows} WHERE {key} IS NULL{told}"
    if repeats is not None:
        keys = f"SELECT {key} FROM {parquet_rows([repeats])}"
        found += f" UNION SELECT {PLACE} FROM {rows} SEMI JOIN ({keys}) USING ({key})"
    return f"{found} ORDER BY place"
