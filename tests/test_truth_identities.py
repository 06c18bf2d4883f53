"""Generated histories of clusters.

The refresh gives the same ids, aliases and registry rows as the oracle.
"""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import identities
from tests.oracle_identities import Ref
from tests.registries import Registries, expect_same, expected
from tests.sequences import KEYS, NAMES, Label, Records, clusters_of, told

History = list[Records]
LABELS, PICK = st.integers(0, 6), st.integers(0, 1000)
CHANGES = st.one_of(
    st.tuples(st.just("merge"), LABELS, LABELS),
    st.tuples(st.just("merge"), LABELS, LABELS),
    st.tuples(st.just("part"), PICK, LABELS),
    st.tuples(st.just("part"), PICK, LABELS),
    st.tuples(st.just("move"), PICK, LABELS),
    st.tuples(st.just("vanish"), PICK, st.none()),
    st.tuples(st.just("again"), PICK, st.none()),
)
RECORDS = [(name, key) for name in NAMES for key in KEYS]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Return what records there are at each refresh.

    Customers merge, part, and are again as they were.
    """
    first = draw(st.dictionaries(st.sampled_from(RECORDS), LABELS, min_size=1))
    history: History = [first]
    for changes in draw(
        st.lists(st.lists(CHANGES, min_size=1, max_size=3), min_size=1, max_size=7)
    ):
        history.append(changed(history, changes))
    return history


def changed(history: History, changes: list[tuple[str, int, Any]]) -> Records:
    """Return the records of the next refresh."""
    now = dict(history[-1])
    for kind, number, label in changes:
        record = RECORDS[number % len(RECORDS)]
        if kind == "merge":
            now = {one: label if other == number else other for one, other in now.items()}
        elif kind == "part":
            now |= {one: label for place, one in enumerate(now) if number >> place & 1}
        elif kind == "move":
            now[record] = label
        elif kind == "vanish":
            now.pop(record, None)
        else:
            now = dict(history[number % len(history)])
    return now


def check(folder: Path, history: History) -> None:
    """Run a history through the refresh's identities and the oracle's, comparing after each."""
    registries = Registries(folder)
    for run, (records, found) in enumerate(zip(history, told(history), strict=True), 1):
        clusters, apart = clusters_of(records)
        expect_same(registries.refresh([*clusters, *apart], run), expected([found], run))


def label(**clusters: str) -> dict[Ref, Label]:
    """Return records by the clusters that hold them: `B1` is record 1 of the primary entity."""
    names = {name[0]: name for name in NAMES}
    return {
        (names[one[0]], one[1:]): place
        for place, records in enumerate(clusters.values())
        for one in records.split()
    }


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(
            ["B1|A1 C1", "B1 A1", "B1 A1|C1 A2"], id="a record returns with an id that was merged"
        ),
        pytest.param(["B1|A1 A2", "B1 A1", "B1|A1|A2"], id="both parts of a merged id return"),
        pytest.param(
            ["B1|A1 A2", "B1 A1", "B1 A1 A2"], id="a merged id returns and is merged again"
        ),
        pytest.param(
            ["B1 A1", "B1|A1", "C1 C2|B1", "C1 B1|A1", "C1|B1|A1"],
            id="what is no customer holds its id",
        ),
        pytest.param(
            ["B1 C1", "C1", "A1 C1", "A1|C1", "A1 C1"],
            id="an id is given again to what is no customer",
        ),
        pytest.param(
            ["B1|A1|A2", "B1|A1 A2", "B1 A1 A2", "B1 A1", "B1|A1", "B1|A1 A2"],
            id="an alias goes back",
        ),
    ],
)
def test_ids_that_return(tmp_path, history):
    check(
        tmp_path,
        [
            label(**{str(place): one for place, one in enumerate(step.split("|"))})
            for step in history
        ],
    )


@pytest.mark.fuzz
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.generate],
)
@given(history=histories())
def test_the_refresh_gives_the_ids_of_the_oracle(tmp_path_factory, history):
    check(tmp_path_factory.mktemp("history"), history)


@pytest.mark.fuzz
def test_mistakes_put_right_in_any_order_leave_no_trace():
    assert identities.check(range(150)) > 700
