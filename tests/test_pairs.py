"""Which pairs of records the rules join: against plain Python, whatever the number of buckets."""

import unicodedata
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.comparisons import Condition
from overtide.schemas.configuration.rules import Rule
from overtide.transforms.matching.blocks import BlockFile
from overtide.transforms.records import ENTITY_SHIFT
from overtide.transforms.steps import Steps
from tests.small_plan import configuration, plan_of, table_of

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


# ---- what the rules may be

FIELDS = st.sampled_from(
    [
        "First",
        "Last",
        "Mail",
        ["First", "Last"],
        {A: "First", B: "Last"},
        {A: ["Last", "First"], B: "First"},
    ]
)
EXACT = st.builds(
    lambda fields, steps, order: {"fields": fields, "normalize": steps, "ignore_word_order": order},
    FIELDS,
    st.sampled_from([[], ["lower"]]),
    st.booleans(),
)
FUZZY = st.builds(
    lambda condition, precision: condition | {"precision": precision},
    EXACT,
    st.sampled_from(["low", "medium", "high", 1, 50, 67, 75, 99]),
)
RULES = st.lists(
    st.builds(
        lambda exact, fuzzy: {"name": "r", "conditions": fuzzy + exact},
        st.lists(EXACT, min_size=1, max_size=2),
        st.lists(FUZZY, max_size=2),
    ),
    min_size=1,
    max_size=3,
)
VALUES = (
    st.none()
    | st.text("aAbé😀 ", min_size=1, max_size=4)
    | st.sampled_from(["anna", "Anne", "ann a"])
)


def records(draw: st.DrawFn) -> list[Record]:
    values = draw(
        st.lists(st.tuples(VALUES, VALUES, st.none() | st.sampled_from("xyz")), max_size=8)
    )
    return [
        {"Id": str(number)} | dict(zip(NAMES, row, strict=True))
        for number, row in enumerate(values)
    ]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Configuration, dict[str, list[Record]]]:
    of_one = RULES.filter(
        lambda rules: (
            not any(
                isinstance(condition["fields"], dict)
                for rule in rules
                for condition in rule["conditions"]
            )
        )
    )
    rules, within = draw(RULES), draw(of_one)
    attributes = dict.fromkeys(("Id", *NAMES), "string")
    document = configuration(
        {A: attributes, B: attributes},
        [{"entity": B, "to": A, "rules": rules}],
        unified={A: {"deduplicate": {"rules": within}}},
        limits={"block_size": draw(st.integers(2, 8))},
    )
    return document, {A: records(draw), B: records(draw)}


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(), buckets=st.sampled_from([1, 2, 7, 50]), files=st.integers(1, 3))
def test_pairs_are_those_of_plain_python_whatever_the_buckets(tmp_path, world, buckets, files):
    document, rows = world
    found = matched(tmp_path, document, rows, buckets, files)
    (match,) = document.unification.match
    order = [record for number in range(files) for record in rows[A][number::files]]
    assert found.get((B, A), (set(), set())) == expected(document, B, A, match.rules, rows)
    rules = document.unification.entities[0].deduplicate.rules
    assert found.get((A, A), (set(), set())) == expected(document, A, A, rules, rows | {A: order})


EQUAL = {"name": "mail", "conditions": [{"fields": "Mail"}]}


def near(precision: Any, **more: Any) -> dict[str, Any]:
    return {
        "name": "near",
        "conditions": [{"fields": "Mail"}, {"fields": "First", "precision": precision} | more],
    }


def world_of(rules: list[dict[str, Any]], **more: Any) -> Configuration:
    attributes = dict.fromkeys(("Id", *NAMES), "string")
    return configuration(
        {A: attributes, B: attributes}, [{"entity": B, "to": A, "rules": rules}], **more
    )


def record(key: str, first: str | None, mail: str | None = "m", last: str | None = None) -> Record:
    return {"Id": key, "First": first, "Last": last, "Mail": mail}


@pytest.mark.parametrize(
    ("one", "other", "precision", "score"),
    [
        ("abcde", "abcdx", 80, 80),
        ("abcde", "abcdx", 81, None),
        ("abc", "abx", 66, 66),
        ("abc", "abx", 67, None),
        ("josé", "jose", 75, 75),
        ("josé", "jose", 76, None),
        ("😀a", "😀b", 50, 50),
        ("😀a", "😀b", 51, None),
        ("e\u0301x", "éx", 99, 100),
        ("é", "e", 1, None),
        ("abc", "abc", 99, 100),
        ("ABC", "abc", 30, None),
        ("a", "b", 1, None),
        ("ab", "abcd", "medium", None),
        ("abc", "abcd", "medium", 75),
        ("abcdefghij", "abxxxxxxxx", "low", None),
        ("abcdefghij", "abcxxxxxxx", "low", 30),
        ("kitten", "sitting", 57, 57),
        ("x" * 300, "x" * 299 + "y", 99, 99),
    ],
)
def test_scores_are_whole_percents_of_the_longer_text_in_code_points(
    tmp_path, one, other, precision, score
):
    found, _ = matched(
        tmp_path, world_of([near(precision)]), {A: [record("1", one)], B: [record("2", other)]}
    )[B, A]
    assert found == (set() if score is None else {("2", "1", 0, score)})


