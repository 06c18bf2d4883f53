"""Join pairs into clusters: the connected components, as forests that can be joined in any order.

A forest is a table of edges (record, root) in which every record that is not the smallest of its
component points to that smallest record; joining forests, or edges that are no forest yet, gives
the forest of all of them.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from overtide.transforms.records import ENTITY_SHIFT

FOREST = pa.schema(
    [pa.field("record", pa.int64(), nullable=False), pa.field("root", pa.int64(), nullable=False)]
)
EDGES = pa.schema(
    [pa.field("left", pa.int64(), nullable=False), pa.field("right", pa.int64(), nullable=False)]
)
SPARSE = 16
"""Rows of the entities per record from which on records are sorted."""
EMPTY = pa.RecordBatch.from_pylist([], schema=FOREST)


def forest(left: NDArray[np.int64], right: NDArray[np.int64]) -> pa.RecordBatch:
    """Return the forest of the edges between `left[i]` and `right[i]`, ordered by record."""
    if len(left) == 0:
        return EMPTY
    records, places = numbered(np.concatenate([left, right]))
    root = records[smallest(len(records), places[: len(left)], places[len(left) :])]
    apart = records != root
    return pa.record_batch([records[apart], root[apart]], schema=FOREST)


def smallest(number: int, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each of the places [0, number) the smallest one of its component.

    In each round every root that is tied to a smaller one is hung below the smallest of those; the
    edges that remain lie between roots (docs/decisions/connected-components.md).
    """
    root = np.arange(number)
    while True:
        ends = root[left], root[right]
        apart = ends[0] != ends[1]
        if not apart.any():
            return root
        left, right = np.minimum(*ends)[apart], np.maximum(*ends)[apart]
        np.minimum.at(root, right, left)
        while not np.array_equal(above := root[root], root):
            root = above


def joining(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of the edges that join what those before them leave apart, in order.

    In each round every component takes the first of the edges that lead out of it (Boruvka).
    """
    if len(left) == 0:
        return np.zeros(0, np.int64)
    records, places = numbered(np.concatenate([left, right]))
    one, other = places[: len(left)], places[len(left) :]
    root, open_ = np.arange(len(records)), np.arange(len(left))
    found = open_[:0]
    while True:
        ends = root[one[open_]], root[other[open_]]
        apart = ends[0] != ends[1]
        if not apart.any():
            return np.sort(found)
        open_ = open_[apart]
        first = np.full(len(records), len(left))
        for end in ends:
            np.minimum.at(first, end[apart], open_)
        found = np.union1d(found, first[first < len(left)])
        root = smallest(len(records), one[found], other[found])


def numbered(records: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct records in order, and the place of each of `records` among them.

    The rows of an entity are numbered from zero, so most are found by marking them in an array,
    five times as fast as by sorting; where few rows of an entity are among them, they are sorted.
    """
    entities, rows = records >> ENTITY_SHIFT, records & ((1 << ENTITY_SHIFT) - 1)
    ends = np.zeros(int(entities.max()) + 1, np.int64)
    np.maximum.at(ends, entities, rows + 1)
    if ends.sum() > SPARSE * len(records):
        return np.unique(records, return_inverse=True)
    starts = np.cumsum(ends) - ends
    lines = starts[entities] + rows
    marked = np.zeros(int(ends.sum()), np.bool_)
    marked[lines] = True
    distinct = np.flatnonzero(marked)
    edges = np.searchsorted(distinct, [*starts, len(marked)])
    entity = np.repeat(np.arange(len(starts)), np.diff(edges))
    return distinct - starts[entity] + (entity << ENTITY_SHIFT), (np.cumsum(marked) - 1)[lines]


def join(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the forest of all edges of several forests and edges; associative and commutative."""
    grown = [part for part in parts if part.num_rows]
    if len(grown) == 1 and grown[0].schema == FOREST:
        return grown[0]
    ends = ([part.column(end).to_numpy() for part in grown] for end in (0, 1))
    return forest(*map(np.concatenate, ends)) if grown else EMPTY
