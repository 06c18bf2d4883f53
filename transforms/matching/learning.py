"""Learn how much each field of a score rule tells, from the records themselves.

Fellegi and Sunter: `m` is how often two records of one person are so much alike in a field, `u` how
often two records drawn by chance are. `u` is counted over such pairs, `m` found by expectation
maximisation over the pairs of each block, where a field that made the block says nothing. Counts of
equal vectors of levels are all that goes in, so the order of pairs makes no difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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
TIE = 1e-9
"""Less of F1 than that tells no two thresholds apart; the middle one is taken."""
NEAR_BEST = 0.001
"""Thresholds that cost no more of F1 than that are as good as the best."""


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


def evidence(levels: Levels, m: Share, u: Share, without: frozenset[int] = frozenset()) -> Share:
    """Return the logarithm of how much likelier each vector is for one person than by chance."""
    found = np.zeros(len(levels))
    for field in range(levels.shape[1]):
        if field not in without:
            level = levels[:, field]
            told = np.log(m[field]) - np.log(u[field])
            found += np.where(level >= 0, told[level], 0.0)
    return found


def posterior(told: Share, share: float) -> Share:
    """Return how probably pairs are one person, of which so great a share is."""
    odds = np.clip(told + np.log(share) - np.log1p(-share), -700, 700)
    likely: Share = 1 / (1 + np.exp(-odds))
    return likely


def learn_m(blocks: Sequence[tuple[Vectors, frozenset[int]]], u: Share) -> Share:
    """Return `m`, learnt over blocks: their vectors, and the fields that made them."""
    m = np.tile(FIRST, (len(u), 1))
    share = [START] * len(blocks)
    for _ in range(ROUNDS):
        counted = np.zeros_like(m)
        for number, (vectors, made) in enumerate(blocks):
            likely = posterior(evidence(vectors.levels, m, u, made), share[number])
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


def weights_of(m: Share, u: Share) -> list[float]:
    """Return weights by how far the same and a different value of each field lie apart."""
    told = np.log(m) - np.log(u)
    apart = np.maximum(told[:, LEVELS - 1] - told[:, 0], 0.0)
    return [
        max(0.1, round(HEAVIEST * float(one) / float(max(apart.max(), 1e-9)), 1)) for one in apart
    ]


@dataclass(frozen=True)
class Threshold:
    """A threshold in percent, with the F1 that is expected there, and those as good as the best."""

    percent: float
    f1: float
    least: float
    most: float


def best_threshold(points: Counts, likely: Share, missed: float = 0.0) -> Threshold:
    """Return, of the thresholds at which most of F1 is expected, the one that may move most.

    It is the one that loses least where it is a fifth lower or higher.

    `points` are the scores of pairs in ten-thousandths, `likely` how probably each is one person,
    `missed` how many pairs of one person no threshold would find.
    """
    steps = np.arange(10, 201) * 50  # half percents
    places = np.searchsorted(steps, points, side="right")
    found = np.bincount(places, minlength=len(steps) + 1)[::-1].cumsum()[::-1][1:]
    right = np.bincount(places, likely, minlength=len(steps) + 1)[::-1].cumsum()[::-1][1:]
    true = float(likely.sum()) + missed
    f1 = 2 * right / np.maximum(found + true, 1e-9)
    good = np.flatnonzero(f1 >= f1.max() - NEAR_BEST)
    first = last = int(f1.argmax())
    while first - 1 in good:
        first -= 1
    while last + 1 in good:
        last += 1
    moved = np.minimum(*_moved(steps, f1, steps[first : last + 1]))
    ties = np.flatnonzero(moved >= moved.max() - TIE)
    chosen = first + int(ties[len(ties) // 2])
    return Threshold(
        float(steps[chosen]) / 100,
        float(f1[chosen]),
        float(steps[first]) / 100,
        float(steps[last]) / 100,
    )


def _moved(steps: Counts, f1: Share, some: Counts) -> tuple[Share, Share]:
    """Return the F1 expected where thresholds are a fifth lower, and a fifth higher."""
    places = [np.searchsorted(steps, some * share // 100) for share in (80, 120)]
    lower, higher = (f1[np.minimum(place, len(steps) - 1)] for place in places)
    return lower, higher
