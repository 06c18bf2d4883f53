"""Try the rules: matching alone, and what it would change of what is published. Nothing is written.

What is found is one document, that of `overtide match try --json` (docs/cli.md).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from overtide.pipelines.matching.alone import Matching, Pieces
from overtide.transforms import told
from overtide.transforms.matching import changes, sizes, statistics
from overtide.transforms.matching.contract import PairTable
from overtide.transforms.matching.rules import RuleMatcher
from overtide.transforms.plan import Plan
from overtide.transforms.step import attached_kernel

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SHOWN = 10
"""How many large blocks and ignored values are told."""


@dataclass(frozen=True)
class Tried:
    """What the rules found: all pairs, and a file of the forest of customers."""

    pairs: list[PairTable]
    forest: str
    document: dict[str, Any]


def rules_of(plan: Plan) -> RuleMatcher:
    """Return the rules of a plan, to be asked what they compare."""
    return RuleMatcher.of(plan.configuration, 1, plan.settings.threads)


def tried(matching: Matching, sample: int | None = None) -> Tried:
    """Match the records that were read, and count what came of it.

    `sample` says how many records of each entity were drawn, if not all are there.
    """
    pieces = matching.prepare()
    pairs = matching.pairs(pieces)
    forest = matching.forest(pairs)
    path = matching.steps.plan.scratch / "forest.parquet"
    pq.write_table(pa.Table.from_batches([forest]), path)
    document = _document(matching, pieces, pairs, forest, path, sample)
    return Tried(pairs, str(path), document)


def _document(
    matching: Matching,
    pieces: Pieces,
    pairs: list[PairTable],
    forest: pa.RecordBatch,
    path: Path,
    sample: int | None,
) -> dict[str, Any]:
    plan, unified = matching.steps.plan, matching.records
    identified = matching.steps.give_identities(forest, matching.tables)
    limits = plan.configuration.unification.limits
    with attached_kernel(plan.settings, plan.attach) as connection:
        large = told.oversized(connection, pairs, identified, [], limits.large_customer)
        return {
            "sample": sample,
            "records": sum(one.table.rows_kept for one in unified),
            "entities": statistics.of_entities(connection, pairs, unified, str(path)),
            "rules": statistics.of_rules(connection, pairs, unified),
            **blocks(connection, rules_of(plan), pieces),
            "notCompared": _greatest(
                [row for row in large if row[0] in ("block", "cluster")], LARGE
            ),
            "ignoredValues": _greatest(told.ignored(pairs), IGNORED),
            "clusters": [
                {
                    "name": one.name,
                    "clusters": one.clusters,
                    "ofSeveral": one.of_several,
                    "largest": one.largest,
                }
                for one in identified.cluster_sizes
            ],
            **changes.compared(
                connection, identified.alternate_keys, bool(plan.attach), sample is not None
            ),
        }


def blocks(
    connection: "DuckDBPyConnection", matcher: RuleMatcher, pieces: Pieces
) -> dict[str, Any]:
    """Return the sizes of blocks and the common values of what is to be compared."""
    found = sizes.block_sizes(connection, matcher, pieces)
    names = {search: rule.name for search, rule in matcher.searches.values()}
    return {
        "blocks": [one.as_json(names[one.search]) for one in found],
        "commonValues": sizes.common_values(connection, matcher, pieces)[:SHOWN],
    }


LARGE = ("kind", "entity", "to", "rule", "value", "records")
IGNORED = ("entity", "attributes", "value", "reason", "records")


def _greatest(rows: list[told.Row], names: tuple[str, ...]) -> dict[str, Any]:
    """Return how many rows there are, and those with most records as documents."""
    most = sorted(rows, key=lambda row: (-int(row[-1] or 0), *map(str, row)))[:SHOWN]
    return {"count": len(rows), "greatest": [dict(zip(names, row, strict=True)) for row in most]}
