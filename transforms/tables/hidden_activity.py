"""HiddenActivity: the entities whose activities timelines do not show."""

from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas import tables
from overtide.schemas.names import literal
from overtide.schemas.table import nothing
from overtide.transforms.tables.contract import BaseTable, Basis, PartOrder, write_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class HiddenActivity(BaseTable):
    """One row per entity of activities with `show_in_timeline: false`."""

    name = tables.HIDDEN_ACTIVITY.name

    def write(
        self, connection: "DuckDBPyConnection", basis: Basis, order: PartOrder, path: Path
    ) -> str:
        """Write the names in order."""
        del order
        hidden = sorted(one.entity for one, _ in basis.activities if not one.show_in_timeline)
        names = ", ".join(f"({literal(one)})" for one in hidden)
        rows = (
            f"SELECT SourceEntityName FROM (VALUES {names}) AS hidden (SourceEntityName) "
            "ORDER BY SourceEntityName"
        )
        return write_rows(
            connection, rows if hidden else nothing(tables.HIDDEN_ACTIVITY), basis.run, path
        )
