"""The tables of the lake that a refresh builds.

In parts, then stamped with the runs that first published a row.
"""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas import tables
from overtide.schemas.names import literal, parquet_rows, quoted
from overtide.schemas.tables import ProfileField, Table
from overtide.schemas.types import type_of
from overtide.transforms import clusters, told
from overtide.transforms.activities import activity_rows, of_customers, timeline_rows
from overtide.transforms.fingerprint import EMPTY, Fingerprint, fingerprint, fingerprint_in_order
from overtide.transforms.history import columns_of_history, replaced, reshaped, stamped
from overtide.transforms.identities import Identified, Unified
from overtide.transforms.kernel import kernel, write_parquet
from overtide.transforms.keys import EntityTable, preference
from overtide.transforms.merge import alternate_key, profile_types, profiles
from overtide.transforms.pairs import RECORD, records
from overtide.transforms.plan import Plan, begun, report
from overtide.transforms.unify import PairTable, attach

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KEYS = {
    "Customer": "CustomerId",
    "UnifiedActivity": "ActivityId",
    "AlternateKey": "EntityName, PrimaryKey",
    "VanishedKey": "EntityName, PrimaryKey",
    "IdentityAlias": "PreviousCustomerId",
}
"""The primary keys of the tables that keep a history."""

ORDERS = {
    "Customer": "CustomerId",
    "UnifiedActivity": "CustomerId, ActivityTime, SourceEntityName, SourceActivityId",
    "AlternateKey": "EntityName, PrimaryKey",
    "VanishedKey": "CustomerId, EntityName, PrimaryKey",
    "IdentityAlias": "PreviousCustomerId",
}
"""Total orders, in which the files are written and their rows hashed."""
IDS = {
    "Customer": "CustomerId",
    "UnifiedActivity": "CustomerId",
    "VanishedKey": "CustomerId",
    "IdentityAlias": "PreviousCustomerId",
}
"""The id in whose order a table is.

AlternateKey is in the order of its entities and keys, and one part.
"""
DIGITS = 3
PREFIXES = 16**DIGITS
"""An id's first three hex digits bound the parts of a table and its hashed groups.

The groups are those in which its rows are hashed.
"""


@dataclass(frozen=True)
class Part:
    """One bucket of a table: its file, and the fingerprint of its rows."""

    table: str
    path: str
    content: Fingerprint


@dataclass(frozen=True)
class Build:
    """An order for one part of a table.

    That of the ids whose first digits, a number, are in [low, high).
    """

    table: str
    number: int
    low: int = 0
    high: int = PREFIXES


@dataclass(frozen=True)
class Output:
    """What a refresh found a table to be.

    All rows (`files`, or None when they are unchanged), or rows to append.
    """

    table: Table
    files: tuple[str, ...] | None
    content: Fingerprint
    append: bool = False


def profile_fields(plan: Plan, unified: list[Unified]) -> list[ProfileField]:
    """Return the columns of Customer; only merged fields can be updated."""
    fixed = {"CustomerId", "PreviousCustomerId", *map(alternate_key, unified)}
    return [
        ProfileField(name, kind, name not in fixed)
        for name, kind in profile_types(plan.configuration.unification, unified).items()
    ]


