"""The tables that OData shows: entity sets with their properties, from the serving metadata."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from overtide.schemas import match_tables, tables
from overtide.schemas.names import quoted
from overtide.schemas.serving_metadata import ServedEntity, ServingMetadata
from overtide.schemas.table import Column, Table
from overtide.schemas.types import type_of
from overtide.schemas.types.attribute_type import AttributeType

CUSTOMER, ACTIVITY = "Customer", "UnifiedActivity"
ROW_ID = "RowId"
"""The key of what has none: the place of a row among all, which are put in order."""
_UNFIT = re.compile(r"\W")
_LONGEST_NAME = 128
_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "integer",
    "INTEGER": "integer",
    "BOOLEAN": "boolean",
    "TIMESTAMPTZ": "datetime",
}
"""Attribute types of the columns that Overtide itself declares."""


class Rows(Enum):
    """Which rows of a table an instant shows."""

    MERGED = "the base with the overlay laid over it"
    VERSIONED = "those of the base in force, whose history is kept"
    MADE_ANEW = "those of the base in force, while its snapshot is kept"
    STREAMED = "those of events that were known, as far as the stream has carried them"


@dataclass(frozen=True, slots=True)
class Property:
    """A property: its name in OData, the column that it shows, and the type of its values."""

    name: str
    column: str
    type: str

    @property
    def kind(self) -> AttributeType:
        """The rules of its type."""
        return type_of(self.type)

    @property
    def sql(self) -> str:
        """The column as an SQL identifier."""
        return quoted(self.column)


@dataclass(frozen=True, slots=True)
class EntitySet:
    """A table as OData shows it: `key` are the names of the properties that tell rows apart."""

    name: str
    text: str
    rows: Rows
    properties: tuple[Property, ...]
    key: tuple[str, ...]

    def named(self, name: str) -> Property:
        """Return a property that it has."""
        return next(one for one in self.properties if one.name == name)

    @property
    def numbered(self) -> bool:
        """Whether its rows have no key of their own, and are numbered."""
        return self.key == (ROW_ID,)

    @property
    def stored(self) -> tuple[Property, ...]:
        """The properties that are columns of the table."""
        return tuple(one for one in self.properties if not (self.numbered and one.name == ROW_ID))


def entity_sets(metadata: ServingMetadata) -> dict[str, EntitySet]:
    """Return all entity sets of a publish by name."""
    profile = tables.customer(metadata.profile)
    kinds = {field.name: field.type for field in metadata.profile}
    found = [
        _entity_set(profile, Rows.MERGED, kinds),
        _entity_set(tables.UNIFIED_ACTIVITY, Rows.MERGED, key=("CustomerId", "ActivityId")),
        *(_entity_set(one, Rows.VERSIONED) for one in _VERSIONED),
        *(_entity_set(one, Rows.MADE_ANEW) for one in match_tables.MATCHED),
        *(one for item in metadata.entities.items() for one in _of_entity(*item)),
        _entity_set(tables.REALTIME_QUARANTINE, Rows.STREAMED),
    ]
    return {one.name: one for one in found}


_VERSIONED = (
    tables.ALTERNATE_KEY,
    tables.VANISHED_KEY,
    tables.RELATED_KEY,
    tables.IDENTITY_ALIAS,
)


def _of_entity(name: str, entity: ServedEntity) -> Iterator[EntitySet]:
    """Give the typed records of an entity, its corrupt ones, and its duplicates."""
    kinds = {column: attribute.type for column, attribute in entity.attributes.items()}
    columns = tuple(Column(column, type_of(kind).duckdb, "") for column, kind in kinds.items())
    source = Table(name, f"The typed rows of {name}.", columns, key=(entity.primary_key,))
    yield _entity_set(source, Rows.MADE_ANEW, kinds)
    yield _entity_set(tables.corrupt(name), Rows.MADE_ANEW)
    if entity.unified:
        key = {"PrimaryKey": kinds[entity.primary_key]}
        yield _entity_set(match_tables.deduplication(name), Rows.MADE_ANEW, key)


def _entity_set(
    table: Table, rows: Rows, kinds: Mapping[str, str] | None = None, key: tuple[str, ...] = ()
) -> EntitySet:
    """Describe a table; `kinds` are attribute types of columns, where the SQL type says less."""
    columns = [column for column in table.columns if column.name != "FirstRun"]
    names = dict(zip((one.name for one in columns), _names(columns), strict=True))
    types = {one.name: (kinds or {}).get(one.name) or _TYPES[one.type] for one in columns}
    properties = [Property(names[one], one, types[one]) for one in types]
    keys = tuple(names[one] for one in key or table.key)
    if not keys:
        properties.append(Property(ROW_ID, ROW_ID, "integer"))
    comment = table.comment.split("\n", 1)[0]
    return EntitySet(table.name, comment, rows, tuple(properties), keys or (ROW_ID,))


def _names(columns: Iterable[Column]) -> list[str]:
    """Return a name in OData for each column: letters, digits and `_`, no two alike."""
    found: list[str] = []
    for column in columns:
        name = _UNFIT.sub("_", column.name)[: _LONGEST_NAME - 5]
        name = f"_{name}" if not name or name[0].isdigit() else name
        number, free = 2, name
        while free in found or free == ROW_ID:
            free, number = f"{name}_{number}", number + 1
        found.append(free)
    return found
