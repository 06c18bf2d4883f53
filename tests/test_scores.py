"""Which pairs of records score rules join: against plain Python, whatever the number of buckets."""

from collections import Counter
from itertools import combinations, product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.comparisons import Comparison
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.configuration.scores import Block, Crossing, ScoreField, least
from overtide.transforms.matching.similarity import Texts, points_alike
from tests.small_plan import INSTANCE, configuration
from tests.small_project import Project
from tests.test_pairs import NAMES, A, B, Found, Oversized, Record, matched, record, text

# ---- the same in plain Python


def edits(one: str, other: str) -> int:
    """The distance of optimal string alignment in code points, by the book."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, second in enumerate(other, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != second))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == second:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def alike(one: str | None, other: str | None, percent: int) -> int:
    """How much alike two texts are in ten-thousandths, 0 below a percentage."""
    if one is None or other is None:
        return 0
    longer = max(len(one), len(other))
    near = longer - edits(one, other)
    return near * 10_000 // longer if near * 100 >= percent * longer else 0


def value(comparison: Comparison, entity: str, row: Record) -> str | None:
    if comparison.all_parts and None in [row[name] for name in comparison.fields_of(entity)]:
        return None
    return text(comparison, entity, row)  # type: ignore[arg-type]


def counted(
    field: ScoreField, lower: str, upper: str, one: Record, other: Record, percent: int
) -> tuple[int, int]:
    """How much alike a field of a score is, and how many thousandths of weight it has, doubled."""
    units = 2 * field.units
    found = similarity(field, lower, upper, one, other, percent)
    if not field.half_swapped or field.crossed is None:
        return (0, 0) if found is None else (found, units)
    here, there = value(field, lower, one), value(field, upper, other)
    others, beyond = value(field.crossed, lower, one), value(field.crossed, upper, other)
    across, back = alike(here, beyond, percent), alike(others, there, percent)
    if found is None:
        if here and beyond and not others and not there:
            return across, units // 2
        if others and there and not here and not beyond:
            return back, units // 2
        return 0, 0
    return max(alike(here, there, percent), (across + back) // 2), units


def similarity(
    field: Crossing, lower: str, upper: str, one: Record, other: Record, percent: int
) -> int | None:
    """How much alike a field is, None where one of both has none."""
    here, there = value(field, lower, one), value(field, upper, other)
    if here is None or there is None:
        return None
    found = alike(here, there, percent)
    if field.crossed is not None:
        across = alike(here, value(field.crossed, upper, other), percent)
        back = alike(value(field.crossed, lower, one), there, percent)
        found = max(found, min(across, back))
    return found


def points(rule: Rule, lower: str, upper: str, one: Record, other: Record) -> int | None:
    """The score of two records, None where the rule does not join them."""
    assert rule.score is not None
    gained = weight = 0
    for field in rule.score.fields:
        found, units = counted(field, lower, upper, one, other, least(field, True))
        gained, weight = gained + units * found, weight + units
    whole = 2 * sum(field.units for field in rule.score.fields)
    agreeing, at_least = rule.score.agreeing, rule.score.at_least
    if at_least is None:
        at_least = 50 if agreeing is None else 0
    if not weight or weight * 100 < at_least * whole:
        return None
    if gained < (agreeing or 0) * whole * 100:
        return None
    if not distinguished(rule.score.fields, lower, upper, one, other):
        return None
    if gained < rule.score.points * weight or contradicted(rule, lower, upper, one, other):
        return None
    return gained // weight


def distinguished(
    fields: list[ScoreField], lower: str, upper: str, one: Record, other: Record
) -> bool:
    percents = {"low": 30, "medium": 60, "high": 80, "exact": 100}
    several = [
        similarity(field, lower, upper, one, other, percents.get(asked, asked))  # type: ignore[call-overload]
        for field in fields
        if (asked := field.distinguishes) is not None
    ]
    return not several or any(several)


def contradicted(rule: Rule, lower: str, upper: str, one: Record, other: Record) -> bool:
    several = [
        (found, against.percent)
        for against in rule.contradictions
        if (found := similarity(against, lower, upper, one, other, 1)) is not None
    ]
    return any(found < percent * 100 for found, percent in several)


def block_of(block: Block, entity: str, row: Record) -> str | None:
    parts = [(value(part, entity, row), part.letters) for part in block.on]
    if any(part is None for part, _ in parts):
        return None
    return "\x1f".join(str(part)[:letters] for part, letters in parts)


def expected(
    document: Configuration,
    lower: str,
    upper: str,
    rules: list[Rule],
    rows: dict[str, list[Record]],
) -> tuple[Found, Oversized]:
    """The pairs of one pair of entities, with their scores in percent, and its large blocks."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    large: Oversized = set()
    for place, rule in enumerate(rules):
        if not rule.enabled:
            continue
        assert rule.score is not None
        taken = {pair[0] for pair in found} if lower != upper else set()
        for block in rule.score.blocks:
            sides = [
                Counter(filter(None, (block_of(block, name, row) for row in rows[name])))
                for name in sorted({lower, upper})
            ]
            sizes = {
                shared: size
                for shared, size in sum(sides, Counter()).items()
                if size > 1 and all(shared in side for side in sides)
            }
            most = document.unification.limits.block_size
            large |= {(place, shared, size) for shared, size in sizes.items() if size > most}
            several = (
                combinations(rows[lower], 2)
                if lower == upper
                else product(rows[lower], rows[upper])
            )
            for one, other in several:
                shared = block_of(block, lower, one)
                score = points(rule, lower, upper, one, other)
                if (
                    score is not None
                    and shared is not None
                    and shared == block_of(block, upper, other)
                    and sizes.get(shared, most + 1) <= most
                    and one["Id"] not in taken
                ):
                    found.setdefault((str(one["Id"]), str(other["Id"])), (place, score))
    if lower != upper and document.unification.match[0].best_only:
        found = best(found)
    return {(*pair, place, score // 100) for pair, (place, score) in found.items()}, large


def best(found: dict[tuple[str, str], tuple[int, int]]) -> dict[tuple[str, str], tuple[int, int]]:
    """The pairs that are the best one of both of their records."""

    def first(end: int, key: str) -> tuple[str, str]:
        several = [pair for pair in found if pair[end] == key]
        return min(several, key=lambda pair: (-found[pair][1], pair[1 - end]))

    return {
        pair: score
        for pair, score in found.items()
        if first(0, pair[0]) == pair == first(1, pair[1])
    }


# ---- what the rules may be

FIELDS = st.sampled_from(
    ["First", "Last", "Mail", ["First", "Last"], {A: "First", B: "Last"}, {A: ["Last"], B: "Mail"}]
)
COMPARED = st.fixed_dictionaries(
    {"fields": FIELDS},
    optional={"normalize": st.just(["lower"]), "all_parts": st.booleans()},
)
CROSSED = st.fixed_dictionaries(
    {"fields": FIELDS}, optional={"swapped_with": FIELDS, "normalize": st.just(["lower"])}
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


# ---- by example


def world_of(score: dict[str, Any], **more: Any) -> Configuration:
    attributes = dict.fromkeys(("Id", *NAMES), "string")
    rule = {"name": "r", "score": {"blocks": [{"on": [{"fields": "Mail"}]}]} | score}
    rules = [rule | more.pop("rule", {})]
    match = {"entity": B, "to": A, "rules": rules} | more.pop("match", {})
    return configuration({A: attributes, B: attributes}, [match], **more)


BOTH = {"fields": [{"fields": "First"}, {"fields": "Last", "weight": 3}], "threshold": 70}


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [
        (("anna", "jansen"), ("anna", "jansen"), 100),
        (("anna", "jansen"), ("anna", "jasnen"), 87),  # transposed: one edit of six
        (("anna", "jansen"), ("zoe", "jansen"), 75),
        (("anna", "jansen"), (None, "jansen"), 100),  # what one has not does not count
        (("anna", "jansen"), ("anna", "smith"), None),
        (("anna", "jansen"), ("anna", None), None),  # only a quarter of the weight
    ],
)
def test_the_score_is_the_weighted_sum_of_what_both_have(tmp_path, one, other, score):
    rows = {A: [record("1", one[0], last=one[1])], B: [record("2", other[0], last=other[1])]}
    found, _ = matched(tmp_path, world_of(BOTH), rows)[B, A]
    assert found == ({("2", "1", 0, score)} if score else set())


def test_swapped_names_are_compared_crosswise(tmp_path):
    fields = [
        {"fields": "First", "swapped_with": "Last"},
        {"fields": "Last", "swapped_with": "First"},
    ]
    rows = {
        A: [record("1", "jansen", last="anna"), record("3", "peters", last="anna")],
        B: [record("2", "anna", last="jansen")],
    }
    found, _ = matched(tmp_path, world_of({"fields": fields, "threshold": 80}), rows)[B, A]
    assert found == {("2", "1", 0, 100)}


SWAPPED: list[dict[str, Any]] = [
    {"fields": "First", "swapped_with": "Last", "half_swapped": True},
    {"fields": "Last", "swapped_with": "First", "half_swapped": True, "weight": 3},
]


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [
        (("anna", "jansen"), ("jansen", "anna"), 100),
        (("jansen", "anna"), ("anna", "smith"), 50),  # swapped, and the last name replaced
        (("anna", "smith"), ("jansen", "anna"), 50),
        (("anna", "jansen"), ("anna", "smith"), 25),  # the better of both is straight
        (("anna", None), (None, "anna"), 100),  # one value, moved
        (("anna", None), (None, "jansen"), None),  # one value each, and not the same
        (("anna", None), ("jansen", None), None),
        ((None, "jansen"), ("jansen", "anna"), 50),  # the last name of both: one of two is alike
    ],
)
def test_one_value_in_the_place_of_another_counts_by_half(tmp_path, one, other, score):
    rows = {A: [record("1", one[0], last=one[1])], B: [record("2", other[0], last=other[1])]}
    score_rule = {"fields": SWAPPED, "threshold": 20, "at_least": 1}
    found, _ = matched(tmp_path, world_of(score_rule), rows)[B, A]
    assert found == ({("2", "1", 0, score)} if score else set())


def test_what_moved_has_half_of_the_weight(tmp_path):
    rows = {A: [record("1", "anna")], B: [record("2", None, last="anna")]}
    for percent, joined in ((50, 1), (51, 0)):
        score = {"fields": SWAPPED, "threshold": 60, "at_least": percent}
        found, _ = matched(tmp_path, world_of(score), rows)[B, A]
        assert len(found) == joined


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        (("anna", None), ("anna", None), False),  # a quarter, all that both have
        ((None, "jansen"), (None, "jansen"), True),  # three quarters
        ((None, "janse"), (None, "jansen"), True),  # 62.4 %
        ((None, "jnse"), (None, "jansen"), False),  # four of six letters: 49.9 % of all
    ],
)
def test_what_agrees_must_have_its_part_of_all_weight_whatever_is_missing(
    tmp_path, one, other, joined
):
    rows = {A: [record("1", one[0], last=one[1])], B: [record("2", other[0], last=other[1])]}
    found, _ = matched(tmp_path, world_of(BOTH | {"threshold": 60, "agreeing": 50}), rows)[B, A]
    assert bool(found) == joined