def ranges(number: int, low: int = 0, high: int = PREFIXES) -> list[tuple[int, int]]:
    """Return bounds [low, high) that split a range of first digits nearly equally.

    There are as many parts as there can be.
    """
    number = min(number, high - low)
    return list(pairwise(low + place * (high - low) // number for place in range(number + 1)))


def orders(identified: Identified, entity_tables: list[EntityTable], plan: Plan) -> Iterator[Build]:
    """Give the orders for all parts of the base tables."""
    rows = {table.entity: table.rows_kept for table in entity_tables}
    activities = sum(rows[activity.entity] for activity, _ in plan.activities)
    sizes = {
        "Customer": plan.buckets(identified.profiles, 2),
        "UnifiedActivity": plan.buckets(activities, 4),
        "AlternateKey": 1,
        "VanishedKey": 1,
        "IdentityAlias": 1,
    }
    for table, number in sizes.items():
        yield from (
            Build(table, place, low, high) for place, (low, high) in enumerate(ranges(number))
        )


def build_part(
    order: Build, identified: Identified, entity_tables: list[EntityTable], plan: Plan
) -> Part:
    """Build one part of a base table, in the table's order, as first published by this run."""
    started = begun(plan, f"build {order.table}")
    types = column_types(order.table, plan, plan.unified(entity_tables))
    with kernel(plan.settings) as connection:
        path = _rows(connection, order, identified, entity_tables, plan)
        slices, group = _slices(order, f"FROM {parquet_rows([path])}", plan)
        content = fingerprint_in_order(connection, slices, types, group)
    report(plan, f"build {order.table}", content.rows, started)
    return Part(order.table, path, content)


def column_types(table: str, plan: Plan, unified: list[Unified]) -> dict[str, str]:
    """Return the columns of a base table with their SQL types, without `FirstRun`."""
    columns = definition(table, plan, unified).columns
    return {column.name: column.type for column in columns if column.name != "FirstRun"}


def definition(table: str, plan: Plan, unified: list[Unified]) -> Table:
    """Return the definition of a base table."""
    if table == "Customer":
        return tables.customer(profile_fields(plan, unified))
    return {known.name: known for known in tables.VERSIONED}[table]


def _rows(
    connection: "DuckDBPyConnection",
    order: Build,
    identified: Identified,
    entity_tables: list[EntityTable],
    plan: Plan,
) -> str:
    """Return the file of a part's rows.

    Those of keys and aliases were written with the identities.
    """
    written = {
        "AlternateKey": identified.alternate_keys,
        "VanishedKey": identified.vanished,
        "IdentityAlias": identified.alias,
    }
    if order.table in written:
        return written[order.table]
    path = plan.folder("parts", order.table) / f"{order.number:04d}.parquet"
    rows = _customers if order.table == "Customer" else _activities
    query = (
        f"SELECT *, {plan.run}::INTEGER AS FirstRun FROM "
        f"({rows(order, identified, entity_tables, plan)})"
    )
    write_parquet(connection, query, path)
    return str(path)


def _customers(
    order: Build, identified: Identified, entity_tables: list[EntityTable], plan: Plan
) -> str:
    unified = plan.unified(entity_tables)
    customers = (
        f"SELECT * FROM {parquet_rows([identified.customers])} WHERE "
        f"{_within(order.low, order.high)}"
    )
    rows = profiles(plan.configuration.unification, unified, customers)
    types = column_types("Customer", plan, unified)
    casts = (f"{quoted(name)}::{kind} AS {quoted(name)}" for name, kind in types.items())
    return f"SELECT {', '.join(casts)} FROM ({rows}) ORDER BY {ORDERS['Customer']}"


def _within(low: int, high: int, column: str = "CustomerId") -> str:
    """Return the SQL condition that the first digits of an id are in [low, high).

    Nothing follows the letter g.
    """
    end = f"{high:0{DIGITS}x}" if high < PREFIXES else "g"
    return f"{column} >= '{low:0{DIGITS}x}' AND {column} < '{end}'"


def _slices(order: Build, rows: str, plan: Plan) -> tuple[list[str], str]:
    """Return the SQL of a part's rows in slices, and that of a row's group in a slice.

    There are few slices, each in the table's order.
    """
    if order.table not in IDS:
        names = sorted(plan.options)
        return [
            f"{rows} WHERE EntityName = {literal(name)}" for name in names
        ], f"list_position([{', '.join(map(literal, names))}], EntityName)"
    column = IDS[order.table]
    return [
        f"{rows} WHERE {_within(low, high, column)}"
        for low, high in ranges(plan.settings.threads, order.low, order.high)
    ], f"'0x' || left({column}, {DIGITS})"


def _activities(
    order: Build, identified: Identified, entity_tables: list[EntityTable], plan: Plan
) -> str:
    files = {table.entity: table.files for table in entity_tables}
    rows: dict[str, list[str]] = {}
    activities = sorted(plan.activities, key=lambda pair: pair[0].entity)
    for number, (activity, relationship) in enumerate(activities):
        source = f"FROM {parquet_rows(files[activity.entity])}"
        rows.setdefault(relationship.to, []).append(
            activity_rows(activity, relationship, plan.entities[activity.entity], source, number)
        )
    if not rows:
        return f"SELECT {_nothing(tables.UNIFIED_ACTIVITY)} WHERE false"
    keys = (
        f"FROM {parquet_rows([identified.alternate_keys])} WHERE {_within(order.low, order.high)}"
    )
    joined = (
        of_customers(" UNION ALL ".join(some), f"{keys} AND EntityName = {literal(entity)}")
        for entity, some in rows.items()
    )
    return timeline_rows([activity for activity, _ in activities], " UNION ALL ".join(joined))


def _nothing(table: Table) -> str:
    return ", ".join(
        f"NULL::{column.type} AS {quoted(column.name)}"
        for column in table.columns
        if column.name != "FirstRun"
    )


def stamp(
    table: str, parts: Iterable[Part], entity_tables: list[EntityTable], plan: Plan
) -> list[Output]:
    """Compare a base table with what is published.

    Nothing to do, or its rows with their runs, and the history.
    """
    started, parts = time.perf_counter(), sorted(parts, key=lambda part: Path(part.path).name)
    defined = definition(table, plan, plan.unified(entity_tables))
    content = sum((part.content for part in parts), EMPTY)
    published = plan.published.get(table)
    types = {column.name: column.type for column in defined.columns}
    if published is None:
        return [
            Output(defined, tuple(part.path for part in parts), content),
            Output(tables.history_of(defined), (), EMPTY),
        ]
    if published == types and plan.hashes.get(table) == content.hex():
        return [Output(defined, None, content)]
    rows, past = _compared(table, [part.path for part in parts], defined, plan)
    report(plan, f"history {table}", content.rows, started)
    return [Output(defined, (rows,), content), past]


def _compared(table: str, files: list[str], defined: Table, plan: Plan) -> tuple[str, Output]:
    """Write a table's rows with their runs, and those that they replace.

    All of them when a column went or changed.
    """
    published, types = (
        plan.published[table],
        {column.name: column.type for column in defined.columns},
    )
    values, folder = [name for name in types if name != "FirstRun"], plan.folder("stamped")
    changed = any(types.get(name) != kind for name, kind in published.items())
    before = None if changed else reshaped(f"FROM lake.{quoted(table)}", published, types)
    rows, gone = folder / f"{table}.parquet", folder / f"{table}_history.parquet"
    with kernel(plan.settings) as connection:
        attach(connection, plan)
        new = f"SELECT * FROM {parquet_rows(files)}"
        stamping = stamped(new, before, KEYS[table], values, plan.run)
        write_parquet(connection, f"{stamping} ORDER BY {ORDERS[table]}", rows)
        left = replaced(
            f"SELECT * FROM {parquet_rows([rows])}",
            f"FROM lake.{quoted(table)}",
            KEYS[table],
            [name for name in published if name != "FirstRun"],
            plan.run,
        )
        past = plan.published[tables.history_of(defined).name]
        wanted = columns_of_history(past, published)
        query = reshaped(left, published | {"ReplacedRun": "INTEGER"}, wanted)
        if wanted != past:
            query = f"{reshaped(f'FROM lake.{table}_history', past, wanted)} UNION ALL {query}"
        write_parquet(connection, query, gone)
    return str(rows), Output(
        tables.history_in(defined, wanted), (str(gone),), EMPTY, append=wanted == past
    )


def entity_outputs(table: EntityTable, plan: Plan) -> list[Output]:
    """Return the typed entity and its corrupt records as tables.

    Unchanged ones stay as they are.
    """
    entity = plan.entities[table.entity]
    types = {name: type_of(entity.attribute(name).type).duckdb for name in entity.attributes}
    comments = {name: entity.attribute(name).semantic_type or "" for name in types}
    typed = Table(
        table.entity,
        f"Typed rows of {table.entity}, one per primary key.",
        tuple(tables.Column(name, kind, comments[name]) for name, kind in types.items()),
    )
    found = [
        Output(typed, table.files, table.content),
        Output(tables.corrupt(table.entity), (table.corrupt_file,), table.corrupt_content),
    ]
    return [unchanged(output, plan) for output in found]


def unchanged(output: Output, plan: Plan) -> Output:
    """Return the output without files when the same content is published in the same columns."""
    types = {column.name: column.type for column in output.table.columns}
    same = (
        plan.hashes.get(output.table.name) == output.content.hex()
        and plan.published.get(output.table.name) == types
    )
    return replace(output, files=None) if same else output


def registry_outputs(identified: Identified) -> list[Output]:
    """Return what the registry learns."""
    return [
        Output(tables.REGISTRY, (identified.registry,), EMPTY, append=True),
        Output(tables.DEPARTURE, (identified.departure,), EMPTY, append=True),
        Output(tables.IDENTITY, (identified.identity,), EMPTY, append=True),
    ]


def match_outputs(
    identified: Identified,
    pair_tables: list[PairTable],
    entity_tables: list[EntityTable],
    plan: Plan,
) -> list[Output]:
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
    outputs = []
    with kernel(plan.settings) as connection:
        conflation = [
            _conflation(table, keys, plan) for table in pair_tables if table.lower != table.upper
        ]
        outputs.append(_written(connection, tables.CONFLATION_MATCH_PAIRS, conflation, plan))
        for one in unified:
            defined = tables.deduplication(one.table.entity)
            groups = [_groups(one, found[one.place], plan)] if one.place in found else []
            outputs.append(_written(connection, defined, groups, plan))
        matched = [_conflation(table, keys, plan) for table in pair_tables]
        large = told.oversized(connection, pair_tables, identified, matched, plan)
        for table, rows in (
            (tables.OVERSIZED_BLOCKS, large),
            (tables.IGNORED_VALUES, told.ignored(pair_tables, plan)),
        ):
            outputs.append(_written(connection, table, told.rows_sql(table.names, rows), plan))
    report(plan, "match tables", sum(output.content.rows for output in outputs), started)
    return outputs


def _written(
    connection: "DuckDBPyConnection", table: Table, queries: list[str], plan: Plan
) -> Output:
    path = plan.folder("matched") / f"{table.name}.parquet"
    types = {column.name: column.type for column in table.columns}
    rows = " UNION ALL ".join(queries) or f"SELECT {_nothing(table)} WHERE false"
    write_parquet(connection, reshaped(rows, types, types), path)
    content = fingerprint(connection, f"FROM {parquet_rows([path])}", types)
    return unchanged(Output(table, (str(path),), content), plan)


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


def profile_json(fields: list[ProfileField], unified: list[Unified], rows: str) -> str:
    """Return the SQL of what a serving generation holds of Customer's rows.

    See `GenerationSources.profiles`.
    """
    pairs = ", ".join(
        f"{literal(field.name)}, {type_of(field.type).json_sql(quoted(field.name))}"
        for field in fields
        if field.name != "CustomerId"
    )
    winners = ", ".join(
        f"'[{_json_text(one.table.entity)},' || to_json({quoted(alternate_key(one))}) || ',1]'"
        for one in unified
    )
    return (
        f"SELECT CustomerId, json_object({pairs})::VARCHAR AS fields, concat_ws(',', {winners}) "
        "AS winners, "
        f"PreviousCustomerId FROM ({rows})"
    )


def _json_text(name: str) -> str:
    return json.dumps(name, ensure_ascii=False).replace("'", "''")
