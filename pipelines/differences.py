"""Whether a refresh may publish tables as a difference, and to what.

It may where the published ones were made by the same rules, which the manifest of their run says,
of tables that are published with them. So a restored catalog says of itself what may be.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from overtide.lake.catalog import METADATA
from overtide.pipelines.found import Found
from overtide.pipelines.table_rules import (
    rules_of_activity,
    rules_of_customers,
    rules_of_nothing,
    rules_of_records,
)
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
MOST_ANEW = 50
"""Where activities with more percent of all rows have other rules, all are made."""
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
    Customer where its columns tell clusters. The rules of activities are those of each of them.
    """
    found = {}
    if not configuration.unification.clusters:
        found[CUSTOMER] = rules_of_customers(configuration)
        if _is_local(configuration):
            found |= dict.fromkeys(of_records(configuration), rules_of_records(configuration))
    if rules_of_activities(configuration):
        found[UNIFIED_ACTIVITY.name] = rules_of_nothing()
    return found


def rules_of_activities(configuration: Configuration) -> dict[str, str]:
    """Return by entity the hash of what makes its activities besides rows and identities.

    None where some find customers by other values than keys of records.
    """
    named = {one.name: one for one in configuration.relationships}
    ways = {one.entity: (one, named[one.relationship]) for one in configuration.activities}
    if not all(is_by_key(configuration, way) for _, way in ways.values()):
        return {}
    return {name: rules_of_activity(configuration, *one) for name, one in ways.items()}


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
    needed = of_records(configuration)
    if not tables.keys() >= {*needed} or DEPARTURE.name not in columns:
        return None
    if int(last["records_unified"]) < LEAST:
        return None
    if any(last["large"][kind]["count"] for kind in ("block", "large block", "cluster")):
        return None
    entities = tables[needed[0]].entities
    return Narrowing(entities, int(last["profiles"]), int(last["records_unified"]))


def entities_of(configuration: Configuration, anew: Collection[str]) -> dict[str, list[str]]:
    """Return by table the entities whose rows a difference looks at.

    Of activities those that they name, too; not of the entities whose activities are made `anew`.
    """
    unified = [one.entity for one in configuration.unification.entities]
    activities = [one for one in configuration.activities if one.entity not in anew]
    wanted = {one.relationship for one in activities}
    named = [one.to for one in configuration.relationships if one.name in wanted]
    return {
        CUSTOMER: unified,
        UNIFIED_ACTIVITY.name: [*(one.entity for one in activities), *named],
        **dict.fromkeys(of_records(configuration), unified),
    }


def differences_told(
    configuration: Configuration, content: Mapping[str, Fingerprint]
) -> dict[str, dict[str, Any]]:
    """Return what the manifest says of tables, for refreshes that publish a difference."""
    told: dict[str, dict[str, Any]] = {
        name: {
            "rules": rules,
            "content": " ".join(f"{number:x}" for number in astuple(content[name])),
        }
        for name, rules in rules_of(configuration).items()
    }
    if UNIFIED_ACTIVITY.name in told:
        told[UNIFIED_ACTIVITY.name]["of"] = rules_of_activities(configuration)
    return told


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
    rules = rules_of(configuration)
    wanted = {
        name: content
        for name in rules
        if (content := _content(last, name, rules[name])) is not None and _fits(name, columns)
    }
    anew = made_anew(configuration, last) if UNIFIED_ACTIVITY.name in wanted else frozenset()
    if anew is None:
        del wanted[UNIFIED_ACTIVITY.name]
    if not wanted:
        return {}
    made_of = entities_of(configuration, anew or ())
    entities = {entity for name in wanted for entity in made_of[name]}
    names = ", ".join(map(literal, sorted({*wanted, *entities})))
    found: dict[str, list[tuple[str, int, int]]] = {name: [] for name in (*wanted, *entities)}
    for name, path, *numbers in connection.execute(FILES.format(names=names)).fetchall():
        found[name].append((str(paths.storage.file(path)), *numbers))
    there = {name: _entity(last, name, found[name]) for name in entities}
    return {
        name: PublishedRows(
            content,
            {entity: there[entity] for entity in made_of[name]},
            _is_scattered(found[name]),
            anew if anew and name == UNIFIED_ACTIVITY.name else frozenset(),
        )
        for name, content in wanted.items()
    }


def made_anew(configuration: Configuration, last: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the entities whose activities other rules made, or which are none any more.

    None where these have most of all rows, or no other one is left: to make all is faster then.
    """
    now, before = rules_of_activities(configuration), last["by_row"][UNIFIED_ACTIVITY.name]["of"]
    anew = {name for name in {*now, *before} if now.get(name) != before.get(name)}
    rows = {name: int(last["entities"][name]["rows_kept"]) for name in before}
    most = sum(rows.values()) * MOST_ANEW // 100
    many = sum(rows.get(name, 0) for name in anew) > most or anew >= now.keys()
    return None if many else frozenset(anew)


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
