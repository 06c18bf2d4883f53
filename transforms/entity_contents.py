"""Hash the rows of an entity's table, which nobody asks for before the end of a refresh."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity
from overtide.transforms.fingerprint import EMPTY, Fingerprint, fingerprint_of_files
from overtide.transforms.ingest import IngestedFiles
from overtide.transforms.keys import EntityTable, types_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def with_content(
    connection: "DuckDBPyConnection", _folder: Path, table: EntityTable, entity: Entity
) -> EntityTable:
    """Return a table with the fingerprint of its rows.

    Where they are those of its files, each of these has its own, which is kept with them. Where it
    is known how they differ from the published ones, only what went and what came is hashed.
    """
    ingested, changed = table.ingested, table.changed
    if changed is not None:
        went, came = (_content(connection, entity, [one]) for one in (changed.went, changed.came))
        return replace(table, content=changed.before - went + came)
    if table.files != tuple(file.rows_path for file in ingested):
        return replace(table, content=_content(connection, entity, table.files))
    found = [file.content or _content(connection, entity, [file.rows_path]) for file in ingested]
    ingested = tuple(map(_having, ingested, found))
    return replace(table, content=sum(found, EMPTY), ingested=ingested)


def _having(file: IngestedFiles, content: Fingerprint) -> IngestedFiles:
    return replace(file, content=content)


def _content(connection: "DuckDBPyConnection", entity: Entity, files: Iterable[str]) -> Fingerprint:
    return fingerprint_of_files(connection, list(files), types_of(entity))
