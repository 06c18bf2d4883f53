"""The steps of unification around matching: files to entities, pairs to identities."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.configuration.entities import Entity, Preference
from overtide.schemas.configuration.unification import Unification
from overtide.schemas.errors import SourceError
from overtide.transforms import clusters
from overtide.transforms.affected import Affected
from overtide.transforms.faulty_rows import without_faulty
from overtide.transforms.identities import Identified, identify
from overtide.transforms.in_place import settle_changed, written_whole
from overtide.transforms.ingest import IngestedFiles, ingest
from overtide.transforms.keys import EntityTable, settle
from overtide.transforms.matching.contract import PairTable
from overtide.transforms.records import Unified
from overtide.transforms.row_hashes import ReadBefore
from overtide.transforms.versions import settle_versions

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


BATCH_BYTES, BATCH_FILES = 64 << 20, 500
"""As much is read in one step, if several files are: a step takes milliseconds, so one for each
file of a row is slow (docs/decisions/reading-many-files.md)."""


@dataclass(frozen=True)
class SourceFiles:
    """Files of an entity to be read in one step.

    `number` is their place among all such of the refresh. What an earlier refresh kept of files is
    there instead of their paths: what they gave, or the whole table of their entity.
    """

    entity: str
    paths: tuple[str, ...]
    number: int
    kept: tuple[IngestedFiles, ...] = ()
    table: EntityTable | None = None
    before: ReadBefore | None = None
    """How the one file was when it was read before."""


def in_batches(entity: str, files: Sequence[Path], first: int) -> list[SourceFiles]:
    """Divide the files of an entity, in their order, so that small ones are read together.

    Numbers from `first`.
    """
    batches: list[list[Path]] = []
    room = 0
    for file in files:
        size = file.stat().st_size
        if size > room or len(batches[-1]) == BATCH_FILES:
            batches.append([])
            room = BATCH_BYTES
        batches[-1].append(file)
        room -= size
    return [
        SourceFiles(entity, tuple(map(str, batch)), number)
        for number, batch in enumerate(batches, first)
    ]


def read_files(
    connection: "DuckDBPyConnection",
    folder: Path,
    files: SourceFiles,
    entities: Mapping[str, Entity],
    project: Path,
) -> list[IngestedFiles]:
    """Read and type source files."""
    name, paths = files.entity, list(map(Path, files.paths))
    asked = name, entities[name], paths, folder, files.number, project
    return ingest(connection, *asked, files.before)


def of_entity(
    files: SourceFiles, read: Callable[[SourceFiles], list[IngestedFiles]]
) -> list[IngestedFiles | EntityTable]:
    """Return what source files give: what was kept of them, or else what is read."""
    if files.table is not None:
        return [files.table]
    return list(files.kept) if files.kept else list(read(files))


def settle_entity(
    connection: "DuckDBPyConnection",
    folder: Path,
    name: str,
    files: Iterable[IngestedFiles],
    entities: Mapping[str, Entity],
    prefer: Mapping[str, Preference],
    project: Path,
) -> EntityTable:
    """Keep one row per primary key of an entity and account for all rows."""
    entity, found = entities[name], list(files)
    if len(found) == 1 and found[0].before is not None:
        asked = prefer[name], found[0], folder, project
        changed = settle_changed(connection, name, entity, *asked)
        if changed is not None:
            return changed
    found = [written_whole(connection, one, folder) for one in found]
    settled = settle if entity.deliveries is None else settle_versions
    table = settled(connection, name, entity, prefer[name], found, folder, project)
    return without_faulty(connection, entity, table, folder)


def edges_of(table: PairTable) -> pa.RecordBatch:
    """Return the pairs between two entities as the edges of a graph."""
    pairs = pq.read_table(table.path, columns=["lower_record", "upper_record"])
    return pa.record_batch(
        [column.combine_chunks() for column in pairs.columns], schema=clusters.EDGES
    )


def give_identities(
    connection: "DuckDBPyConnection",
    folder: Path,
    forest: pa.RecordBatch,
    entities: list[Unified],
    before: dict[str, str],
    instance: str,
    run: int,
    unification: Unification,
) -> Identified:
    """Give every cluster its CustomerId by the registry `before`; raise when there is none."""
    path = folder / "forest.parquet"
    pq.write_table(pa.Table.from_batches([forest]), path)
    size, affected = unification.limits.cluster_size, entities[0].table.affected
    if affected is not None:
        before = {name: affected.published(name) for name in before}
    identified = identify(
        connection, entities, str(path), before, instance, run, size, folder, unification
    )
    if affected is not None:
        identified = _with_others(identified, affected, entities)
    if identified.profiles == 0:
        raise SourceError(
            "no_profiles",
            "The refresh would publish no customer at all.",
            "unification",
            "Check `include_all` and the match rules.",
        )
    return identified


def _with_others(
    identified: Identified, affected: Affected, entities: Iterable[Unified]
) -> Identified:
    """Return identities with the numbers of all customers, of which some were identified."""
    records = identified.records + affected.records
    return replace(
        identified,
        profiles=identified.profiles + affected.customers,
        records=records,
        not_unified=sum(one.table.rows_kept for one in entities) - records,
    )
