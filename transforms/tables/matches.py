"""The tables of matching: pairs, groups of duplicates, and what is told of comparing."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.match_tables import (
    CLUSTER_PAIRS,
    CONFLATION_MATCH_PAIRS,
    DECIDED_PAIRS,
    DEDUPLICATION_PAIRS,
    IGNORED_VALUES,
    MATCH_BLOCK,
    MATCH_VALUE,
    OVERSIZED_BLOCKS,
    deduplication,
)
from overtide.schemas.names import literal, parquet_rows, quoted
from overtide.schemas.table import Table, nothing
from overtide.transforms import clusters, told
from overtide.transforms.affected import Affected, record_node
from overtide.transforms.fingerprint import fingerprint_of_files
from overtide.transforms.history import reshaped
from overtide.transforms.identities import Identified
from overtide.transforms.kernel import write_parquet
from overtide.transforms.keys import preference
from overtide.transforms.matching.contract import PairTable
from overtide.transforms.matching.in_force import rows_in_force
from overtide.transforms.merge import cluster_column
from overtide.transforms.records import RECORD, Unified
from overtide.transforms.tables.changed_rows import write_difference
from overtide.transforms.tables.contract import BuiltTable, PublishedRows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def match_tables(
    connection: "DuckDBPyConnection",
    folder: Path,
    identified: Identified,
    pair_tables: list[PairTable],
    unified: list[Unified],
    large_customer: int,
    before: Mapping[str, PublishedRows],
) -> list[BuiltTable]:
    """Return the tables of pairs, the Deduplication tables and what is told of comparing.

    There is one Deduplication table per unified entity. Where some records alone were matched,
    those of pairs are differences to what was published `before`.
    """
    keys = {
        one.table.entity: f"SELECT {RECORD} AS record, {one.key} AS key FROM ({one.records})"
        for one in unified
    }
    matched = {table.pair: _conflation(table, keys) for table in pair_tables}
    queries = _of_pairs(connection, folder, pair_tables, unified, keys, matched)
    queries.append((DECIDED_PAIRS, rows_in_force(pair_tables, unified)))
    large = told.oversized(connection, pair_tables, identified, [*matched.values()], large_customer)
    affected = unified[0].table.affected
    few = [
        (CLUSTER_PAIRS, _of_clusters(connection, identified, folder)),
        (OVERSIZED_BLOCKS, told.large_of_all(large, affected)),
        (IGNORED_VALUES, told.ignored_of_all(connection, pair_tables, identified, affected)),
    ]
    hashed = [
        (MATCH_BLOCK, sorted({path for table in pair_tables for path in table.hashes})),
        (MATCH_VALUE, sorted({path for table in pair_tables for path in table.values})),
    ]
    if affected is None:
        written = [_written(connection, table, several, folder) for table, several in queries]
        written += [_as_is(connection, table, files) for table, files in hashed]
    else:
        difference = partial(_difference, connection, folder, affected)
        queries += [(one, [f"FROM {parquet_rows(files)}"] * bool(files)) for one, files in hashed]
        written = [difference(table, several, before) for table, several in queries]
    return [*written, *(_written(connection, table, several, folder) for table, several in few)]


def _of_pairs(
    connection: "DuckDBPyConnection",
    folder: Path,
    pair_tables: Sequence[PairTable],
    unified: Sequence[Unified],
    keys: Mapping[str, str],
    matched: Mapping[int, str],
) -> list[tuple[Table, list[str]]]:
    """Return the queries of the tables of pairs, and of a Deduplication table per unified entity.

    `keys` are queries of the keys of each entity's records, `matched` those of the pairs.
    """
    between = [matched[table.pair] for table in pair_tables if table.lower != table.upper]
    within = {table.lower: table for table in pair_tables if table.lower == table.upper}
    surest = [_surest(connection, one, keys[one.lower], folder) for one in within.values()]
    groups = {
        one.table.entity: [_groups(one, within[one.table.entity], folder)]
        for one in unified
        if one.table.entity in within
    }
    deduplicated = (
        (deduplication(one.table.entity), groups.get(one.table.entity, [])) for one in unified
    )
    return [(CONFLATION_MATCH_PAIRS, between), (DEDUPLICATION_PAIRS, surest), *deduplicated]


def _written(
    connection: "DuckDBPyConnection", table: Table, queries: Sequence[str], folder: Path
) -> BuiltTable:
    path = folder / f"{table.name}.parquet"
    types = {column.name: column.type for column in table.columns}
    rows = " UNION ALL ".join(queries) or nothing(table)
    write_parquet(connection, reshaped(rows, types, types), path)
    content = fingerprint_of_files(connection, [str(path)], types)
    return BuiltTable(table, (str(path),), content)


def _as_is(connection: "DuckDBPyConnection", table: Table, files: Sequence[str]) -> BuiltTable:
    content = fingerprint_of_files(connection, files, table.values)
    return BuiltTable(table, tuple(files), content)


def _difference(
    connection: "DuckDBPyConnection",
    folder: Path,
    affected: Affected,
    table: Table,
    queries: Sequence[str],
    before: Mapping[str, PublishedRows],
) -> BuiltTable:
    """Return a table as a difference, by its rows of the records that alone were matched."""
    own = folder / f"{table.name}-changes"
    own.mkdir()
    rows = " UNION ALL ".join(queries) or nothing(table)
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE mapped AS {reshaped(rows, table.values, table.values)};
        CREATE OR REPLACE TEMP TABLE published AS
        FROM lake.{quoted(table.name)} WHERE {affected.is_of(_node_of(table))}""")
    part = write_difference(connection, own, table, before[table.name].content, 0)
    return BuiltTable(table, (part.path,), part.content, gone=part.gone)


