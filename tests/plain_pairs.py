"""Pairs of records in plain Python, as rules say, and what the engine finds of the same."""

import unicodedata
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.comparisons import Condition
from overtide.schemas.configuration.rules import Rule
from overtide.transforms.matching.blocks import BlockFile
from overtide.transforms.records import ENTITY_SHIFT
from overtide.transforms.steps import Steps
from tests.small_plan import plan_of, table_of

A, B = "S_a", "S_b"
NAMES = ("First", "Last", "Mail")
Record = dict[str, str | None]
Found = set[tuple[str, str, int, int]]
"""Key of the lower record, key of the upper one, the rule's place, the score."""
Oversized = set[tuple[int, str, int]]


def matched(
    folder: Path,
    document: Configuration,
    rows: dict[str, list[Record]],
    buckets: int = 1,
    files: int = 1,
) -> dict[tuple[str, str], tuple[Found, Oversized]]:
    """Run the steps from tables to pairs.

    Return the pairs and the oversized blocks of each pair of entities.
    """
    plan = plan_of(folder, document, rows_per_bucket=500 // buckets)
    steps = Steps(plan)
    tables = [table_of(plan, name, records, files) for name, records in rows.items()]
    blocks: dict[tuple[int, int, int], list[BlockFile]] = {}
    for table in tables:
        for key, block in steps.prepare(table):
            blocks.setdefault(key, []).append(block)
    by_pair: dict[int, list[Any]] = {}
    for key, found in blocks.items():
        by_pair.setdefault(key[0], []).append(steps.compare(key, found))
    key = {
        (place << ENTITY_SHIFT) + row: name
        for place, table in enumerate(tables)
        for row, name in enumerate(
            name for path in table.files for name in pq.read_table(path)["Id"].to_pylist()
        )
    }
    reduced = [steps.conclude(pair, found) for pair, found in by_pair.items()]
    return {
        (table.lower, table.upper): (
            {
                (key[row["lower_record"]], key[row["upper_record"]], row["rule"], row["score"])
                for row in pq.read_table(table.path).to_pylist()
            },
            set(table.oversized),
        )
        for table in reduced
    }


# ---- the same in plain Python


def distance(one: str, other: str) -> int:
    """The Levenshtein distance in code points, by the book."""
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        above, row[0] = row[0], place
        for column, second in enumerate(other, 1):
            above, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, above + (letter != second)),
            )
    return row[-1]


def text(condition: Condition, entity: str, record: Record) -> str | None:
    found = (
        " ".join(
            value for name in condition.fields_of(entity) if (value := record[name]) is not None
        )
        or None
    )
    found = " ".join(unicodedata.normalize("NFC", found or "").split()) or None
    if found is not None and condition.words_sorted:
        found = " ".join(sorted(word for word in found.split(" ") if word))
    return found.lower() or None if found and "lower" in condition.normalize else found or None


def expected(
    document: Configuration,
    lower: str,
    upper: str,
    rules: list[Rule],
    rows: dict[str, list[Record]],
) -> tuple[Found, Oversized]:
    """The pairs of one pair of entities, and its oversized blocks."""
    found: Found = set()
    large: Oversized = set()
    for place, rule in enumerate(rules):
        taken = {one for one, _, _, _ in found} if lower != upper else set()
        known = {frozenset(pair[:2]) for pair in found} if lower == upper else set()
        sizes = block_sizes(rule, {lower, upper}, rows)
        most = document.unification.limits.block_size
        large |= {
            (place, "\x1f".join(block), sum(sides.values()))
            for block, sides in sizes.items()
            if sum(sides.values()) > most and len(sides) == len({lower, upper})
        }
        for one, other in candidates(lower, upper, rows):
            score = score_of(rule, lower, upper, one, other)
            block = block_of(rule, lower, one)
            if (
                score is not None
                and block
                and sum(sizes[block].values()) <= most
                and one["Id"] not in taken
                and frozenset((one["Id"], other["Id"])) not in known
            ):
                found.add((str(one["Id"]), str(other["Id"]), place, score))
    return found, large


def candidates(
    lower: str, upper: str, rows: dict[str, list[Record]]
) -> Iterator[tuple[Record, Record]]:
    yield from combinations(rows[lower], 2) if lower == upper else product(rows[lower], rows[upper])


def block_of(rule: Rule, entity: str, record: Record) -> tuple[str, ...] | None:
    exact = [text(one, entity, record) for one in rule.conditions if one.percent == 100]
    others = [text(one, entity, record) for one in rule.conditions if one.percent < 100]
    return None if None in [*exact, *others] else tuple(map(str, exact))


def block_sizes(
    rule: Rule, entities: set[str], rows: dict[str, list[Record]]
) -> dict[tuple[str, ...], dict[str, int]]:
    sizes: dict[tuple[str, ...], dict[str, int]] = {}
    for entity in entities:
        for record in rows[entity]:
            if block := block_of(rule, entity, record):
                sides = sizes.setdefault(block, {})
                sides[entity] = sides.get(entity, 0) + 1
    return sizes


def score_of(rule: Rule, lower: str, upper: str, one: Record, other: Record) -> int | None:
    """The least score of a rule's conditions in percent, None where one of them does not hold."""
    scores = [100]
    for condition in rule.conditions:
        left, right = text(condition, lower, one), text(condition, upper, other)
        if left is None or right is None:
            return None
        longer = max(len(left), len(right))
        alike = (longer - distance(left, right)) * 100
        if alike < condition.percent * longer:
            return None
        scores.append(alike // longer)
    return min(scores)
