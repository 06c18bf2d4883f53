"""What is listed of an entity as wrong (`{DataSource}_{Entity}_corrupt`), as hashes.

Its content hash depends on no file's name (semantics 4.7). But whoever looks for a row that is
wrong goes where the list says, so a list is another one, too, where only places are others.
"""

from typing import TYPE_CHECKING

from overtide.schemas.names import parquet_rows
from overtide.transforms.fingerprint import Fingerprint, fingerprint

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TYPES = {
    "CorruptionDetails": "VARCHAR",
    "PrimaryKey": "VARCHAR",
    "IsKept": "BOOLEAN",
    "Record": "VARCHAR",
}
"""The columns that the content hash covers."""
PLACES = {"FileName": "VARCHAR", "LineNumber": "BIGINT"}


def listed_contents(
    connection: "DuckDBPyConnection", corrupt_file: str
) -> tuple[Fingerprint, Fingerprint]:
    """Return the content of what is listed, and the same with the places."""
    rows = f"FROM {parquet_rows([corrupt_file])}"
    content = fingerprint(connection, rows, TYPES)
    return content, fingerprint(connection, rows, TYPES | PLACES) if content.rows else content
