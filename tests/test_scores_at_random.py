"""Whatever the rules and records, the pairs and scores are those of plain Python."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.rules import Rule
from overtide.transforms.matching.similarity import Texts, points_alike
from tests.plain_pairs import NAMES, A, B, Found, Oversized, Record, matched
from tests.plain_scores import alike, expected
from tests.small_plan import configuration

FIELDS = st.sampled_from(
    ["First", "Last", "Mail", ["First", "Last"], {A: "First", B: "Last"}, {A: ["Last"], B: "Mail"}]
)
COUNTED = {"known_by": st.integers(2, 3), "shared_by": st.integers(3, 4)}
COMPARED = st.fixed_dictionaries(
    {"fields": FIELDS},
    optional={"normalize": st.just(["lower"]), "all_parts": st.booleans(), **COUNTED},
)
CROSSED = st.fixed_dictionaries(
    {"fields": FIELDS},
    optional={"swapped_with": FIELDS, "normalize": st.just(["lower"]), **COUNTED},
)
PRECISION = st.sampled_from(["low", "medium", "high", "exact", 1, 50, 67, 75])
SCORE_FIELD = st.builds(
    lambda compared, weight, more: compared | {"weight": weight} | more,
    CROSSED,
    st.sampled_from([0.3, 1, 2.5, 7]),
    st.fixed_dictionaries(
        {},
        optional={
            "precision": PRECISION,
            "half_swapped": st.booleans(),
            "distinguishes": PRECISION,
        },
    ),
)
PART = st.builds(
    lambda compared, letters: compared | letters,
    COMPARED,
    st.fixed_dictionaries({}, optional={"letters": st.integers(1, 2)}),
)
SCORE = st.fixed_dictionaries(
    {
        "fields": st.lists(SCORE_FIELD, min_size=1, max_size=3),
        "blocks": st.lists(
            st.fixed_dictionaries({"on": st.lists(PART, min_size=1, max_size=2)}),
            min_size=1,
            max_size=3,
        ),
        "threshold": st.sampled_from([1, 40, 66.67, 72.5, 100]),
    },
    optional={
        "at_least": st.sampled_from([1, 80, 100]),
        "agreeing": st.sampled_from([1, 33, 60, 90]),
    },
)
AGAINST = st.lists(
    st.builds(lambda compared, precision: compared | {"precision": precision}, CROSSED, PRECISION),
    max_size=1,
)
RULES = st.lists(
    st.builds(
        lambda score, against, enabled: {
            "name": "r",
            "score": score,
            "contradictions": against,
            "enabled": enabled,
        },
        SCORE,
        AGAINST,
        st.sampled_from([True, True, True, False]),
    ),
    min_size=1,
    max_size=2,
)
VALUES = st.sampled_from([None, "anna", "Anne", "nana", "an a", "aé😀", "eéb", "b", "ba"])


def records(draw: st.DrawFn) -> list[Record]:
    rows = draw(st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=7))
    return [
        {"Id": str(number)} | dict(zip(NAMES, row, strict=True)) for number, row in enumerate(rows)
    ]


def of_one_entity(value: Any) -> bool:
    """Say whether nothing in a rule names entities."""
    if isinstance(value, dict):
        return A not in value and all(map(of_one_entity, value.values()))
    return all(map(of_one_entity, value)) if isinstance(value, list) else True


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Configuration, dict[str, list[Record]]]:
    rules, within = draw(RULES), draw(RULES.filter(of_one_entity))
    attributes = dict.fromkeys(("Id", *NAMES), "string")
    match = {"entity": B, "to": A, "rules": rules, "best_only": draw(st.booleans())}
    document = configuration(
        {A: attributes, B: attributes},
        [match],
        unified={A: {"deduplicate": {"rules": within}}},
        limits={"block_size": draw(st.integers(2, 8))},
    )
    return document, {A: records(draw), B: records(draw)}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(), buckets=st.sampled_from([1, 2, 7]), files=st.integers(1, 2))
def test_pairs_are_those_of_plain_python_whatever_the_buckets(tmp_path, world, buckets, files):
    document, rows = world
    found = matched(tmp_path, document, rows, buckets, files)
    (match,) = document.unification.match
    in_order = {
        name: [row for number in range(files) for row in some[number::files]]
        for name, some in rows.items()
    }
    for lower, upper, rules in (
        (B, A, match.rules),
        (A, A, document.unification.entities[0].deduplicate.rules),
    ):
        there = renumbered(found.get((lower, upper), (set(), set())), rules)
        assert there == expected(document, lower, upper, rules, in_order)


def renumbered(found: tuple[Found, Oversized], rules: list[Rule]) -> tuple[Found, Oversized]:
    """Return what was found with the places of the rules as configured, with those that are off."""
    places = [place for place, rule in enumerate(rules) if rule.enabled]
    pairs, large = found
    return (
        {(one, other, places[rule], score) for one, other, rule, score in pairs},
        {(places[rule], block, size) for rule, block, size in large},
    )


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.text("abcé😀", max_size=6), st.text("abcé😀", max_size=6)), max_size=9)
)
@pytest.mark.parametrize("percent", [1, 60, 100])
def test_similarities_are_those_by_the_book(percent, pairs):
    pairs = [pair for pair in pairs if all(pair)]
    left, right = (pa.array([pair[end] for pair in pairs], pa.string()) for end in (0, 1))
    encoded = pa.concat_arrays([left, right]).dictionary_encode()
    codes = np.asarray(encoded.indices)
    found = Texts(encoded.dictionary).points(codes[: len(left)], codes[len(left) :], percent)
    assert found.tolist() == [alike(*pair, percent) for pair in pairs]


def test_the_function_of_sql_gives_the_same():
    left, right = pa.chunked_array([["anna", "b"], ["é"]]), pa.chunked_array([["nana", "a", "é"]])
    assert points_alike(left, right).to_pylist() == [7500, 0, 10000]
