"""The tables of an entity: its typed rows, and what could not be read or used of it."""

from overtide.schemas import tables
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.table import Column, Table
from overtide.schemas.types import type_of
from overtide.transforms.keys import EntityTable
from overtide.transforms.tables.contract import BuiltTable


def entity_tables(table: EntityTable, entity: Entity) -> list[BuiltTable]:
    """Return the typed entity and its corrupt records as tables; its rows were hashed."""
    if table.content is None:
        raise ValueError(f"{table.entity} was not hashed")
    types = {name: type_of(entity.attribute(name).type).duckdb for name in entity.attributes}
    comments = {name: entity.attribute(name).semantic_type or "" for name in types}
    typed = Table(
        table.entity,
        f"Typed rows of {table.entity}, one per primary key.",
        tuple(Column(name, kind, comments[name]) for name, kind in types.items()),
        (entity.primary_key,),
    )
    changed = table.changed
    return [
        BuiltTable(typed, table.files, table.content)
        if changed is None
        else BuiltTable(typed, (changed.came,), table.content, gone=changed.went),
        BuiltTable(
            tables.corrupt(table.entity),
            (table.corrupt_file,),
            table.corrupt_content,
            placed=table.corrupt_placed.hex(),
        ),
    ]
