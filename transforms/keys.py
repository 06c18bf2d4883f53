"""Keep one row per primary key, and account for every row that was read.

Source of the rules: semantics 4.2 (of rows with one primary key the entity's merge preference decides, then the
greatest canonical row, never the order of the file).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.configuration import Entity, Preference
from schemas.errors import OvertideError
from schemas.names import chained, columns, literal, parquet_rows, quoted
from schemas.values import duckdb_type
from transforms.fingerprint import Fingerprint, canonical_row, fingerprint
from transforms.ingest import CORRUPT, IngestedFiles
from transforms.kernel import count, write_parquet
from transforms.raw import FILE

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CORRUPT_TYPES = {"CorruptionDetails": "VARCHAR", "PrimaryKey": "VARCHAR", "IsKept": "BOOLEAN", "Record": "VARCHAR"}
"""The columns of `{DataSource}_{Entity}_corrupt` that its content hash covers; not file names and line numbers."""


MOST_FILES = 100
"""Rows in more files become one: each file is a part of every query that numbers the records."""


@dataclass(frozen=True)
class EntityTable:
    """One entity after ingestion: its files (rows in a fixed order), what was set aside, and all counts."""

    entity: str
    files: tuple[str, ...]
    file_rows: tuple[int, ...]
    corrupt_file: str
    rows_read: int
    rows_kept: int
    set_aside: int
    repeated_keys: int
    corrupt_records: int
    new_columns: tuple[str, ...]
    content: Fingerprint
    corrupt_content: Fingerprint


def settle(connection: "DuckDBPyConnection", name: str, entity: Entity, prefer: Preference,
           ingested: list[IngestedFiles], folder: Path) -> EntityTable:
    """Return the entity's table: one row per key, and a table of everything corrupt; raise when too much is wrong."""
    ingested = sorted(ingested, key=lambda file: Path(file.rows_path).name)
    files, file_rows = [file.rows_path for file in ingested], [file.rows for file in ingested]
    rows, key = f"SELECT * FROM {parquet_rows(files)}", quoted(entity.primary_key)
    read = sum(file.rows + file.lines for file in ingested)
    keyless, distinct, some_corrupt = _key_counts(connection, rows, entity)
    repeated = sum(file.rows for file in ingested) - keyless - distinct
    aside = read - distinct - repeated
    check_amounts(name, entity, read, aside, lambda: first_aside(connection, ingested))
    corrupt = folder / "corrupt.parquet"
    corrupt_records = write_parquet(connection, corrupt_rows(entity, ingested, some_corrupt > 0), corrupt)
    kept = f"SELECT * FROM {parquet_rows(files)}"
    if keyless or repeated or len(files) > MOST_FILES:
        files = [str(folder / "settled.parquet")]
        file_rows = [write_parquet(connection, one_per_key(entity, prefer, rows), Path(files[0]))]
        kept = f"SELECT * FROM {parquet_rows(files)}"
        if count(connection, f"SELECT count({key}) FROM ({kept})") != distinct:
            raise OvertideError("rows_lost", f"{name}: the rows read are not those kept, set aside or repeated.", name)
    content = fingerprint(connection, kept, {column: duckdb_type(entity.attribute(column).type)
                                             for column in entity.attributes})
    bad = fingerprint(connection, f"SELECT * FROM {parquet_rows([corrupt])}", CORRUPT_TYPES)
    new_columns = tuple(sorted({column for file in ingested for column in file.new_columns}))
    return EntityTable(name, tuple(files), tuple(file_rows), str(corrupt), read, distinct, aside, repeated,
                       corrupt_records, new_columns, content, bad)


def _key_counts(connection: "DuckDBPyConnection", rows: str, entity: Entity) -> tuple[int, int, int]:
    """Return how many rows have no key, how many keys there are, and how many rows hold something corrupt.

    As many hashes as rows prove that all keys differ.
    """
    key = quoted(entity.primary_key)
    row = connection.execute(f"SELECT count(*), count({key}), count(DISTINCT hash({key})) FILTER ({key} IS NOT NULL), "
                             f"count({CORRUPT}) FROM ({rows})").fetchone() or (0, 0, 0, 0)
    every, keyed, hashes, corrupt = map(int, row)
    distinct = keyed if hashes == keyed else count(connection, f"SELECT count(DISTINCT {key}) FROM ({rows})")
    return every - keyed, distinct, corrupt


