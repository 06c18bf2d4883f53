"""Build the base tables: in parts, each hashed, then stamped with the runs of their rows."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from overtide.schemas.errors import SourceError
from overtide.schemas.names import literal, parquet_rows, quoted
from overtide.schemas.table import Table, history_in, history_of
from overtide.transforms.fingerprint import EMPTY, fingerprint_in_order, fingerprint_of_files
from overtide.transforms.history import columns_of_history, replaced, reshaped, stamped
from overtide.transforms.kernel import write_parquet
from overtide.transforms.tables.contract import (
    DIGITS,
    Basis,
    BuiltTable,
    PartOrder,
    Published,
    TablePart,
    ranges,
    within,
)
from overtide.transforms.tables.identity_tables import OF_IDENTITIES
from overtide.transforms.tables.registered import BASE_TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

IDS = ("CustomerId", "PreviousCustomerId")
"""Columns of ids: a table in the order of one is hashed in slices of its first digits."""


def orders(basis: Basis, differing: Collection[str] = ()) -> Iterator[PartOrder]:
    """Give the orders for all parts of the base tables: one of those that are `differing`."""
    for name, table in BASE_TABLES.items():
        if name in differing and (basis.affected is not None or name not in OF_IDENTITIES):
            yield PartOrder(name, 0, changes=True)
            continue
        for place, (low, high) in enumerate(ranges(table.parts(basis))):
            yield PartOrder(name, place, low, high)


def build_part(
    connection: "DuckDBPyConnection", folder: Path, order: PartOrder, basis: Basis, threads: int
) -> TablePart:
    """Build one part of a base table, in the table's order, as first published by this run."""
    table = BASE_TABLES[order.table]
    declared = table.declared(basis.unification, basis.unified)
    path = folder / f"{order.number:04d}.parquet"
    written = table.write(connection, basis, order, path)
    if table.by_rows:
        content = fingerprint_of_files(connection, [written], declared.hashed)
        return TablePart(order.table, written, content)
    entities = sorted(
        [one.entity for one in basis.unification.entities]
        if declared.order[0] == "EntityName"
        else [one.entity for one, _ in basis.activities] or [""]  # there is a slice of no row
    )
    rows = f"FROM {parquet_rows([written])}"
    slices, group = _slices(order, declared.order[0], rows, entities, threads)
    content = fingerprint_in_order(connection, slices, declared.hashed, group)
    return TablePart(order.table, written, content)


def _slices(
    order: PartOrder, column: str, rows: str, entities: list[str], threads: int
) -> tuple[list[str], str]:
    """Return the SQL of a part's rows in slices, and that of a row's group in a slice.

    There are few slices, each in the table's order, which begins with `column`. Of rows in an order
    that is not by id those of each entity are one, and all others are one together.
    """
    if column not in IDS:
        names, entity = ", ".join(map(literal, entities)), quoted(column)
        return [
            *(f"{rows} WHERE {entity} = {literal(name)}" for name in entities),
            f"{rows} WHERE {entity} NOT IN ({names}) OR {entity} IS NULL",
        ], f"coalesce(list_position([{names}], {entity}), 0)"
    return [
        f"{rows} WHERE {within(low, high, column)}"
        for low, high in ranges(threads, order.low, order.high)
    ], f"'0x' || left({column}, {DIGITS})"


def stamp(
    declared: Table,
    parts: Iterable[TablePart],
    published: Published,
    compare: Callable[[BuiltTable], list[BuiltTable]],
) -> list[BuiltTable]:
    """Return what a base table is to be, and its history.

    Only where another one is published are the rows `compare`d with those.
    """
    parts = sorted(parts, key=lambda part: Path(part.path).name)
    content = sum((part.content for part in parts), EMPTY)
    gone, strays = (parts[0].gone, parts[0].strays) if parts else (None, None)
    files = tuple(part.path for part in parts)
    built = BuiltTable(declared, files, content, gone=gone, strays=strays)
    if declared.name not in published.columns:
        past = history_of(declared)
        return [built, *([] if past.name in published.columns else [BuiltTable(past, (), EMPTY)])]
    return [published.without_unchanged(built)] if published.has(built) else compare(built)


