"""The contract of a base table, and what such tables are made of."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from overtide.schemas import tables
from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.activities import Activity
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.configuration.relationships import Relationship
from overtide.schemas.configuration.unification import Unification
from overtide.schemas.names import parquet_rows
from overtide.schemas.table import Table
from overtide.transforms.affected import Affected, of_everyone
from overtide.transforms.fingerprint import Fingerprint
from overtide.transforms.identities import Identified
from overtide.transforms.kernel import write_parquet
from overtide.transforms.keys import EntityTable
from overtide.transforms.records import Unified, unified_of
from overtide.transforms.same_files import files_apart

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DIGITS = 2
PREFIXES = 16**DIGITS
"""An id's first hex digits bound the parts of a table, and the groups that are hashed."""


@dataclass(frozen=True)
class Basis:
    """What base tables are made of: who is who, the rows of the entities, and what is configured.

    A refresh of many records matches those alone that a change may concern (`affected`), and then
    `identified` names files of these; `entity_tables` and `keys` always have all. A table is made
    of all, whatever changed.

    `activities` come with the relationships that lead to their customers.
    """

    identified: Identified
    entity_tables: list[EntityTable]
    entities: Mapping[str, Entity]
    unification: Unification
    activities: Sequence[tuple[Activity, Relationship]]
    run: int
    rows_per_bucket: int
    direct: frozenset[str] = frozenset()
    """The relationships whose foreign keys are primary keys of unified entities."""

    @property
    def unified(self) -> list[Unified]:
        """The unified entities, in match order."""
        return unified_of(self.unification.entities, self.entities, self.entity_tables)

    @property
    def affected(self) -> Affected | None:
        """The records that were identified, None where all were."""
        return self.unified[0].table.affected

    def published(self, table: str) -> str:
        """Return the SQL of what is published in a table of identities, of who was identified."""
        affected = self.affected
        return f"SELECT * FROM lake.{table}" if affected is None else affected.published(table)

    @property
    def keys(self) -> str:
        """The SQL of the whole map of keys, without its runs."""
        return of_everyone(tables.ALTERNATE_KEY, self.identified.alternate_keys, self.affected)

    @property
    def aliases(self) -> str:
        """The SQL of all previous ids, without their runs."""
        return of_everyone(tables.IDENTITY_ALIAS, self.identified.alias, self.affected)


class BaseTable(ABC):
    """A table that each refresh makes anew, and whose replaced rows go to its history."""

    name: str
    by_rows: ClassVar[bool] = False
    """Whether its rows are hashed one by one, so that a difference to it can be."""

    def declared(self, unification: Unification, unified: list[Unified]) -> Table:
        """Return its columns, key and order; Customer's are those of the project."""
        del unification, unified
        return {known.name: known for known in tables.VERSIONED}[self.name]

    def rows_of_entity(self, table: EntityTable, configuration: Configuration) -> int:
        """Return how many rows an entity gives it at most, for progress; 0 where none is known."""
        del table, configuration
        return 0

    def rows_of_customers(self, identified: Identified) -> int:
        """Return how many rows all customers give it, for progress; 0 where it is not known."""
        del identified
        return 0

    def parts(self, basis: Basis) -> int:
        """Return into how many parts it is split, so that a kernel holds one."""
        del basis
        return 1

    @abstractmethod
    def write(
        self, connection: "DuckDBPyConnection", basis: Basis, order: "PartOrder", path: Path
    ) -> str:
        """Write the rows of a part in the table's order, as first published by this run.

        That order is total, and the rows are those that a full refresh would give: by both a table
        has the same hash whenever its rows are the same.

        Return their file: `path`, or the one in which they were already.
        """


@dataclass(frozen=True)
class PartOrder:
    """An order for one part of a table: its rows of the ids that are `within` [low, high)."""

    table: str
    number: int
    low: int = 0
    high: int = PREFIXES
    changes: bool = False
    """Whether it is to be a difference to what is published."""


@dataclass(frozen=True)
class TablePart:
    """One part of a table: its file, and the fingerprint of its rows."""

    table: str
    path: str
    content: Fingerprint
    gone: str | None = None
    """Of a difference the file of the published rows that go; `path` has those that come, and
    `content` is that of the whole table."""
    strays: Mapping[str, tuple[int, int, int, int]] | None = None
    """Of a difference of activities how many more belong to no customer, by entity and reason."""


