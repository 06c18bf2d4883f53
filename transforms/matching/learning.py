"""Learn how much each field of a score rule tells, from the records themselves.

Fellegi and Sunter: `m` is how often two records of one person are so much alike in a field, `u` how
often two records drawn by chance are. `u` is counted over such pairs, `m` found by expectation
maximisation over the pairs of each block, where a field that made the block says nothing. Fields
that agree together by chance, such as a town and its postcode, are tied, and what both say counts
once. Counts of equal vectors of levels are all that goes in, so the order of pairs makes no
difference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overtide.schemas.configuration.scores import WHOLE

Levels = NDArray[np.int8]
"""How much alike fields are, a row for each vector: -1 missing, else a place in `LEVELS`."""
Counts = NDArray[np.int64]
Share = NDArray[np.float64]
LEVELS = 4
"""Different, alike, nearly the same, the same."""
NEARLY = 8_500
"""From so many ten-thousandths on values are nearly the same."""
ROUNDS, STILL = 500, 1e-9
"""The most rounds, and the greatest change of any share at which there is none left."""
FIRST = np.array([0.05, 0.05, 0.1, 0.8])
"""Where `m` begins."""
START = 0.1
"""Where the share of one person's pairs begins."""
HEAVIEST = 5.0
"""The weight of the field that tells most."""
FEWEST_TIED, LEAST_TIED = 10, 2.0
"""Chance pairs that are the same in two fields, and how many times more than if these were
independent, from which on they are tied."""
TURNS, SETTLED = 10, 1e-5
"""The most turns in which pairs of one person are found among those drawn by chance, and the
greatest share of these that changes in the last one."""


@dataclass(frozen=True)
class Vectors:
    """Vectors of levels, each once, with how many pairs have it."""

    levels: Levels
    counts: Counts

    @classmethod
    def of(cls, levels: Levels) -> "Vectors":
        """Return the distinct ones of the vectors of pairs."""
        distinct, counts = np.unique(levels, axis=0, return_counts=True)
        return cls(distinct, counts.astype(np.int64))


def levels_of(points: Counts, there: NDArray[np.bool_]) -> Levels:
    """Return the levels of similarities in ten-thousandths, where both records have the field."""
    level = (points > 0).astype(np.int8) + (points >= NEARLY) + (points >= WHOLE)
    return np.where(there, level, -1).astype(np.int8)


def shares(vectors: Vectors, weights: Share) -> Share:
    """Return how often each level occurs of each field, of weighted vectors where it is there."""
    fields = vectors.levels.shape[1]
    found = np.empty((fields, LEVELS))
    for field in range(fields):
        level = vectors.levels[:, field]
        found[field] = np.bincount(level[level >= 0], weights[level >= 0], LEVELS)
    return found


def smoothed(counts: Share) -> Share:
    """Return shares of counts, none of them zero."""
    whole: Share = (counts + 0.5) / (counts.sum(axis=1, keepdims=True) + 0.5 * LEVELS)
    return whole


class Tied(NamedTuple):
    """Two fields that are more often the same together by chance than if they were independent.

    `excess` is the logarithm of how much more often.
    """

    one: int
    other: int
    excess: float


def ties(chance: Vectors, weights: Share) -> list[Tied]:
    """Return the ties of fields as a tree (Chow and Liu): those that tell most, without circles.

    `weights` are how many pairs of two people have each vector.
    """
    found, root = [], list(range(chance.levels.shape[1]))
    for one, other in combinations(root, 2):
        levels = chance.levels[:, [one, other]]
        there, same = (levels >= 0).all(axis=1), levels == LEVELS - 1
        counted = [
            float(weights[there & some].sum())
            for some in (True, same[:, 0], same[:, 1], same.all(axis=1))
        ]
        if counted[3] >= FEWEST_TIED:
            excess = math.log(counted[0] * counted[3] / (counted[1] * counted[2]))
            if excess >= math.log(LEAST_TIED):
                found.append((counted[3] * excess, Tied(one, other, excess)))
    tree = []
    for _, tied in sorted(found, key=lambda each: (-each[0], each[1])):
        if root[tied.one] != root[tied.other]:
            tree.append(tied)
            before, after = root[tied.other], root[tied.one]
            root = [after if one == before else one for one in root]
    return tree


