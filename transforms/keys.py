"""Keep one row per primary key, and account for every row that was read.

Rows read = rows kept + rows set aside + exact repeats + rows that lost to another of their key.
Source of the rules: semantics 4.2 (of rows with one primary key the entity's preference decides,
then the greatest canonical row, never the order of the file).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity, Preference
from overtide.schemas.errors import SourceError
from overtide.schemas.names import (
    PLACE,
    chained,
    columns,
    literal,
    parquet_rows,
    quoted,
)
from overtide.schemas.types import type_of
from overtide.transforms.affected import Affected
from overtide.transforms.faults import listed_contents
from overtide.transforms.fingerprint import Fingerprint, canonical_row
from overtide.transforms.ingest import CORRUPT, IngestedFiles
from overtide.transforms.kernel import count, write_parquet
from overtide.transforms.key_counts import Counts, count_rows
from overtide.transforms.row_hashes import rows_that_count
from overtide.transforms.set_aside import ASIDE, collect_aside, first_aside, named_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FEW = 3
"""Rows that an error names, of all that are set aside."""
REPEATS = "repeats.parquet"
"""What the file of the rows of keys that several rows have is called."""
MOST_FILES = 100
"""Rows in more files become one: each file is a part of every query that numbers the records."""


@dataclass(frozen=True)
class Changes:
    """What else became of the rows of an entity of full data and changes.

    Versions of which there is a later one, deletes that hold, the records that these removed, the
    rows that do not say when they were modified, and how many hours there were.
    """

    superseded_rows: int
    delete_rows: int
    deleted_records: int
    undated_rows: int
    hours: int


@dataclass(frozen=True)
class ChangedRows:
    """How the rows of an entity differ from the published ones: files of those that came and went.

    A row that has another value is in both.
    """

    came: str
    went: str
    before: Fingerprint
    """That of the published rows."""


@dataclass(frozen=True)
class EntityTable:
    """One entity after ingestion.

    Its files (rows in a fixed order), what was set aside or lost, and all counts.
    """

    entity: str
    files: tuple[str, ...]
    file_rows: tuple[int, ...]
    corrupt_file: str
    rows_read: int
    rows_kept: int
    set_aside: int
    exact_repeats: int
    lost_rows: int
    corrupt_records: int
    new_columns: tuple[str, ...]
    content: Fingerprint | None
    """None until its rows were hashed, which may be last: see `entity_contents`."""
    corrupt_content: Fingerprint
    corrupt_placed: Fingerprint
    """The content of what is listed with the places where it stands."""
    filtered_rows: int = 0
    """Rows that the entity's filter left out; they are among `rows_read`."""
    ingested: tuple[IngestedFiles, ...] = ()
    """What the files gave that it is made of."""
    changes: Changes | None = None
    """Of an entity of full data and changes; its filter looks at the latest versions."""
    affected: Affected | None = None
    """Of a unified entity the records that alone are to be matched; None where all are."""
    gone: str | None = None
    """The file of the places (`place`) of rows of the first of the files that count no more."""
    changed: ChangedRows | None = None
    """How its rows differ from the published ones, where that is known without looking at all."""

    @property
    def rows(self) -> str:
        """The SQL of its rows."""
        if self.gone is None:
            return f"FROM {parquet_rows(self.files)}"
        first, *others = self.files
        counting = f"SELECT * EXCLUDE ({PLACE}) FROM ({rows_that_count(first, self.gone)})"
        return f"{counting} UNION ALL FROM {parquet_rows(others)}"


def settle(
    connection: "DuckDBPyConnection",
    name: str,
    entity: Entity,
    prefer: Preference,
    ingested: list[IngestedFiles],
    folder: Path,
    project: Path,
) -> EntityTable:
    """Return the entity's table: one row per key, and a table of everything corrupt.

    Its rows are not hashed yet. Raise when too much is wrong.
    """
    ingested = sorted(ingested, key=lambda file: Path(file.rows_path).name)
    counts = count_rows(connection, entity, ingested)
    check_amounts(connection, name, entity, ingested, counts, project)
    return settle_counted(connection, name, entity, prefer, ingested, counts, folder, project)


def settle_counted(
    connection: "DuckDBPyConnection",
    name: str,
    entity: Entity,
    prefer: Preference,
    ingested: list[IngestedFiles],
    counts: Counts,
    folder: Path,
    project: Path,
) -> EntityTable:
    """Return the table of rows that are counted, whatever share of them is wrong."""
    collect_aside(connection, entity, ingested, project)
    rows, repeats, exact = named_rows(ingested), None, 0
    if counts.keyed > counts.keys:
        repeats, exact = _repeats(connection, entity, prefer, rows, folder)
    corrupt = folder / "corrupt.parquet"
    faults = write_parquet(
        connection, corrupt_rows(entity, rows, repeats, counts.corrupt > 0), corrupt
    )
    files = _settled(connection, entity, ingested, counts, repeats, folder)
    return EntityTable(
        name,
        tuple(files),
        tuple(files.values()),
        str(corrupt),
        counts.read,
        sum(files.values()),
        *_not_kept(connection, corrupt, exact),
        faults,
        tuple(sorted({column for file in ingested for column in file.new_columns})),
        None,
        *listed_contents(connection, str(corrupt)),
        counts.filtered,
        tuple(ingested),
    )


