"""Gather what a person reviews: what the rules do, and the pairs about which they are least sure.

These are pairs that are joined with a score near the least, and pairs that would be joined if the
rules asked for a fifth less. Nothing is written.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from overtide.pipelines.matching.alone import Matching
from overtide.pipelines.matching.trying import rules_of, tried
from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.configuration.scores import Score
from overtide.schemas.names import parquet_rows, quoted
from overtide.schemas.types import type_of
from overtide.transforms.matching.contract import PairTable
from overtide.transforms.matching.decisions import read_decisions_of
from overtide.transforms.records import ENTITY_SHIFT, RECORD, Unified
from overtide.transforms.step import attached_kernel
from overtide.transforms.steps import Steps

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = dict[str, Any]
Pair = tuple[int, int, str, int]
"""Two records, the rule that joins or nearly joins them, and its score in percent."""
LESS = 0.8
"""Which part of a threshold the rules ask for when nearly joined pairs are sought."""


@dataclass(frozen=True)
class Review:
    """What a person reviews: the document of `match try`, distributions of scores, and pairs."""

    tried: Row
    scores: list[Row]
    """For each rule its `joined` pairs by whole percent of score, and those `apart` beneath."""
    joined: list[Row]
    apart: list[Row]


def review(matching: Matching, pairs: int) -> Review:
    """Return what is to be reviewed, with so many pairs that are joined and that are apart."""
    done = tried(matching)
    plan = matching.steps.plan
    relaxed = replace(plan, configuration=asking_less(plan.configuration))
    wide = replace(matching, steps=Steps(relaxed))
    near = wide.concluded(wide.compared(wide.prepare()))
    decisions = read_decisions_of(plan.configuration, plan.paths.project)
    decided = {frozenset((one.one, one.other)) for one in decisions}
    with attached_kernel(plan.settings, ()) as connection:
        least = {
            (search.lower, search.upper, rule.name): least_percent(rule)
            for search, rule in rules_of(plan).searches.values()
        }
        beneath = [_apart(table, done.forest) for table in near]
        joined = [f"FROM {parquet_rows([one.path])}" for one in done.pairs]
        weakest = _closest(connection, least, done.pairs, joined, "ASC", pairs)
        nearest = _closest(connection, least, near, beneath, "DESC", pairs)
        show = _shower(connection, matching.records, [*weakest, *nearest], decided)
        return Review(
            done.document,
            _scores(connection, done.document["rules"], near, beneath),
            [*show(weakest)],
            [*show(nearest)],
        )


def asking_less(configuration: Configuration) -> Configuration:
    """Return a configuration whose rules ask for a fifth less where values may differ."""
    less = configuration.model_copy(deep=True)
    unification = less.unification
    unification.match[:] = [
        pair.model_copy(update={"best_only": False, "rules": [_less(rule) for rule in pair.rules]})
        for pair in unification.match
    ]
    for one in unification.entities:
        one.deduplicate.rules[:] = [_less(rule) for rule in one.deduplicate.rules]
    return less


def _less(rule: Rule) -> Rule:
    conditions = [
        one
        if one.percent == 100
        else one.model_copy(update={"precision": max(1, int(one.percent * LESS))})
        for one in rule.conditions
    ]
    score = rule.score and _less_score(rule.score)
    return rule.model_copy(update={"conditions": conditions, "score": score})


def _less_score(score: Score) -> Score:
    agreeing = score.agreeing and max(1, int(score.agreeing * LESS))
    threshold = max(1.0, score.threshold * LESS)
    return score.model_copy(update={"threshold": threshold, "agreeing": agreeing})


def least_percent(rule: Rule) -> float:
    """Return the least score in percent of a rule's pairs."""
    if rule.score is not None:
        return rule.score.threshold
    return min(one.percent for one in rule.conditions)


def _apart(table: PairTable, forest: str) -> str:
    """Return the SQL of the pairs of a table that are of different customers."""
    roots = parquet_rows([forest])
    return f"""
        SELECT p.* FROM {parquet_rows([table.path])} AS p
        LEFT JOIN {roots} AS l ON l.record = lower_record
        LEFT JOIN {roots} AS u ON u.record = upper_record
        WHERE coalesce(l.root, lower_record) <> coalesce(u.root, upper_record)"""


def _closest(
    connection: "DuckDBPyConnection",
    least: dict[tuple[str, str, str], float],
    tables: Iterable[PairTable],
    rows: Iterable[str],
    order: str,
    pairs: int,
) -> list[Pair]:
    """Return the pairs with scores nearest to the least, of rules whose scores differ."""
    found: list[Pair] = []
    for table, query in zip(tables, rows, strict=True):
        for place, name in enumerate(table.rules):
            if least.get((table.lower, table.upper, name), 100) < 100:
                found += [
                    (lower, upper, name, score)
                    for lower, upper, score in connection.execute(
                        f"SELECT lower_record, upper_record, score FROM ({query}) "
                        f"WHERE rule = {place} ORDER BY score {order}, 1, 2 LIMIT {pairs}"
                    ).fetchall()
                ]
    sign = 1 if order == "ASC" else -1
    return sorted(found, key=lambda one: (sign * one[3], *one))[:pairs]


def _scores(
    connection: "DuckDBPyConnection",
    rules: Iterable[Row],
    near: Sequence[PairTable],
    beneath: Sequence[str],
) -> list[Row]:
    apart: dict[tuple[str, str, str], dict[str, int]] = {}
    for table, query in zip(near, beneath, strict=True):
        for place, score, count in connection.execute(
            f"SELECT rule, score, count(*) FROM ({query}) GROUP BY ALL ORDER BY ALL"
        ).fetchall():
            name = (table.lower, table.upper, table.rules[place])
            apart.setdefault(name, {})[str(score)] = count
    return [
        {
            "entity": one["entity"],
            "to": one["to"],
            "rule": one["rule"],
            "joined": one["scores"],
            "apart": apart.get((one["entity"], one["to"], one["rule"]), {}),
        }
        for one in rules
    ]


def _shower(
    connection: "DuckDBPyConnection",
    unified: Sequence[Unified],
    pairs: Iterable[Pair],
    decided: set[frozenset[tuple[str, str]]],
) -> Callable[[Iterable[Pair]], Iterator[Row]]:
    """Return what makes documents of pairs, without those that people have decided."""
    records = {record for pair in pairs for record in pair[:2]}
    shown = {record: row for one in unified for record, row in _shown(connection, one, records)}

    def show(some: Iterable[Pair]) -> Iterator[Row]:
        for lower, upper, rule, score in some:
            ends = [shown[lower], shown[upper]]
            if frozenset((end["entity"], end["key"]) for end in ends) not in decided:
                yield {"records": ends, "rule": rule, "score": score}

    return show


def _shown(
    connection: "DuckDBPyConnection", one: Unified, records: set[int]
) -> Iterator[tuple[int, Row]]:
    own = sorted(record for record in records if record >> ENTITY_SHIFT == one.place)
    if not own:
        return
    names = list(one.entity.attributes)
    columns = "".join(
        f", {type_of(one.entity.attribute(name).type).text_sql(quoted(name))}" for name in names
    )
    rows = connection.execute(
        f"SELECT {RECORD}, {one.key}{columns} FROM ({one.records}) "
        f"WHERE {RECORD} IN ({', '.join(map(str, own))})"
    ).fetchall()
    for record, key, *values in rows:
        found = {"entity": one.table.entity, "key": key}
        yield record, found | {"values": dict(zip(names, values, strict=True))}
