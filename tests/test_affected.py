"""Only the records that a change may concern are matched and identified; the result is the same.

Runs on Beam's embedded runner.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.pipelines import differences
from tests.few_affected import PEOPLE, configured, copies, made, row, taken
from tests.small_project import Project


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch):
    monkeypatch.setattr(differences, "LEAST", 0)


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory) -> Project:
    """A project that was refreshed once; to be copied, not changed."""
    project = made(tmp_path_factory.mktemp("affected") / "project", configured())
    project.refresh()
    return project


@pytest.fixture
def twins(refreshed, tmp_path) -> list[Project]:
    """Two copies of it: one to be refreshed as users do, and one in full."""
    return copies(refreshed, tmp_path)


def test_a_delivery_costs_whom_it_concerns(twins):
    assert taken(twins, a2=[row(100, "Zoe", "z")]) == 45
    assert taken(twins, b2=[row(100, "Zoe", "z"), row(101, "Bob", "m3")]) == 44


def test_where_rows_are_and_how_many_may_be_missing_concerns_no_record(twins):
    for twin in twins:
        for name in "abo":
            twin.document["sources"]["S"][name] |= {
                "path": f"{name}[0-9].csv",
                "max_set_aside_percent": 80,
                "max_shrink_percent": 20,
            }
    assert taken(twins, a2=[row(100, "Zoe", "z")]) == 45
    assert twins[0].done[-1].manifest["reused"]["activities"] == PEOPLE
    for twin in twins:
        twin.document["sources"]["S"]["a"]["time_zone"] = "Europe/Rome"
    assert taken(twins, a2=[row(101, "Zoe", "z")]) == 0


def test_customers_merge_and_part_again(twins):
    both = [row(100, "Zoe", "m1"), row(101, "Zoe", "m4", "Oslo")]
    assert taken(twins, a2=both, b2=[row(100, "Zoe", "m1"), row(101, "Zoe", "m4")])
    assert taken(twins, a2=[row(100, "Zoe", "m2")], b2=[row(101, "Zoe", "m2")])
    assert taken(twins, a2=[row(102, "Zoe", "q")], b2=[row(102, "Zoe", "r")])
    assert taken(twins, a2=both, b2=[row(100, "Zoe", "m1")])


def test_a_record_that_goes_leaves_another_rule_to_hold(twins):
    """A record is offered to the second rule as soon as its match by the first one is gone."""
    assert taken(twins, a2=[row(100, "Eve", "e")], a3=[row(101, "Adamsen", "f", "Ulm")])
    assert taken(twins, b2=[row(100, "Adamsan", "e", "Ulm")])
    assert taken(twins, a2=[row(102, "Eve", "g")])
    pairs = "SELECT MatchedPrimaryKey, PrimaryKey, Rule FROM lake.ConflationMatchPairs WHERE "
    found = twins[0].rows(f"{pairs} MatchedPrimaryKey = '100'")
    assert found == [("100", "101", "name")]


def test_duplicates_and_what_is_ignored_are_counted(twins):
    assert taken(twins, a2=[row(100, "Ann1", "m1"), row(101, "N", "none"), "102,N,n/a,,"])
    assert taken(twins, a2=[row(100, "Ann1", "m1"), "101,N,n/a,,"])
    assert taken(twins, a2=[row(103, "Ann1", "m7")])


def test_where_much_changes_or_a_block_is_large_all_are_matched(twins):
    for twin in twins:
        twin.document["unification"]["limits"] = {"large_customer": 2}
    assert taken(twins, a2=[row(100, "Zoe", "z")]) == 0  # it is configured otherwise
    assert taken(twins, a2=[row(101, "Zoe", "z")]) == 45
    assert taken(twins, a2=[row(101, "Zoe", "m0"), row(102, "Zoe", "m0")]) == 0
    assert taken(twins, a2=[row(103, "Zoe", "y")]) == 0  # a block was told
    assert taken(twins, a2=[row(104, "Zoe", "y")]) == 45


@pytest.mark.parametrize(
    ("shape", "none"),
    [({"made": True}, True), ({"ids": True}, True), ({"listed": True}, False)],
)
def test_some_configurations_match_all(twins, shape, none):
    for twin in twins:
        twin.document = configured(**shape)
        twin.write(**{"names.csv": "Alias,Value\nBob,Ann\n", "ignored.csv": "Value,Attribute\n"})
    assert taken(twins, a2=[row(100, "Zoe", "z")]) == 0
    assert (taken(twins, a2=[row(101, "Zoe", "z")]) == 0) is none


LINES = st.lists(
    st.builds(
        row,
        st.integers(0, PEOPLE + 5),
        st.sampled_from(["Ann1", "Ann2", "Ann11", "Zoe", ""]),
        st.sampled_from(["m1", "m2", "m3", "m20", "m21", "z", "n/a"]),
        st.sampled_from(["Rome", "Oslo", "Ulm"]),
    ),
    min_size=1,
    max_size=4,
)
CHANGES = st.dictionaries(st.sampled_from(["a2", "a3", "b2", "b3"]), LINES, min_size=1, max_size=2)


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=st.lists(CHANGES, min_size=2, max_size=3))
def test_any_changes_give_what_a_full_refresh_gives(changes, refreshed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    twins = copies(refreshed, folder)
    for change in changes:
        taken(twins, **change)
