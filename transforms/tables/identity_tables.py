"""The tables of who is who, whose rows are written when identities are given."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas import tables
from overtide.schemas.configuration import Configuration
from overtide.transforms.fingerprint import EMPTY
from overtide.transforms.identities import Identified
from overtide.transforms.keys import EntityTable
from overtide.transforms.tables.contract import BaseTable, Basis, BuiltTable, PartOrder

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class IdentityTable(BaseTable):
    """A base table that is one part, and is written by whoever gave the identities."""

    name: str
    file: Callable[[Identified], str]
    of_all_records: bool = False
    """Whether every record of the unified entities may be in it."""

    def rows_of_entity(self, table: EntityTable, configuration: Configuration) -> int:
        """Return how many records a unified entity has, where they are in it."""
        unified = any(one.entity == table.entity for one in configuration.unification.entities)
        return table.rows_kept if self.of_all_records and unified else 0

    def write(
        self, connection: "DuckDBPyConnection", basis: Basis, order: PartOrder, path: Path
    ) -> str:
        """Return the file that is there."""
        del connection, order, path
        return self.file(basis.identified)


ALTERNATE_KEY = IdentityTable("AlternateKey", lambda identified: identified.alternate_keys, True)
VANISHED_KEY = IdentityTable("VanishedKey", lambda identified: identified.vanished)
IDENTITY_ALIAS = IdentityTable("IdentityAlias", lambda identified: identified.alias)


def learnt_tables(identified: Identified) -> list[BuiltTable]:
    """Return what the registry learns: rows to append."""
    return [
        BuiltTable(tables.REGISTRY, (identified.registry,), EMPTY, append=True),
        BuiltTable(tables.DEPARTURE, (identified.departure,), EMPTY, append=True),
        BuiltTable(tables.IDENTITY, (identified.identity,), EMPTY, append=True),
        BuiltTable(tables.CLUSTER_REGISTRY, identified.cluster_learnt, EMPTY, append=True),
    ]
