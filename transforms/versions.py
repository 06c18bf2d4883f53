"""Keep the latest version of each record of an entity of full data and changes.

Of the rows of a key the one that was modified last is the record; between equal ones that of the
later hour, then a delete, then what decides between rows of one key elsewhere. A row that does not
say when it was modified counts as of the last instant of its hour; one of the full data as older
than all others. Rows read = rows kept + set aside + exact repeats + lost + superseded + deletes
that hold + rows that the filter leaves out, each counted where it is written.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity, Preference
from overtide.schemas.errors import SourceError
from overtide.schemas.names import columns, literal, parquet_rows, quoted
from overtide.schemas.types import type_of
from overtide.transforms.faults import listed_contents
from overtide.transforms.fingerprint import canonical_row, fingerprint_of_files
from overtide.transforms.ingest import CORRUPT, COUNTS, IngestedFiles
from overtide.transforms.kernel import count, write_parquet
from overtide.transforms.key_counts import Counts, count_rows
from overtide.transforms.keys import (
    MOST_FILES,
    Changes,
    EntityTable,
    check_amounts,
    listed,
    losers,
    preference,
    types_of,
)
from overtide.transforms.set_aside import ASIDE, collect_aside

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HOUR, DELETES, MODIFIED = "__hour", "__deletes", "__modified"
"""The columns of versions: the hour of their delivery, whether they are deletes, and as of when
they count."""
LATEST = f"{MODIFIED} DESC NULLS LAST, {HOUR} DESC, {DELETES} DESC"
TIED = f"NOT __older AND NOT {DELETES} AND {COUNTS}"
"""Versions of a key that are as late as each other, and the only ones that may be the record."""


def settle_versions(
    connection: "DuckDBPyConnection",
    name: str,
    entity: Entity,
    prefer: Preference,
    ingested: list[IngestedFiles],
    folder: Path,
    project: Path,
) -> EntityTable:
    """Return the entity's table: the latest version of each record, unless that is a delete.

    Raise when too much is wrong, or no record is left.
    """
    ingested = sorted(ingested, key=lambda file: Path(file.rows_path).name)
    counts = count_rows(connection, entity, ingested)
    check_amounts(connection, name, entity, ingested, counts, project)
    collect_aside(connection, entity, ingested, project)
    rows, versions = named_versions(entity, ingested), None
    if counts.keyed > counts.keys or any(file.deletes and file.rows for file in ingested):
        versions = folder / "versions.parquet"
        write_parquet(connection, ranked_versions(entity, prefer, rows), versions)
    corrupt = folder / "corrupt.parquet"
    wrong = corrupt_versions(entity, rows, versions, counts.corrupt > 0)
    faults = write_parquet(connection, wrong, corrupt)
    files = _settled(connection, entity, ingested, counts, rows, versions, folder)
    if not sum(files.values()):
        raise _nothing_left(name, entity, counts.read)
    content = fingerprint_of_files(connection, [*files], types_of(entity))
    exact, lost, filtered, changes = _fates(connection, entity, ingested, rows, versions)
    return EntityTable(
        name,
        tuple(files),
        tuple(files.values()),
        str(corrupt),
        counts.read,
        sum(files.values()),
        count(connection, "SELECT count(*) FROM aside"),
        exact,
        lost,
        faults,
        tuple(sorted({column for file in ingested for column in file.new_columns})),
        content,
        *listed_contents(connection, str(corrupt)),
        filtered,
        tuple(ingested),
        changes,
    )


def _nothing_left(name: str, entity: Entity, read: int) -> SourceError:
    return SourceError(
        "no_rows",
        f"{name} has no rows in {entity.origin}: {read:,} were read, and its deletes and its "
        "filter leave none.",
        name,
        "Check the deliveries; a refresh never publishes an empty entity.",
    )


def named_versions(entity: Entity, ingested: list[IngestedFiles]) -> str:
    """Return the SQL of the rows of files, each with its file's name, its hour and what it is."""
    return " UNION ALL ".join(
        f"SELECT {columns(entity.attributes)}, {CORRUPT}, {_of_file(files.sources)} AS __file, "
        f"{_of_file(files.hours)} AS {HOUR}, {str(files.deletes).lower()} AS {DELETES}, "
        f"{'true' if entity.filter is None else COUNTS} AS {COUNTS} "
        f"FROM {parquet_rows([files.rows_path])}"
        for files in ingested
    )