def test_people_of_one_household_are_apart_unless_what_distinguishes_is_alike(tmp_path):
    """Either the first name or the second one, here a birth date, must be alike."""
    fields = [
        {"fields": "Mail", "weight": 8},
        {"fields": "First", "distinguishes": "high"},
        {"fields": "Last", "distinguishes": "exact"},
    ]
    rows = {
        A: [record("1", "janet", "x", "1980-01-01")],
        B: [
            record("2", "janet", "x", None),
            record("3", None, "x", "1980-01-01"),
            record("4", "zoe", "x", "1980-01-01"),
            record("5", "janes", "x", "1980-01-02"),  # a letter of five
            record("6", "joan", "x", "1980-01-02"),  # another one, a day younger
            record("7", None, "x", None),
        ],
    }
    document = world_of({"fields": fields, "threshold": 60})
    found, _ = matched(tmp_path, document, rows)[B, A]
    assert {pair[0] for pair in found} == {"2", "3", "4", "5"}


def test_swapped_names_distinguish_only_when_both_are_there(tmp_path):
    """In a household one name of both crosswise is that of the family."""
    fields = [{**SWAPPED[0], "distinguishes": "medium"}, SWAPPED[1], {"fields": "Mail"}]
    rows = {
        A: [record("1", "anna", last="jansen")],
        B: [record("2", "jansen", last="zoe"), record("3", "jansen", last="anna")],
    }
    found, _ = matched(tmp_path, world_of({"fields": fields, "threshold": 30}), rows)[B, A]
    assert {pair[0] for pair in found} == {"3"}