def _node_of(table: Table) -> str:
    """Return the SQL of the node of a record that a row of a table of matching is about."""
    if table in (MATCH_BLOCK, MATCH_VALUE):
        return "Record"
    if "EntityName" in table.names:
        return record_node()
    return record_node(literal(table.name.removeprefix(deduplication("").name)))


def _rule_name(table: PairTable) -> str:
    cases = " ".join(f"WHEN {place} THEN {literal(name)}" for place, name in enumerate(table.rules))
    return f"CASE rule {cases} END"


def _conflation(table: PairTable, keys: dict[str, str]) -> str:
    return f"""
        SELECT {literal(table.upper)} AS EntityName, u.key AS PrimaryKey, {literal(table.lower)} AS
          MatchedEntityName,
               l.key AS MatchedPrimaryKey, {_rule_name(table)} AS Rule, score AS Score
        FROM {parquet_rows([table.path])} JOIN ({keys[table.upper]}) AS u ON u.record = upper_record
        JOIN ({keys[table.lower]}) AS l ON l.record = lower_record"""


def _surest(connection: "DuckDBPyConnection", table: PairTable, keys: str, folder: Path) -> str:
    """Return the query of the pairs that join the groups of an entity, of the best scores.

    Of equal scores those of the first rule come first, then those of the smallest keys: not those
    that are read first.
    """
    ends = f"""JOIN ({keys}) AS l ON l.record = lower_record
        JOIN ({keys}) AS u ON u.record = upper_record"""
    one, other = "least(l.key, u.key)", "greatest(l.key, u.key)"
    ordered = connection.execute(
        f"SELECT lower_record, upper_record, rule::INTEGER AS rule, score::INTEGER AS score "
        f"FROM {parquet_rows([table.path])} {ends} ORDER BY score DESC, rule, {one}, {other}"
    ).to_arrow_table()
    places = clusters.joining(*(np.asarray(column) for column in ordered.columns[:2]))
    path = folder / f"surest-{table.pair}.parquet"
    pq.write_table(ordered.take(pa.array(places)), path)
    return f"""
        SELECT {literal(table.lower)} AS EntityName, {one} AS PrimaryKey,
          {other} AS MatchedPrimaryKey, {_rule_name(table)} AS Rule, score AS Score
        FROM {parquet_rows([str(path)])} {ends}"""


def _of_clusters(
    connection: "DuckDBPyConnection", identified: Identified, folder: Path
) -> list[str]:
    """Return the queries of the pairs that join clusters, but for those that were too large."""
    if identified.clusters is None or identified.cluster_records is None:
        return []
    ids, found = parquet_rows([identified.clusters]), []
    names = [one.name for one in identified.cluster_sizes]
    for table in identified.cluster_pairs:
        name, column = names[table.pair], cluster_column(table.pair)
        own = folder / f"cluster-{table.pair}"
        own.mkdir()
        pairs = _surest(connection, table, identified.cluster_records, own)
        found.append(f"""
            SELECT {literal(name)} AS Cluster, one.{column} AS ClusterId,
              pair.PrimaryKey AS CustomerId, pair.MatchedPrimaryKey AS MatchedCustomerId,
              pair.Rule, pair.Score FROM ({pairs}) AS pair
            JOIN {ids} AS one ON one.CustomerId = pair.PrimaryKey
            JOIN {ids} AS other ON other.CustomerId = pair.MatchedPrimaryKey
              AND other.{column} = one.{column}""")
    return found


def _groups(one: Unified, table: PairTable, folder: Path) -> str:
    edges = pq.read_table(table.path, columns=["lower_record", "upper_record"])
    forest = folder / f"forest-{one.place}.parquet"
    reduced = clusters.forest(edges.column(0).to_numpy(), edges.column(1).to_numpy())
    pq.write_table(pa.Table.from_batches([reduced]), forest)
    order = preference(one.options.deduplicate.prefer, list(one.entity.attributes), "source.")
    primary = f"source.{quoted(one.entity.primary_key)}"
    return f"""
        WITH grouped AS (SELECT record, root FROM {parquet_rows([forest])}
                         UNION ALL SELECT DISTINCT root, root FROM {parquet_rows([forest])}),
        ruled AS (SELECT record, min(rule) AS rule, arg_min(score, rule * 1000 - score) AS score
          FROM (
                  SELECT lower_record AS record, rule, score FROM {parquet_rows([table.path])}
                    UNION ALL
                  SELECT upper_record, rule, score FROM {parquet_rows([table.path])})
                    GROUP BY record),
        source AS (SELECT *, {one.key} AS __key FROM ({one.records})),
        keyed AS (SELECT grouped.record, __key AS key,
                         first(__key) OVER (PARTITION BY grouped.root ORDER BY {primary}) AS least,
                         first(__key) OVER (PARTITION BY grouped.root
                           ORDER BY {order}, {primary} DESC) AS winner
                  FROM grouped JOIN source ON {RECORD} = grouped.record)
        SELECT key AS PrimaryKey, least AS Deduplication_GroupId, winner AS Deduplication_WinnerId,
               {_rule_name(table)} AS Rule, score AS Score
        FROM keyed JOIN ruled USING (record)"""
