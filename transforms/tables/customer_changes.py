"""Customer as a difference: the profiles that go, and those that come.

A profile depends on its records, on which of them represent their entities, and on the ids that
were merged into it, by rules that are those of the published table. So what may differ are the
customers of records that changed or belong to another one than before, and those whose previous ids
are others. Only these are merged, and compared with what is published of them
(docs/decisions/activities-as-a-difference.md).
"""

from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.names import literal, parquet_rows
from overtide.schemas.tables import ALTERNATE_KEY, IDENTITY_ALIAS
from overtide.transforms.tables.changed_rows import find_apart, write_difference
from overtide.transforms.tables.contract import Basis, PartOrder, PublishedRows, TablePart
from overtide.transforms.tables.customer import Customer, merged_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def difference(
    connection: "DuckDBPyConnection", folder: Path, basis: Basis, before: PublishedRows
) -> TablePart:
    """Write the profiles that come and those that go, and return them as the one part."""
    declared = Customer().declared(basis.unification, basis.unified)
    _find_touched(connection, basis, before)
    only = "SEMI JOIN touched USING (CustomerId)"
    merged = merged_rows(basis, declared, PartOrder(declared.name, 0), only)
    connection.execute(f"""
        CREATE TEMP TABLE mapped AS {merged};
        CREATE TEMP TABLE published AS FROM lake.Customer {only}""")
    return write_difference(connection, folder, declared, before.content, basis.run)


def _find_touched(connection: "DuckDBPyConnection", basis: Basis, before: PublishedRows) -> None:
    """Create `touched` (CustomerId): whose profiles may not be the published ones."""
    keys = f"SELECT * FROM {parquet_rows([basis.identified.alternate_keys])}"
    aliases = f"SELECT * FROM {parquet_rows([basis.identified.alias])}"
    known, alias = (basis.published(table.name) for table in (ALTERNATE_KEY, IDENTITY_ALIAS))
    belongs = _others(keys, known, "EntityName, PrimaryKey", "CustomerId, IsWinner")
    merged = _others(aliases, alias, "PreviousCustomerId", "CustomerId")
    connection.execute(f"CREATE TEMP TABLE found AS {belongs} UNION ALL {merged}")
    tables = {table.entity: table for table in basis.entity_tables}
    for unified in basis.unified:
        name = unified.table.entity
        find_apart(connection, unified.entity, tables[name], before.entities[name])
        changed = f"SELECT {unified.key} AS PrimaryKey FROM apart"
        connection.execute(f"""
            INSERT INTO found SELECT CustomerId FROM ({keys}) SEMI JOIN ({changed}) AS changed
            USING (PrimaryKey) WHERE EntityName = {literal(name)}""")
    connection.execute("CREATE TEMP TABLE touched AS SELECT DISTINCT CustomerId FROM found")


def _others(rows: str, published: str, key: str, values: str) -> str:
    """Return the SQL of the customers, now and before, of keys whose values are others."""
    different = " OR ".join(
        f"new.{value} IS DISTINCT FROM old.{value}" for value in values.split(", ")
    )
    return f"""
        SELECT unnest([new.CustomerId, old.CustomerId]) AS CustomerId
        FROM ({rows}) AS new FULL JOIN ({published}) AS old USING ({key}) WHERE {different}"""
