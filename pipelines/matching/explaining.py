"""Explain two records: why they are one customer, or what keeps them apart. Nothing is written.

What is found is one document, that of `overtide match explain --json` (docs/matching.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from overtide.pipelines.matching.alone import Compared, Matching
from overtide.pipelines.matching.explained_clusters import of_clusters
from overtide.pipelines.matching.trying import rules_of
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.errors import NotFoundError, UsageError
from overtide.schemas.names import parquet_rows
from overtide.transforms.matching import explaining, sizes
from overtide.transforms.matching.blocks import BlockFile
from overtide.transforms.matching.chains import chain, links_of, root_of
from overtide.transforms.matching.contract import PairTable
from overtide.transforms.matching.decided import ordered, records_of
from overtide.transforms.matching.decisions import Decision, Reference, read_decisions_of
from overtide.transforms.matching.pairs import Search, split
from overtide.transforms.matching.rules import RuleMatcher
from overtide.transforms.matching.two_records import (
    BlockOfTwo,
    Two,
    block_of_two,
    points_alone,
    texts_of,
    values_of,
)
from overtide.transforms.plan import Plan
from overtide.transforms.records import ENTITY_SHIFT, RECORD, Unified
from overtide.transforms.step import attached_kernel, new_folder

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = dict[str, Any]


def explained(matching: Matching, one: Reference, other: Reference) -> Row:
    """Return why two records are one customer, or why not.

    That of the later entity comes first, in all that is told of both. Raises `unknown_entity`,
    `record_not_found` and `same_record`.
    """
    plan, unified = matching.steps.plan, matching.records
    one, other = _as_kept(plan, one), _as_kept(plan, other)
    folder = new_folder(plan.scratch, "explained")
    with attached_kernel(plan.settings, ()) as connection:
        records = _records(connection, folder, unified, (one, other))
    pieces = matching.prepare()
    found = matching.compared(pieces)
    concluded = matching.concluded(found)
    decided = matching.decided(concluded)
    with attached_kernel(plan.settings, ()) as connection:
        two = _two(connection, unified, records)
        of_two = OfTwo(connection, folder, rules_of(plan), two, found, concluded, decided)
        rules = [
            of_two.rule(search, rule, kinds)
            for search, rule, kinds in _searches(of_two.matcher, two, pieces)
        ]
        decisions = read_decisions_of(plan.configuration, plan.paths.project)
        forest = matching.forest(decided)
        before = _written(folder, "before", matching.forest(concluded))
        after = _written(folder, "after", forest)
        never = _never(connection, folder, unified, decisions, before, records)
        if not never:
            rules = [_cut_by_rules(one) for one in rules]
        told = _told(two, dict(zip(records, (one[1], other[1]), strict=True)))
        found_of_two = {
            "records": told,
            **_joined(connection, matching, decided, after, two.records),
            "decision": _decision(decisions, one, other),
            "never": never,
            "nearest": None,
            "rules": rules,
        } | _nearest(rules, connection, after, records)
    ends = [(record["entity"], record["key"]) for record in told]
    return found_of_two | {"clusters": of_clusters(matching, folder, forest, ends)}


def _as_kept(plan: Plan, named: Reference) -> Reference:
    """Return a record by the key that it has, however that was written."""
    entity, key = named
    known = plan.entities.get(entity)
    return named if known is None else (entity, known.key_text(key))


def _records(
    connection: "DuckDBPyConnection",
    folder: Path,
    unified: Sequence[Unified],
    named: tuple[Reference, Reference],
) -> tuple[int, int]:
    entities = [one.table.entity for one in unified]
    found = records_of(connection, folder, unified, named)
    for entity, key in named:
        if entity not in entities:
            raise NotFoundError(
                "unknown_entity",
                f"There is no unified entity {entity!r}.",
                entity,
                f"There are {', '.join(entities)}.",
            )
        if (entity, key) not in found:
            raise NotFoundError(
                "record_not_found",
                f"{entity} has no record {key!r}.",
                key,
                "Name the primary key of a record that its files hold now.",
            )
    if named[0] == named[1]:
        raise UsageError(
            "same_record", "Two records are compared, not one with itself.", named[0][1]
        )
    return found[named[0]], found[named[1]]


def _two(
    connection: "DuckDBPyConnection", unified: Sequence[Unified], records: tuple[int, int]
) -> Two:
    """Return both records, that of the later entity first, with their texts."""
    by_place = {entity.place: entity for entity in unified}
    pair = ordered(*records)
    one, other = (by_place[record >> ENTITY_SHIFT] for record in pair)
    texts = texts_of(connection, one, pair[0]), texts_of(connection, other, pair[1])
    return Two(pair, (one.table.entity, other.table.entity), texts)


def _told(two: Two, keys: Mapping[int, str]) -> list[Row]:
    return [
        {"entity": name, "key": keys[record], "values": dict(values)}
        for record, name, values in zip(two.records, two.entities, two.values, strict=True)
    ]


def _searches(
    matcher: RuleMatcher, two: Two, pieces: Mapping[Any, Any]
) -> list[tuple[Search, Rule, dict[int, list[BlockFile]]]]:
    """Return the rules between the entities of both, each with the files of its blocks."""
    kinds: dict[Search, dict[int, list[BlockFile]]] = {}
    for (search, block), files in sizes.block_kinds(matcher, pieces).items():
        if (search.lower, search.upper) == two.entities:
            kinds.setdefault(search, {})[block] = files
    rules = dict(matcher.searches.values())
    return [(search, rules[search], kinds[search]) for search in rules if search in kinds]


@dataclass(frozen=True)
class OfTwo:
    """Everything that was found, to be asked about two records."""

    connection: "DuckDBPyConnection"
    folder: Path
    matcher: RuleMatcher
    two: Two
    found: Compared
    concluded: Sequence[PairTable]
    decided: Sequence[PairTable]

    def rule(self, search: Search, rule: Rule, kinds: Mapping[int, list[BlockFile]]) -> Row:
        """Return what one rule says of both."""
        values = values_of(self.connection, self.two, kinds[min(kinds)])
        blocks = [
            block_of_two(self.connection, self.matcher, search, block, self.two, files)
            for block, files in kinds.items()
        ]
        alone = points_alone(self.connection, self.folder, self.matcher, search, self.two, kinds)
        if rule.score is not None:
            scoring = self.matcher.scorings[search]
            compared = explaining.of_score(scoring, values)
            score, there = explaining.score_of(scoring, values)
        else:
            compared, score, there = explaining.of_conditions(rule, values), alone, 1.0
        near, missed = explaining.nearest(
            rule, compared, score, there, lambda one: sizes.label(one.comparison, search)
        )
        alike = None if rule.score is None or score is None else round(score * there / 100, 1)
        return {
            "rule": rule.name,
            "kind": "conditions" if rule.score is None else "score",
            "outcome": self._why_not(rule, blocks, compared, score or 0, there)
            if alone is None
            else self._outcome(search),
            "score": None if score is None else score / 100,
            "threshold": None if rule.score is None else float(rule.score.threshold),
            "weightPresent": round(100 * there, 1),
            "weightAlike": alike,
            "nearness": round(near, 4),
            "missed": missed,
            "blocks": [self._block(search, rule, block) for block in blocks],
            "comparisons": [explaining.told(one, search, self.two, values) for one in compared],
        }

    def _block(self, search: Search, rule: Rule, one: BlockOfTwo) -> Row:
        on = rule.score.blocks[one.block].on if rule.score else split(rule)[0]
        return {
            "block": sizes.block_label(on, search),
            "values": [None if value is None else value.split("\x1f") for value in one.values],
            "shared": one.shared,
            "records": one.records if one.shared else None,
            "tooLarge": one.shared and one.records > self.matcher.limits.block_size,
        }

    @staticmethod
    def _why_not(
        rule: Rule,
        blocks: Sequence[BlockOfTwo],
        compared: Sequence[explaining.Compared],
        score: int,
        there: float,
    ) -> str:
        """Say in a word why a rule by itself does not join both; docs/matching.md explains each."""
        if any(one.role == "contradiction" and not one.holds for one in compared):
            return "contradicted"
        if not any(block.shared for block in blocks):
            return "no_block_in_common"
        if rule.score is None:
            return "too_different"
        if there * 100 < rule.score.percent_there:
            return "too_little_in_common"
        if score < rule.score.points:
            return "too_different"
        return "too_little_alike" if explaining.is_distinguished(compared) else "not_distinguished"

    def _outcome(self, search: Search) -> str:
        """Say in a word what came of a rule that joins both by itself."""
        rows = [one.path for one in self.found.get(search.pair, []) if one.search == search]
        if not self._has(rows):
            return "block_too_large"
        if not self._has(self._paths(self.concluded, search), search.rule):
            return "earlier_rule" if self._earlier(search) else "better_link"
        if not self._has(self._paths(self.decided, search), search.rule):
            return "cut_by_decision"
        return "joined"

    def _paths(self, tables: Sequence[PairTable], search: Search) -> list[str]:
        return [table.path for table in tables if table.pair == search.pair]

    def _has(self, paths: Sequence[str], rule: int | None = None) -> bool:
        if not paths:
            return False
        query = f"FROM {parquet_rows(sorted(paths))} WHERE lower_record = ? AND upper_record = ?"
        more = "" if rule is None else f" AND rule = {rule}"
        return bool(self.connection.execute(query + more, [*self.two.records]).fetchall())

    def _earlier(self, search: Search) -> bool:
        """Say whether an earlier rule matched the record of the later entity, or both."""
        paths = sorted(one.path for one in self.found.get(search.pair, []))
        both = " AND upper_record = ?" if search.within else ""
        query = f"FROM {parquet_rows(paths)} WHERE rule < {search.rule} AND lower_record = ?{both}"
        given = self.two.records if search.within else self.two.records[:1]
        return bool(self.connection.execute(query, [*given]).fetchall())


def _written(folder: Path, name: str, forest: pa.RecordBatch) -> str:
    path = folder / f"forest-{name}.parquet"
    pq.write_table(pa.Table.from_batches([forest]), path)
    return str(path)


def _joined(
    connection: "DuckDBPyConnection",
    matching: Matching,
    tables: Sequence[PairTable],
    forest: str,
    records: tuple[int, int],
) -> Row:
    """Return whether both are one customer, and the links that make them one."""
    roots = [root_of(connection, forest, record) for record in records]
    links = links_of(connection, tables, forest, roots[0]) if roots[0] == roots[1] else []
    members = {record for link in links for record in link[:2]}
    limit = matching.steps.plan.configuration.unification.limits.cluster_size
    steps = chain(links, *records)
    named = {record for link in steps for record in link[:2]}
    references = _references(connection, matching.records, named)
    return {
        "together": bool(steps) and len(members) <= limit,
        "tooLarge": len(members) if len(members) > limit else None,
        "chain": [
            {"records": [references[one], references[other]], "rule": rule, "score": score}
            for one, other, rule, score in steps
        ],
    }


def _references(
    connection: "DuckDBPyConnection", unified: Sequence[Unified], records: set[int]
) -> dict[int, Row]:
    found: dict[int, Row] = {}
    for one in unified:
        own = sorted(record for record in records if record >> ENTITY_SHIFT == one.place)
        if own:
            rows = connection.execute(
                f"SELECT {RECORD}, {one.key} FROM ({one.records}) "
                f"WHERE {RECORD} IN ({', '.join(map(str, own))})"
            ).fetchall()
            found |= {record: {"entity": one.table.entity, "key": key} for record, key in rows}
    return found


def _decision(decisions: Sequence[Decision], one: Reference, other: Reference) -> str | None:
    """Return what people decided of both; never wins."""
    own = [decision for decision in decisions if {decision.one, decision.other} == {one, other}]
    if not own:
        return None
    return "always" if all(decision.always for decision in own) else "never"


def _never(
    connection: "DuckDBPyConnection",
    folder: Path,
    unified: Sequence[Unified],
    decisions: Sequence[Decision],
    forest: str,
    records: tuple[int, int],
) -> list[list[Row]]:
    """Return the pairs that must be apart, of the customer that the rules alone make of both."""
    never = [one for one in decisions if not one.always]
    roots = {root_of(connection, forest, record) for record in records}
    if not never or len(roots) > 1:
        return []
    named = [reference for one in never for reference in (one.one, one.other)]
    numbers = records_of(connection, folder, unified, named)
    return [
        [{"entity": entity, "key": key} for entity, key in (one.one, one.other)]
        for one in never
        if all(
            end in numbers and root_of(connection, forest, numbers[end]) in roots
            for end in (one.one, one.other)
        )
    ]


def _cut_by_rules(rule: Row) -> Row:
    """Return what a rule says where nobody decided: what cut its link is a contradiction."""
    if rule["outcome"] != "cut_by_decision":
        return rule
    return {**rule, "outcome": "cut_by_contradiction"}


def _nearest(
    rules: Sequence[Row], connection: "DuckDBPyConnection", forest: str, records: tuple[int, int]
) -> Row:
    """Return the rule that comes nearest to joining both, where they are apart."""
    if not rules or len({root_of(connection, forest, record) for record in records}) == 1:
        return {}
    return {"nearest": max(rules, key=lambda one: one["nearness"])["rule"]}
