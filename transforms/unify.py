"""The steps of unification, each a function of a plan and of what the step before gave.

Files to clusters.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.errors import SourceError
from overtide.schemas.names import parquet_rows
from overtide.transforms import clusters
from overtide.transforms.identities import Identified, identify
from overtide.transforms.ingest import IngestedFiles, ingest
from overtide.transforms.inheritance import remembered
from overtide.transforms.kernel import kernel, write_parquet
from overtide.transforms.keys import EntityTable, settle
from overtide.transforms.matching import blocks, pairs
from overtide.transforms.matching.blocks import BlockFile
from overtide.transforms.matching.compared import Compared
from overtide.transforms.matching.pairs import RECORD, Pairs, Search, records, sides_of
from overtide.transforms.plan import Plan, begun, report

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


BATCH_BYTES, BATCH_FILES = 64 << 20, 500
"""As much is read in one step, if several files are: a step takes milliseconds, so one for each
file of a row is slow (docs/decisions/reading-many-files.md)."""


@dataclass(frozen=True)
class SourceFiles:
    """Files of an entity to be read in one step.

    `number` is their place among all such of the refresh.
    """

    entity: str
    paths: tuple[str, ...]
    number: int


@dataclass(frozen=True)
class PairTable:
    """All pairs of one pair of entities, their number by rule, and the blocks too large.

    The pair may be within one entity, and the rules are given by their places.
    """

    pair: int
    lower: str
    upper: str
    path: str
    rows: tuple[int, ...]
    oversized: tuple[tuple[int, str, int], ...]
    large: tuple[tuple[int, str, int], ...]
    """Blocks that made customers of many records: the rule's place, the value, how many records."""
    ignored: tuple[tuple[str, int, int, str, int], ...]
    """Values that were ignored.

    Entity, the rule's and the condition's place, the value, how many records.
    """


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


def read_files(files: SourceFiles, plan: Plan) -> list[IngestedFiles]:
    """Read and type source files."""
    started = begun(plan, "ingest")
    with kernel(plan.settings) as connection:
        ingested = ingest(
            connection,
            files.entity,
            plan.entities[files.entity],
            list(map(Path, files.paths)),
            plan.folder("ingest", files.entity),
            files.number,
            plan.paths.project,
        )
    rows = sum(one.rows + one.lines for one in ingested)
    report(plan, "ingest", rows, started, {"keys": rows})
    return ingested


def settle_entity(entity: str, files: Iterable[IngestedFiles], plan: Plan) -> EntityTable:
    """Keep one row per primary key of an entity and account for all rows."""
    started = begun(plan, "keys")
    with kernel(plan.settings) as connection:
        table = settle(
            connection,
            entity,
            plan.entities[entity],
            plan.preference(entity),
            list(files),
            plan.folder("ingest", entity),
            plan.paths.project,
        )
    stages = [
        *(("blocks", "identities", "build AlternateKey") if entity in plan.options else ()),
        *("build UnifiedActivity" for activity, _ in plan.activities if activity.entity == entity),
    ]
    report(plan, "keys", table.rows_read, started, dict.fromkeys(stages, table.rows_kept))
    return table


def write_blocks(
    table: EntityTable, plan: Plan
) -> Iterator[tuple[tuple[int, int, int], BlockFile]]:
    """Write what each search compares of an entity, split into buckets of blocks.

    A search is given by its pair and rule.
    """
    if table.entity not in plan.options:
        return
    started, searches = begun(plan, "blocks"), _sides(table.entity, plan)
    sides = list({side.key: side for some in searches.values() for side in some}.values())
    if sides:
        yield from _block_files(table, plan, searches, sides)
    report(plan, "blocks", table.rows_kept, started)


def _block_files(
    table: EntityTable,
    plan: Plan,
    searches: dict[Search, list[Compared]],
    sides: list[Compared],
) -> Iterator[tuple[tuple[int, int, int], BlockFile]]:
    """Write what is compared of an entity once, and split it for each kind of block."""
    rows, folder = records(table, plan.options[table.entity][0]), plan.folder("blocks")
    numbers = {side.key: number for number, side in enumerate(sides)}
    buckets = plan.buckets(plan.estimated_records, 2)
    files: dict[tuple[int, ...], list[tuple[int, str]]] = {}
    with kernel(plan.settings) as connection:
        path = folder / "compared.parquet"
        blocks.write_compared(connection, sides, rows, RECORD, path, plan.settings.threads)
        path = blocks.without_shared(connection, sides, path, folder / "unshared.parquet")
        for search, compared in searches.items():
            columns = tuple(numbers[side.key] for side in compared)
            if columns not in files:
                exact = sum(side.condition.percent == 100 for side in compared)
                split = plan.folder("buckets")
                files[columns] = blocks.bucketed(connection, path, columns, exact, split, buckets)
            yield from (
                ((search.pair, search.rule, bucket), BlockFile(table.entity, file, columns))
                for bucket, file in files[columns]
            )


