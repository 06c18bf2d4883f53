"""Propose the blocks of a score rule: few pairs to compare, most pairs of one person among them.

Two records of one person are taken to be alike in each field with a fixed chance, fields apart, and
a value to be there as often as it is. Then every set of blocks has a chance to bring two records of
one person together, and blocks are added as long as that grows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

WHOLE, BEGIN, NOTHING = 2, 1, 0
"""What of a field is the same in two records."""
DIFFERS, BEGINS_OTHERWISE = 0.15, 0.08
"""How often values of one person differ, and how often in their first letters already."""
LETTERS = 4
MOST_FIELDS, MOST_BLOCKS = 8, 8
PAIRS_PER_RECORD = 20
"""How many pairs all blocks may compare."""
LEAST_GAIN = 0.003
Part = tuple[int, int]
"""A field, and how much of it must be the same: `WHOLE` or `BEGIN`."""


@dataclass(frozen=True)
class Measured:
    """What a block of these parts comes to: its pairs, its records, and which share is compared."""

    parts: tuple[Part, ...]
    pairs: int
    records: int
    compared: float


def candidates(texts: Sequence[bool]) -> list[tuple[Part, ...]]:
    """Return the blocks that may be proposed: of one field or two, whole or their beginnings.

    `texts` says of each field whether it has letters to begin with.
    """
    parts = [
        (field, much)
        for field, is_text in enumerate(texts)
        for much in ((WHOLE, BEGIN) if is_text else (WHOLE,))
    ]
    pairs = combinations(parts, 2)
    return [*((part,) for part in parts), *(both for both in pairs if both[0][0] != both[1][0])]


def chances(present: Sequence[float]) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Return all ways in which fields may be the same, and the chance of each.

    A row has a field in each column; `present` is how often both records have a value.
    """
    levels = np.array([*product((NOTHING, BEGIN, WHOLE), repeat=len(present))], np.int8)
    there = np.array(present)
    each = np.stack(
        [
            1 - there * (1 - BEGINS_OTHERWISE),
            there * (DIFFERS - BEGINS_OTHERWISE),
            there * (1 - DIFFERS),
        ]
    )
    weights = each[levels, np.arange(len(present))].prod(axis=1)
    return levels, weights


def chosen(
    measured: Sequence[Measured], present: Sequence[float], records: int
) -> list[tuple[Measured, float]]:
    """Return the blocks that are best together, each with the chance that it or one before finds.

    The chance is that of two records of one person to share a block that is compared.
    """
    levels, missed = chances(present)
    found: list[tuple[Measured, float]] = []
    left = PAIRS_PER_RECORD * records
    while len(found) < MOST_BLOCKS:
        gains = [_gain(one, levels, missed) if one.pairs <= left else 0.0 for one in measured]
        worth = [
            gain / (1 + one.pairs / max(1, records))
            for gain, one in zip(gains, measured, strict=True)
        ]
        best = int(np.argmax(worth)) if worth else 0
        if not worth or gains[best] < LEAST_GAIN:
            break
        one = measured[best]
        missed = np.where(_shared(one, levels), missed * (1 - one.compared), missed)
        left -= one.pairs
        found.append((one, float(1 - missed.sum())))
    return found


def _gain(one: Measured, levels: NDArray[np.int8], missed: NDArray[np.float64]) -> float:
    return float(missed[_shared(one, levels)].sum() * one.compared)


def _shared(one: Measured, levels: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Return in which of the ways two records share a block."""
    shared = np.ones(len(levels), np.bool_)
    for field, much in one.parts:
        shared &= levels[:, field] >= much
    return shared
