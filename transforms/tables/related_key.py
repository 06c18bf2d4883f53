"""RelatedKey: by which values activities reach customers, other than keys of unified records."""

from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas import tables
from overtide.schemas.names import parquet_rows
from overtide.schemas.table import nothing
from overtide.transforms.tables.contract import BaseTable, Basis, PartOrder, write_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class RelatedKey(BaseTable):
    """One row per value that leads to one customer; none where no relationship needs it."""

    name = tables.RELATED_KEY.name

    def write(
        self, connection: "DuckDBPyConnection", basis: Basis, order: PartOrder, path: Path
    ) -> str:
        """Write the values that were followed."""
        del order
        found = basis.identified.related
        rows = (
            nothing(tables.RELATED_KEY)
            if found is None
            else f"""SELECT Way AS EntityName, Value AS PrimaryKey, CustomerId
            FROM {parquet_rows([found])} WHERE CustomerId IS NOT NULL
            ORDER BY CustomerId, EntityName, PrimaryKey"""
        )
        return write_rows(connection, rows, basis.run, path)
