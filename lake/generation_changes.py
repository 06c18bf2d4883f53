"""Write a serving generation as the one before with other customers in place of those that changed.

It holds the same rows as one that was built of everything; only the file is laid out otherwise.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from overtide.lake.generation_build import (
    BATCH,
    GenerationSources,
    documents_of,
    finished,
    start_draft,
    write_meta,
)
from overtide.schemas.serving_metadata import ServingMetadata

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHANGED = "changed"
"""The temporary table of the ids of customers that may be others, or are gone."""
MOST, FEW = 10, 1_000
"""Up to one customer in so many may be another, or a few; else a generation is built of all."""


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
    timelines: Callable[[], str | None],
) -> str | None:
    """Write a generation from the one `before`; return its name, None where too much changed.

    As `build_generation` otherwise; both have metadata that differ in the run alone. The `sources`
    are of the customers in the table `CHANGED`, which is there when they are asked.
    """
    by_customer = (changes.profiles, changes.keys, changes.vanished, changes.related)
    ids = " UNION ".join(
        f"SELECT CustomerId FROM ({rows})" for one in by_customer for rows in (one.came, one.gone)
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {CHANGED} AS {ids}")
    (number,) = connection.execute(f"SELECT count(*) FROM {CHANGED}").fetchone() or (0,)
    if number > max(FEW, _profiles(before) // MOST):
        return None
    draft = start_draft(path, lambda draft: shutil.copyfile(before, draft))
    with closing(sqlite3.connect(draft)) as written:
        written.execute("PRAGMA journal_mode = OFF")
        changed = _rows_of(connection, f"SELECT CustomerId FROM {CHANGED}")
        written.executemany("DELETE FROM profile WHERE customer_id = ?", changed)
        documents = _rows_of(connection, documents_of(sources))
        written.executemany("INSERT INTO profile VALUES (?, ?)", documents)
        _change_keys(connection, written, changes)
        written.execute("DELETE FROM meta")
        write_meta(written, metadata, timelines())
    return finished(draft, path)


def _rows_of(connection: "DuckDBPyConnection", query: str) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a query, of which Python holds some at a time: they may be a million."""
    found = connection.execute(query)
    while some := found.fetchmany(BATCH):
        yield from some


def _profiles(generation: Path) -> int:
    place = f"file:{quote(str(generation))}?mode=ro&immutable=1"
    with closing(sqlite3.connect(place, uri=True)) as opened:
        return int(opened.execute("SELECT count(*) FROM profile").fetchone()[0])


def _change_keys(
    connection: "DuckDBPyConnection", written: sqlite3.Connection, changes: GenerationChanges
) -> None:
    """Remove the keys that went, of all tables first: a record may go from one to another."""
    by_key = "entity = ? AND key = ?"
    places = (
        ("record", changes.keys, ("EntityName", "PrimaryKey"), by_key),
        ("record", changes.vanished, ("EntityName", "PrimaryKey"), by_key),
        ("related", changes.related, ("EntityName", "PrimaryKey"), by_key),
        ("alias", changes.aliases, ("PreviousCustomerId",), "previous_id = ?"),
    )
    for table, rows, key, named in places:
        gone = _rows_of(connection, f"SELECT {', '.join(key)} FROM ({rows.gone})")
        written.executemany(f"DELETE FROM {table} WHERE {named}", gone)
    for table, rows, key, _ in places:
        columns = ", ".join((*key, "CustomerId"))
        came = _rows_of(connection, f"SELECT {columns} FROM ({rows.came})")
        values = ", ".join("?" * (len(key) + 1))
        written.executemany(f"INSERT INTO {table} VALUES ({values})", came)
