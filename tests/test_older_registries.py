"""Registries written before records could leave an id.

Read so that ids stay, and mistakes can still be put right.
"""

import pytest

from overtide.transforms.inheritance import NOTHING, UNTOLD, remembered
from tests.oracle_identities import Cluster
from tests.registries import Registries
from tests.sequences import NAMES

A, B, C = (NAMES[1], "1"), (NAMES[1], "2"), (NAMES[1], "3")
X, Y, N = "0" * 32, "1" * 32, "2" * 32


def clusters(*groups: str) -> list[Cluster]:
    return [Cluster({"a": A, "b": B, "c": C}[one] for one in group) for group in groups]


@pytest.fixture
def registries(tmp_path):
    found = Registries(tmp_path)
    found.remember("Identity", (X, 1, *A), (Y, 1, *B))
    return found


def profiles(found) -> dict[str, str]:
    return {key: one for _, key, one in found["AlternateKey"]}


def expect_unchanged(found, departures=()) -> None:
    assert (found["Registry"], found["Identity"]) == (set(), set())
    assert found["Departure"] == set(departures)


def test_a_merge_of_before_can_be_undone(registries):
    registries.remember("Registry", (*A, X, 1), (*B, Y, 1), (*C, Y, 1), (*B, X, 2), (*C, X, 2))
    registries.remember("IdentityAlias", (Y, X))
    found = registries.refresh(clusters("abc"), 3, untold=True)
    expect_unchanged(found)
    assert found["IdentityAlias"] == {(Y, X)}
    found = registries.refresh(clusters("a", "bc"), 4)
    assert profiles(found) == {"1": X, "2": Y, "3": Y}
    assert found["IdentityAlias"] == set()


def test_a_record_that_had_moved_takes_nothing_from_where_it_was(registries):
    registries.remember("Registry", (*A, X, 1), (*B, Y, 1), (*C, Y, 1), (*B, X, 2))
    expect_unchanged(registries.refresh(clusters("ab", "c"), 3, untold=True), {(*B, Y, 2)})
    registries.refresh(clusters("abc"), 4)
    assert profiles(registries.refresh(clusters("ab", "c"), 5)) == {"1": X, "2": X, "3": Y}


def test_a_record_that_had_left_and_was_merged_again_is_no_longer_among_the_first(registries):
    registries.remember("Identity", (N, 2, *A))
    registries.remember("Registry", (*A, X, 1), (*B, X, 1), (*A, N, 2), (*A, X, 3))
    registries.remember("IdentityAlias", (N, X))
    expect_unchanged(registries.refresh(clusters("ab"), 4, untold=True), {(*A, X, 2)})
    found = registries.refresh(clusters("a", "b"), 5)
    assert profiles(found) == {"1": N, "2": X}


def test_what_a_project_lacks_is_told_from_what_it_has():
    assert remembered(()) == NOTHING
    assert remembered(NOTHING)["Departure"] == "SELECT * FROM lake.Departure"
    assert remembered(NOTHING.keys() - {"Departure"})["Departure"] == UNTOLD
