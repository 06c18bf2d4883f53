"""What the batch pipeline found."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from overtide.schemas.table import Table
from overtide.transforms.identities import Identified
from overtide.transforms.keys import EntityTable
from overtide.transforms.matching.contract import PairTable
from overtide.transforms.tables.contract import BuiltTable


@dataclass(frozen=True)
class Found:
    """Everything that the pipeline found: the one element of its one leaf."""

    tables: list[EntityTable]
    pairs: list[PairTable]
    identified: Identified
    outputs: list[BuiltTable]

    def output(self, table: Table) -> BuiltTable:
        """Return what was found of a table."""
        return self.named(table.name)

    def named(self, name: str) -> BuiltTable:
        """Return what was found of the table of a name."""
        return next(output for output in self.outputs if output.table.name == name)

    @property
    def files(self) -> dict[str, tuple[str, ...] | None]:
        """The files of each table, None for one that stays as it is published."""
        return {output.table.name: output.files for output in self.outputs}


FOUND = TypeAdapter(Found)
"""Writes and reads what the pipeline found as JSON.

So workers elsewhere can hand it over in a file.
"""
