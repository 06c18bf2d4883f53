"""Propose blocks for every score rule, by the records of a project; nothing is compared."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from overtide.pipelines.matching.alone import Matching
from overtide.pipelines.matching.trying import rules_of
from overtide.schemas.configuration.comparisons import Comparison
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.configuration.scores import Block, BlockPart, Score, ScoreField
from overtide.schemas.names import parquet_rows
from overtide.schemas.types import type_of
from overtide.transforms.kernel import write_parquet
from overtide.transforms.matching.blocks import BlockFile, block_of
from overtide.transforms.matching.contract import EntityPair
from overtide.transforms.matching.pairs import Search
from overtide.transforms.matching.proposing_blocks import (
    BEGIN,
    LETTERS,
    WHOLE,
    Choosing,
    Measured,
    Part,
    Parts,
    parts_of,
)
from overtide.transforms.matching.rules import RuleMatcher
from overtide.transforms.records import Unified
from overtide.transforms.step import attached_kernel, new_folder

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def proposed_blocks(matching: Matching) -> list[dict[str, Any]]:
    """Return the blocks that every score rule might have, in the order of the rules."""
    matcher = rules_of(matching.steps.plan)
    return [
        _proposal(matching, matcher, pair, rule, rule.score)
        for pair, rules in matcher.rules.items()
        for rule in rules
        if rule.score is not None
    ]


def _proposal(
    matching: Matching, matcher: RuleMatcher, pair: EntityPair, rule: Rule, score: Score
) -> dict[str, Any]:
    fields = sorted(score.fields, key=lambda one: -one.weight)
    parts = parts_of([_is_text(matcher, pair, one) for one in fields])
    blocks = [Block(on=[_part(fields, part)]) for part in parts]
    probed = rule.model_copy(update={"score": score.model_copy(update={"blocks": blocks})})
    probing = replace(matcher, rules={pair: [probed]}, best_only=frozenset(), buckets=1)
    records = [one for one in matching.records if one.table.entity in (pair.lower, pair.upper)]
    number = sum(one.table.rows_kept for one in records)
    with attached_kernel(matching.steps.plan.settings, ()) as connection:
        probe = _probe(connection, matching, probing, records, parts)
        present = [probe.present(place) for place in range(len(fields))]
        chosen = Choosing(parts, present, number, probe.measured).chosen()
    return {
        "entity": pair.lower,
        "to": pair.upper,
        "rule": rule.name,
        "records": number,
        "blocks": [
            {
                "on": [_document(_part(fields, part)) for part in one.parts],
                "records": one.records,
                "pairs": one.pairs,
                "found": round(found, 4),
            }
            for one, found in chosen
        ],
    }


def _is_text(matcher: RuleMatcher, pair: EntityPair, field: ScoreField) -> bool:
    return all(
        type_of(matcher.entities[name].attribute(one).type).is_text
        for name in (pair.lower, pair.upper)
        for one in field.fields_of(name)
    )


def _part(fields: Sequence[ScoreField], part: Part) -> BlockPart:
    """Return what records of a block share: a field as it is compared, or its beginning."""
    field, much = part
    settings = fields[field].model_dump(include=set(Comparison.model_fields))
    return BlockPart(**settings, letters=LETTERS if much == BEGIN else None)


def _document(part: BlockPart) -> dict[str, Any]:
    """Return what a block shares as the configuration says it, without what it need not say."""
    return part.model_dump(mode="json", exclude_defaults=True)


@dataclass(frozen=True)
class Probe:
    """What records may share, as hashes in a file: a column for each part, and one of the side.

    Each query of it is within the limits of the kernel, which spills what is more.
    """

    connection: "DuckDBPyConnection"
    rows: str
    parts: Sequence[Part]
    records: Sequence[int]
    """How many the lower and the upper entity have; of one entity there is one number."""
    most: int
    """Records of the largest block that is compared."""

    def present(self, place: int) -> float:
        """Return how often two records both have a value of a field."""
        column = self._column((place, WHOLE))
        found = dict(
            self.connection.execute(
                f"SELECT side, count({column}) FROM ({self.rows}) GROUP BY side"
            ).fetchall()
        )
        shares = [found.get(side, 0) / max(1, all_) for side, all_ in enumerate(self.records)]
        return float(shares[0] * shares[-1])

    def measured(self, parts: Parts) -> Measured:
        """Return what a block of these parts comes to."""
        columns = [self._column(part) for part in parts]
        there = " AND ".join(f"{column} IS NOT NULL" for column in columns)
        pairs = "n * (n - 1) // 2" if len(self.records) == 1 else "l * (n - l)"
        compared, shared, all_pairs = self.connection.execute(f"""
            SELECT coalesce(sum(n) FILTER (n <= {self.most}), 0)::BIGINT,
                   coalesce(sum(n), 0)::BIGINT,
                   coalesce(sum(pairs) FILTER (n <= {self.most}), 0)::BIGINT
            FROM (SELECT n, {pairs} AS pairs
                  FROM (SELECT count(*) AS n, count(*) FILTER (side = 0) AS l FROM ({self.rows})
                        WHERE {there} GROUP BY {", ".join(columns)}) WHERE n > 1)
            WHERE pairs > 0""").fetchone() or (0, 0, 0)
        return Measured(parts, all_pairs, compared, compared / shared if shared else 0.0)

    def _column(self, part: Part) -> str:
        return f"p{self.parts.index(part)}"


def _probe(
    connection: "DuckDBPyConnection",
    matching: Matching,
    probing: RuleMatcher,
    records: Sequence[Unified],
    parts: Sequence[Part],
) -> Probe:
    """Write what the blocks of one part have of all records."""
    files: dict[tuple[str, int], list[BlockFile]] = defaultdict(list)
    for one in records:
        folder = new_folder(matching.steps.plan.scratch, "proposed")
        for (_, _, _, number), file in probing.prepare(connection, folder, one):
            files[one.table.entity, number].append(file)
    (search,) = probing.scorings
    entities = list(dict.fromkeys((search.lower, search.upper)))
    path = new_folder(matching.steps.plan.scratch, "probed") / "parts.parquet"
    hashes = " UNION ALL ".join(
        _hashes(probing, search, side, [files[name, number] for number in range(len(parts))])
        for side, name in enumerate(entities)
    )
    write_parquet(connection, hashes, path)
    kept = {one.table.entity: one.table.rows_kept for one in records}
    return Probe(
        connection,
        f"FROM {parquet_rows([path])}",
        parts,
        [kept[name] for name in entities],
        probing.limits.block_size,
    )


def _hashes(
    probing: RuleMatcher, search: Search, side: int, files: Sequence[Sequence[BlockFile]]
) -> str:
    """Return the SQL of the hashes of each block of an entity; all are of the one file there is."""
    (path,) = {file.path for some in files for file in some}
    texts = [
        block_of((f"v{some[0].columns[column]}", letters) for column, letters in block)
        for some, block in zip(files, probing.scorings[search].blocks, strict=True)
    ]
    hashes = ", ".join(
        f"CASE WHEN {text} IS NOT NULL THEN hash({text}) END AS p{place}"
        for place, text in enumerate(texts)
    )
    return f"SELECT {side} AS side, {hashes} FROM {parquet_rows([path])}"