def _sides(entity: str, plan: Plan) -> dict[Search, list[Compared]]:
    """Return what each search compares of an entity."""
    ignore = plan.ignore(entity)
    return {
        search: sides_of(rule, entity, plan.entities[entity], ignore)
        for search, rule in plan.searches.items()
        if entity in (search.lower, search.upper)
    }


def find_pairs(key: tuple[int, int, int], files: Iterable[BlockFile], plan: Plan) -> Pairs:
    """Find the pairs of one search in one bucket."""
    pair, place, bucket = key
    search, rule = next(
        (one, rule) for one, rule in plan.searches.items() if (one.pair, one.rule) == (pair, place)
    )
    started, found = begun(plan, "match"), sorted(set(files), key=lambda file: file.path)
    lower = [file for file in found if file.entity == search.lower]
    upper = [file for file in found if file.entity == search.upper]
    path = plan.folder("pairs") / f"{pair}-{place}-{bucket}.parquet"
    sides = {search.lower: lower, search.upper: upper}
    with kernel(plan.settings) as connection:
        ignored = tuple(
            (entity, *value)
            for entity, files in sides.items()
            for value in pairs.ignored_values(connection, files)
        )
        if not lower or not upper:
            rows = write_parquet(connection, NO_PAIRS, path)
            return Pairs(search, str(path), rows, ignored=ignored)
        result = pairs.find(
            connection, search, rule, lower, upper, plan.configuration.unification.limits, path
        )
    report(plan, "match", result.rows, started)
    return replace(result, ignored=ignored)


NO_PAIRS = (
    "SELECT 0::BIGINT AS lower_record, 0::BIGINT AS upper_record, 0::INTEGER AS rule, 0::INTEGER "
    "AS score WHERE false"
)


def reduce_pairs(pair: int, found: Iterable[Pairs], plan: Plan) -> PairTable:
    """Keep of all pairs between two entities those by the first rule that held."""
    found = sorted(found, key=lambda one: one.path)
    search, path = found[0].search, plan.folder("pairs") / f"{pair}.parquet"
    with kernel(plan.settings) as connection:
        reduce = pairs.first_pairs if search.within else pairs.first_rules
        reduce(connection, found, path)
        by_rule = dict(
            connection.execute(
                f"SELECT rule, count(*) FROM {parquet_rows([path])} GROUP BY rule"
            ).fetchall()
        )
    rows = tuple(
        by_rule.get(place, 0) for place in range(1 + max(one.search.rule for one in found))
    )
    oversized = tuple(
        sorted((one.search.rule, block, size) for one in found for block, size in one.oversized)
    )
    large = tuple(
        sorted((one.search.rule, block, size) for one in found for block, size in one.large)
    )
    return PairTable(
        pair, search.lower, search.upper, str(path), rows, oversized, large, _ignored(found)
    )


def _ignored(found: list[Pairs]) -> tuple[tuple[str, int, int, str, int], ...]:
    """Return what was ignored in all buckets together."""
    counts: Counter[tuple[str, int, int, str]] = Counter()
    for one in found:
        for entity, place, value, size in one.ignored:
            counts[entity, one.search.rule, place, value] += size
    return tuple((*what, size) for what, size in sorted(counts.items()))


def edges_of(table: PairTable) -> pa.RecordBatch:
    """Return the pairs between two entities as the edges of a graph."""
    pairs = pq.read_table(table.path, columns=["lower_record", "upper_record"])
    return pa.record_batch(
        [column.combine_chunks() for column in pairs.columns], schema=clusters.EDGES
    )


def give_identities(forest: pa.RecordBatch, tables: list[EntityTable], plan: Plan) -> Identified:
    """Give every cluster its CustomerId by the registry that is published now."""
    started, folder = begun(plan, "identities"), plan.folder("identities")
    path = folder / "forest.parquet"
    pq.write_table(pa.Table.from_batches([forest]), path)
    with kernel(plan.settings) as connection:
        attach(connection, plan)
        identified = identify(
            connection,
            plan.unified(tables),
            str(path),
            remembered(plan.published),
            str(plan.configuration.instance.id),
            plan.run,
            plan.configuration.unification.limits.cluster_size,
            folder,
        )
    if identified.profiles == 0:
        raise SourceError(
            "no_profiles",
            "The refresh would publish no customer at all.",
            "unification",
            "Check `include_all` and the match rules.",
        )
    report(plan, "identities", identified.records, started, {"build Customer": identified.profiles})
    return identified


def attach(connection: "DuckDBPyConnection", plan: Plan) -> None:
    """Attach the lake read-only to a kernel when something is published."""
    for statement in plan.attach if plan.published else ():
        connection.execute(statement)