def test_a_contradiction_keeps_records_apart_in_either_kind_of_rule(tmp_path):
    against = [{"fields": "Last", "precision": "medium"}]
    rows = {
        A: [record(str(number), "x", last=last) for number, last in enumerate(["ann", "bo", None])],
        B: [record("9", "x", last="anne")],
    }
    score = {"fields": [{"fields": "First"}], "threshold": 50}
    scored = world_of(score, rule={"contradictions": against})
    attributes = dict.fromkeys(("Id", *NAMES), "string")
    rule = {"name": "r", "conditions": [{"fields": "Mail"}], "contradictions": against}
    plain = configuration({A: attributes, B: attributes}, [{"entity": B, "to": A, "rules": [rule]}])
    for document in (scored, plain):
        found, _ = matched(tmp_path, document, rows)[B, A]
        assert found == {("9", "0", 0, 100), ("9", "2", 0, 100)}


@pytest.mark.parametrize("buckets", [1, 3])
def test_a_value_that_many_records_share_costs_nothing_and_joins_nothing(tmp_path, buckets):
    score = {
        "fields": [{"fields": "Mail", "shared_by": 10}, {"fields": "First", "shared_by": 10}],
        "blocks": [{"on": [{"fields": "Mail", "shared_by": 10}]}, {"on": [{"fields": "First"}]}],
        "threshold": 60,
    }
    rows = {
        A: [record(str(number), f"n{number}", "shop@x.example") for number in range(40)],
        B: [record("77", "n7", "shop@x.example")],
    }
    found, large = matched(tmp_path, world_of(score), rows, buckets)[B, A]
    assert (found, large) == ({("77", "7", 0, 100)}, set())


