"""Learn weights and thresholds of score rules from the records themselves. Nothing is written.

The pairs are those of the rule's own blocks; what is proposed are plain numbers for overtide.yaml.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from overtide.pipelines.matching.alone import Matching
from overtide.pipelines.matching.trying import rules_of
from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.comparisons import Comparison
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.configuration.scores import WEIGHT, Crossing
from overtide.schemas.mistakes import Path
from overtide.schemas.names import parquet_rows
from overtide.transforms.matching import learning, sizes
from overtide.transforms.matching.blocks import BlockFile
from overtide.transforms.matching.learning import Levels, Vectors
from overtide.transforms.matching.pairs import Search
from overtide.transforms.matching.rules import RuleMatcher
from overtide.transforms.matching.scored_pairs import encoded
from overtide.transforms.matching.scoring import (
    Scoring,
    Side,
    distinguished,
    scored,
    similarity,
    there,
    uncontradicted,
)
from overtide.transforms.matching.similarity import Texts
from overtide.transforms.matching.thresholds import (
    Threshold,
    best_threshold,
    connected,
    expected,
)
from overtide.transforms.step import attached_kernel

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = dict[str, Any]
Places = NDArray[np.int64]
CHANCE = 200_000
"""Pairs that are drawn by chance."""
PAIRS = 1_000_000
"""About the most pairs of all blocks that are looked at; of more a part is, the same each time."""
PROBABLE = 0.5
"""From so probably on pairs are taken for one person where thresholds are compared."""
ENOUGH = 20
"""So many pairs of one person are learnt from at least: what fewer show is chance."""
PARTS = 1_000_003
"""Pairs are drawn by the remainder of a sum of both records, so all blocks draw the same ones."""


def learnt(matching: Matching, seed: int = 1) -> list[Row]:
    """Return a proposal for every score rule, see docs/matching.md; empty where there is none."""
    plan = matching.steps.plan
    matcher, pieces = rules_of(plan), matching.prepare()
    kinds: dict[Search, dict[int, Sequence[BlockFile]]] = {}
    for (search, block), files in sizes.block_kinds(matcher, pieces).items():
        if search in matcher.scorings:
            kinds.setdefault(search, {})[block] = files
    found = []
    with attached_kernel(plan.settings, ()) as connection:
        for search, blocks in kinds.items():
            rule = matcher.searches[search.pair, search.rule][1]
            records = Records.of(connection, matcher, search, blocks)
            if records is not None:
                found.append(_proposal(connection, records, rule, blocks, seed))
    return found


@dataclass(frozen=True)
class Records:
    """The records that a score rule compares, in the order of their numbers, with their texts."""

    matcher: RuleMatcher
    search: Search
    scoring: Scoring
    texts: Texts
    numbers: tuple[Places, Places]
    sides: tuple[Side, Side]

    @classmethod
    def of(
        cls,
        connection: "DuckDBPyConnection",
        matcher: RuleMatcher,
        search: Search,
        blocks: Mapping[int, Sequence[BlockFile]],
    ) -> "Records | None":
        """Return them; None where one of the entities has no records."""
        scoring, files = matcher.scorings[search], blocks[min(blocks)]
        tables = [
            _table(connection, scoring, [file for file in files if file.entity == name])
            for name in (search.lower, search.upper)
        ]
        lower, upper = (tables[0], tables[0]) if search.within else tables
        if not lower.num_rows or not upper.num_rows:
            return None
        texts, *sides = encoded(lower, upper, scoring.columns, matcher.threads)
        ends = [np.asarray(table.column("record").combine_chunks()) for table in (lower, upper)]
        return cls(matcher, search, scoring, texts, (ends[0], ends[1]), (sides[0], sides[1]))

    @property
    def possible(self) -> float:
        """How many pairs there could be."""
        lower, upper = (float(len(numbers)) for numbers in self.numbers)
        return lower * (lower - 1) / 2 if self.search.within else lower * upper

    def levels(self, one: Places, other: Places) -> Levels:
        """Return the levels of all fields of pairs of places."""
        left, right = self.sides[0].take(one), self.sides[1].take(other)
        columns = []
        for field in self.scoring.fields:
            points = similarity(field, self.texts, left, right)
            columns.append(learning.levels_of(points, there(field, left, right) > 0))
        return np.stack(columns, axis=1)

    def by_chance(self, seed: int) -> tuple[Places, Places]:
        """Return pairs of places that are drawn by chance, none with itself."""
        chance = np.random.default_rng(seed)
        one, other = (chance.integers(0, len(numbers), CHANCE) for numbers in self.numbers)
        apart = (one != other) if self.search.within else np.ones(CHANCE, np.bool_)
        return one[apart], other[apart]

    def of_block(
        self,
        connection: "DuckDBPyConnection",
        block: int,
        files: Sequence[BlockFile],
        part: float,
    ) -> tuple[Places, Places]:
        """Return a part of the pairs of one of the blocks, as places, that may be pairs at all.

        What contradicts itself, or is alike in nothing that distinguishes, is none, and not to be
        learnt from: people of one household are more alike than many a person is to themselves.
        """
        rows = [
            sizes.block_rows(
                self.matcher, self.search, block, [file for file in files if file.entity == name]
            )
            for name in (self.search.lower, self.search.upper)
        ]
        both = rows[:1] if self.search.within else rows
        all_rows = " UNION ALL ".join(f"SELECT block FROM ({one})" for one in both)
        most = self.matcher.limits.block_size
        large = f"SELECT block FROM ({all_rows}) GROUP BY 1 HAVING count(*) > {most}"
        order = " AND l.record < r.record" if self.search.within else ""
        found = connection.execute(
            f"""
            SELECT l.record AS l, r.record AS r FROM ({rows[0]}) AS l JOIN ({rows[1]}) AS r
            ON l.block = r.block{order}
            WHERE l.block NOT IN ({large})
            AND (l.record * 7919 + r.record * 104729) % {PARTS} < {round(part * PARTS)}
            ORDER BY ALL"""
        ).to_arrow_table()
        one, other = (
            np.searchsorted(numbers, np.asarray(column.combine_chunks()))
            for numbers, column in zip(self.numbers, found.columns, strict=True)
        )
        left, right = self.sides[0].take(one), self.sides[1].take(other)
        may_be = uncontradicted(self.scoring, self.texts, left, right)
        may_be &= distinguished(self.scoring, self.texts, left, right)
        return one[may_be], other[may_be]


def _table(
    connection: "DuckDBPyConnection", scoring: Scoring, files: Sequence[BlockFile]
) -> pa.Table:
    if not files:
        return pa.table({"record": pa.array([], pa.int64())})
    texts = "".join(f", v{files[0].columns[column]} AS c{column}" for column in scoring.columns)
    rows = parquet_rows(sorted({file.path for file in files}))
    return connection.execute(f"SELECT record{texts} FROM {rows} ORDER BY record").to_arrow_table()


def _proposal(
    connection: "DuckDBPyConnection",
    records: Records,
    rule: Rule,
    blocks: Mapping[int, Sequence[BlockFile]],
    seed: int,
) -> Row:
    part = min(1.0, PAIRS / max(1, _pairs_within(connection, records, blocks)))
    chance = Vectors.of(records.levels(*records.by_chance(seed)))
    made, pooled = [], []
    for block, files in blocks.items():
        one, other = records.of_block(connection, block, files, part)
        pooled.append(one * len(records.numbers[1]) + other)
        if len(one):
            made.append((Vectors.of(records.levels(one, other)), _made_by(records, rule, block)))
    one, other = np.divmod(np.unique(np.concatenate(pooled)), len(records.numbers[1]))
    if not len(one):
        return _told(records, rule, 0, None, [])
    levels = records.levels(one, other)
    found = learning.learn(made, chance, levels, records.possible, part)
    weights, likely = found.weights, found.likely
    known = {"part": round(part, 4), "expectedPairs": round(float(likely.sum()) / part)}
    if known["expectedPairs"] < ENOUGH:
        return _told(records, rule, len(one), None, []) | known
    threshold = _threshold(records, weights, one, other, likely)
    fields = [*_fields(records, rule, weights, found.m, found.u)]
    return _told(records, rule, len(one), threshold, fields) | known


def _pairs_within(
    connection: "DuckDBPyConnection", records: Records, blocks: Mapping[int, Sequence[BlockFile]]
) -> int:
    """Return how many pairs the blocks hold, one in several blocks so often."""
    search = records.search
    kinds: dict[tuple[int, ...], Sequence[BlockFile]] = {
        (search.pair, search.rule, 0, block): files for block, files in blocks.items()
    }
    counted = [one.pairs for one in sizes.block_sizes(connection, records.matcher, kinds)]
    return sum(counted)


def _made_by(records: Records, rule: Rule, block: int) -> frozenset[int]:
    """Return the fields that have an attribute in common with what makes a block."""
    assert rule.score is not None  # noqa: S101 (only rules with a score are learnt)
    within = {
        name for part in rule.score.blocks[block].on for name in _attributes(part, records.search)
    }
    return frozenset(
        number
        for number, field in enumerate(records.scoring.fields)
        if within & _attributes(records.scoring.compared[field.column], records.search)
    )


def _attributes(comparison: Comparison, search: Search) -> set[tuple[str, str]]:
    several = [comparison]
    if isinstance(comparison, Crossing) and comparison.crossed is not None:
        several.append(comparison.crossed)
    return {
        (entity, name)
        for one in several
        for entity in (search.lower, search.upper)
        for name in one.fields_of(entity)
    }


def _threshold(
    records: Records, weights: Sequence[float], one: Places, other: Places, likely: learning.Share
) -> Threshold:
    fields = tuple(
        replace(field, units=round(weight * WEIGHT))
        for field, weight in zip(records.scoring.fields, weights, strict=True)
    )
    ordered = tuple(sorted(fields, key=lambda field: -field.units))
    asked = replace(records.scoring, fields=ordered, threshold=0)
    places, points = scored(
        asked, records.texts, records.sides[0].take(one), records.sides[1].take(other)
    )
    if not records.search.within:  # the records of both entities, one behind the other
        other = other + len(records.numbers[0])
    ends, alone = np.unique(np.concatenate([one, other]), return_inverse=True)
    one, other = np.split(alone, 2)
    probable = likely >= PROBABLE
    people = connected(one[probable], other[probable], len(ends))
    return best_threshold(expected(one[places], other[places], points, people))


def _fields(
    records: Records, rule: Rule, weights: Sequence[float], m: learning.Share, u: learning.Share
) -> Iterator[Row]:
    """Give each field in the order of the configuration."""
    assert rule.score is not None  # noqa: S101 (only rules with a score are learnt)
    places = {
        id(records.scoring.compared[field.column]): number
        for number, field in enumerate(records.scoring.fields)
    }
    for field in rule.score.fields:
        number = places[id(field)]
        yield {
            "attributes": sizes.label(field, records.search),
            "weight": field.weight,
            "proposed": weights[number],
            "sameOfOnePerson": round(float(m[number, -1]), 4),
            "sameByChance": round(float(u[number, -1]), 6),
        }


def _told(
    records: Records,
    rule: Rule,
    pairs: int,
    threshold: Threshold | None,
    fields: list[Row],
) -> Row:
    assert rule.score is not None  # noqa: S101 (only rules with a score are learnt)
    return {
        "entity": records.search.lower,
        "to": records.search.upper,
        "rule": rule.name,
        "pairs": pairs,
        "part": 1.0,
        "expectedPairs": 0,
        "threshold": rule.score.threshold,
        "proposed": threshold and threshold.percent,
        "asGood": threshold and [threshold.least, threshold.most],
        "expectedF1": threshold and round(threshold.f1, 4),
        "fields": fields,
    }


def numbers_of(configuration: Configuration, proposals: Sequence[Row]) -> dict[Path, float]:
    """Return the proposed numbers by their paths in the configuration."""
    unification = configuration.unification
    rules: list[tuple[str, str, list[Rule], Path]] = [
        (one.entity, one.entity, one.deduplicate.rules, ("entities", number, "deduplicate"))
        for number, one in enumerate(unification.entities)
    ]
    rules += [
        (one.entity, one.to, one.rules, ("match", number))
        for number, one in enumerate(unification.match)
    ]
    by_name = {(one["entity"], one["to"], one["rule"]): one for one in proposals}
    numbers: dict[Path, float] = {}
    for entity, to, several, place in rules:
        for number, rule in enumerate(several):
            told = by_name.get((entity, to, rule.name))
            if told is not None and told["proposed"] is not None:
                score = ("unification", *place, "rules", number, "score")
                numbers[*score, "threshold"] = told["proposed"]
                for field, one in enumerate(told["fields"]):
                    numbers[*score, "fields", field, "weight"] = one["proposed"]
    return numbers
