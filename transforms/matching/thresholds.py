"""Find the threshold of a score rule that makes the right customers, and may move most.

What counts is who comes together: one wrong link joins two customers whole, and a link that is
missing costs nothing where others lead around it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Share = NDArray[np.float64]
STEPS: Numbers = np.arange(10, 201, dtype=np.int64) * 50
"""The thresholds among which one is chosen, in ten-thousandths: half percents."""
NEAR_BEST = 0.001
"""Thresholds that cost no more of F1 than that are as good as the best."""
TIE = 1e-9
"""Less of F1 than that tells no two thresholds apart; the middle one is taken."""


@dataclass(frozen=True)
class Threshold:
    """A threshold in percent, with the F1 that is expected there, and those as good as the best."""

    percent: float
    f1: float
    least: float
    most: float


def connected(one: Numbers, other: Numbers, size: int) -> Numbers:
    """Return for each of so many places the least one that it is linked with, also over others."""
    least: Numbers = np.arange(size, dtype=np.int64)
    while True:
        before = least.copy()
        low = np.minimum(least[one], least[other])
        for ends in (one, other, before[one], before[other]):
            np.minimum.at(least, ends, low)
        while (least[least] != least).any():
            least = least[least]
        if (least == before).all():
            return least


def expected(one: Numbers, other: Numbers, points: Numbers, people: Numbers) -> Share:
    """Return the F1 of pairs of records at each of `STEPS`, where those of `people` are right.

    `points` are the scores of links between places; who is linked, also over others, is together.
    """
    together: Numbers = np.arange(len(people), dtype=np.int64)
    true, found = _pairs(people), np.zeros(len(STEPS))
    places = np.searchsorted(STEPS, points, side="right") - 1
    order = np.argsort(-places, kind="stable")
    ends = np.searchsorted(-places[order], -np.arange(len(STEPS)), side="right")
    done = 0
    for place in reversed(range(len(STEPS))):
        new = order[done : ends[place]]
        if len(new):
            joined = np.unique(together[np.concatenate([one[new], other[new]])])
            left, right = (np.searchsorted(joined, together[side[new]]) for side in (one, other))
            together[joined] = joined[connected(left, right, len(joined))]
            together = together[together]
        elif done:
            found[place] = found[place + 1]
            continue
        done = int(ends[place])
        right_pairs = _pairs(together * len(people) + people)
        found[place] = 2 * right_pairs / max(_pairs(together) + true, 1)
    return found


def _pairs(labels: Numbers) -> float:
    """Return how many pairs have one label."""
    counts = np.unique(labels, return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1) / 2).sum())


def best_threshold(f1: Share) -> Threshold:
    """Return, of the thresholds at which most of F1 is expected, the one that may move most.

    It is the one that loses least where it is a fifth lower or higher. `f1` is that at `STEPS`.
    """
    good = np.flatnonzero(f1 >= f1.max() - NEAR_BEST)
    first = last = int(f1.argmax())
    while first - 1 in good:
        first -= 1
    while last + 1 in good:
        last += 1
    lower, higher = (
        f1[np.minimum(np.searchsorted(STEPS, STEPS[first : last + 1] * share // 100), len(f1) - 1)]
        for share in (80, 120)
    )
    moved = np.minimum(lower, higher)
    ties = np.flatnonzero(moved >= moved.max() - TIE)
    chosen = first + int(ties[len(ties) // 2])
    return Threshold(
        float(STEPS[chosen]) / 100,
        float(f1[chosen]),
        float(STEPS[first]) / 100,
        float(STEPS[last]) / 100,
    )