@dataclass(frozen=True)
class BuiltTable:
    """What a refresh found a table to be.

    All rows (`files`, or None when they are unchanged), or rows to append.
    """

    table: Table
    files: tuple[str, ...] | None
    content: Fingerprint
    append: bool = False
    gone: str | None = None
    """The file of the published rows that go, where `files` are those that come."""
    stays: bool = False
    """Whether the published rows stay, and `files` are those that come."""
    strays: Mapping[str, tuple[int, int, int, int]] | None = None
    """As in `TablePart`."""
    left: int = 0
    """How many of the rows in `files` are published ones that stay."""
    placed: str | None = None
    """The hash of rows with the places where they stand, of a table whose `content` lacks these."""

    @property
    def all_rows(self) -> str:
        """The SQL of all rows as they are to be published, where the lake is attached."""
        return self.rows_with("")

    def rows_with(self, join: str) -> str:
        """Return the SQL of the rows that are left by a join, which begins with a space.

        Of published rows those that stay are looked for among what is left alone.
        """
        published = f"SELECT * FROM lake.{self.table.name}{join}"
        if self.files is None:
            return published
        rows = f"SELECT * FROM {parquet_rows(self.files)}{join}"
        if self.gone is None:
            return rows
        gone = f"{parquet_rows([self.gone])} AS gone USING ({', '.join(self.table.key)})"
        return f"SELECT * FROM ({published}) ANTI JOIN {gone} UNION ALL BY NAME {rows}"


@dataclass(frozen=True)
class PublishedEntity:
    """The rows of an entity as they are published."""

    content: str
    """Their content hash."""
    files: tuple[str, ...] | None
    """The lake's files, None where some of the rows in them went."""


@dataclass(frozen=True)
class PublishedRows:
    """A published table that the same rules made of what else is published.

    So a refresh may make a difference to it.
    """

    content: Fingerprint
    entities: Mapping[str, PublishedEntity]
    """The entities that it is made of."""
    scattered: bool = False
    """Whether its rows are in so many files, or so many of them went, that those that stay are to
    be written anew with those that come."""
    anew: frozenset[str] = frozenset()
    """Of activities the entities whose rows other rules made, or which are none any more."""


@dataclass(frozen=True)
class Published:
    """The tables of the lake as published before: columns with SQL types, and content hashes."""

    columns: Mapping[str, Mapping[str, str]]
    hashes: Mapping[str, str]
    placed: Mapping[str, str]
    """The hashes of the same with places, of tables that have any."""

    def has(self, built: BuiltTable) -> bool:
        """Say whether the same content is there in the same columns, and in the same places."""
        name, types = built.table.name, {one.name: one.type for one in built.table.columns}
        same = self.hashes.get(name) == built.content.hex() and self.columns.get(name) == types
        return same and self.placed.get(name) == built.placed

    def without_same_files(self, built: BuiltTable, there: Sequence[str]) -> BuiltTable:
        """Return a table with the files alone that are not `there`, if all that are stay."""
        name, types = built.table.name, {one.name: one.type for one in built.table.columns}
        if built.files is None or not there or self.columns.get(name) != types:
            return built
        new, old = files_apart(built.files, there)
        return built if old else replace(built, files=tuple(new), stays=True)

    def without_unchanged(self, built: BuiltTable) -> BuiltTable:
        """Return a table without files when it stays as it is."""
        return replace(built, files=None, gone=None) if self.has(built) else built


def write_rows(connection: "DuckDBPyConnection", rows: str, run: int, path: Path) -> str:
    """Write rows as first published by a run; return their file."""
    write_parquet(connection, f"SELECT *, {run}::INTEGER AS FirstRun FROM ({rows})", path)
    return str(path)


def ranges(number: int, low: int = 0, high: int = PREFIXES) -> list[tuple[int, int]]:
    """Return bounds [low, high) that split a range of first digits nearly equally.

    There are as many parts as there can be.
    """
    number = min(number, high - low)
    return list(pairwise(low + place * (high - low) // number for place in range(number + 1)))


def within(low: int, high: int, column: str = "CustomerId") -> str:
    """Return the SQL condition that the first digits of an id are in [low, high).

    Nothing follows the letter g.
    """
    end = f"{high:0{DIGITS}x}" if high < PREFIXES else "g"
    return f"{column} >= '{low:0{DIGITS}x}' AND {column} < '{end}'"