def first_aside(connection: "DuckDBPyConnection", ingested: list[IngestedFiles]) -> str:
    """Say in a sentence which line was the first that is no row; nothing where rows only lack their key."""
    lines = parquet_rows([files.lines_path for files in ingested])
    row = connection.execute(f"SELECT Line, FileName, CorruptionDetails FROM {lines} "
                             "ORDER BY FileName, Line LIMIT 1").fetchone()
    return f" The first is line {row[0]} of {row[1]} ({row[2].removeprefix('line: ')})." if row else ""


def check_amounts(name: str, entity: Entity, read: int, aside: int, first: Callable[[], str]) -> None:
    """Raise `no_rows` or `too_many_set_aside` when an entity cannot be what its owner meant."""
    if read == 0:
        raise OvertideError("no_rows", f"{name} has no rows in {entity.path}.", name,
                            "Check the file; a refresh never publishes an empty entity.")
    if aside * 100 > entity.max_set_aside_percent * read:
        raise OvertideError("too_many_set_aside", f"{name}: {aside:,} of {read:,} rows could not be read or have no "
                            f"primary key, more than {entity.max_set_aside_percent:g} %.{first()}", name,
                            "Correct the file or its format, or raise `max_set_aside_percent`.")


def one_per_key(entity: Entity, prefer: Preference, rows: str) -> str:
    """Return the SQL of the rows with one row for each primary key."""
    key, names = quoted(entity.primary_key), list(entity.attributes)
    types = {name: duckdb_type(entity.attribute(name).type) for name in names}
    return f"""
        WITH keyed AS (SELECT * FROM ({rows}) WHERE {key} IS NOT NULL),
        repeated AS (SELECT {key} FROM keyed GROUP BY {key} HAVING count(*) > 1),
        ranked AS (SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY {preference(prefer, names)},
                                                {canonical_row(types)} DESC) AS __place
                   FROM keyed SEMI JOIN repeated USING ({key}))
        SELECT {columns(names)}, {CORRUPT} FROM keyed ANTI JOIN repeated USING ({key})
        UNION ALL SELECT {columns(names)}, {CORRUPT} FROM ranked WHERE __place = 1"""


def preference(prefer: Preference, names: list[str], prefix: str = "") -> str:
    """Return the ORDER BY terms that put the preferred record first; ties are left to the caller."""
    if prefer.policy == "most_filled":
        filled = chained("+", (f"({prefix}{quoted(name)} IS NOT NULL)::INTEGER" for name in names))
        return f"{filled} DESC"
    direction = "DESC" if prefer.policy == "most_recent" else "ASC"
    return f"{prefix}{quoted(prefer.attribute or '')} {direction} NULLS LAST"


def corrupt_rows(entity: Entity, ingested: list[IngestedFiles], in_rows: bool) -> str:
    """Return the SQL of everything that is wrong: values that could not be typed, rows without key, lines.

    Unless `in_rows` only lines are: reading all rows to find none of them takes long.
    """
    key = quoted(entity.primary_key)
    keyless = literal(f"{entity.primary_key}: the primary key is missing")
    reason = f"concat_ws('; ', CASE WHEN {key} IS NULL THEN {keyless} END, nullif({CORRUPT} ->> 'details', ''))"
    lines = "SELECT CorruptionDetails, NULL::VARCHAR AS PrimaryKey, false AS IsKept, FileName, Line AS LineNumber, " \
            f"Record FROM {parquet_rows([files.lines_path for files in ingested])}"
    if not in_rows:
        return lines
    return f"""
        SELECT {reason} AS CorruptionDetails, {key}::VARCHAR AS PrimaryKey, {key} IS NOT NULL AS IsKept,
               {FILE} AS FileName, ({CORRUPT} ->> 'line')::BIGINT AS LineNumber, {CORRUPT} ->> 'record' AS Record
        FROM {parquet_rows([files.rows_path for files in ingested])} WHERE {CORRUPT} IS NOT NULL
        UNION ALL {lines}"""
