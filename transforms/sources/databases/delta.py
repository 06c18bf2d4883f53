"""Delta Lake: each table is a folder, and is read in the version that it has when it is asked."""

from pathlib import Path

from overtide.schemas.names import literal
from overtide.transforms.sources.databases.table_folders import FolderSession, TableFolders


class DeltaSession(FolderSession):
    """Delta tables of a folder."""

    mark = "_delta_log"

    def scan(self, folder: Path) -> str:
        """Return the SQL of a table's rows."""
        return f"SELECT * FROM delta_scan({literal(str(folder))})"


DELTA = TableFolders(DeltaSession, ("delta",), "delta")