def test_the_lowest_score_of_a_rule_counts(tmp_path):
    rule = {
        "name": "r",
        "conditions": [
            {"fields": "Mail"},
            {"fields": "First", "precision": 50},
            {"fields": "Last", "precision": 50},
        ],
    }
    rows = {
        A: [record("1", "abcd", last="abcd")],
        B: [record("2", "abcx", last="abcd"), record("3", "abcd", last="abxx")],
    }
    assert matched(tmp_path, world_of([rule]), rows)[B, A][0] == {
        ("2", "1", 0, 75),
        ("3", "1", 0, 50),
    }


@pytest.mark.parametrize("empty", [None, "", "- -"])
def test_null_and_what_is_empty_after_normalisation_equals_nothing(tmp_path, empty):
    rules = [
        {"name": "r", "conditions": [{"fields": "Mail", "normalize": ["symbols", "whitespace"]}]}
    ]
    rows = {A: [record("1", None, empty)], B: [record("2", None, empty), record("3", None, empty)]}
    document = world_of(rules, unified={B: {"deduplicate": {"rules": rules}}})
    assert matched(tmp_path, document, rows) == {(B, A): (set(), set()), (B, B): (set(), set())}


def test_a_record_that_a_rule_matched_is_not_offered_to_later_rules(tmp_path):
    last = {"name": "last", "conditions": [{"fields": "Last"}]}
    rows = {
        A: [record("1", None, "m", "x"), record("2", None, "n", "x"), record("3", None, "m", "y")],
        B: [record("4", None, "m", "x"), record("5", None, "q", "x")],
    }
    found, _ = matched(tmp_path, world_of([EQUAL, last]), rows)[B, A]
    assert found == {("4", "1", 0, 100), ("4", "3", 0, 100), ("5", "1", 1, 100), ("5", "2", 1, 100)}


def test_within_an_entity_a_pair_is_named_by_the_first_rule_and_every_rule_finds_pairs(tmp_path):
    last = {"name": "last", "conditions": [{"fields": "Last"}]}
    document = world_of([EQUAL], unified={A: {"deduplicate": {"rules": [EQUAL, last]}}})
    rows = {
        A: [record("1", None, "m", "x"), record("2", None, "m", "x"), record("3", None, "n", "x")],
        B: [record("4", None)],
    }
    assert matched(tmp_path, document, rows)[A, A][0] == {
        ("1", "2", 0, 100),
        ("1", "3", 1, 100),
        ("2", "3", 1, 100),
    }


@pytest.mark.parametrize("buckets", [1, 2, 3, 50])
def test_a_block_that_is_too_large_is_reported_and_not_compared(tmp_path, buckets):
    document = world_of(
        [EQUAL], unified={A: {"deduplicate": {"rules": [EQUAL]}}}, limits={"block_size": 3}
    )
    rows = {
        A: [record(str(number), None, mail) for number, mail in enumerate("mmmnnoooo")],
        B: [record(str(number), None, mail) for number, mail in enumerate("mnpppp")],
    }
    found = matched(tmp_path, document, rows, buckets)
    assert found[B, A] == ({("1", "3", 0, 100), ("1", "4", 0, 100)}, {(0, "m", 4)})
    assert found[A, A][1] == {(0, "o", 4)}
    assert {pair[:2] for pair in found[A, A][0]} == {("0", "1"), ("0", "2"), ("1", "2"), ("3", "4")}


def test_a_block_too_large_for_one_rule_is_left_to_the_next(tmp_path):
    last = {"name": "last", "conditions": [{"fields": "Last"}]}
    rows = {
        A: [record("1", None, "m", "x"), record("2", None, "m", "y")],
        B: [record("3", None, "m", "x")],
    }
    found = matched(tmp_path, world_of([EQUAL, last], limits={"block_size": 2}), rows)[B, A]
    assert found == ({("3", "1", 1, 100)}, {(0, "m", 3)})


def test_exact_values_are_compared_one_by_one(tmp_path):
    rule = {"name": "r", "conditions": [{"fields": "First"}, {"fields": "Last"}]}
    rows = {
        A: [record("1", "a\x1fb", last="c"), record("2", "\x1f", last="\x1e1")],
        B: [
            record("3", "a", last="b\x1fc"),
            record("4", "a\x1fb", last="c"),
            record("5", "\x1e1", last="\x1f"),
        ],
    }
    assert matched(tmp_path, world_of([rule]), rows)[B, A][0] == {("4", "1", 0, 100)}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("integer", [7, 8]),
        ("date", ["2024-01-01", "2024-01-02"]),
        ("boolean", [True, False]),
        ("double", [0.5, 1e22]),
        ("decimal(9,2)", ["1.50", "1.51"]),
    ],
)
def test_values_of_every_type_can_be_equal(tmp_path, kind, values):
    read = {"date": date.fromisoformat, "decimal(9,2)": Decimal}.get(kind, lambda value: value)
    attributes = {"Id": "string", "V": kind}
    document = configuration(
        {A: attributes, B: attributes},
        [{"entity": B, "to": A, "rules": [{"name": "r", "conditions": [{"fields": "V"}]}]}],
    )
    rows = {
        A: [{"Id": "1", "V": read(values[0])}, {"Id": "0", "V": None}],
        B: [
            {"Id": "2", "V": read(values[0])},
            {"Id": "3", "V": read(values[1])},
            {"Id": "4", "V": None},
        ],
    }
    assert matched(tmp_path, document, rows)[B, A][0] == {("2", "1", 0, 100)}