def _repeats(
    connection: "DuckDBPyConnection", entity: Entity, prefer: Preference, rows: str, folder: Path
) -> tuple[Path, int]:
    """Write the ranked rows of the keys that are there more than once.

    Return their file, and how many rows repeat another one exactly.
    """
    path = folder / REPEATS
    contents = write_parquet(connection, repeated_rows(entity, prefer, rows), path)
    return path, count(connection, f"SELECT sum(__copies) FROM {parquet_rows([path])}") - contents


def _settled(
    connection: "DuckDBPyConnection",
    entity: Entity,
    ingested: list[IngestedFiles],
    counts: Counts,
    repeats: Path | None,
    folder: Path,
) -> dict[str, int]:
    """Return the files of the rows that are kept, with their numbers of rows.

    They are those that were read, unless some of their rows go or there are too many of them.
    """
    files = {file.rows_path: file.rows for file in ingested}
    if not repeats and counts.keyed >= sum(files.values()) and len(files) <= MOST_FILES:
        return files
    path = folder / "settled.parquet"
    settled = one_per_key(entity, f"SELECT * FROM {parquet_rows([*files])}", repeats)
    return {str(path): write_parquet(connection, settled, path)}


def types_of(entity: Entity) -> dict[str, str]:
    """Return the SQL types of an entity's attributes."""
    return {name: type_of(entity.attribute(name).type).duckdb for name in entity.attributes}


def check_amounts(
    connection: "DuckDBPyConnection",
    name: str,
    entity: Entity,
    ingested: list[IngestedFiles],
    counts: Counts,
    project: Path,
) -> None:
    """Raise `no_rows` or `too_many_set_aside` when an entity cannot be what its owner meant."""
    if counts.read == counts.filtered:
        left = f" that its filter keeps, of {counts.read:,}" if counts.filtered else ""
        raise SourceError(
            "no_rows",
            f"{name} has no rows in {entity.origin}{left}.",
            name,
            "Check the file; a refresh never publishes an empty entity.",
        )
    if is_too_much(entity, counts.aside, counts.read):
        collect_aside(connection, entity, ingested, project, FEW)
        raise SourceError(
            "too_many_set_aside",
            f"{name}: {counts.aside:,} of {counts.read:,} rows could not be read or "
            f"have no primary key, more than {entity.max_set_aside_percent:g} %.",
            name,
            "Correct the file or its format, or raise `max_set_aside_percent`.",
            details=tuple(first_aside(connection, FEW)),
        )


def is_too_much(entity: Entity, aside: int, read: int) -> bool:
    """Say whether of the rows that were read more are set aside than the entity allows."""
    return aside * 100 > entity.max_set_aside_percent * read


def repeated_rows(entity: Entity, prefer: Preference, rows: str) -> str:
    """Return the SQL of rows whose key another row has, too, each content once.

    They are ordered by `__rank` within the key.

    `__copies` counts the rows of one content; `__file` and `__line` are those of the first of them
    by name. Rows that are equal where they could be read are two contents when their texts differ:
    the one with nothing corrupt is first.
    """
    key, names = quoted(entity.primary_key), list(entity.attributes)
    first = ", ".join(f"first({quoted(name)}) AS {quoted(name)}" for name in names)
    return f"""
        WITH keyed AS (SELECT * FROM ({rows}) WHERE {key} IS NOT NULL),
        repeated AS (SELECT {key} FROM keyed GROUP BY {key} HAVING count(*) > 1),
        texts AS (SELECT *, {canonical_row(types_of(entity))} AS __content, ({CORRUPT} ->>
          'line')::BIGINT AS __line,
                         concat({CORRUPT} ->> 'details', chr(28), {CORRUPT} ->> 'record') AS __wrong
                  FROM keyed SEMI JOIN repeated USING ({key})),
        contents AS (SELECT {first}, __content, __wrong, count(*) AS __copies, min(__file) AS
          __file,
                            arg_min(__line, (__file, __line)) AS __line,
                            arg_min({CORRUPT}, (__file, __line)) AS {CORRUPT}
                     FROM texts GROUP BY __content, __wrong)
        SELECT * EXCLUDE (__content, __wrong), row_number() OVER (
                   PARTITION BY {key} ORDER BY {preference(prefer, names)}, __content DESC, __wrong)
                     AS __rank
        FROM contents"""


