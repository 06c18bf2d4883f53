"""Where customers are cut apart, only the records that a change may concern are matched, too.

Runs on Beam's embedded runner.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.pipelines import differences
from tests.few_affected import PEOPLE, configured, copies, made, row, taken
from tests.small_project import Project

HEADER = "Decision,Entity1,Entity1Key,Entity2,Entity2Key\n"
CITY = {"fields": "City", "through_others": True}


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch):
    monkeypatch.setattr(differences, "LEAST", 0)


def decided_by() -> dict[str, Any]:
    """Return a configuration with decisions, whose rule of mails keeps cities apart."""
    found = configured(decided=True)
    rules = found["unification"]["match"][0]["rules"]
    rules[0] = rules[0] | {"contradictions": [CITY]}
    return found


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory) -> Project:
    """A project that was refreshed once; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("decided") / "project"
    project = made(folder, decided_by(), decisions=HEADER + "never,S_a,20,S_b,20\n")
    project.refresh()
    return project


@pytest.fixture
def twins(refreshed, tmp_path) -> list[Project]:
    """Two copies of it: one to be refreshed as users do, and one in full."""
    return copies(refreshed, tmp_path)


def decided(twins: list[Project], *lines: str, **files: list[str]) -> int:
    """Decide of pairs and refresh both; return how many records one did not match."""
    for twin in twins:
        twin.write(decisions=HEADER + "".join(f"{line}\n" for line in lines))
    return taken(twins, **files)


def in_force(twins: list[Project]) -> list[tuple[Any, ...]]:
    """Return what is published of decisions."""
    return twins[0].table("DecidedPairs")


def test_decisions_cost_whom_they_name(twins):
    assert in_force(twins) == [("never", "S_a", "20", "S_b", "20", None, None)]
    kept = "never,S_a,20,S_b,20"
    assert decided(twins, kept, "always,S_a,1,S_a,3", "never,S_a,4,S_b,4") == 41
    assert decided(twins, kept, "never,S_a,1,S_a,3", "never,S_a,4,S_b,4") == 43
    assert decided(twins, "always,S_b,6,S_b,8", "always,S_b,99,S_a,7", kept) == 37
    assert twins[0].table("DeduplicationPairs", "*", "ALL") == [
        ("S_b", "6", "8", "Always match", 100)
    ]
    assert decided(twins) == 39
    assert in_force(twins) == []


def test_a_decision_counts_once_its_records_are_there(twins):
    said = ("always,S_b,50,S_a,7", "never,S_a,20,S_b,20")
    assert decided(twins, *said, a2=[row(90, "Zoe", "z")]) == 45
    assert taken(twins, b2=[row(50, "Zoe", "q")]) == 44
    assert len(in_force(twins)) == 2
    assert taken(twins, b2=[row(51, "Zoe", "q")]) == 44
    assert taken(twins, b2=[row(50, "Zoe", "q")]) == 44


def test_what_was_cut_apart_is_found_by_what_was_left_out(twins):
    """A record that was matched and cut from another one is free when that one goes."""
    never = "never,S_a,100,S_b,100"
    near = row(101, "Adamsen", "f", "Ulm")
    assert decided(twins, never, a2=[row(100, "Eve", "e", "Ulm")], a3=[near])
    assert taken(twins, b2=[row(100, "Adamsan", "e", "Ulm")])
    assert ("left out", "S_a", "100", "S_b", "100", "mail", 100) in in_force(twins)
    assert taken(twins, a2=[row(102, "Eve", "g")])
    pairs = "SELECT Rule FROM lake.ConflationMatchPairs WHERE PrimaryKey = '101'"
    assert twins[0].rows(pairs) == [("name",)]


def test_what_contradicts_through_others_is_kept_apart(twins):
    some = [row(100, "Eve", "e", ""), row(101, "Ann", "e", "Ulm")]
    assert taken(twins, a2=some, b2=[row(100, "Eve", "e", "Oslo")])
    left = [one for one in in_force(twins) if one[0] == "left out"]
    assert len(left) == 1
    assert taken(twins, a2=[row(100, "Eve", "e", "Ulm"), some[1]])
    assert taken(twins, a2=some)
    assert taken(twins, b2=[row(100, "Eve", "e", "Ulm")])
    assert [one for one in in_force(twins) if one[0] == "left out"] == []


SIDES = st.tuples(st.sampled_from(["S_a", "S_b"]), st.integers(0, 9) | st.just(PEOPLE + 1))
DECISIONS = st.lists(
    st.tuples(st.sampled_from(["always", "never"]), SIDES, SIDES)
    .filter(lambda one: one[1] != one[2])
    .map(lambda one: f"{one[0]},{one[1][0]},{one[1][1]},{one[2][0]},{one[2][1]}"),
    max_size=5,
)
LINES = st.lists(
    st.builds(
        row,
        st.integers(0, 9) | st.just(PEOPLE + 1),
        st.sampled_from(["Ann1", "Ann2", "Zoe", ""]),
        st.sampled_from(["m1", "m2", "m3", "z", "n/a"]),
        st.sampled_from(["Rome", "Oslo", "", "T2"]),
    ),
    min_size=1,
    max_size=5,
)
CHANGES = st.dictionaries(st.sampled_from(["a2", "a3", "b2", "b3"]), LINES, max_size=2)


@settings(
    max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=st.lists(st.tuples(DECISIONS, CHANGES), min_size=2, max_size=3))
def test_any_decisions_give_what_a_full_refresh_gives(changes, refreshed, tmp_path_factory):
    twins = copies(refreshed, tmp_path_factory.mktemp("any"))
    for lines, files in changes:
        decided(twins, *lines, **files)
