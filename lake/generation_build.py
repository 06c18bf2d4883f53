"""Build the serving generation of a refresh in bulk.

DuckDB writes the JSON documents, SQLite keeps them in key order.

The file is complete and durable before it gets its name, which says what is in it; readers then
open it immutable.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.lake.catalog import UNCHECKED
from overtide.lake.generation import DDL, meta_rows
from overtide.lake.sealed import seal
from overtide.schemas.crash import crash_point
from overtide.schemas.extensions import extension
from overtide.schemas.folders import make_folder, sync_folder
from overtide.schemas.names import literal
from overtide.schemas.serving_metadata import ServingMetadata

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


BATCH, AHEAD = 20_000, "64MB"
"""Rows that are written at once, and how much of those that follow is made meanwhile."""


@dataclass(frozen=True)
class GenerationSources:
    """SQL of what a generation holds.

    profiles: CustomerId, told (what their rows say for documents, as `lake.generation` has them,
    without the outer braces), PreviousCustomerId, ordered by CustomerId; keys: EntityName,
    PrimaryKey, CustomerId, IsWinner, ordered by the first two; vanished: EntityName, PrimaryKey,
    CustomerId of records that are gone; aliases: PreviousCustomerId, CustomerId; related:
    EntityName, PrimaryKey, CustomerId of the values by which activities find customers.
    """

    profiles: str
    keys: str
    vanished: str
    aliases: str
    related: str


DOCUMENTS = """
    WITH losers AS (
        SELECT CustomerId, string_agg('[' || to_json(EntityName) || ',' || to_json(PrimaryKey) ||
          ']', ','
                                      ORDER BY EntityName, PrimaryKey) AS losers
        FROM ({keys}) WHERE NOT IsWinner GROUP BY CustomerId),
    gone AS (
        SELECT CustomerId, string_agg('[' || to_json(EntityName) || ',' || to_json(PrimaryKey) ||
          ']', ','
                                      ORDER BY EntityName, PrimaryKey) AS gone
        FROM ({vanished}) GROUP BY CustomerId),
    reaching AS (
        SELECT CustomerId, string_agg('[' || to_json(EntityName) || ',' || to_json(PrimaryKey) ||
          ']', ','
                                      ORDER BY EntityName, PrimaryKey) AS reaching
        FROM ({related}) GROUP BY CustomerId)
    SELECT CustomerId, concat('{{', told, ',"losers":[' || losers || ']',
      ',"previous":["' || replace(PreviousCustomerId, ';', '","') || '"]',
      ',"vanished":[' || gone || ']', ',"related":[' || reaching || ']', '}}') AS document
    FROM ({profiles}) LEFT JOIN losers USING (CustomerId) LEFT JOIN gone USING (CustomerId)
    LEFT JOIN reaching USING (CustomerId)"""
"""Rows come nearly in the order of the sources, as SQLite fills its tree best; few customers have
losing records, and few have records that are gone. A document is put together at once: each `||`
would write all that is before it once more; those that are there join what few customers have."""


def documents_of(sources: GenerationSources) -> str:
    """Return the SQL of ids and documents of profiles."""
    return DOCUMENTS.format(
        keys=sources.keys,
        vanished=sources.vanished,
        related=sources.related,
        profiles=sources.profiles,
    )


def no_timelines() -> None:
    """Name no activities: they are read from the lake."""


def build_generation(
    connection: "DuckDBPyConnection",
    path: Path,
    metadata: ServingMetadata,
    sources: GenerationSources,
    timelines: Callable[[], str | None] = no_timelines,
) -> str:
    """Write a generation and return its name, that of `path` and its checksum.

    `connection` runs the queries of the sources and may spill; `timelines` names the activities,
    and is asked when all else is written.
    """
    draft = start_draft(path, create_tables)
    _fill(connection, draft, sources)
    with closing(sqlite3.connect(draft)) as written:
        write_meta(written, metadata, timelines())
    return finished(draft, path)


def start_draft(path: Path, create: Callable[[Path], object], part: str = "part") -> Path:
    """Create a draft beside the place of a generation, instead of one that was left."""
    make_folder(path.parent)
    draft = path.with_name(f"{path.name}.{part}")
    draft.unlink(missing_ok=True)
    create(draft)
    crash_point("generation.created")
    return draft


def finished(draft: Path, path: Path) -> str:
    """Make a filled draft durable and give it its name; it is summed up while the disk writes."""
    crash_point("generation.filled")
    with draft.open("rb+") as file, ThreadPoolExecutor(1) as disk:
        synced = disk.submit(os.fsync, file.fileno())
        name = seal(draft, path.stem)
        synced.result()
    crash_point("generation.synced")
    draft.replace(path.with_name(f"{name}.sqlite"))
    sync_folder(path.parent)
    return name


def _fill(connection: "DuckDBPyConnection", draft: Path, sources: GenerationSources) -> None:
    """Write all rows: those that come next are made while the last ones are written."""
    record = "SELECT EntityName, PrimaryKey, CustomerId FROM ({})"
    queries = [
        ("profile", documents_of(sources)),
        ("record", record.format(sources.keys)),
        ("record", record.format(sources.vanished)),
        ("alias", f"SELECT PreviousCustomerId, CustomerId FROM ({sources.aliases})"),
        ("related", f"{record.format(sources.related)} ORDER BY EntityName, PrimaryKey"),
    ]
    connection.execute(f"SET streaming_buffer_size = '{AHEAD}'")
    with _writer(draft) as writer:
        for table, query in queries:
            for batch in connection.execute(query).to_arrow_reader(BATCH):
                writer.register("batch", batch)
                writer.execute(f"INSERT INTO generation.{table} FROM batch")


@contextmanager
def _writer(draft: Path) -> Iterator["DuckDBPyConnection"]:
    """Open a draft to be written in one transaction.

    It has a DuckDB of its own with one thread: SQLite takes one row after the other, and whatever
    made the rows would wait for it.
    """
    import duckdb

    with duckdb.connect(config={**UNCHECKED, "threads": 1}) as writer:
        writer.execute(f"LOAD {literal(str(extension('sqlite_scanner')))}")
        attached = f"ATTACH {literal(str(draft))} AS generation (TYPE sqlite, JOURNAL_MODE 'OFF')"
        writer.execute(attached)
        writer.execute("BEGIN")
        yield writer
        writer.execute("COMMIT")
        writer.execute("DETACH generation")


def create_tables(draft: Path) -> None:
    """Create a generation that has nothing in it."""
    with closing(sqlite3.connect(draft)) as connection:
        connection.execute("PRAGMA page_size = 8192")
        for statement in DDL:
            connection.execute(statement)
        connection.commit()


def write_meta(
    connection: sqlite3.Connection,
    metadata: ServingMetadata,
    timelines: str | None,
    over: str | None = None,
) -> None:
    """Write what is known beside customers, and commit."""
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("DELETE FROM meta")
    rows = meta_rows(metadata, timelines, over)
    connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)
    connection.commit()


def remove_generations(folder: Path, keep: set[str]) -> list[str]:
    """Remove the generations that no reader needs any more; return their names."""
    gone = [
        file for file in sorted(folder.glob("*.sqlite*")) if file.name.split(".")[0] not in keep
    ]
    for file in gone:
        file.unlink(missing_ok=True)
        crash_point("generation.removed")
    return [file.name for file in gone]
