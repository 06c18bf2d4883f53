"""Build the serving generation of a refresh in bulk.

DuckDB writes the JSON documents, SQLite keeps them in key order.

The file is complete and durable before it gets its name, which says what is in it; readers then
open it immutable.
"""

import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.lake.generation import DDL, Json, meta_text
from overtide.lake.sealed import seal
from overtide.schemas.crash import crash_point
from overtide.schemas.folders import make_folder, sync_folder
from overtide.schemas.names import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class GenerationSources:
    """SQL of what a generation holds.

    profiles: CustomerId, fields (JSON object of canonical values), winners (JSON of their winning
    records without the outer brackets), PreviousCustomerId, ordered by CustomerId; keys:
    EntityName, PrimaryKey, CustomerId, IsWinner, ordered by the first two; vanished: EntityName,
    PrimaryKey, CustomerId of records that are gone; aliases: PreviousCustomerId, CustomerId.
    """

    profiles: str
    keys: str
    vanished: str
    aliases: str


DOCUMENTS = """
    WITH losers AS (
        SELECT CustomerId, string_agg('[' || to_json(EntityName) || ',' || to_json(PrimaryKey) ||
          ',0]', ','
                                      ORDER BY EntityName, PrimaryKey) AS losers
        FROM ({keys}) WHERE NOT IsWinner GROUP BY CustomerId),
    gone AS (
        SELECT CustomerId, string_agg('[' || to_json(EntityName) || ',' || to_json(PrimaryKey) ||
          ']', ','
                                      ORDER BY EntityName, PrimaryKey) AS gone
        FROM ({vanished}) GROUP BY CustomerId)
    SELECT CustomerId, '{{"fields":' || fields || ',"records":[' || concat_ws(',', winners, losers)
      || '],"previous":['
        || coalesce('"' || replace(PreviousCustomerId, ';', '","') || '"', '')
        || coalesce('],"vanished":[' || gone, '') || ']}}' AS document
    FROM ({profiles}) LEFT JOIN losers USING (CustomerId) LEFT JOIN gone USING (CustomerId)"""
"""Rows come nearly in the order of the sources, as SQLite fills its tree best; few customers have
losing records, and few have records that are gone."""


def build_generation(
    connection: "DuckDBPyConnection",
    path: Path,
    meta: Mapping[str, Json],
    sources: GenerationSources,
) -> str:
    """Write a generation and return its name, that of `path` and its checksum.

    `connection` has the sqlite extension loaded and may spill.
    """
    make_folder(path.parent)
    draft = path.with_name(path.name + ".part")
    draft.unlink(missing_ok=True)
    _create(draft, meta)
    crash_point("generation.created")
    connection.execute(
        f"ATTACH {literal(str(draft))} AS generation (TYPE sqlite, JOURNAL_MODE 'OFF')"
    )
    try:
        documents = DOCUMENTS.format(
            keys=sources.keys, vanished=sources.vanished, profiles=sources.profiles
        )
        connection.execute(f"INSERT INTO generation.profile {documents}")
        for keys in (sources.keys, sources.vanished):
            connection.execute(
                "INSERT INTO generation.record SELECT EntityName, PrimaryKey, CustomerId "
                f"FROM ({keys})"
            )
        connection.execute(
            "INSERT INTO generation.alias SELECT PreviousCustomerId, CustomerId "
            f"FROM ({sources.aliases})"
        )
    finally:
        connection.execute("DETACH generation")
    crash_point("generation.filled")
    with draft.open("rb+") as file:
        os.fsync(file.fileno())
    crash_point("generation.synced")
    name = seal(draft, path.stem)
    draft.replace(path.with_name(f"{name}.sqlite"))
    sync_folder(path.parent)
    return name


def _create(draft: Path, meta: Mapping[str, Json]) -> None:
    connection = sqlite3.connect(draft)
    connection.execute("PRAGMA page_size = 8192")
    for statement in DDL:
        connection.execute(statement)
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?)", ((key, meta_text(key, meta[key])) for key in sorted(meta))
    )
    connection.commit()
    connection.close()


def remove_generations(folder: Path, keep: set[str]) -> list[str]:
    """Remove the generations that no reader needs any more; return their names."""
    gone = [
        file for file in sorted(folder.glob("*.sqlite*")) if file.name.split(".")[0] not in keep
    ]
    for file in gone:
        file.unlink(missing_ok=True)
        crash_point("generation.removed")
    return [file.name for file in gone]
