"""The tables of an entity: its typed rows, and what could not be read or used of it."""

from dataclasses import replace

from overtide.schemas import tables
from overtide.schemas.table import Column, Table
from overtide.schemas.types import type_of
from overtide.transforms.keys import EntityTable
from overtide.transforms.plan import Plan
from overtide.transforms.tables.contract import BuiltTable


def entity_tables(table: EntityTable, plan: Plan) -> list[BuiltTable]:
    """Return the typed entity and its corrupt records as tables.

    Unchanged ones stay as they are.
    """
    entity = plan.entities[table.entity]
    types = {name: type_of(entity.attribute(name).type).duckdb for name in entity.attributes}
    comments = {name: entity.attribute(name).semantic_type or "" for name in types}
    typed = Table(
        table.entity,
        f"Typed rows of {table.entity}, one per primary key.",
        tuple(Column(name, kind, comments[name]) for name, kind in types.items()),
    )
    found = [
        BuiltTable(typed, table.files, table.content),
        BuiltTable(tables.corrupt(table.entity), (table.corrupt_file,), table.corrupt_content),
    ]
    return [unchanged(built, plan) for built in found]


def unchanged(built: BuiltTable, plan: Plan) -> BuiltTable:
    """Return the table without files when the same content is published in the same columns."""
    types = {column.name: column.type for column in built.table.columns}
    same = (
        plan.hashes.get(built.table.name) == built.content.hex()
        and plan.published.get(built.table.name) == types
    )
    return replace(built, files=None) if same else built