def evidence(
    levels: Levels,
    m: Share,
    u: Share,
    tied: Sequence[Tied] = (),
    without: frozenset[int] = frozenset(),
) -> Share:
    """Return the logarithm of how much likelier each vector is for one person than by chance.

    Fields `without` which it is asked are the same in all of them.
    """
    found = np.zeros(len(levels))
    for field in range(levels.shape[1]):
        if field not in without:
            level = levels[:, field]
            told = np.log(m[field]) - np.log(u[field])
            found += np.where(level >= 0, told[level], 0.0)
    for one, other, excess in tied:
        if not {one, other} <= without:
            found -= np.where((levels[:, [one, other]] == LEVELS - 1).all(axis=1), excess, 0.0)
    return found


def posterior(told: Share, share: float) -> Share:
    """Return how probably pairs are one person, of which so great a share is."""
    odds = np.clip(told + np.log(share) - np.log1p(-share), -700, 700)
    likely: Share = 1 / (1 + np.exp(-odds))
    return likely


def learn_m(
    blocks: Sequence[tuple[Vectors, frozenset[int]]], u: Share, tied: Sequence[Tied] = ()
) -> Share:
    """Return `m`, learnt over blocks: their vectors, and the fields that made them."""
    m = np.tile(FIRST, (len(u), 1))
    share = [START] * len(blocks)
    for _ in range(ROUNDS):
        counted = np.zeros_like(m)
        for number, (vectors, made) in enumerate(blocks):
            likely = posterior(evidence(vectors.levels, m, u, tied, made), share[number])
            weights = likely * vectors.counts
            share[number] = float(np.clip(weights.sum() / vectors.counts.sum(), 1e-9, 1 - 1e-9))
            open_ = [field for field in range(len(m)) if field not in made]
            counted[open_] += shares(vectors, weights)[open_]
        before, m = m, smoothed(counted)
        if np.abs(m - before).max() < STILL:
            break
    return m


def share_of_all(told: Share, counts: Counts, pairs: float, part: float) -> float:
    """Return which share of all possible pairs is one person.

    `told` and `counts` are of the vectors of a `part` of those pairs that blocks bring together;
    others are none. `pairs` are all that are possible.
    """
    share = min(0.5, float(counts.sum()) / part / max(pairs, 1) / 2)
    for _ in range(ROUNDS):
        found = float((posterior(told, share) * counts).sum()) / part / max(pairs, 1)
        before, share = share, float(np.clip(found, 1e-15, 0.5))
        if abs(share - before) <= STILL * share:
            break
    return share


@dataclass(frozen=True)
class Learned:
    """What was learnt: `m`, `u` and ties, and how probably each pair is of one person."""

    m: Share
    u: Share
    tied: Sequence[Tied]
    likely: Share

    @property
    def weights(self) -> list[float]:
        """How much each field tells."""
        return weights_of(self.m, self.u, self.tied)


def learn(
    blocks: Sequence[tuple[Vectors, frozenset[int]]],
    chance: Vectors,
    levels: Levels,
    pairs: float,
    part: float,
) -> Learned:
    """Learn of blocks (as `learn_m`), of pairs drawn by chance, and of all `pairs` there could be.

    `levels` are those of a `part` of the pairs in any block. Some pairs that are drawn by chance
    are of one person, and what these are like is not chance: so it is found first which they are.
    """
    once = np.ones(len(levels), np.int64)
    apart = chance.counts.astype(np.float64)
    for _ in range(TURNS):
        u = smoothed(shares(chance, apart))
        m = learn_m(blocks, u)
        share = share_of_all(evidence(levels, m, u), once, pairs, part)
        before = apart
        apart = chance.counts * (1 - posterior(evidence(chance.levels, m, u), share))
        if abs(apart - before).sum() < SETTLED * apart.sum():
            break
    u, tied = smoothed(shares(chance, apart)), ties(chance, apart)
    m = learn_m(blocks, u, tied)
    told = evidence(levels, m, u, tied)
    return Learned(m, u, tied, posterior(told, share_of_all(told, once, pairs, part)))


def weights_of(m: Share, u: Share, tied: Sequence[Tied] = ()) -> list[float]:
    """Return weights by how far the same and a different value of each field lie apart.

    What two tied fields say together is divided between them.
    """
    told = np.log(m) - np.log(u)
    apart = told[:, LEVELS - 1] - told[:, 0]
    for one, other, excess in tied:
        apart[[one, other]] -= excess / 2
    apart = np.maximum(apart, 0.0)
    return [
        max(0.1, round(HEAVIEST * float(one) / float(max(apart.max(), 1e-9)), 1)) for one in apart
    ]
