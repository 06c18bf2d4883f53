"""Values that so many records have are known: another known one is no typing error of them."""

import pytest

from overtide.schemas.configuration import Configuration
from overtide.transforms.matching.evidence import evidence, matcher_of
from overtide.transforms.matching.two_records import Two
from tests.plain_pairs import NAMES, A, B, matched
from tests.small_plan import configuration

AGAINST = [{"fields": "First", "known_by": 3}]
ROWS = {
    A: [
        *({"Id": f"t{n}", "First": "terry", "Last": "lee", "Mail": "x"} for n in range(3)),
        {"Id": "t3", "First": "erry", "Last": "lee", "Mail": "x"},
    ],
    B: [
        *({"Id": f"j{n}", "First": "jerry", "Last": "lee", "Mail": "x"} for n in range(3)),
        {"Id": "j3", "First": None, "Last": "lee", "Mail": "x"},
    ],
}
"""Three records of each entity have Terry and Jerry; what is nearly both is a typing error."""


def world(**rule: object) -> Configuration:
    attributes = dict.fromkeys(("Id", *NAMES), "string")
    document = {"name": "r", **rule}
    return configuration(
        {A: attributes, B: attributes}, [{"entity": B, "to": A, "rules": [document]}]
    )


def scored(**more: object) -> Configuration:
    blocks = [{"on": [{"fields": "Mail"}]}]
    score = {"fields": [{"fields": "Last"}], "blocks": blocks, "threshold": 60, **more}
    return world(score=score, contradictions=AGAINST)


@pytest.mark.parametrize("buckets", [1, 3])
@pytest.mark.parametrize("kind", ["score", "conditions"])
def test_two_known_values_that_differ_contradict_and_a_typing_error_does_not(
    kind, buckets, tmp_path
):
    conditions = [{"fields": "Mail"}, {"fields": "Last", "precision": "high"}]
    plain = world(conditions=conditions, contradictions=AGAINST)
    found, _ = matched(tmp_path, scored() if kind == "score" else plain, ROWS, buckets)[B, A]
    joined = {pair[:2] for pair in found}
    assert {("j0", "t3"), ("j3", "t0"), ("j3", "t3")} <= joined
    assert not {(f"j{one}", f"t{other}") for one in range(3) for other in range(3)} & joined


def test_only_a_known_value_distinguishes(tmp_path):
    fields = [
        {"fields": "Mail"},
        {"fields": "First", "known_by": 2, "weight": 0.1, "distinguishes": "exact"},
    ]
    rows = {
        A: [*ROWS[A], {"Id": "t4", "First": "zoe", "Last": "lee", "Mail": "x"}],
        B: [
            *({"Id": f"k{n}", "First": "terry", "Last": "lee", "Mail": "x"} for n in range(2)),
            {"Id": "k3", "First": "zoe", "Last": "lee", "Mail": "x"},
        ],
    }
    found, _ = matched(tmp_path, scored(fields=fields), rows)[B, A]
    assert {pair[:2] for pair in found} == {
        (f"k{one}", f"t{other}") for one in range(2) for other in range(3)
    }


def test_of_a_known_value_another_record_decides_so_its_number_is_told():
    matcher = matcher_of(scored())
    assert matcher.is_local
    assert matcher.numbers == {3}


def test_two_records_alone_do_not_show_what_is_known():
    matcher = matcher_of(scored())
    (search,) = (search for search, _ in matcher.searches.values())
    two = Two((0, 0), (B, A), (ROWS[B][3], ROWS[A][0]))
    told = evidence(matcher, search, two, frozenset())
    assert [one["attributes"] for one in told["comparisons"]] == ["Last"]