def compared(
    connection: "DuckDBPyConnection",
    folder: Path,
    built: BuiltTable,
    columns: Mapping[str, Mapping[str, str]],
    run: int,
) -> list[BuiltTable]:
    """Write a table's rows with their runs, and those that they replace.

    All of them when one of the published `columns` went or changed.
    """
    if built.gone is not None:
        return [built, _history_of_gone(connection, folder, built, built.gone, columns, run)]
    defined, name = built.table, built.table.name
    published, types = columns[name], {column.name: column.type for column in defined.columns}
    values = [column for column in types if column != "FirstRun"]
    changed = any(types.get(column) != kind for column, kind in published.items())
    before = None if changed else reshaped(f"FROM lake.{quoted(name)}", published, types)
    new = f"SELECT * FROM {parquet_rows(built.files or ())}"
    stamping = stamped(new, before, ", ".join(defined.key), values, run)
    rows = folder / f"{name}.parquet"
    write_parquet(connection, f"{stamping} ORDER BY {', '.join(defined.order)}", rows)
    return [
        replace(built, files=(str(rows),)),
        _history(connection, folder, defined, str(rows), columns, run),
    ]


def written_whole(connection: "DuckDBPyConnection", folder: Path, built: BuiltTable) -> BuiltTable:
    """Write the published rows that stay with those that come, in the order in which they are.

    To sort them would take the memory of all; whom their order concerns has his own
    (docs/decisions/activities-as-a-difference.md). Raises `rows_lost` where these are not as many
    as the table is to have: rows that go are not there, or more have their keys.
    """
    name, wanted = built.table.name, built.content.rows
    path = folder / f"{name}.parquet"
    came = sum(pq.read_metadata(file).num_rows for file in built.files or ())
    rows = write_parquet(connection, built.all_rows, path)
    if rows != wanted:
        raise SourceError(
            "rows_lost",
            f"Of {wanted:,} rows that {name} is to have, {rows:,} would be there.",
            name,
            "This is a fault of Overtide: report it, and run `overtide refresh --full`.",
        )
    return replace(built, files=(str(path),), gone=None, left=rows - came)


def _history_of_gone(
    connection: "DuckDBPyConnection",
    folder: Path,
    built: BuiltTable,
    gone: str,
    columns: Mapping[str, Mapping[str, str]],
    run: int,
) -> BuiltTable:
    """Write the rows of a difference that go; its history has columns for them."""
    name, path = built.table.name, folder / f"{built.table.name}_history.parquet"
    past = columns[history_of(built.table).name]
    rows = f"SELECT *, {run}::INTEGER AS ReplacedRun FROM {parquet_rows([gone])}"
    there = {**columns[name], "ReplacedRun": "INTEGER"}
    write_parquet(connection, reshaped(rows, there, past), path)
    return BuiltTable(history_in(built.table, past), (str(path),), EMPTY, append=True)


def _history(
    connection: "DuckDBPyConnection",
    folder: Path,
    defined: Table,
    rows: str,
    columns: Mapping[str, Mapping[str, str]],
    run: int,
) -> BuiltTable:
    """Write the published rows that a table's new rows replace, in columns that hold all."""
    name, gone = defined.name, folder / f"{defined.name}_history.parquet"
    published, past = columns[name], columns[history_of(defined).name]
    left = replaced(
        f"SELECT * FROM {parquet_rows([rows])}",
        f"FROM lake.{quoted(name)}",
        ", ".join(defined.key),
        [column for column in published if column != "FirstRun"],
        run,
    )
    wanted = columns_of_history(past, published)
    query = reshaped(left, {**published, "ReplacedRun": "INTEGER"}, wanted)
    if wanted != past:
        query = f"{reshaped(f'FROM lake.{name}_history', past, wanted)} UNION ALL {query}"
    write_parquet(connection, query, gone)
    return BuiltTable(history_in(defined, wanted), (str(gone),), EMPTY, append=wanted == past)
