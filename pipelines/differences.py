"""Whether a refresh may publish tables as a difference, and to what.

It may where the published ones were made by the same rules, which the manifest of their run says,
of tables that are published with them. So a restored catalog says of itself what may be.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from pydantic import BaseModel

from overtide.lake.catalog import METADATA
from overtide.pipelines.engine import engine
from overtide.pipelines.found import Found
from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.customer_clusters import CUSTOMER
from overtide.schemas.match_tables import (
    CONFLATION_MATCH_PAIRS,
    DECIDED_PAIRS,
    DEDUPLICATION_PAIRS,
    MATCH_BLOCK,
    MATCH_VALUE,
    deduplication,
)
from overtide.schemas.names import literal
from overtide.schemas.paths import Paths
from overtide.schemas.tables import ALTERNATE_KEY, DEPARTURE, IDENTITY_ALIAS, UNIFIED_ACTIVITY
from overtide.transforms.closure import Narrowing
from overtide.transforms.fingerprint import Fingerprint
from overtide.transforms.history import columns_of_history
from overtide.transforms.matching.registered import AllMatchers
from overtide.transforms.plan import Plan
from overtide.transforms.related import is_by_key
from overtide.transforms.tables.contract import PublishedEntity, PublishedRows
from overtide.transforms.tables.identity_tables import OF_IDENTITIES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_FILES, MOST_GONE, FEW = 30, 10, 10_000
"""A table of more files, or with more percent of rows that went, if these are not few, is written
anew with the next difference: each adds a file, and what went is still read."""
OF_FILES = {
    "path",
    "format",
    "encoding",
    "delimiter",
    "max_set_aside_percent",
    "max_shrink_percent",
}
"""What an entity says of its files, and how many rows they may lack: the rows themselves are
compared."""
LEAST = 50_000
"""Of fewer records all are matched: that is faster than to find whom a change may concern."""
FILES = f"""
    SELECT t.table_name,
      CASE WHEN f.path_is_relative THEN s.path || t.path || f.path ELSE f.path END,
      f.record_count, coalesce(d.delete_count, 0)
    FROM {METADATA}.ducklake_data_file f JOIN {METADATA}.ducklake_table t USING (table_id)
      JOIN {METADATA}.ducklake_schema s USING (schema_id)
      LEFT JOIN (FROM {METADATA}.ducklake_delete_file WHERE end_snapshot IS NULL) AS d
        ON d.data_file_id = f.data_file_id
    WHERE f.end_snapshot IS NULL AND t.end_snapshot IS NULL AND t.table_name IN ({{names}})"""
"""The files of present tables: their rows, and how many of these went."""


def rules_of(configuration: Configuration) -> dict[str, str]:
    """Return by table the hash of what makes its rows besides those of entities and identities.

    Without activities where these find customers by other values than keys of records, and without
    Customer where its columns tell clusters.
    """
    found = {}
    if not configuration.unification.clusters:
        unified = [one.entity for one in configuration.unification.entities]
        found[CUSTOMER] = _hash(configuration, [configuration.unification], unified)
        if _is_local(configuration):
            found |= dict.fromkeys(of_records(configuration), found[CUSTOMER])
    wanted = {one.relationship for one in configuration.activities}
    ways = [one for one in configuration.relationships if one.name in wanted]
    if ways and all(is_by_key(configuration, one) for one in ways):
        names = {one.entity for one in configuration.activities} | {one.to for one in ways}
        parts = [*configuration.activities, *ways]
        found[UNIFIED_ACTIVITY.name] = _hash(configuration, parts, sorted(names))
    return found


def of_records(configuration: Configuration) -> list[str]:
    """Return the tables of matching and identities whose rows are those of some records each."""
    groups = (deduplication(one.entity) for one in configuration.unification.entities)
    pairs = (CONFLATION_MATCH_PAIRS, DEDUPLICATION_PAIRS, MATCH_BLOCK, MATCH_VALUE, DECIDED_PAIRS)
    return [*OF_IDENTITIES, *(table.name for table in (*pairs, *groups))]


def _is_local(configuration: Configuration) -> bool:
    """Say whether records may be matched and identified without those they have nothing to do with.

    Not where values that only one customer may have make ids.
    """
    if configuration.unification.customer_id is not None:
        return False
    return AllMatchers.of(configuration, 1, 1).is_local


def narrowing(
    configuration: Configuration,
    tables: Mapping[str, PublishedRows],
    columns: Mapping[str, Mapping[str, str]],
    last: Mapping[str, Any],
) -> Narrowing | None:
    """Return what is needed to match only records that a change may concern, None where all are.

    `tables` are those to which a difference may be made. Blocks and customers that are too large,
    or so large that they are told, are not known by their records alone.
    """
    needed = {CUSTOMER, *of_records(configuration)}
    needed |= {UNIFIED_ACTIVITY.name} if configuration.activities else set()
    if not needed <= tables.keys() or DEPARTURE.name not in columns:
        return None
    if int(last["records_unified"]) < LEAST:
        return None
    if any(last["large"][kind]["count"] for kind in ("block", "large block", "cluster")):
        return None
    return Narrowing(tables[CUSTOMER].entities, int(last["profiles"]), int(last["records_unified"]))


def _hash(configuration: Configuration, parts: Iterable[BaseModel], names: Iterable[str]) -> str:
    entities = configuration.entities()
    document = [
        engine(),
        [one.model_dump(mode="json", by_alias=True) for one in parts],
        [entities[name].model_dump(mode="json", exclude=OF_FILES) for name in names],
    ]
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()


def entities_of(configuration: Configuration) -> dict[str, list[str]]:
    """Return by table the entities whose rows it is made of, activities with those they name."""
    wanted = {one.relationship for one in configuration.activities}
    named = [one.to for one in configuration.relationships if one.name in wanted]
    return {
        CUSTOMER: [one.entity for one in configuration.unification.entities],
        UNIFIED_ACTIVITY.name: [*(one.entity for one in configuration.activities), *named],
        **{name: [] for name in of_records(configuration)},
    }


def differences_told(
    configuration: Configuration, content: Mapping[str, Fingerprint]
) -> dict[str, dict[str, str]]:
    """Return what the manifest says of tables, for refreshes that publish a difference."""
    return {
        name: {
            "rules": rules,
            "content": " ".join(f"{number:x}" for number in astuple(content[name])),
        }
        for name, rules in rules_of(configuration).items()
    }


def activities_taken_over(plan: Plan, found: Found) -> int:
    """Return how many activities stay as they are published without having been made."""
    if UNIFIED_ACTIVITY.name not in plan.differing:
        return 0
    built = found.output(UNIFIED_ACTIVITY)
    came: int = sum(pq.read_metadata(file).num_rows for file in built.files or ())
    return built.content.rows - came + built.left


def rows_taken_over(found: Found) -> int:
    """Return how many rows of files that changed were not read again."""
    changed = (table for table in found.tables if table.changed)
    kept = (one.kept for table in changed for one in table.ingested if one.kept)
    return sum(one.rows - one.gone_rows for one in kept)


def records_taken_over(found: Found) -> int:
    """Return how many records were not matched, since no change concerns them."""
    return sum(
        table.rows_kept - pq.read_metadata(table.affected.rows).num_rows
        for table in found.tables
        if table.affected
    )


def differing(
    connection: "DuckDBPyConnection",
    configuration: Configuration,
    paths: Paths,
    columns: Mapping[str, Mapping[str, str]],
    last: Mapping[str, Any],
) -> dict[str, PublishedRows]:
    """Return the published tables to which a difference may be made.

    `last` is the manifest of the run in force, and `columns` are those of its tables, whose files
    are whole.
    """
    rules, made_of = rules_of(configuration), entities_of(configuration)
    wanted = {
        name: content
        for name in rules
        if (content := _content(last, name, rules[name])) is not None and _fits(name, columns)
    }
    if not wanted:
        return {}
    entities = {entity for name in wanted for entity in made_of[name]}
    names = ", ".join(map(literal, sorted({*wanted, *entities})))
    found: dict[str, list[tuple[str, int, int]]] = {name: [] for name in (*wanted, *entities)}
    for name, path, *numbers in connection.execute(FILES.format(names=names)).fetchall():
        found[name].append((str(paths.storage.file(path)), *numbers))
    there = {name: _entity(last, name, found[name]) for name in entities}
    return {
        name: PublishedRows(
            content, {entity: there[entity] for entity in made_of[name]}, _is_scattered(found[name])
        )
        for name, content in wanted.items()
    }


def _entity(
    last: Mapping[str, Any], name: str, files: Sequence[tuple[str, int, int]]
) -> PublishedEntity:
    """Return an entity as it is published, by the manifest and its files."""
    whole = None if any(one[2] for one in files) else tuple(one[0] for one in files)
    return PublishedEntity(str(last["tables"][name]["hash"]), whole)


def _content(last: Mapping[str, Any], name: str, rules: str) -> Fingerprint | None:
    """Return the content of a table by the manifest of its run, None where others made it."""
    told = last.get("by_row", {}).get(name)
    if told is None or told["rules"] != rules:
        return None
    content = Fingerprint(*(int(one, 16) for one in told["content"].split()))
    return content if content.hex() == last["tables"][name]["hash"] else None


def _is_scattered(files: Sequence[tuple[str, int, int]]) -> bool:
    """Say whether a table of these files, their rows, and how many went, is to be in one again."""
    rows, gone = sum(one[1] for one in files), sum(one[2] for one in files)
    return len(files) > MOST_FILES or gone > max(FEW, MOST_GONE * rows // 100)


def _fits(name: str, columns: Mapping[str, Mapping[str, str]]) -> bool:
    """Say whether a table's history holds its rows, and the map of keys is as it is now."""
    for table in (ALTERNATE_KEY, IDENTITY_ALIAS):
        declared = {column.name: column.type for column in table.columns}
        if columns.get(table.name) != declared:
            return False
    if name not in (CUSTOMER, UNIFIED_ACTIVITY.name, *OF_IDENTITIES):
        return name in columns
    past = columns.get(f"{name}_history")
    return past is not None and columns_of_history(past, columns[name]) == past
