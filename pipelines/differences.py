"""Whether a refresh may publish activities as a difference, and to what.

It may where the published ones were made by the same rules, which the manifest of their run says,
of tables that are published with them. So a restored catalog says of itself what may be.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from overtide.lake.catalog import METADATA
from overtide.lake.orphans import damaged_files
from overtide.pipelines.batch import Found
from overtide.pipelines.engine import engine
from overtide.schemas.configuration import Configuration
from overtide.schemas.names import literal
from overtide.schemas.paths import Paths
from overtide.schemas.table import history_of
from overtide.schemas.tables import ALTERNATE_KEY, UNIFIED_ACTIVITY
from overtide.transforms.fingerprint import Fingerprint
from overtide.transforms.history import columns_of_history
from overtide.transforms.plan import Plan
from overtide.transforms.related import is_by_key
from overtide.transforms.tables.contract import PublishedRows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_FILES, MOST_GONE, FEW = 30, 10, 10_000
"""A table of more files, or with more percent of rows that went, if these are not few, is written
anew: each difference adds a file, and what went is still read."""
FILES = f"""
    SELECT t.table_name,
      CASE WHEN f.path_is_relative THEN s.path || t.path || f.path ELSE f.path END,
      f.record_count, coalesce(d.delete_count, 0)
    FROM {METADATA}.ducklake_data_file f JOIN {METADATA}.ducklake_table t USING (table_id)
      JOIN {METADATA}.ducklake_schema s USING (schema_id)
      LEFT JOIN (FROM {METADATA}.ducklake_delete_file WHERE end_snapshot IS NULL) AS d
        ON d.data_file_id = f.data_file_id
    WHERE f.end_snapshot IS NULL AND t.end_snapshot IS NULL AND t.table_name IN ({{names}})"""
"""The files of present tables: their rows, and how many of these went."""


def rules_of_activities(configuration: Configuration) -> str | None:
    """Return the hash of what makes activities besides rows and customers.

    None where customers are found by other values than keys of records.
    """
    wanted = {one.relationship for one in configuration.activities}
    ways = [one for one in configuration.relationships if one.name in wanted]
    if not ways or not all(is_by_key(configuration, one) for one in ways):
        return None
    names = {one.entity for one in configuration.activities} | {one.to for one in ways}
    entities = configuration.entities()
    parts = [*configuration.activities, *ways, *(entities[name] for name in sorted(names))]
    document = [engine(), [one.model_dump(mode="json", by_alias=True) for one in parts]]
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()


def difference_told(configuration: Configuration, content: Fingerprint) -> dict[str, str] | None:
    """Return what the manifest says of activities, for refreshes that publish a difference."""
    rules = rules_of_activities(configuration)
    if rules is None:
        return None
    numbers = content.rows, content.total, content.parity
    return {"rules": rules, "content": " ".join(f"{one:x}" for one in numbers)}


def activities_taken_over(plan: Plan, found: Found) -> int:
    """Return how many activities stay as they are published without having been made."""
    if plan.activities_before is None:
        return 0
    built = found.output(UNIFIED_ACTIVITY)
    came: int = sum(pq.read_metadata(file).num_rows for file in built.files or ())
    return built.content.rows - came


def activities_before(
    connection: "DuckDBPyConnection",
    configuration: Configuration,
    paths: Paths,
    columns: Mapping[str, Mapping[str, str]],
    last: Mapping[str, Any],
) -> PublishedRows | None:
    """Return the published activities, None where a refresh must make all of them.

    `last` is the manifest of the run in force, and `columns` are those of its tables.
    """
    told, rules = last.get("activities_by_row"), rules_of_activities(configuration)
    if not told or rules is None or told["rules"] != rules or not _fits(columns):
        return None
    if damaged_files(connection, paths.storage):
        return None
    entities = [one.entity for one in configuration.activities]
    names = ", ".join(map(literal, [UNIFIED_ACTIVITY.name, *entities]))
    found: dict[str, list[tuple[str, int, int]]] = {name: [] for name in entities}
    for name, path, *numbers in connection.execute(FILES.format(names=names)).fetchall():
        found.setdefault(name, []).append((str(paths.storage.file(path)), *numbers))
    own = found.pop(UNIFIED_ACTIVITY.name, [])
    rows, gone = sum(one[1] for one in own), sum(one[2] for one in own)
    some_gone = any(one[2] for files in found.values() for one in files)
    if len(own) > MOST_FILES or gone > max(FEW, MOST_GONE * rows // 100) or some_gone:
        return None
    content = Fingerprint(*(int(one, 16) for one in told["content"].split()))
    return PublishedRows(
        content, {name: tuple(one[0] for one in files) for name, files in found.items()}
    )


def _fits(columns: Mapping[str, Mapping[str, str]]) -> bool:
    """Say whether the tables are published with the columns that they have now."""
    for table in (UNIFIED_ACTIVITY, ALTERNATE_KEY):
        declared = {column.name: column.type for column in table.columns}
        if columns.get(table.name) != declared:
            return False
    past = columns.get(history_of(UNIFIED_ACTIVITY).name)
    return past is not None and columns_of_history(past, columns[UNIFIED_ACTIVITY.name]) == past
