"""The table of an entity whose one file changed in place: what is kept of it, and what changed.

All that is trusted is what the refresh before published: its rows are those of the file as it was
then, one for each key, and the content of its table is the one that its run says. Of the rows that
came some may be set aside, repeat others or lose to them, as they may in any file; none that is
kept ever is, or it is read anew (docs/decisions/files-that-change-in-place.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity, Preference
from overtide.schemas.names import PLACE, columns, literal, parquet_rows, quoted
from overtide.transforms.faults import listed_contents
from overtide.transforms.ingest import CORRUPT, IngestedFiles
from overtide.transforms.kernel import write_parquet
from overtide.transforms.key_counts import count_rows
from overtide.transforms.keys import (
    ChangedRows,
    EntityTable,
    is_too_much,
    listed,
    settle_counted,
    types_of,
)
from overtide.transforms.row_hashes import KeptRows, ReadBefore, kept_rows_at, rows_that_count
from overtide.transforms.sources.contract import FILE
from overtide.transforms.tables.same_rows import rows_apart_from

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def settle_changed(
    connection: "DuckDBPyConnection",
    name: str,
    entity: Entity,
    prefer: Preference,
    file: IngestedFiles,
    folder: Path,
    project: Path,
) -> EntityTable | None:
    """Return the table of an entity with how its rows differ from those before, not hashed yet.

    None where too many of its rows are set aside: that is told of all of them.
    """
    kept, before, corrupt = file.kept, file.before, folder / "changed-corrupt.parquet"
    if kept is None or before is None:
        return None
    stay, counts = kept.rows - kept.gone_rows, count_rows(connection, entity, [file])
    if is_too_much(entity, counts.aside, stay + counts.read):
        return None
    beside = settle_counted(connection, name, entity, prefer, [file], counts, folder, project)
    read = _as_read(connection, file, beside, folder)
    with _found_changes(connection, entity, read, kept, before):
        came, went = _written_changes(connection, entity, folder)
        wrong = _corrupt_rows(entity, file, before, beside.corrupt_file)
        faults = write_parquet(connection, wrong, corrupt)
    bad, placed = listed_contents(connection, str(corrupt))
    return replace(
        beside,
        files=(kept.rows_path, read),
        file_rows=(kept.rows, beside.rows_kept),
        corrupt_file=str(corrupt),
        rows_read=stay + beside.rows_read,
        rows_kept=stay + beside.rows_kept,
        corrupt_records=faults,
        corrupt_content=bad,
        corrupt_placed=placed,
        ingested=(replace(file, before=None),),
        gone=kept.gone,
        changed=ChangedRows(came, went, before.content),
    )


def _as_read(
    connection: "DuckDBPyConnection", file: IngestedFiles, beside: EntityTable, folder: Path
) -> str:
    """Return the file of the rows that stay of those that were read, in the columns of these."""
    (path,) = beside.files
    if path == file.rows_path:
        return path
    read = folder / "settled-changed.parquet"
    write_parquet(connection, f"SELECT *, 0::INTEGER AS {FILE} FROM {parquet_rows([path])}", read)
    return str(read)


@contextmanager
def _found_changes(
    connection: "DuckDBPyConnection",
    entity: Entity,
    read: str,
    kept: KeptRows,
    before: ReadBefore,
) -> Iterator[None]:
    """Let there be `came` and `went`, the rows by which those of the refresh before differ.

    Of the kept rows only some went since then, and some are there again (`__again`); all others of
    the table are those that were `read` beside them.
    """
    now, then = kept_rows_at(kept, before.kept), kept_rows_at(before.kept, kept)
    names = f"{columns(entity.attributes)}, {CORRUPT}"
    for table, again, beside in (("came", then, read), ("went", now, before.rows_path)):
        others = f"UNION ALL SELECT {names}, false FROM {parquet_rows([beside])}" if beside else ""
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS "
            f"SELECT {names}, true AS __again FROM ({again}) {others}"
        )
    try:
        yield
    finally:
        connection.execute("DROP TABLE came; DROP TABLE went")


def _written_changes(
    connection: "DuckDBPyConnection", entity: Entity, folder: Path
) -> tuple[str, str]:
    """Write the rows that `came` and those that `went`, without those that did both."""
    types, order = types_of(entity), (entity.primary_key,)
    chosen = {
        name: f"(SELECT {columns(entity.attributes)} FROM {name})" for name in ("came", "went")
    }
    paths = {name: folder / f"{name}.parquet" for name in chosen}
    for (name, path), other in zip(paths.items(), ("went", "came"), strict=True):
        write_parquet(connection, rows_apart_from(chosen[name], chosen[other], types, order), path)
    return str(paths["came"]), str(paths["went"])


def _corrupt_rows(entity: Entity, file: IngestedFiles, before: ReadBefore, beside: str) -> str:
    """Return the SQL of all that is wrong.

    Values that could not be read in kept rows, those of `before` that did not go and those that are
    there again; and what is wrong with the rows `beside` them.
    """
    key, (source,) = quoted(entity.primary_key), map(literal, file.sources)
    went = f"SELECT {key}::VARCHAR AS PrimaryKey FROM went"
    stayed = f"(FROM {parquet_rows([before.corrupt_file])} WHERE IsKept)"
    stayed = f"FROM {stayed} ANTI JOIN ({went}) USING (PrimaryKey)"
    wrong = f"({CORRUPT} ->> 'line')::BIGINT AS __line, {source} AS __file"
    wrong = f"SELECT {key}, {CORRUPT}, {wrong} FROM came WHERE __again AND {CORRUPT} IS NOT NULL"
    return (
        f"SELECT * REPLACE ({source} AS FileName) {stayed} UNION ALL {listed(key)} FROM ({wrong}) "
        f"UNION ALL FROM {parquet_rows([beside])}"
    )


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
    numbered = None
    if file.numbered is not None:  # they stand behind the kept ones now
        numbered = folder / f"numbered-{path.name}"
        places = f"place + {written - file.rows} AS place, line"
        write_parquet(connection, f"SELECT {places} FROM {parquet_rows([file.numbered])}", numbered)
    return replace(
        file,
        rows_path=str(path),
        rows=written,
        numbered=str(numbered) if numbered else None,
        content=None,
        kept=None,
        before=None,
    )
