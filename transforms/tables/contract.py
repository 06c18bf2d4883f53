"""The contract of a base table, and what such tables are made of."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas import tables
from overtide.schemas.names import quoted
from overtide.schemas.table import Table
from overtide.transforms.fingerprint import Fingerprint
from overtide.transforms.identities import Identified, Unified
from overtide.transforms.kernel import write_parquet
from overtide.transforms.keys import EntityTable
from overtide.transforms.plan import Plan

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DIGITS = 2
PREFIXES = 16**DIGITS
"""An id's first hex digits bound the parts of a table, and the groups that are hashed."""


@dataclass(frozen=True)
class Basis:
    """What base tables are made of: who is who, the rows of the entities, and the plan."""

    identified: Identified
    entity_tables: list[EntityTable]
    plan: Plan

    @property
    def unified(self) -> list[Unified]:
        """The unified entities, in match order."""
        return self.plan.unified(self.entity_tables)


class BaseTable(ABC):
    """A table that each refresh makes anew, and whose replaced rows go to its history."""

    name: str

    def declared(self, unified: list[Unified], plan: Plan) -> Table:
        """Return its columns, key and order; Customer's are those of the project."""
        del unified, plan
        return {known.name: known for known in tables.VERSIONED}[self.name]

    def parts(self, basis: Basis) -> int:
        """Return into how many parts it is split, so that a kernel holds one."""
        del basis
        return 1

    @abstractmethod
    def write(
        self, connection: "DuckDBPyConnection", basis: Basis, order: "PartOrder", path: Path
    ) -> str:
        """Write the rows of a part in the table's order, as first published by this run.

        Return their file: `path`, or the one in which they were already.
        """


@dataclass(frozen=True)
class PartOrder:
    """An order for one part of a table: its rows of the ids that are `within` [low, high)."""

    table: str
    number: int
    low: int = 0
    high: int = PREFIXES


@dataclass(frozen=True)
class TablePart:
    """One part of a table: its file, and the fingerprint of its rows."""

    table: str
    path: str
    content: Fingerprint


@dataclass(frozen=True)
class BuiltTable:
    """What a refresh found a table to be.

    All rows (`files`, or None when they are unchanged), or rows to append.
    """

    table: Table
    files: tuple[str, ...] | None
    content: Fingerprint
    append: bool = False


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


def nothing(table: Table) -> str:
    """Return the SQL of no row with the columns of a table, but for `FirstRun`."""
    values = ", ".join(
        f"NULL::{column.type} AS {quoted(column.name)}"
        for column in table.columns
        if column.name != "FirstRun"
    )
    return f"SELECT {values} WHERE false"