def _of_file(texts: tuple[str, ...]) -> str:
    return f"list_extract([{', '.join(map(literal, texts))}], __file + 1)"


def _modified(entity: Entity) -> str:
    """Return the SQL of as of when a version counts."""
    name = entity.deliveries.last_modified if entity.deliveries else ""
    ended = (
        f"(strptime(nullif({HOUR}, ''), '%Y/%m/%d/%H') + INTERVAL 1 HOUR - INTERVAL 1 MICROSECOND) "
        "AT TIME ZONE 'UTC'"
    )
    if type_of(entity.attribute(name).type).duckdb == "DATE":
        ended = f"({ended} AT TIME ZONE {literal(entity.time_zone)})::DATE"
    return f"coalesce({quoted(name)}, {ended})"


def ranked_versions(entity: Entity, prefer: Preference, rows: str) -> str:
    """Return the SQL of the versions of records that have several, or a delete, each content once.

    They are ordered by `__rank` within the key; `__older` says that there is a later one, and
    `__was` that not all of the key are deletes. `__copies` counts the rows of one content.
    """
    key, names = quoted(entity.primary_key), list(entity.attributes)
    first = ", ".join(f"first({quoted(name)}) AS {quoted(name)}" for name in names)
    same = f"__content, __wrong, {DELETES}, {COUNTS}"
    return f"""
        WITH keyed AS (SELECT * FROM ({rows}) WHERE {key} IS NOT NULL),
        several AS (SELECT {key} FROM keyed GROUP BY {key}
          HAVING count(*) > 1 OR bool_or({DELETES})),
        texts AS (SELECT *, {canonical_row(types_of(entity))} AS __content,
            ({CORRUPT} ->> 'line')::BIGINT AS __line, {_modified(entity)} AS {MODIFIED},
            concat({CORRUPT} ->> 'details', chr(28), {CORRUPT} ->> 'record') AS __wrong
          FROM keyed SEMI JOIN several USING ({key})),
        contents AS (SELECT {first}, {same}, count(*) AS __copies, max({HOUR}) AS {HOUR},
            max({MODIFIED}) AS {MODIFIED}, min(__file) AS __file,
            arg_min(__line, (__file, __line)) AS __line,
            arg_min({CORRUPT}, (__file, __line)) AS {CORRUPT}
          FROM texts GROUP BY {same})
        SELECT * EXCLUDE (__content, __wrong),
          row_number() OVER (PARTITION BY {key} ORDER BY {LATEST}, {COUNTS} DESC,
            {preference(prefer, names)}, __content DESC, __wrong) AS __rank,
          rank() OVER (PARTITION BY {key} ORDER BY {LATEST}) > 1 AS __older,
          bool_or(NOT {DELETES}) OVER (PARTITION BY {key}) AS __was
        FROM contents"""


def latest_versions(entity: Entity, rows: str, versions: Path | None) -> str:
    """Return the SQL of the records.

    Each is the latest version of its key, unless that is a delete or left out by the filter.
    """
    key, chosen = quoted(entity.primary_key), f"{columns(entity.attributes)}, {CORRUPT}"
    single = f"SELECT {chosen} FROM ({rows}) WHERE {key} IS NOT NULL AND {COUNTS}"
    if versions is None:
        return single
    several = parquet_rows([versions])
    return f"""
        SELECT * FROM ({single}) ANTI JOIN {several} USING ({key})
        UNION ALL SELECT {chosen} FROM {several} WHERE __rank = 1 AND {TIED}"""


