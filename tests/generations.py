"""Serving generations of a few profiles, built as a refresh builds them."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa

from overtide.lake.generation import Json, Profile
from overtide.lake.generation_build import GenerationSources, build_generation
from overtide.schemas.serving_metadata import decoded
from tests.engine import opened

PROFILES = pa.schema([(name, pa.string()) for name in ("CustomerId", "told", "PreviousCustomerId")])
KEYS = pa.schema(
    [(name, pa.string()) for name in ("EntityName", "PrimaryKey", "CustomerId")]
    + [("IsWinner", pa.bool_())]
)
VANISHED = pa.schema([(name, pa.string()) for name in ("EntityName", "PrimaryKey", "CustomerId")])
ALIASES = pa.schema([(name, pa.string()) for name in ("PreviousCustomerId", "CustomerId")])


def told_before(profile: Profile) -> dict[str, Json]:
    """Return what the documents of an earlier version say, of any fields and records."""
    records = [[entity, key, int(won)] for entity, key, won in profile.records]
    return {"fields": profile.fields, "records": records}


def told(profile: Profile) -> dict[str, Json]:
    """Return what documents say of a profile that has all columns of the metadata, in order."""
    return {"values": [*profile.fields.values()]}


def write_generation(
    path: Path,
    documents: Mapping[str, Json],
    profiles: Iterable[Profile],
    records: Iterable[tuple[str, str, str]] = (),
    aliases: Iterable[tuple[str, str]] = (),
    sealed: bool = False,
    timelines: str | None = None,
    telling: Callable[[Profile], dict[str, Json]] = told_before,
) -> str:
    """Build a generation of `profiles`, `records` and `aliases`.

    `records` are (entity, key, customer id), `aliases` (previous id, customer id); `telling` gives
    what documents say of a profile's row.

    Return its name: that of its path, as an earlier version gave it, or the one that tells its
    content.
    """
    profiles = sorted(profiles, key=lambda profile: profile.customer_id)
    with opened(duckdb.connect(config={"threads": 1})) as connection:
        rows = (
            (one.customer_id, json.dumps(telling(one))[1:-1], ";".join(one.previous) or None)
            for one in profiles
        )
        vanished = ((*key, one.customer_id) for one in profiles for key in one.vanished)
        related = ((*key, one.customer_id) for one in profiles for key in one.related)
        connection.register("profiles", table(PROFILES, rows))
        connection.register("keys", table(KEYS, _keys(profiles, records)))
        connection.register("vanished", table(VANISHED, vanished))
        connection.register("aliases", table(ALIASES, aliases))
        connection.register("related", table(VANISHED, related))
        sources = GenerationSources(
            "FROM profiles", "FROM keys", "FROM vanished", "FROM aliases", "FROM related"
        )
        name = build_generation(connection, path, decoded(documents), sources, lambda: timelines)
        return name if sealed else path.with_name(f"{name}.sqlite").rename(path).stem


def _keys(
    profiles: Iterable[Profile], records: Iterable[tuple[str, str, str]]
) -> Iterator[tuple[str, str, str, bool]]:
    """Give records with whether each won."""
    lost = {(entity, key) for one in profiles for entity, key, winner in one.records if not winner}
    return ((entity, key, one, (entity, key) not in lost) for entity, key, one in sorted(records))


def table(schema: pa.Schema, rows: Iterable[tuple[object, ...]]) -> pa.Table:
    """Return rows as an Arrow table."""
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)


KEYS_OF = {"profile": 1, "record": 2, "alias": 1, "related": 2}
"""How many columns of the tables of a generation are their key."""


def served_rows(path: Path) -> dict[str, list[tuple[str, ...]]]:
    """Return the rows of a generation as readers are to find them, read without the engine.

    Its own, and of the generation that it lies over those whose keys it does not have.
    """
    with closing(sqlite3.connect(path)) as connection:
        over = connection.execute("SELECT value FROM meta WHERE key = 'over'").fetchone()
        beneath = None if over is None else served_rows(path.with_name(f"{over[0]}.sqlite"))
        found = {}
        for table, number in KEYS_OF.items():
            own = {row[:number]: row for row in connection.execute(f"SELECT * FROM {table}")}
            rows = {row[:number]: row for row in beneath[table]} if beneath else {}
            found[table] = sorted(row for row in (rows | own).values() if row[-1])
        return found
