"""Which pairs of records the rules join, by example."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from overtide.schemas.configuration import Configuration
from tests.plain_pairs import NAMES, A, B, Record, matched
from tests.small_plan import configuration

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
