"""Pairs become the connected components, however they are split and joined again.

Against plain union-find.
"""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overtide.transforms import clusters
from overtide.transforms.clusters import EMPTY, FOREST, forest, join, numbered
from overtide.transforms.refresh import JoinEdges

RECORDS = (
    st.integers(0, 12)
    | st.integers(0, 3).map(lambda row: (1 << 44) + row)
    | st.just((3 << 44) + (1 << 40))
)
EDGES = st.lists(st.tuples(RECORDS, RECORDS), max_size=25)
Edges = list[tuple[int, int]]


def forest_of(edges: Edges):
    left, right = (np.array([edge[side] for edge in edges], np.int64) for side in (0, 1))
    return forest(left, right)


def unreduced(edges: Edges):
    return pa.record_batch(
        [[edge[side] for edge in edges] for side in (0, 1)], schema=clusters.EDGES
    )


def rows(batch) -> Edges:
    assert batch.schema == FOREST
    return list(
        zip(batch.column("record").to_pylist(), batch.column("root").to_pylist(), strict=True)
    )


def union_find(edges: Edges) -> Edges:
    """Every record that is not the smallest of its component, with that."""
    parent: dict[int, int] = {}

    def root(record: int) -> int:
        while parent.setdefault(record, record) != record:
            record = parent[record]
        return record

    for one, other in edges:
        first, second = sorted((root(one), root(other)))
        parent[second] = first
    return sorted((record, root(record)) for record in list(parent) if root(record) != record)


@given(st.lists(RECORDS, min_size=1, max_size=60))
def test_records_are_numbered_as_by_sorting_them(records):
    for several in (1, 5):  # with few rows among many they are sorted, too
        given_ones = np.array(records * several, np.int64)
        distinct, places = numbered(given_ones)
        assert distinct.tolist() == sorted(set(records))
        assert distinct[places].tolist() == given_ones.tolist()


@given(EDGES)
def test_a_forest_points_every_record_to_the_smallest_of_its_component(edges):
    assert rows(forest_of(edges)) == union_find(edges)


@given(st.lists(EDGES, max_size=5), st.data())
def test_forests_join_in_any_order_and_any_groups(parts, data):
    forms = data.draw(
        st.lists(st.sampled_from([forest_of, unreduced]), min_size=len(parts), max_size=len(parts))
    )
    forests = data.draw(
        st.permutations([form(edges) for form, edges in zip(forms, parts, strict=True)])
    )
    whole = union_find([edge for edges in parts for edge in edges])
    assert rows(join(forests)) == whole
    cut = data.draw(st.integers(0, len(forests)))
    assert rows(join([join(forests[:cut]), join(forests[cut:])])) == whole
    assert rows(join([join(forests), *forests, EMPTY])) == whole


@given(st.lists(EDGES, max_size=6), st.data())
def test_the_combiner_joins_whatever_the_accumulators(parts, data):
    combine, accumulators = JoinEdges(), [JoinEdges().create_accumulator() for _ in range(3)]
    for edges in parts:
        place = data.draw(st.integers(0, 2))
        accumulators[place] = combine.add_input(accumulators[place], unreduced(edges))
    compact = getattr(combine, "compact", lambda accumulator: accumulator)
    merged = combine.merge_accumulators(map(compact, accumulators))
    assert rows(combine.extract_output(merged)) == union_find(
        [edge for edges in parts for edge in edges]
    )


@given(EDGES)
def test_edges_that_join_are_those_that_union_find_takes_in_their_order(edges):
    above: dict[int, int] = {}

    def top(record: int) -> int:
        return record if record not in above else top(above[record])

    taken = []
    for place, (one, other) in enumerate(edges):
        if top(one) != top(other):
            above[top(one)] = top(other)
            taken.append(place)
    ends = (np.array([edge[side] for edge in edges], np.int64) for side in (0, 1))
    assert clusters.joining(*ends).tolist() == taken


def test_no_edge_is_no_tree():
    assert rows(forest_of([])) == rows(join([])) == rows(forest_of([(5, 5)])) == []


def test_a_long_chain_is_one_component():
    chain = [(number + 1, number) for number in range(50_000)]
    found = join([forest_of(chain[::2]), forest_of(chain[1::2])])
    assert found.num_rows == 50_000
    assert set(found.column("root").to_pylist()) == {0}


@pytest.mark.parametrize("times", [1, 128, 255, 256, 257, 512])
def test_an_edge_may_come_any_number_of_times(times):
    assert rows(forest_of([(2, 1)] * times + [(3, 4)])) == [(2, 1), (4, 3)]


def test_records_keep_all_their_bits():
    largest = (1 << 62) + 1
    assert rows(forest_of([(largest, largest - 1)])) == [(largest, largest - 1)]
