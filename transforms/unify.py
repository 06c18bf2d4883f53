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
from overtide.schemas.names import literal, parquet_rows
from overtide.transforms import clusters, pairs
from overtide.transforms.identities import Identified, identify, remembered
from overtide.transforms.ingest import IngestedFiles, ingest
from overtide.transforms.kernel import PARQUET, kernel, write_parquet
from overtide.transforms.keys import EntityTable, settle
from overtide.transforms.pairs import Pairs, block_rows, records, sides_of
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
class BlockFile:
    """What a search compares of one entity, of one bucket of blocks."""

    entity: str
    path: str


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
    started, place = begun(plan, "blocks"), plan.options[table.entity][0]
    buckets = plan.buckets(plan.estimated_records, 2)
    written: dict[str, list[tuple[int, str]]] = {}
    with kernel(plan.settings) as connection:
        for search, rule in plan.searches.items():
            if table.entity not in (search.lower, search.upper):
                continue
            sides = sides_of(
                rule,
                table.entity,
                plan.entities[table.entity],
                records(table, place),
                plan.ignore(table.entity),
            )
            query = block_rows(rule, sides)
            if query not in written:
                for side in sides:
                    side.define(connection)
                folder = plan.folder("blocks", table.entity, str(len(written)))
                written[query] = _bucketed(connection, query, folder, buckets)
            yield from (
                ((search.pair, search.rule, bucket), BlockFile(table.entity, path))
                for bucket, path in written[query]
            )
    report(plan, "blocks", table.rows_kept, started)


def _bucketed(
    connection: "DuckDBPyConnection", query: str, folder: Path, buckets: int
) -> list[tuple[int, str]]:
    if buckets == 1:
        write_parquet(connection, query, folder / "blocks.parquet")
        return [(0, str(folder / "blocks.parquet"))]
    connection.execute(
        f"COPY (SELECT *, (hash(block) % {buckets})::INTEGER AS bucket FROM ({query})) TO "
        f"{literal(str(folder))} ({PARQUET}, PARTITION_BY (bucket), OVERWRITE_OR_IGNORE)"
    )
    return [
        (int(path.parent.name.split("=")[1]), str(path))
        for path in sorted(folder.glob("bucket=*/*.parquet"))
    ]


def find_pairs(key: tuple[int, int, int], files: Iterable[BlockFile], plan: Plan) -> Pairs:
    """Find the pairs of one search in one bucket."""
    pair, place, bucket = key
    search, rule = next(
        (one, rule) for one, rule in plan.searches.items() if (one.pair, one.rule) == (pair, place)
    )
    started, found = begun(plan, "match"), sorted(set(files), key=lambda file: file.path)
    lower = [file.path for file in found if file.entity == search.lower]
    upper = [file.path for file in found if file.entity == search.upper]
    path = plan.folder("pairs") / f"{pair}-{place}-{bucket}.parquet"
    sides = {search.lower: lower, search.upper: upper}
    with kernel(plan.settings) as connection:
        ignored = tuple(
            (entity, *value)
            for entity, paths in sides.items()
            for value in pairs.ignored_values(connection, rule, paths)
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
    "AS score "
    "WHERE false"
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