def one_per_key(entity: Entity, rows: str, repeats: Path | None) -> str:
    """Return the SQL of the rows with one row for each primary key."""
    key, chosen = quoted(entity.primary_key), f"{columns(entity.attributes)}, {CORRUPT}"
    single = f"SELECT {chosen} FROM ({rows}) WHERE {key} IS NOT NULL"
    if repeats is None:
        return single
    return f"""
        WITH winner AS (SELECT {chosen} FROM {parquet_rows([repeats])} WHERE __rank = 1)
        SELECT * FROM ({single}) ANTI JOIN winner USING ({key}) UNION ALL FROM winner"""


def preference(prefer: Preference, names: list[str], prefix: str = "") -> str:
    """Return the ORDER BY terms that put the preferred record first.

    Ties are left to the caller.
    """
    if prefer.policy == "most_filled":
        filled = chained("+", (f"({prefix}{quoted(name)} IS NOT NULL)::INTEGER" for name in names))
        return f"{filled} DESC"
    direction = "DESC" if prefer.policy == "most_recent" else "ASC"
    return f"{prefix}{quoted(prefer.attribute or '')} {direction} NULLS LAST"


def corrupt_rows(entity: Entity, rows: str, repeats: Path | None, some: bool) -> str:
    """Return the SQL of everything that is wrong.

    Values that could not be typed, rows that lost, what is set aside.

    Unless `some` rows hold something corrupt they are not read: reading all rows to find none of
    them takes long.
    """
    key, parts = quoted(entity.primary_key), [ASIDE]
    single = f"SELECT * FROM ({rows}) WHERE {CORRUPT} IS NOT NULL AND {key} IS NOT NULL"
    if repeats is not None:
        ranked = parquet_rows([repeats])
        parts += [
            losers(entity, ranked),
            f"{listed(key)} FROM {ranked} WHERE __rank = 1 AND {CORRUPT} IS NOT NULL",
        ]
        single = f"FROM ({single}) ANTI JOIN {ranked} USING ({key})"
    if some:
        parts.append(
            f"{listed(key)} FROM (SELECT *, ({CORRUPT} ->> 'line')::BIGINT AS __line FROM "
            f"({single}))"
        )
    return " UNION ALL ".join(f"({part})" for part in parts)


def listed(key: str, kept: str = "true") -> str:
    """Return the beginning of the SQL that lists rows whose values could not all be read."""
    return (
        f"SELECT {CORRUPT} ->> 'details' AS CorruptionDetails, {key}::VARCHAR AS PrimaryKey, "
        f"{kept} AS IsKept, __file AS FileName, __line AS LineNumber, "
        f"{CORRUPT} ->> 'record' AS Record"
    )


def losers(entity: Entity, ranked: str) -> str:
    """Return the SQL of the rows that lost to another of their key.

    The reason shows what the kept one has instead.
    """
    key, shown = quoted(entity.primary_key), _text("compared", entity.primary_key, entity)
    record = ", ".join(
        f"{literal(name)}, {_text('compared', name, entity)}" for name in entity.attributes
    )
    named = literal(f"{entity.primary_key}: another row with the key ")
    return f"""
        WITH loser AS (FROM {ranked} WHERE __rank > 1), winner AS (FROM {ranked} WHERE __rank = 1),
        compared AS (SELECT loser.*, concat_ws(',',
          {", ".join(_instead(name, entity) for name in entity.attributes)})
                                     AS __instead FROM loser JOIN winner USING ({key})),
        reasoned AS (SELECT *, CASE __instead WHEN ''
          THEN ', with the same values where they could be read'
                                              ELSE concat(': {{', __instead, '}}') END AS __kept
                                                FROM compared)
        SELECT concat_ws('; ', concat({named}, to_json({shown}), ' is kept', __kept),
                         nullif({CORRUPT} ->> 'details', '')) AS CorruptionDetails,
               {key}::VARCHAR AS PrimaryKey, false AS IsKept, __file AS FileName, __line AS
                 LineNumber,
               coalesce({CORRUPT} ->> 'record', json_object({record})::VARCHAR) AS Record
        FROM reasoned AS compared"""


def _text(row: str, name: str, entity: Entity) -> str:
    return type_of(entity.attribute(name).type).text_sql(f"{row}.{quoted(name)}")


def _instead(name: str, entity: Entity) -> str:
    """Return the SQL of the winner's `"name":"value"` where its value is not the loser's."""
    return (
        f"CASE WHEN winner.{quoted(name)} IS DISTINCT FROM loser.{quoted(name)} THEN concat("
        f"{literal(json.dumps(name, ensure_ascii=False) + ':')}, "
        f"coalesce(to_json({_text('winner', name, entity)})::VARCHAR, 'null')) END"
    )


def _not_kept(connection: "DuckDBPyConnection", corrupt: Path, exact: int) -> tuple[int, int, int]:
    """Return how many rows were set aside, repeat another exactly, or lost to another.

    They lost to another row of their key.
    """
    row = connection.execute(
        f"SELECT count(*) FILTER (PrimaryKey IS NULL), count(PrimaryKey) "
        f"FROM {parquet_rows([corrupt])} WHERE NOT IsKept"
    ).fetchone() or (0, 0)
    return int(row[0]), exact, int(row[1])
