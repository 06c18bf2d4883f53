"""Propose blocks for every score rule, by the records of a project; nothing is compared."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from overtide.pipelines.matching.alone import Matching
from overtide.pipelines.matching.trying import rules_of
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.configuration.scores import Block, BlockPart, Score, ScoreField
from overtide.schemas.types import type_of
from overtide.transforms.matching import sizes
from overtide.transforms.matching.blocks import BlockFile
from overtide.transforms.matching.contract import EntityPair, Key
from overtide.transforms.matching.pairs import Search
from overtide.transforms.matching.proposing_blocks import (
    BEGIN,
    LETTERS,
    MOST_FIELDS,
    WHOLE,
    Measured,
    Part,
    candidates,
    chosen,
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
    fields = sorted(score.fields, key=lambda one: -one.weight)[:MOST_FIELDS]
    parts = candidates([_is_text(matcher, pair, one) for one in fields])
    blocks = [Block(on=[_part(fields, part) for part in some]) for some in parts]
    probed = rule.model_copy(update={"score": score.model_copy(update={"blocks": blocks})})
    probing = replace(matcher, rules={pair: [probed]}, best_only=frozenset())
    records = [one for one in matching.records if one.table.entity in (pair.lower, pair.upper)]
    with attached_kernel(matching.steps.plan.settings, ()) as connection:
        measured, present = _measured(connection, matching, probing, records, parts)
    number = sum(one.table.rows_kept for one in records)
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
            for one, found in chosen(measured, present, number)
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
    settings = fields[field].model_dump(exclude={"weight", "precision", "swapped_with"})
    return BlockPart(**settings, letters=LETTERS if much == BEGIN else None)


def _document(part: BlockPart) -> dict[str, Any]:
    """Return what a block shares as the configuration says it, without what it need not say."""
    return part.model_dump(mode="json", exclude_defaults=True)


def _measured(
    connection: "DuckDBPyConnection",
    matching: Matching,
    probing: RuleMatcher,
    records: Sequence[Unified],
    parts: Sequence[tuple[Part, ...]],
) -> tuple[list[Measured], list[float]]:
    """Return what each block comes to, and how often both records have a value of each field."""
    files: dict[Key, list[BlockFile]] = defaultdict(list)
    for one in records:
        folder = new_folder(matching.steps.plan.scratch, "proposed")
        for key, piece in probing.prepare(connection, folder, one):
            files[key].append(piece)
    measured: list[Measured] = []
    present: dict[int, float] = {}
    for (search, number), some in sizes.block_kinds(probing, files).items():
        found, there = _block(connection, probing, search, number, some)
        measured.append(replace(found, parts=parts[number]))
        if len(parts[number]) == 1 and parts[number][0][1] == WHOLE:
            kept = {one.table.entity: max(1, one.table.rows_kept) for one in records}
            lower, upper = (
                there.get(name, 0) / kept[name] for name in (search.lower, search.upper)
            )
            present[parts[number][0][0]] = lower * upper
    return measured, [present[field] for field in sorted(present)]


def _block(
    connection: "DuckDBPyConnection",
    probing: RuleMatcher,
    search: Search,
    number: int,
    files: Sequence[BlockFile],
) -> tuple[Measured, Mapping[str, int]]:
    """Return what a block comes to, and how many records of each entity have one."""
    sides = list(dict.fromkeys((search.lower, search.upper)))
    rows = " UNION ALL ".join(
        f"SELECT block, {place} AS side FROM ({sizes.block_rows(probing, search, number, own)})"
        for place, own in enumerate([one for one in files if one.entity == name] for name in sides)
        if own
    )
    pairs = "n * (n - 1) // 2" if search.within else "l * (n - l)"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE probed AS SELECT *, {pairs} AS pairs FROM
            (SELECT block, count(*) AS n, count(*) FILTER (side = 0) AS l
             FROM ({rows}) GROUP BY block)""")
    most = probing.limits.block_size
    compared, shared, all_pairs, lower, both = connection.execute(f"""
        SELECT coalesce(sum(n) FILTER (pairs > 0 AND n <= {most}), 0)::BIGINT,
               coalesce(sum(n) FILTER (pairs > 0), 0)::BIGINT,
               coalesce(sum(pairs) FILTER (n <= {most}), 0)::BIGINT,
               coalesce(sum(l), 0)::BIGINT, coalesce(sum(n), 0)::BIGINT
        FROM probed""").fetchone() or (0, 0, 0, 0, 0)
    there = {sides[0]: lower} | ({sides[1]: both - lower} if len(sides) > 1 else {})
    return Measured((), all_pairs, compared, compared / shared if shared else 0.0), there
