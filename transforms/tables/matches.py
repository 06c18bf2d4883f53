"""The tables of matching: pairs, groups of duplicates, and what is told of comparing."""

import time
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas import tables
from overtide.schemas.names import literal, parquet_rows, quoted
from overtide.schemas.table import Table
from overtide.transforms import clusters, told
from overtide.transforms.fingerprint import fingerprint
from overtide.transforms.history import reshaped
from overtide.transforms.identities import Identified, Unified
from overtide.transforms.kernel import kernel, write_parquet
from overtide.transforms.keys import EntityTable, preference
from overtide.transforms.matching.pairs import RECORD, records
from overtide.transforms.plan import Plan, report
from overtide.transforms.tables.contract import BuiltTable, nothing
from overtide.transforms.tables.entities import unchanged
from overtide.transforms.unify import PairTable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def match_tables(
    identified: Identified,
    pair_tables: list[PairTable],
    entity_tables: list[EntityTable],
    plan: Plan,
) -> list[BuiltTable]:
    """Return ConflationMatchPairs, the Deduplication tables and what is told of comparing.

    There is one Deduplication table per unified entity.
    """
    started, unified = time.perf_counter(), plan.unified(entity_tables)
    keys = {
        one.table.entity: (
            f"SELECT {RECORD} AS record, {one.key} AS key FROM ({records(one.table, one.place)})"
        )
        for one in unified
    }
    found = {table.pair: table for table in pair_tables}
    built = []
    with kernel(plan.settings) as connection:
        conflation = [
            _conflation(table, keys, plan) for table in pair_tables if table.lower != table.upper
        ]
        built.append(_written(connection, tables.CONFLATION_MATCH_PAIRS, conflation, plan))
        for one in unified:
            defined = tables.deduplication(one.table.entity)
            groups = [_groups(one, found[one.place], plan)] if one.place in found else []
            built.append(_written(connection, defined, groups, plan))
        matched = [_conflation(table, keys, plan) for table in pair_tables]
        large = told.oversized(connection, pair_tables, identified, matched, plan)
        for table, rows in (
            (tables.OVERSIZED_BLOCKS, large),
            (tables.IGNORED_VALUES, told.ignored(pair_tables, plan)),
        ):
            built.append(_written(connection, table, told.rows_sql(table.names, rows), plan))
    report(plan, "match tables", sum(table.content.rows for table in built), started)
    return built


def _written(
    connection: "DuckDBPyConnection", table: Table, queries: list[str], plan: Plan
) -> BuiltTable:
    path = plan.folder("matched") / f"{table.name}.parquet"
    types = {column.name: column.type for column in table.columns}
    rows = " UNION ALL ".join(queries) or nothing(table)
    write_parquet(connection, reshaped(rows, types, types), path)
    content = fingerprint(connection, f"FROM {parquet_rows([path])}", types)
    return unchanged(BuiltTable(table, (str(path),), content), plan)


def by_rule(table: PairTable, plan: Plan) -> list[dict[str, object]]:
    """Return how many pairs each rule of two entities joined, in the order of the rules."""
    names = {
        search.rule: rule.name
        for search, rule in plan.searches.items()
        if search.pair == table.pair
    }
    return [{"rule": names[place], "pairs": rows} for place, rows in enumerate(table.rows)]


def _rule_name(pair: int, plan: Plan) -> str:
    names = {
        search.rule: rule.name for search, rule in plan.searches.items() if search.pair == pair
    }
    cases = " ".join(f"WHEN {place} THEN {literal(name)}" for place, name in names.items())
    return f"CASE rule {cases} END"


def _conflation(table: PairTable, keys: dict[str, str], plan: Plan) -> str:
    return f"""
        SELECT {literal(table.upper)} AS EntityName, u.key AS PrimaryKey, {literal(table.lower)} AS
          MatchedEntityName,
               l.key AS MatchedPrimaryKey, {_rule_name(table.pair, plan)} AS Rule, score AS Score
        FROM {parquet_rows([table.path])} JOIN ({keys[table.upper]}) AS u ON u.record = upper_record
        JOIN ({keys[table.lower]}) AS l ON l.record = lower_record"""


def _groups(one: Unified, table: PairTable, plan: Plan) -> str:
    edges = pq.read_table(table.path, columns=["lower_record", "upper_record"])
    forest = plan.folder("matched") / f"forest-{one.place}.parquet"
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
        source AS (SELECT *, {one.key} AS __key FROM ({records(one.table, one.place)})),
        keyed AS (SELECT grouped.record, __key AS key,
                         first(__key) OVER (PARTITION BY grouped.root ORDER BY {primary}) AS least,
                         first(__key) OVER (PARTITION BY grouped.root
                           ORDER BY {order}, {primary} DESC) AS winner
                  FROM grouped JOIN source ON {RECORD} = grouped.record)
        SELECT key AS PrimaryKey, least AS Deduplication_GroupId, winner AS Deduplication_WinnerId,
               {_rule_name(table.pair, plan)} AS Rule, score AS Score
        FROM keyed JOIN ruled USING (record)"""
