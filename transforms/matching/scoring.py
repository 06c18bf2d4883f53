"""Score pairs of records: the weighted sum of how much alike their fields are.

What one of both has not does not count. Source of the rules: semantics 4.8.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from overtide.schemas.configuration.comparisons import Comparison, percent_of
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.configuration.scores import WHOLE, Crossing, Score, least
from overtide.transforms.matching.similarity import Codes, Points, Texts

HALVES = 2
"""Weights that both records have are counted in halves."""
AreTexts = Callable[[Comparison], bool]
"""Whether all that is compared is of type string."""


@dataclass(frozen=True)
class Alike:
    """A field that is compared, or what must not contradict; columns are places in `compared`."""

    column: int
    crossed: int | None
    percent: int
    units: int = 0
    half: bool = False
    """Whether one of both crosswise counts by half."""


@dataclass(frozen=True)
class Scoring:
    """A score rule, in places and whole numbers.

    `blocks` are the columns that each block is made of, with how many letters of them.
    """

    compared: tuple[Comparison, ...]
    fields: tuple[Alike, ...]
    contradictions: tuple[Alike, ...]
    distinguishing: tuple[Alike, ...]
    blocks: tuple[tuple[tuple[int, int | None], ...], ...]
    threshold: int
    at_least: int
    agreeing: int = 0

    @classmethod
    def of(cls, rule: Rule, score: Score, are_texts: AreTexts) -> "Scoring":
        """Return what a rule with a score says."""
        compared: list[Comparison] = []

        def column(comparison: Comparison) -> int:
            compared.append(comparison)
            return len(compared) - 1

        fields = tuple(
            replace(
                _alike(field, least(field, are_texts(field)), column),
                units=field.units,
                half=field.half_swapped and field.swapped_with is not None,
            )
            for field in score.fields
        )
        distinguishing = tuple(
            replace(one, percent=percent_of(field.distinguishes), half=False)
            for field, one in zip(score.fields, fields, strict=True)
            if field.distinguishes is not None
        )
        against = tuple(_alike(one, one.percent, column) for one in rule.contradictions)
        blocks = tuple(
            tuple((column(part), part.letters) for part in block.on) for block in score.blocks
        )
        heaviest = tuple(sorted(fields, key=lambda field: -field.units))
        asked = score.points, score.percent_there, score.agreeing or 0
        several = heaviest, against, distinguishing, blocks
        return cls(tuple(compared), *several, *asked)

    @property
    def columns(self) -> list[int]:
        """The columns that are compared, without those that only make blocks."""
        several = ((one.column, one.crossed) for one in (*self.fields, *self.contradictions))
        return sorted({column for both in several for column in both if column is not None})


def _alike(crossing: Crossing, percent: int, column: Callable[[Comparison], int]) -> Alike:
    crossed = crossing.crossed
    return Alike(column(crossing), None if crossed is None else column(crossed), percent)


def contradictions(rule: Rule, first: int) -> tuple[list[Comparison], list[Alike]]:
    """Return what the contradictions of a rule compare; its places begin with `first`."""
    compared: list[Comparison] = []

    def column(comparison: Comparison) -> int:
        compared.append(comparison)
        return first + len(compared) - 1

    found = [_alike(one, one.percent, column) for one in rule.contradictions]
    return compared, found


@dataclass(frozen=True)
class Side:
    """What is compared of records: for each column the codes of its texts."""

    codes: dict[int, Codes]

    def take(self, places: NDArray[np.int64]) -> "Side":
        """Return what is compared of some of the records, in this order."""
        return Side({column: codes[places] for column, codes in self.codes.items()})


def scored(scoring: Scoring, texts: Texts, left: Side, right: Side) -> tuple[Points, Points]:
    """Return which of the pairs left[i], right[i] are pairs by the rule: places and scores.

    The heaviest fields come first; a pair that cannot reach what is asked is compared no further.
    """
    places = np.arange(len(next(iter(left.codes.values()))))
    weight, whole = np.zeros(len(places), np.int64), 0
    for field in scoring.fields:
        weight += field.units * there(field, left, right)
        whole += field.units * HALVES
    open_, gained = weight.copy(), np.zeros(len(places), np.int64)
    needed = scoring.agreeing * whole * WHOLE // 100
    alive = (weight * 100 >= scoring.at_least * whole) & (weight > 0)
    for field in scoring.fields:
        kept = np.flatnonzero(alive)
        if len(kept) < 0.9 * len(places):
            left, right = left.take(kept), right.take(kept)
            places, weight, open_, gained = (one[kept] for one in (places, weight, open_, gained))
            alive = np.ones(len(places), np.bool_)
        halves = field.units * there(field, left, right)
        gained += halves * similarity(field, texts, left, right)
        open_ -= halves
        alive &= gained + open_ * WHOLE >= np.maximum(scoring.threshold * weight, needed)
    alive &= uncontradicted(scoring, texts, left, right)
    alive &= distinguished(scoring, texts, left, right)
    return places[alive], gained[alive] // weight[alive]


def distinguished(scoring: Scoring, texts: Texts, left: Side, right: Side) -> NDArray[np.bool_]:
    """Say which of the pairs left[i], right[i] are alike in what tells people apart, if anything.

    Of several fields that do one is enough.
    """
    found = np.full(len(next(iter(left.codes.values()))), not scoring.distinguishing)
    for field in scoring.distinguishing:
        found |= similarity(field, texts, left, right) > 0
    return found


def uncontradicted(scoring: Scoring, texts: Texts, left: Side, right: Side) -> NDArray[np.bool_]:
    """Say which of the pairs left[i], right[i] nothing contradicts."""
    alone = np.ones(len(next(iter(left.codes.values()))), np.bool_)
    for one in scoring.contradictions:
        alone &= ~_contradicts(one, texts, left, right)
    return alone


def _both(field: Alike, left: Side, right: Side) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (left.codes[field.column] >= 0) & (right.codes[field.column] >= 0)
    return found


def there(field: Alike, left: Side, right: Side) -> NDArray[np.int64]:
    """Return how many halves of a field both records have: one where a value moved."""
    found: NDArray[np.int64] = HALVES * _both(field, left, right).astype(np.int64)
    return found + _moved(field, left, right) if field.half else found


def _moved(field: Alike, left: Side, right: Side) -> NDArray[np.bool_]:
    """Say which have one value of a field and of that it is swapped with, each in another place."""
    assert field.crossed is not None  # noqa: S101 (what counts by half is compared crosswise)
    here, there = (side.codes[field.column] >= 0 for side in (left, right))
    others, beyond = (side.codes[field.crossed] >= 0 for side in (left, right))
    found: NDArray[np.bool_] = (here != there) & (here != others) & (there != beyond)
    return found


def similarity(field: Alike, texts: Texts, left: Side, right: Side) -> Points:
    """Return how much alike a field of records is, compared crosswise too where it may be swapped.

    Where one of both has none, and none has moved, it is 0.
    """
    here, there = left.codes[field.column], right.codes[field.column]
    found = _points(texts, here, there, field.percent)
    if field.crossed is None:
        return found
    if field.half:
        return _by_half(field, texts, left, right, found)
    others, beyond = left.codes[field.crossed], right.codes[field.crossed]
    places = np.flatnonzero((found < WHOLE) & (here >= 0) & (there >= 0))
    across = _points(texts, here[places], beyond[places], field.percent)
    open_ = np.flatnonzero(across > found[places])
    places, across = places[open_], across[open_]
    back = _points(texts, others[places], there[places], field.percent)
    found[places] = np.maximum(found[places], np.minimum(across, back))
    return found


def _by_half(field: Alike, texts: Texts, left: Side, right: Side, straight: Points) -> Points:
    """Return the better of `straight` and the mean of both crosswise; of what moved, the one."""
    assert field.crossed is not None  # noqa: S101 (what counts by half is compared crosswise)
    found, moved = straight.copy(), _moved(field, left, right)
    places = np.flatnonzero((found < WHOLE) & (_both(field, left, right) | moved))
    left, right = left.take(places), right.take(places)
    ends = (field.column, field.crossed), (field.crossed, field.column)
    across, back = (
        _points(texts, left.codes[one], right.codes[other], field.percent) for one, other in ends
    )
    both = np.where(moved[places], across + back, (across + back) // HALVES)
    found[places] = np.maximum(found[places], both)
    return found


def _points(texts: Texts, left: Codes, right: Codes, percent: int) -> Points:
    """Return how much alike texts are, 0 where one of them is not there."""
    places = np.flatnonzero((left >= 0) & (right >= 0))
    found = np.zeros(len(left), np.int64)
    found[places] = texts.points(left[places], right[places], percent)
    return found


def _contradicts(one: Alike, texts: Texts, left: Side, right: Side) -> NDArray[np.bool_]:
    """Say which records have values that are there and less alike than they must be."""
    alike = similarity(one, texts, left, right) >= one.percent * WHOLE // 100
    contradicted: NDArray[np.bool_] = _both(one, left, right) & ~alike
    return contradicted
