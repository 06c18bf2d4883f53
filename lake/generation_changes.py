"""Write a serving generation over the one before: the customers alone that are others.

Together they say what one that was built of everything would (docs/decisions/
generations-over-others.md). A generation lies over one that is whole by itself, and never over one
that lies over another: it takes over the rows of that one. Once they are many, both become one.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overtide.lake.generation import OVER, Generation
from overtide.lake.generation_build import (
    BATCH,
    GenerationSources,
    create_tables,
    documents_of,
    finished,
    start_draft,
    write_meta,
)
from overtide.lake.sealed import fits_its_name
from overtide.schemas.serving_metadata import ServingMetadata

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHANGED = "changed"
"""The temporary table of the ids of customers that may be others, or are gone."""
MOST, FEW = 10, 1_000
"""Up to one customer in so many may be another, or a few; else a generation is built of all."""
LAID = 4
"""Of so many bytes beneath, one may be of what lies over them."""
TABLES = {
    "profile": ("customer_id", "document"),
    "record": ("entity, key", "customer_id"),
    "alias": ("previous_id", "customer_id"),
    "related": ("entity, key", "customer_id"),
}
"""The key of each table, and what is empty where the row is gone."""


@dataclass(frozen=True)
class Rows:
    """SQL of the rows of a table that came with a run, and of those that went."""

    came: str
    gone: str


@dataclass(frozen=True)
class GenerationChanges:
    """What changed in the tables that a generation is made of, by those of `GenerationSources`."""

    profiles: Rows
    keys: Rows
    vanished: Rows
    aliases: Rows
    related: Rows


def change_generation(
    connection: "DuckDBPyConnection",
    before: Path,
    path: Path,
    metadata: ServingMetadata,
    sources: GenerationSources,
    changes: GenerationChanges,
    customers: int,
    timelines: Callable[[], str | None],
) -> str | None:
    """Write a generation over the one `before`; return its name, None where too much changed.

    As `build_generation` otherwise; both have the same columns of customers. What is `before` is
    whole, and has so many `customers`. The `sources` are of the customers in the table
    `CHANGED`, which is there when they are asked.
    """
    by_customer = (changes.profiles, changes.keys, changes.vanished, changes.related)
    ids = " UNION ".join(
        f"SELECT CustomerId FROM ({rows})" for one in by_customer for rows in (one.came, one.gone)
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {CHANGED} AS {ids}")
    (number,) = connection.execute(f"SELECT count(*) FROM {CHANGED}").fetchone() or (0,)
    if number > max(FEW, customers // MOST):
        return None
    draft, beneath = _started(before, path)
    with closing(sqlite3.connect(draft)) as written:
        written.execute("PRAGMA journal_mode = OFF")
        changed = _rows_of(connection, f"SELECT CustomerId FROM {CHANGED}")
        written.executemany("REPLACE INTO profile VALUES (?, '')", changed)
        documents = _rows_of(connection, documents_of(sources))
        written.executemany("REPLACE INTO profile VALUES (?, ?)", documents)
        _write_keys(connection, written, changes)
        write_meta(written, metadata, timelines(), beneath.stem)
    if draft.stat().st_size * LAID <= beneath.stat().st_size:
        return finished(draft, path)
    return _made_one(draft, beneath, path) if fits_its_name(beneath) else None


def renew_generation(
    before: Path, path: Path, metadata: ServingMetadata, timelines: str | None = None
) -> str:
    """Write a generation with the customers of the one `before`; return its name."""
    draft, beneath = _started(before, path)
    with closing(sqlite3.connect(draft)) as written:
        write_meta(written, metadata, timelines, beneath.stem)
    return finished(draft, path)


def _started(before: Path, path: Path) -> tuple[Path, Path]:
    """Return a draft with all that lies over the generation beneath, and the file of that."""
    first, *beneath = Generation(before).files
    if beneath:
        return start_draft(path, lambda draft: shutil.copyfile(first, draft)), beneath[0]
    return start_draft(path, create_tables), first


def _rows_of(connection: "DuckDBPyConnection", query: str) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a query, of which Python holds some at a time: they may be a million."""
    found = connection.execute(query)
    while some := found.fetchmany(BATCH):
        yield from some


def _write_keys(
    connection: "DuckDBPyConnection", written: sqlite3.Connection, changes: GenerationChanges
) -> None:
    """Write the keys that went, of all tables first: a record may go from one to another."""
    places = (
        ("record", changes.keys, ("EntityName", "PrimaryKey")),
        ("record", changes.vanished, ("EntityName", "PrimaryKey")),
        ("related", changes.related, ("EntityName", "PrimaryKey")),
        ("alias", changes.aliases, ("PreviousCustomerId",)),
    )
    for table, rows, key in places:
        gone = _rows_of(connection, f"SELECT {', '.join(key)}, '' FROM ({rows.gone})")
        written.executemany(f"REPLACE INTO {table} VALUES ({_places(key)})", gone)
    for table, rows, key in places:
        came = _rows_of(connection, f"SELECT {', '.join(key)}, CustomerId FROM ({rows.came})")
        written.executemany(f"REPLACE INTO {table} VALUES ({_places(key)})", came)


def _places(key: tuple[str, ...]) -> str:
    return ", ".join("?" * (len(key) + 1))


def _made_one(draft: Path, beneath: Path, path: Path) -> str:
    """Write the rows of both as one generation; return its name."""
    whole = start_draft(path, lambda file: shutil.copyfile(beneath, file), "whole.part")
    with closing(sqlite3.connect(whole)) as written:
        written.execute("PRAGMA journal_mode = OFF")
        written.execute("ATTACH ? AS newer", [str(draft)])
        for table, (key, told) in TABLES.items():
            newer = f"SELECT {key} FROM newer.{table}"
            written.execute(f"DELETE FROM {table} WHERE ({key}) IN ({newer})")
            written.execute(f"INSERT INTO {table} SELECT * FROM newer.{table} WHERE {told} != ''")
        written.execute("DELETE FROM meta")
        written.execute("INSERT INTO meta SELECT * FROM newer.meta WHERE key != ?", [OVER])
        written.commit()
    draft.unlink()
    return finished(whole, path)
