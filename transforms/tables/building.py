"""Build the base tables: in parts, each hashed, then stamped with the runs of their rows."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from overtide.schemas.names import literal, parquet_rows, quoted
from overtide.schemas.table import Table, history_in, history_of
from overtide.transforms.fingerprint import EMPTY, fingerprint_in_order
from overtide.transforms.history import columns_of_history, replaced, reshaped, stamped
from overtide.transforms.identities import Identified
from overtide.transforms.kernel import kernel, write_parquet
from overtide.transforms.keys import EntityTable
from overtide.transforms.plan import Plan, begun, report
from overtide.transforms.tables.contract import (
    DIGITS,
    Basis,
    BuiltTable,
    PartOrder,
    TablePart,
    ranges,
    within,
)
from overtide.transforms.tables.registered import BASE_TABLES
from overtide.transforms.unify import attach

IDS = ("CustomerId", "PreviousCustomerId")
"""Columns of ids: a table in the order of one is hashed in slices of its first digits."""


def orders(
    identified: Identified, entity_tables: list[EntityTable], plan: Plan
) -> Iterator[PartOrder]:
    """Give the orders for all parts of the base tables."""
    basis = Basis(identified, entity_tables, plan)
    for name, table in BASE_TABLES.items():
        for place, (low, high) in enumerate(ranges(table.parts(basis))):
            yield PartOrder(name, place, low, high)


def build_part(
    order: PartOrder, identified: Identified, entity_tables: list[EntityTable], plan: Plan
) -> TablePart:
    """Build one part of a base table, in the table's order, as first published by this run."""
    started = begun(plan, f"build {order.table}")
    table, basis = BASE_TABLES[order.table], Basis(identified, entity_tables, plan)
    declared = table.declared(basis.unified, plan)
    path = plan.folder("parts", order.table) / f"{order.number:04d}.parquet"
    with kernel(plan.settings) as connection:
        written = table.write(connection, basis, order, path)
        slices, group = _slices(order, declared, f"FROM {parquet_rows([written])}", plan)
        content = fingerprint_in_order(connection, slices, declared.values, group)
    report(plan, f"build {order.table}", content.rows, started)
    return TablePart(order.table, written, content)


def _slices(order: PartOrder, declared: Table, rows: str, plan: Plan) -> tuple[list[str], str]:
    """Return the SQL of a part's rows in slices, and that of a row's group in a slice.

    There are few slices, each in the table's order.
    """
    column = declared.order[0]
    if column not in IDS:
        names = sorted(plan.options)
        return [
            f"{rows} WHERE {column} = {literal(name)}" for name in names
        ], f"list_position([{', '.join(map(literal, names))}], {column})"
    return [
        f"{rows} WHERE {within(low, high, column)}"
        for low, high in ranges(plan.settings.threads, order.low, order.high)
    ], f"'0x' || left({column}, {DIGITS})"


def stamp(
    table: str, parts: Iterable[TablePart], entity_tables: list[EntityTable], plan: Plan
) -> list[BuiltTable]:
    """Compare a base table with what is published.

    Nothing to do, or its rows with their runs, and the history.
    """
    started, parts = time.perf_counter(), sorted(parts, key=lambda part: Path(part.path).name)
    defined = BASE_TABLES[table].declared(plan.unified(entity_tables), plan)
    content = sum((part.content for part in parts), EMPTY)
    published = plan.published.get(table)
    types = {column.name: column.type for column in defined.columns}
    if published is None:
        return [
            BuiltTable(defined, tuple(part.path for part in parts), content),
            BuiltTable(history_of(defined), (), EMPTY),
        ]
    if published == types and plan.hashes.get(table) == content.hex():
        return [BuiltTable(defined, None, content)]
    rows, past = _compared(table, [part.path for part in parts], defined, plan)
    report(plan, f"history {table}", content.rows, started)
    return [BuiltTable(defined, (rows,), content), past]


def _compared(table: str, files: list[str], defined: Table, plan: Plan) -> tuple[str, BuiltTable]:
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
        stamping = stamped(new, before, ", ".join(defined.key), values, plan.run)
        write_parquet(connection, f"{stamping} ORDER BY {', '.join(defined.order)}", rows)
        left = replaced(
            f"SELECT * FROM {parquet_rows([rows])}",
            f"FROM lake.{quoted(table)}",
            ", ".join(defined.key),
            [name for name in published if name != "FirstRun"],
            plan.run,
        )
        past = plan.published[history_of(defined).name]
        wanted = columns_of_history(past, published)
        query = reshaped(left, published | {"ReplacedRun": "INTEGER"}, wanted)
        if wanted != past:
            query = f"{reshaped(f'FROM lake.{table}_history', past, wanted)} UNION ALL {query}"
        write_parquet(connection, query, gone)
    return str(rows), BuiltTable(
        history_in(defined, wanted), (str(gone),), EMPTY, append=wanted == past
    )
