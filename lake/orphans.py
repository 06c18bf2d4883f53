"""Remove the files of the lake that no commit names: whoever wrote them died before the commit.

A writer holds the commit lock from its first file to its commit, so what the catalog does not know
under the lock never was committed and never will be.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from overtide.lake.catalog import METADATA
from overtide.schemas.crash import crash_point
from overtide.schemas.paths import StorageLocation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KNOWN = f"""
    WITH file AS (SELECT table_id, path, path_is_relative FROM {METADATA}.ducklake_data_file
                  UNION ALL SELECT table_id, path, path_is_relative
                    FROM {METADATA}.ducklake_delete_file)
    SELECT CASE WHEN f.path_is_relative THEN s.path || t.path || f.path ELSE f.path END
    FROM file f JOIN {METADATA}.ducklake_table t USING (table_id) JOIN {METADATA}.ducklake_schema s
      USING (schema_id)
    UNION SELECT path FROM {METADATA}.ducklake_files_scheduled_for_deletion"""
"""The path of every file that a kept snapshot needs, or that is known to be deleted next.

Within the data folder.
"""


def remove_orphans(
    connection: "DuckDBPyConnection", storage: StorageLocation, tables: Iterable[str] = ("*",)
) -> int:
    """Delete the files of some tables (default: of all) that the catalog does not know.

    Return how many.

    Call it under the commit lock.
    """
    known = {storage.file(path) for (path,) in connection.execute(KNOWN).fetchall()}
    orphans = [file for table in tables for file in storage.files(table) if file not in known]
    for file in orphans:
        file.unlink(missing_ok=True)
        crash_point("orphans.removed")
    return len(orphans)
