"""The table of an entity whose one file changed in place: what is kept of it, and what changed.

All that is trusted is what the refresh before published: its rows are those of the file as it was
then, one for each key and none set aside, and the content of its table is the one that its run
says (docs/decisions/files-that-change-in-place.md).
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.names import PLACE, columns, literal, parquet_rows, placed_rows, quoted
from overtide.transforms.fingerprint import Fingerprint, fingerprint
from overtide.transforms.ingest import CORRUPT, IngestedFiles
from overtide.transforms.kernel import count, write_parquet
from overtide.transforms.keys import (
    CORRUPT_TYPES,
    ChangedRows,
    EntityTable,
    listed,
    rows_that_count,
    types_of,
)
from overtide.transforms.row_hashes import KeptRows, ReadBefore
from overtide.transforms.tables.same_rows import rows_apart_from

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NO_PLACE = "SELECT 0::BIGINT AS place LIMIT 0"


def settle_changed(
    connection: "DuckDBPyConnection",
    name: str,
    entity: Entity,
    file: IngestedFiles,
    before: ReadBefore,
    folder: Path,
) -> EntityTable | None:
    """Return the table of an entity with how its rows differ from those `before`.

    None where one of the rows that came has no key, or that of another row: then all are looked at.
    """
    kept = file.kept
    if kept is None or not _have_own_keys(connection, entity, file.rows_path, kept):
        return None
    changed = _written_changes(connection, entity, file, kept, before, folder)
    corrupt = folder / "corrupt.parquet"
    faults = write_parquet(connection, _corrupt_rows(entity, file, kept), corrupt)
    rows = kept.rows - kept.gone_rows + file.rows
    return EntityTable(
        name,
        (kept.rows_path, file.rows_path),
        (kept.rows, file.rows),
        str(corrupt),
        rows_read=rows,
        rows_kept=rows,
        set_aside=0,
        exact_repeats=0,
        lost_rows=0,
        corrupt_records=faults,
        new_columns=tuple(sorted(file.new_columns)),
        content=before.content
        - _content(connection, entity, changed.went)
        + _content(connection, entity, changed.came),
        corrupt_content=fingerprint(connection, f"FROM {parquet_rows([corrupt])}", CORRUPT_TYPES),
        ingested=(replace(file, before=None),),
        gone=kept.gone,
        changed=changed,
    )


def _content(connection: "DuckDBPyConnection", entity: Entity, path: str) -> Fingerprint:
    return fingerprint(connection, f"FROM {parquet_rows([path])}", types_of(entity))


def _have_own_keys(
    connection: "DuckDBPyConnection", entity: Entity, came: str, kept: KeptRows
) -> bool:
    """Say whether each of the rows that came has a key that no other row has."""
    key, rows = quoted(entity.primary_key), f"FROM {parquet_rows([came])}"
    wrong = f"SELECT count(*) - count(DISTINCT {key}) {rows}"
    taken = f"SELECT {key} FROM ({rows_that_count(kept.rows_path, kept.gone)})"
    others = f"SELECT count(*) FROM ({taken}) SEMI JOIN (SELECT {key} {rows}) USING ({key})"
    return not count(connection, wrong) and not count(connection, others)


def _written_changes(
    connection: "DuckDBPyConnection",
    entity: Entity,
    file: IngestedFiles,
    kept: KeptRows,
    before: ReadBefore,
    folder: Path,
) -> ChangedRows:
    """Write the rows that came and those that went since the refresh before.

    Of the kept rows only some went since then, and some are there again.
    """
    now, then = _rows_at(kept, before.kept), _rows_at(before.kept, kept)
    names = columns(entity.attributes)
    for table, again, beside in (("came", then, file.rows_path), ("went", now, before.rows_path)):
        others = f"UNION ALL SELECT {names} FROM {parquet_rows([beside])}" if beside else ""
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {names} FROM ({again}) {others}"
        )
    types, order = types_of(entity), (entity.primary_key,)
    paths = {name: folder / f"{name}.parquet" for name in ("came", "went")}
    for (name, path), other in zip(paths.items(), ("went", "came"), strict=True):
        write_parquet(connection, rows_apart_from(name, other, types, order), path)
    connection.execute("DROP TABLE came; DROP TABLE went")
    return ChangedRows(*map(str, paths.values()))


def _rows_at(gone: KeptRows, still: KeptRows) -> str:
    """Return the SQL of the kept rows that are `gone`, and that other time were there `still`."""
    places, others = (
        f"SELECT place FROM {parquet_rows([one.gone])}" if one.gone else NO_PLACE
        for one in (gone, still)
    )
    return f"""
        FROM {placed_rows(gone.rows_path)}
        SEMI JOIN (SELECT place AS {PLACE} FROM ({places}) ANTI JOIN ({others}) AS other
          USING (place)) USING ({PLACE})"""


def _corrupt_rows(entity: Entity, file: IngestedFiles, kept: KeptRows) -> str:
    """Return the SQL of the rows with values that could not be read."""
    key, (source,) = quoted(entity.primary_key), file.sources
    chosen = f"{key}, {CORRUPT}, ({CORRUPT} ->> 'line')::BIGINT AS __line"
    chosen = f"SELECT {chosen}, {literal(source)} AS __file"
    rows = (f"({rows_that_count(kept.rows_path, kept.gone)})", parquet_rows([file.rows_path]))
    every = " UNION ALL ".join(f"{chosen} FROM {one} WHERE {CORRUPT} IS NOT NULL" for one in rows)
    return f"{listed(key)} FROM ({every})"


def written_whole(
    connection: "DuckDBPyConnection", file: IngestedFiles, folder: Path
) -> IngestedFiles:
    """Return what a file gave with all of its rows in one file, if they are not."""
    if file.kept is None:
        return file
    path = folder / f"whole-{Path(file.rows_path).name}"
    kept = rows_that_count(file.kept.rows_path, file.kept.gone)
    rows = (
        f"SELECT * EXCLUDE ({PLACE}) FROM ({kept}) UNION ALL FROM {parquet_rows([file.rows_path])}"
    )
    written = write_parquet(connection, rows, path)
    return replace(file, rows_path=str(path), rows=written, content=None, kept=None, before=None)
