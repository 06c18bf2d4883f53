"""UnifiedActivity: one row per source row of an activity that belongs to a customer."""

from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas import tables
from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.activities import Activity
from overtide.schemas.configuration.relationships import Relationship
from overtide.schemas.names import literal, parquet_rows
from overtide.schemas.table import nothing
from overtide.transforms.activities import activity_rows, of_customers, timeline_rows
from overtide.transforms.keys import EntityTable
from overtide.transforms.records import buckets
from overtide.transforms.tables.contract import (
    BaseTable,
    Basis,
    PartOrder,
    within,
    write_rows,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class UnifiedActivity(BaseTable):
    """The activities of the sources, in the order of timelines."""

    name = "UnifiedActivity"
    by_rows = True

    def rows_of_entity(self, table: EntityTable, configuration: Configuration) -> int:
        """Return how many rows an activity's entity has."""
        of_activity = any(one.entity == table.entity for one in configuration.activities)
        return table.rows_kept if of_activity else 0

    def parts(self, basis: Basis) -> int:
        """Return into how many parts the activities are split."""
        kept = {table.entity: table.rows_kept for table in basis.entity_tables}
        number = sum(kept[activity.entity] for activity, _ in basis.activities)
        return buckets(number, 4 * basis.rows_per_bucket)

    def write(
        self, connection: "DuckDBPyConnection", basis: Basis, order: PartOrder, path: Path
    ) -> str:
        """Write the activities of a part's customers."""
        return write_rows(connection, mapped_rows(basis, order), basis.run, path)


def keys_of(basis: Basis, relationship: Relationship) -> str:
    """Return the SQL of PrimaryKey and CustomerId of what a relationship's foreign keys name."""
    if relationship.name in basis.direct or basis.identified.reached is None:
        return f"FROM ({basis.keys}) WHERE EntityName = {literal(relationship.to)}"
    return (
        f"SELECT Value AS PrimaryKey, CustomerId FROM {parquet_rows([basis.identified.reached])} "
        f"WHERE Relationship = {literal(relationship.name)}"
    )


def in_order(basis: Basis) -> list[tuple[Activity, Relationship]]:
    """Return the activities in the order of their numbers."""
    return sorted(basis.activities, key=lambda pair: pair[0].entity)


def mapped_rows(basis: Basis, order: PartOrder) -> str:
    """Return the SQL of the source rows whose customer is in the part, as activities."""
    rows = {table.entity: table.rows for table in basis.entity_tables}
    activities = in_order(basis)
    mapped: dict[str, list[str]] = {}
    for number, (activity, relationship) in enumerate(activities):
        source = f"FROM ({rows[activity.entity]})"
        entity = basis.entities[activity.entity]
        mapped.setdefault(keys_of(basis, relationship), []).append(
            activity_rows(activity, relationship, entity, source, number)
        )
    if not mapped:
        return nothing(tables.UNIFIED_ACTIVITY)
    part = within(order.low, order.high)
    joined = (
        of_customers(" UNION ALL ".join(some), f"{keys} AND {part}")
        for keys, some in mapped.items()
    )
    return timeline_rows([activity for activity, _ in activities], " UNION ALL ".join(joined))
