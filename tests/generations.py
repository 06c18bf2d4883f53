"""Serving generations of a few profiles, built as a refresh builds them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from overtide.lake.generation import Json, Profile
from overtide.lake.generation_build import GenerationSources, build_generation
from overtide.schemas.serving_metadata import decoded
from tests.engine import opened

PROFILES = pa.schema(
    [(name, pa.string()) for name in ("CustomerId", "fields", "winners", "PreviousCustomerId")]
)
KEYS = pa.schema(
    [(name, pa.string()) for name in ("EntityName", "PrimaryKey", "CustomerId")]
    + [("IsWinner", pa.bool_())]
)
VANISHED = pa.schema([(name, pa.string()) for name in ("EntityName", "PrimaryKey", "CustomerId")])
ALIASES = pa.schema([(name, pa.string()) for name in ("PreviousCustomerId", "CustomerId")])


def write_generation(
    path: Path,
    documents: Mapping[str, Json],
    profiles: Iterable[Profile],
    records: Iterable[tuple[str, str, str]] = (),
    aliases: Iterable[tuple[str, str]] = (),
    sealed: bool = False,
    timelines: str | None = None,
) -> str:
    """Build a generation of `profiles`, `records` and `aliases`.

    `records` are (entity, key, customer id), `aliases` (previous id, customer id).

    Return its name: that of its path, as an earlier version gave it, or the one that tells its
    content.
    """
    profiles = sorted(profiles, key=lambda profile: profile.customer_id)
    losers = {
        (entity, key)
        for profile in profiles
        for entity, key, winner in profile.records
        if not winner
    }
    keys = [(entity, key, one, (entity, key) not in losers) for entity, key, one in sorted(records)]
    with opened(duckdb.connect(config={"threads": 1})) as connection:
        connection.register("profiles", table(PROFILES, map(row_of, profiles)))
        connection.register("keys", table(KEYS, keys))
        connection.register(
            "vanished",
            table(
                VANISHED,
                (
                    (*record, profile.customer_id)
                    for profile in profiles
                    for record in profile.vanished
                ),
            ),
        )
        connection.register("aliases", table(ALIASES, aliases))
        related = [
            (*value, profile.customer_id) for profile in profiles for value in profile.related
        ]
        connection.register("related", table(VANISHED, related))
        sources = GenerationSources(
            "FROM profiles", "FROM keys", "FROM vanished", "FROM aliases", "FROM related"
        )
        name = build_generation(connection, path, decoded(documents), sources, lambda: timelines)
        return name if sealed else path.with_name(f"{name}.sqlite").rename(path).stem


def row_of(profile: Profile) -> tuple[str, str, str, str | None]:
    """Return a profile as the row of SQL that a refresh makes of it."""
    winners = ",".join(
        json.dumps([entity, key, 1]) for entity, key, winner in profile.records if winner
    )
    return (
        profile.customer_id,
        json.dumps(profile.fields),
        winners,
        ";".join(profile.previous) or None,
    )


def table(schema: pa.Schema, rows: Iterable[tuple[object, ...]]) -> pa.Table:
    """Return rows as an Arrow table."""
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)
