"""Propose the blocks of a score rule: few pairs to compare, most pairs of one person among them.

Two records of one person are taken to be alike in each field with a fixed chance, fields apart, and
a value to be there as often as it is. Then every set of blocks has a chance to bring two records of
one person together, and blocks are added as long as that grows. What a block comes to is measured
when it may be the best one: the chance that it adds bounds what it is worth.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

WHOLE, BEGIN, NOTHING = 2, 1, 0
"""What of a field is the same in two records."""
DIFFERS, BEGINS_OTHERWISE = 0.15, 0.08
"""How often values of one person differ, and how often in their first letters already."""
LETTERS = 4
MOST_BLOCKS, MOST_PARTS = 8, 3
PAIRS_PER_RECORD = 20
"""How many pairs all blocks may compare."""
LEAST_GAIN = 0.003
MOST_MEASURED = 3_000
"""So many blocks of a rule are measured at most, those first that may add most."""
Part = tuple[int, int]
"""A field, and how much of it must be the same: `WHOLE` or `BEGIN`."""
Parts = tuple[Part, ...]


@dataclass(frozen=True)
class Measured:
    """What a block of these parts comes to: its pairs, its records, and which share is compared."""

    parts: Parts
    pairs: int
    records: int
    compared: float


def parts_of(texts: Sequence[bool]) -> list[Part]:
    """Return what records of a block may share: each field, or its beginning if it has letters."""
    return [
        (place, much)
        for place, is_text in enumerate(texts)
        for much in ((WHOLE, BEGIN) if is_text else (WHOLE,))
    ]


def candidates(parts: Sequence[Part]) -> list[Parts]:
    """Return the blocks of one part, and of two of different fields."""
    pairs = combinations(parts, 2)
    return [*((part,) for part in parts), *(both for both in pairs if both[0][0] != both[1][0])]


@dataclass
class Reach:
    """How many pairs of one person no block has found yet, by what they have in common.

    The chance that nothing finds a pair is a sum over all sets of the blocks that were taken: of
    those in such a set a pair shares all with a chance that is a product over the fields.
    """

    present: Sequence[float]
    """How often both records have a value of each field."""
    needs: NDArray[np.int8] = field(init=False)
    signs: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.needs = np.zeros((1, len(self.present)), np.int8)
        self.signs = np.ones(1)

    def missed(self, parts: Parts = ()) -> float:
        """Return the chance that a pair shares these parts, and no block has found it."""
        return float(self.signs @ self._chances(self._needing(parts)).prod(axis=1))

    def take(self, one: Measured) -> None:
        """Add a block."""
        self.needs = np.concatenate([self.needs, self._needing(one.parts)])
        self.signs = np.concatenate([self.signs, -one.compared * self.signs])

    def _needing(self, parts: Parts) -> NDArray[np.int8]:
        needs = self.needs.copy()
        for place, much in parts:
            needs[:, place] = np.maximum(needs[:, place], much)
        return needs

    def _chances(self, needs: NDArray[np.int8]) -> NDArray[np.float64]:
        there = np.array(self.present, np.float64)
        levels = np.stack(
            [np.ones(len(there)), there * (1 - BEGINS_OTHERWISE), there * (1 - DIFFERS)]
        )
        return np.take_along_axis(levels, needs.astype(np.intp), axis=0)


class Choosing:
    """The choice of blocks for a rule.

    `measure` says what a block comes to; each is asked about once.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        present: Sequence[float],
        records: int,
        measure: Callable[[Parts], Measured],
    ) -> None:
        self.parts, self.records, self.measure = parts, records, measure
        self.reach = Reach(present)
        self.left = PAIRS_PER_RECORD * records
        self.known = dict.fromkeys(candidates(parts))  # in their order
        self.measured: dict[Parts, Measured] = {}

    def chosen(self) -> list[tuple[Measured, float]]:
        """Return the blocks that are best together, each with the chance that they find a pair.

        The chance is that of two records of one person to share it or one before, compared.
        """
        found: list[tuple[Measured, float]] = []
        while len(found) < MOST_BLOCKS and (best := self._best()) is not None:
            self.reach.take(best)
            self.left -= best.pairs
            found.append((best, 1 - self.reach.missed()))
        return found

    def _best(self) -> Measured | None:
        """Return the block that is worth most, None where none adds enough."""
        waiting = [self._waiting(place, parts) for place, parts in enumerate(self.known)]
        heapq.heapify(waiting)
        best, worth = None, 0.0
        while waiting:
            bound, _, parts = heapq.heappop(waiting)
            if -bound < max(worth, LEAST_GAIN):
                break
            one = self._measured(parts)
            if one is None:
                continue
            gain = -bound * one.compared
            if (one.pairs > self.left or one.compared < 1) and len(parts) < MOST_PARTS:
                for more in self._narrower(parts):
                    heapq.heappush(waiting, self._waiting(len(self.known) - 1, more))
            now = gain / (1 + one.pairs / max(1, self.records))
            if one.pairs <= self.left and gain >= LEAST_GAIN and now > worth:
                best, worth = one, now
        return best

    def _waiting(self, place: int, parts: Parts) -> tuple[float, int, Parts]:
        return -self.reach.missed(parts), place, parts

    def _measured(self, parts: Parts) -> Measured | None:
        if parts not in self.measured:
            if len(self.measured) >= MOST_MEASURED:
                return None
            self.measured[parts] = self.measure(parts)
        return self.measured[parts]

    def _narrower(self, parts: Parts) -> Iterable[Parts]:
        """Give blocks that share one part more than one that is too large, those not known yet."""
        fields = {place for place, _ in parts}
        for part in self.parts:
            more = tuple(sorted((*parts, part)))
            if part[0] not in fields and more not in self.known:
                self.known[more] = None
                yield more
