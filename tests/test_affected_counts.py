"""Where rules count how many records have a value, only whom that concerns is matched, too.

Runs on Beam's embedded runner.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.pipelines import differences
from tests.few_affected import configured, copies, made, row, taken
from tests.small_project import Project


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch):
    monkeypatch.setattr(differences, "LEAST", 0)


def counting() -> dict[str, Any]:
    """Return a configuration whose rules count records with a mail, a city and a name."""
    found = configured()
    unification = found["unification"]
    known = {"fields": "Name", "known_by": 3, "through_others": True}
    mail = {"fields": "Mail", "normalize": ["email"], "shared_by": 2}
    rule = {"name": "mail", "conditions": [mail], "contradictions": [known]}
    unification["match"][0]["rules"][0] = rule
    unification["match"][0]["rules"][1]["conditions"][1] |= {"known_by": 2}
    unification["entities"][0]["deduplicate"] = {"rules": [rule]}
    return found


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory) -> Project:
    """A project that was refreshed once; to be copied, not changed."""
    project = made(tmp_path_factory.mktemp("counted") / "project", counting())
    project.refresh()
    return project


@pytest.fixture
def twins(refreshed, tmp_path) -> list[Project]:
    """Two copies of it: one to be refreshed as users do, and one in full."""
    return copies(refreshed, tmp_path)


def pairs(twins: list[Project]) -> list[tuple[Any, ...]]:
    """Return the pairs of one of them that are of records which came."""
    few = "MatchedPrimaryKey::INTEGER > 30 OR PrimaryKey::INTEGER > 30"
    return twins[0].rows(
        f"SELECT PrimaryKey, MatchedPrimaryKey, Rule FROM lake.ConflationMatchPairs WHERE {few}"
    )


def test_a_mail_that_too_many_share_joins_nobody_and_does_again(twins):
    some = [row(91, "Zoe", "z"), row(92, "Zoe", "z")]
    assert taken(twins, a2=some, b2=[row(91, "Zoe", "z")]) > 30
    assert sorted(pairs(twins)) == [("91", "91", "mail"), ("92", "91", "mail")]
    assert taken(twins, a3=[row(93, "Eve", "z")]) > 30
    assert pairs(twins) == []
    shared = ("S_a", "Mail", "z@x.com", "shared", 3)
    assert shared in twins[0].table("ignored_values")
    assert taken(twins, a3=[row(93, "Eve", "y")]) > 30
    assert len(pairs(twins)) == 2


def test_names_contradict_once_enough_have_them(twins):
    some = [row(91, "Zoe", "z"), row(92, "Zoe", "p"), row(93, "Zoe", "q")]
    other = [row(91, "Eve", "z"), row(92, "Eve", "r")]
    assert taken(twins, a2=some, b2=other) > 30
    assert pairs(twins) == [("91", "91", "mail")]
    assert taken(twins, b3=[row(93, "Eve", "s")]) > 30  # nobody of those that it parts changed
    assert pairs(twins) == []
    assert taken(twins, a2=[some[0], row(92, "", "p"), some[2]]) > 30
    assert pairs(twins) == [("91", "91", "mail")]


LINES = st.lists(
    st.builds(
        row,
        st.integers(0, 9) | st.integers(31, 33),
        st.sampled_from(["Ann1", "Ann11", "Zoe", "Zo", ""]),
        st.sampled_from(["m1", "m2", "z", "n/a"]),
        st.sampled_from(["Rome", "Oslo", "T2"]),
    ),
    min_size=1,
    max_size=5,
)
CHANGES = st.dictionaries(st.sampled_from(["a2", "a3", "b2", "b3"]), LINES, min_size=1, max_size=2)


@settings(
    max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=st.lists(CHANGES, min_size=2, max_size=3))
def test_any_counts_give_what_a_full_refresh_gives(changes, refreshed, tmp_path_factory):
    twins = copies(refreshed, tmp_path_factory.mktemp("any"))
    for files in changes:
        taken(twins, **files)