def test_the_best_link_of_both_records_is_kept(tmp_path):
    document = world_of(
        {"fields": [{"fields": "First"}], "threshold": 50}, match={"best_only": True}
    )
    rows = {
        A: [record("1", "anna"), record("2", "anne"), record("3", "anna")],
        B: [record("4", "anna"), record("5", "anne"), record("6", "anno")],
    }
    found, _ = matched(tmp_path, document, rows)[B, A]
    assert found == {("4", "1", 0, 100), ("5", "2", 0, 100)}


# ---- a change of what is asked


def test_a_refresh_knows_when_a_rule_asks_for_something_else(tmp_path):
    """Home has 3 of 4 parts of the weight, and the third record has nothing else."""
    made = households(tmp_path)
    (rule,) = made.document["unification"]["entities"][0]["deduplicate"]["rules"]
    assert together(made, 100) == ["1 2 3 4", "5"]
    rule["score"]["agreeing"] = 76
    assert together(made, 100) == ["1 4", "2", "3", "5"]
    rule["score"]["agreeing"] = 75
    assert together(made, 100) == ["1 2 3 4", "5"]
    rule["score"]["fields"][1]["distinguishes"] = "medium"
    assert together(made, 100) == ["1 4", "2", "3", "5"]


# ---- what contradicts also through others


def households(folder, **more: object) -> Project:
    """A household of two, a record of one of them without a name, and one of a namesake."""
    entity = {"primary_key": "Id", "attributes": dict.fromkeys(["Id", "Name", "Home"], "string")}
    rule = {
        "name": "Score",
        "score": {
            "fields": [{"fields": "Home", "weight": 3}, {"fields": "Name"}],
            "blocks": [{"on": [{"fields": "Home", "letters": 2}]}],
            "threshold": 60,
        },
        "contradictions": [{"fields": "Name", "precision": 60, **more}],
    }
    document = {
        "instance": {"name": "T", "id": INSTANCE},
        "sources": {"S": {"c": {"path": "c.csv"} | entity}},
        "unification": {
            "entities": [{"entity": "S_c", "deduplicate": {"rules": [rule]}}],
            "merge": {"fields": [{"name": "Name", "from": ["S_c.Name"]}]},
        },
    }
    return Project(folder, document).write(
        c="Id,Name,Home\n1,Ann,here 5\n2,Bob,here 5\n3,,here 5\n4,Anne,here 6\n5,Zoe,there\n"
    )


def together(project: Project, rows_per_bucket: int) -> list[str]:
    project.refresh(rows_per_bucket)
    query = """
        SELECT string_agg(PrimaryKey, ' ' ORDER BY PrimaryKey) FROM lake."AlternateKey"
        GROUP BY CustomerId ORDER BY 1"""
    return [row[0] for row in project.rows(query)]


def test_without_it_one_record_without_a_name_joins_a_household(tmp_path):
    assert together(households(tmp_path), 100) == ["1 2 3 4", "5"]


@pytest.mark.parametrize("rows_per_bucket", [1, 100])
def test_what_contradicts_is_apart_also_where_others_join_it(tmp_path, rows_per_bucket):
    made = households(tmp_path, through_others=True)
    assert together(made, rows_per_bucket) == ["1 3 4", "2", "5"]


def test_a_person_s_always_and_another_rule_s_own_pair_are_no_contradiction(tmp_path):
    made = households(tmp_path, through_others=True)
    made.document["unification"]["decisions"] = "decisions.csv"
    made.write(decisions="Decision,Entity1,Entity1Key,Entity2,Entity2Key\nalways,S_c,1,S_c,2\n")
    assert together(made, 100) == ["1 2 3", "4", "5"]
    made.write(decisions="Decision,Entity1,Entity1Key,Entity2,Entity2Key\n")
    rules = made.document["unification"]["entities"][0]["deduplicate"]["rules"]
    rules.append({"name": "Home", "conditions": [{"fields": "Home"}]})
    assert together(made, 100) == ["1 2 3", "4", "5"]
