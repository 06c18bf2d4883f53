"""The tables of who is who, whose rows are written when identities are given."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas import tables
from overtide.schemas.configuration import Configuration
from overtide.schemas.names import parquet_rows
from overtide.transforms.fingerprint import EMPTY
from overtide.transforms.identities import Identified
from overtide.transforms.keys import EntityTable
from overtide.transforms.tables.changed_rows import write_difference
from overtide.transforms.tables.contract import (
    BaseTable,
    Basis,
    BuiltTable,
    PartOrder,
    PublishedRows,
    TablePart,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class IdentityTable(BaseTable):
    """A base table that is one part, and is written by whoever gave the identities."""

    by_rows = True
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


OF_IDENTITIES = {one.name: one for one in (ALTERNATE_KEY, VANISHED_KEY, IDENTITY_ALIAS)}


def difference(
    connection: "DuckDBPyConnection",
    folder: Path,
    basis: Basis,
    before: PublishedRows,
    name: str,
) -> TablePart:
    """Write the rows of a table that come and go with the records that were identified."""
    declared = {known.name: known for known in tables.VERSIONED}[name]
    file = OF_IDENTITIES[name].file(basis.identified)
    connection.execute(f"""
        CREATE TEMP TABLE mapped AS SELECT * EXCLUDE (FirstRun) FROM {parquet_rows([file])};
        CREATE TEMP TABLE published AS {basis.published(name)}""")
    return write_difference(connection, folder, declared, before.content, basis.run)


def learnt_tables(identified: Identified) -> list[BuiltTable]:
    """Return what the registry learns: rows to append."""
    return [
        BuiltTable(tables.REGISTRY, (identified.registry,), EMPTY, append=True),
        BuiltTable(tables.DEPARTURE, (identified.departure,), EMPTY, append=True),
        BuiltTable(tables.IDENTITY, (identified.identity,), EMPTY, append=True),
        BuiltTable(tables.CLUSTER_REGISTRY, identified.cluster_learnt, EMPTY, append=True),
    ]