def corrupt_versions(entity: Entity, rows: str, versions: Path | None, some: bool) -> str:
    """Return the SQL of everything that is wrong with rows that decide of a record.

    Lines and rows that are set aside, versions that are as late as the record's and lost to it, and
    values of records and of deletes that could not be read, if there are `some`. Superseded ones
    are only counted.
    """
    key = quoted(entity.primary_key)
    single = (
        f"SELECT * FROM ({rows}) WHERE {CORRUPT} IS NOT NULL AND {key} IS NOT NULL AND {COUNTS}"
    )
    parts = [ASIDE]
    if versions is not None:
        several = parquet_rows([versions])
        faulty = f"FROM {several} WHERE {CORRUPT} IS NOT NULL AND"
        parts += [
            losers(entity, f"(FROM {several} WHERE {TIED})"),
            f"{listed(key)} {faulty} __rank = 1 AND {TIED}",
            f"{listed(key, 'false')} {faulty} NOT __older AND {DELETES}",
        ]
        single = f"FROM ({single}) ANTI JOIN {several} USING ({key})"
    if some:
        line = f"({CORRUPT} ->> 'line')::BIGINT AS __line"
        parts.append(f"{listed(key)} FROM (SELECT *, {line} FROM ({single}))")
    return " UNION ALL ".join(f"({part})" for part in parts)


def _settled(
    connection: "DuckDBPyConnection",
    entity: Entity,
    ingested: list[IngestedFiles],
    counts: Counts,
    rows: str,
    versions: Path | None,
    folder: Path,
) -> dict[str, int]:
    """Return the files of the records, with their numbers: those that were read where all stay."""
    whole = counts.keyed >= sum(file.rows for file in ingested)
    plain = versions is None and entity.filter is None and whole
    files = {file.rows_path: file.rows for file in ingested if not file.deletes}
    if plain and len(files) <= MOST_FILES:
        return files
    path = folder / "settled.parquet"
    return {str(path): write_parquet(connection, latest_versions(entity, rows, versions), path)}


def _fates(
    connection: "DuckDBPyConnection",
    entity: Entity,
    ingested: list[IngestedFiles],
    rows: str,
    versions: Path | None,
) -> tuple[int, int, int, Changes]:
    """Return how many rows repeat another, lost to another, are left out, and the changes."""
    key = quoted(entity.primary_key)
    keyed = f"FROM ({rows}) WHERE {key} IS NOT NULL"
    modified = quoted(entity.deliveries.last_modified if entity.deliveries else "")
    undated = count(connection, f"SELECT count(*) {keyed} AND {modified} IS NULL")
    hours = len({hour for file in ingested for hour in file.hours if hour})
    several = None if versions is None else parquet_rows([versions])
    filtered = 0
    if entity.filter is not None:
        others = f" ANTI JOIN {several} USING ({key})" if several else ""
        left_out = f"FROM ({keyed} AND NOT {COUNTS}){others}"
        filtered = count(connection, f"SELECT count(*) {left_out}")
    if several is None:
        return 0, 0, filtered, Changes(0, 0, 0, undated, hours)
    found = connection.execute(
        f"""SELECT coalesce(sum(__copies) - count(*), 0),
            count(*) FILTER (__rank > 1 AND {TIED}),
            count(*) FILTER (NOT __older AND NOT {DELETES} AND NOT {COUNTS}),
            count(*) FILTER (__older), count(*) FILTER (NOT __older AND {DELETES}),
            count(*) FILTER (__rank = 1 AND {DELETES} AND __was) FROM {several}"""
    ).fetchone()
    exact, lost, left, superseded, deletes, deleted = map(int, found or [0] * 6)
    return exact, lost, filtered + left, Changes(superseded, deletes, deleted, undated, hours)
