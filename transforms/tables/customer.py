"""Customer: one row per profile, merged from the records that represent its entities."""

from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas import tables
from overtide.schemas.configuration.unification import Unification
from overtide.schemas.names import parquet_rows, quoted
from overtide.schemas.table import ProfileField, Table
from overtide.schemas.types import type_of
from overtide.transforms.identities import Identified
from overtide.transforms.merge import alternate_key, profile_types, profiles
from overtide.transforms.records import Unified, buckets
from overtide.transforms.tables.all_customers import of_all_customers
from overtide.transforms.tables.contract import (
    BaseTable,
    Basis,
    PartOrder,
    within,
    write_rows,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Customer(BaseTable):
    """The profiles; their columns are those that the configuration merges."""

    name = "Customer"
    by_rows = True

    def declared(self, unification: Unification, unified: list[Unified]) -> Table:
        """Return the columns of this project's profiles."""
        return tables.customer(profile_fields(unification, unified))

    def rows_of_customers(self, identified: Identified) -> int:
        """Return how many profiles there are."""
        return identified.profiles

    def parts(self, basis: Basis) -> int:
        """Return into how many parts the profiles are split."""
        return buckets(basis.identified.profiles, 2 * basis.rows_per_bucket)

    def write(
        self, connection: "DuckDBPyConnection", basis: Basis, order: PartOrder, path: Path
    ) -> str:
        """Write the merged profiles of a part."""
        if basis.affected is not None:
            basis = of_all_customers(connection, path.parent, basis, order)
        rows = merged_rows(basis, self.declared(basis.unification, basis.unified), order)
        return write_rows(connection, rows, basis.run, path)


def merged_rows(basis: Basis, declared: Table, order: PartOrder, only: str = "") -> str:
    """Return the SQL of the merged profiles of a part, in the table's order.

    `only` may be SQL of a join that leaves some of them.
    """
    rows = f"FROM {parquet_rows([basis.identified.customers])}"
    if basis.identified.clusters is not None:
        clusters = f"FROM {parquet_rows([basis.identified.clusters])}"
        rows = f"FROM ({rows}) JOIN ({clusters}) USING (CustomerId)"
    customers = f"SELECT * {rows} {only} WHERE {within(order.low, order.high)}"
    merged = profiles(basis.unification, basis.unified, customers)
    casts = (
        f"{quoted(column.name)}::{column.type} AS {quoted(column.name)}"
        for column in declared.columns
        if column.name != "FirstRun"
    )
    return f"SELECT {', '.join(casts)} FROM ({merged}) ORDER BY {', '.join(declared.order)}"


def profile_fields(unification: Unification, unified: list[Unified]) -> list[ProfileField]:
    """Return the columns of Customer; only merged fields can be updated."""
    clusters = {cluster.name for cluster in unification.clusters}
    fixed = {"CustomerId", "PreviousCustomerId", *clusters, *map(alternate_key, unified)}
    return [
        ProfileField(name, kind, name not in fixed, name in clusters)
        for name, kind in profile_types(unification, unified).items()
    ]


def profile_json(fields: list[ProfileField], rows: str) -> str:
    """Return the SQL of what a serving generation holds of Customer's rows.

    See `GenerationSources.profiles`.
    """
    values = ", ',', ".join(_json(field) for field in fields if field.name != "CustomerId")
    return (
        f"SELECT CustomerId, concat('\"values\":[', {values}, ']') AS told, PreviousCustomerId "
        f"FROM ({rows})"
    )


def _json(field: ProfileField) -> str:
    """Return the SQL of a value in a JSON array: json_array would read each once more."""
    return f"coalesce(({type_of(field.type).json_sql(quoted(field.name))})::VARCHAR, 'null')"
