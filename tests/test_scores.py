"""What score rules join and keep apart, setting by setting, by example."""

from typing import Any

import pytest

from overtide.schemas.configuration import Configuration
from tests.plain_pairs import NAMES, A, B, matched
from tests.small_plan import INSTANCE, configuration
from tests.small_project import Project
from tests.test_pairs import record


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
