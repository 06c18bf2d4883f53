"""The table of an entity whose one file changed in place: what is kept of it, and what changed.

All that is trusted is what the refresh before published: its rows are those of the file as it was
then, one for each key and none set aside, and the content of its table is the one that its run
says (docs/decisions/files-that-change-in-place.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.names import PLACE, columns, literal, parquet_rows, placed_rows, quoted
from overtide.transforms.faults import listed_contents
from overtide.transforms.ingest import CORRUPT, IngestedFiles
from overtide.transforms.kernel import count, write_parquet
from overtide.transforms.keys import (
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
    folder: Path,
) -> EntityTable | None:
    """Return the table of an entity with how its rows differ from those before, not hashed yet.

    None where one of the rows that came has no key, or that of another row: then all are looked at.
    """
    kept, before, corrupt = file.kept, file.before, folder / "corrupt.parquet"
    if kept is None or before is None:
        return None
    with _found_changes(connection, entity, file, kept, before):
        if not _have_own_keys(connection, entity, file.rows_path, kept):
            return None
        came, went = _written_changes(connection, entity, folder)
        faults = write_parquet(connection, _corrupt_rows(entity, file, before), corrupt)
    rows = kept.rows - kept.gone_rows + file.rows
    bad, placed = listed_contents(connection, str(corrupt))
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
        content=None,
        corrupt_content=bad,
        corrupt_placed=placed,
        ingested=(replace(file, before=None),),
        gone=kept.gone,
        changed=ChangedRows(came, went, before.content),
    )


@contextmanager
def _found_changes(
    connection: "DuckDBPyConnection",
    entity: Entity,
    file: IngestedFiles,
    kept: KeptRows,
    before: ReadBefore,
) -> Iterator[None]:
    """Let there be `came` and `went`, the rows by which those of the refresh before differ.

    Of the kept rows only some went since then, and some are there again.
    """
    now, then = _rows_at(kept, before.kept), _rows_at(before.kept, kept)
    names = f"{columns(entity.attributes)}, {CORRUPT}"
    for table, again, beside in (("came", then, file.rows_path), ("went", now, before.rows_path)):
        others = f"UNION ALL SELECT {names} FROM {parquet_rows([beside])}" if beside else ""
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {names} FROM ({again}) {others}"
        )
    try:
        yield
    finally:
        connection.execute("DROP TABLE came; DROP TABLE went")


def _have_own_keys(
    connection: "DuckDBPyConnection", entity: Entity, read: str, kept: KeptRows
) -> bool:
    """Say whether each row has a key that no other row has.

    The rows before had, as had the kept ones: a key of one that went is free, so only other ones of
    the rows that were `read` are sought among the kept.
    """
    key = quoted(entity.primary_key)
    if count(connection, f"SELECT count(*) - count(DISTINCT {key}) FROM came"):
        return False
    new = f"SELECT {key} FROM {parquet_rows([read])} ANTI JOIN went USING ({key})"
    if not count(connection, f"SELECT count(*) FROM ({new})"):
        return True
    taken = f"SELECT {key} FROM ({rows_that_count(kept.rows_path, kept.gone)})"
    return not count(connection, f"SELECT count(*) FROM ({taken}) SEMI JOIN ({new}) USING ({key})")


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


def _corrupt_rows(entity: Entity, file: IngestedFiles, before: ReadBefore) -> str:
    """Return the SQL of the rows with values that could not be read.

    They are those of `before` whose rows did not go, and those that `came`.
    """
    key, (source,) = quoted(entity.primary_key), map(literal, file.sources)
    went = f"SELECT {key}::VARCHAR AS PrimaryKey FROM went"
    stayed = f"FROM {parquet_rows([before.corrupt_file])} ANTI JOIN ({went}) USING (PrimaryKey)"
    wrong = f"({CORRUPT} ->> 'line')::BIGINT AS __line, {source} AS __file"
    wrong = f"SELECT {key}, {CORRUPT}, {wrong} FROM came WHERE {CORRUPT} IS NOT NULL"
    return (
        f"SELECT * REPLACE ({source} AS FileName) {stayed} UNION ALL {listed(key)} FROM ({wrong})"
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
    return replace(file, rows_path=str(path), rows=written, content=None, kept=None, before=None)
