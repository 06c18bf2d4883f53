"""Explain why a rule joins two records, or why not: comparison by comparison.

What is said of a score is what the rule itself reckons (`scoring`); the sentence about the whole is
the rule's own answer (`two_records.points_alone`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from rapidfuzz.distance import Levenshtein

from overtide.schemas.configuration.comparisons import Comparison
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.configuration.scores import WHOLE, ScoreField
from overtide.transforms.matching import pairs
from overtide.transforms.matching.pairs import Search
from overtide.transforms.matching.scoring import (
    HALVES,
    Alike,
    Scoring,
    Side,
    contradictions,
    scored,
    there,
)
from overtide.transforms.matching.scoring import similarity as alike
from overtide.transforms.matching.similarity import Texts
from overtide.transforms.matching.sizes import label
from overtide.transforms.matching.two_records import Two, Values

DISTINGUISHING = "distinguishing"
"""The role of what tells people apart: one of several is enough."""
ANY = 1
"""The least likeness in percent that is still shown as one."""
Row = dict[str, object]


@dataclass(frozen=True)
class Compared:
    """One comparison of a rule: what it says of both records.

    `points` is how much alike they are, None where one has no value; `needed` the least in percent.
    """

    role: str
    comparison: Comparison
    place: int
    points: int | None
    holds: bool
    needed: int
    crossed: bool = False

    @property
    def nearness(self) -> float:
        """How near it is to what is needed, at most 1."""
        return min(1.0, (self.points or 0) / (self.needed * 100))


def of_conditions(rule: Rule, values: Values) -> list[Compared]:
    """Return what a rule of conditions compares: its conditions, then its contradictions."""
    found = []
    conditions = [*pairs.split(rule)[0], *pairs.split(rule)[1]]
    for place, condition in enumerate(conditions):
        one, other = (side[place] for side in values.compared)
        points, holds = None, False
        if one is not None and other is not None:
            longer = max(len(one), len(other), 1)
            near = longer - Levenshtein.distance(one, other)
            points, holds = near * WHOLE // longer, near * 100 >= condition.percent * longer
        found.append(Compared("condition", condition, place, points, holds, condition.percent))
    compared, against = contradictions(rule, len(conditions))
    side = _sides(values)
    return [*found, *_against(against, [*conditions, *compared], *side)]


def of_score(scoring: Scoring, values: Values) -> list[Compared]:
    """Return what a score rule compares: its fields, the heaviest first, what distinguishes.

    Its contradictions come last.
    """
    texts, left, right = _sides(values)
    found = [
        _crossing("field", field, scoring.compared[field.column], texts, left, right)
        for field in scoring.fields
    ]
    distinguishing = [
        _crossing(DISTINGUISHING, one, scoring.compared[one.column], texts, left, right)
        for one in scoring.distinguishing
    ]
    against = _against(scoring.contradictions, list(scoring.compared), texts, left, right)
    return [*found, *distinguishing, *against]


def score_of(scoring: Scoring, values: Values) -> tuple[int | None, float]:
    """Return the score of both in ten-thousandths, and which part of the weight both have.

    None where they have no field in common.
    """
    texts, left, right = _sides(values)
    open_ = replace(scoring, threshold=0, at_least=0, agreeing=0)
    open_ = replace(open_, contradictions=(), distinguishing=())
    _, points = scored(open_, texts, left, right)
    present = sum(field.units * int(there(field, left, right)[0]) for field in scoring.fields)
    return (
        int(points[0]) if len(points) else None,
        present / HALVES / sum(field.units for field in scoring.fields),
    )


def _sides(values: Values) -> tuple[Texts, Side, Side]:
    both = pa.array([*values.compared[0], *values.compared[1]], pa.large_string())
    encoded = both.dictionary_encode()
    codes = np.asarray(encoded.indices.fill_null(-1), dtype=np.int32)
    half = len(values.compared[0])
    left, right = (
        Side({place: some[place : place + 1] for place in range(half)})
        for some in (codes[:half], codes[half:])
    )
    return Texts(encoded.dictionary), left, right


def _crossing(
    role: str, one: Alike, comparison: Comparison, texts: Texts, left: Side, right: Side
) -> Compared:
    if not there(one, left, right)[0]:
        return Compared(role, comparison, one.column, None, False, one.percent)
    points = int(alike(replace(one, percent=ANY), texts, left, right)[0])
    plain = replace(one, percent=ANY, crossed=None, half=False)
    straight = int(alike(plain, texts, left, right)[0])
    counted = int(alike(one, texts, left, right)[0])
    return Compared(
        role, comparison, one.column, points, counted > 0, one.percent, points > straight
    )


def _against(
    against: "tuple[Alike, ...] | list[Alike]",
    compared: list[Comparison],
    texts: Texts,
    left: Side,
    right: Side,
) -> Iterator[Compared]:
    """Give the contradictions: one that does not hold keeps both apart."""
    for one in against:
        found = _crossing("contradiction", one, compared[one.column], texts, left, right)
        yield replace(found, holds=found.points is None or found.holds)


def told(one: Compared, search: Search, two: Two, values: Values) -> Row:
    """Return a comparison as documents show it: values as read and as compared, and the outcome."""
    after = [side[one.place] for side in values.compared]
    return {
        "role": one.role,
        "attributes": label(one.comparison, search),
        "before": [
            {field: texts[field] for field in one.comparison.fields_of(entity)}
            for entity, texts in zip(two.entities, two.values, strict=True)
        ],
        "after": after,
        "ignored": [side[one.place] for side in values.ignored],
        "similarity": None if one.points is None else one.points / 100,
        "needed": one.needed,
        "weight": _weight(one),
        "swapped": one.crossed,
        "holds": one.holds,
    }


def _weight(one: Compared) -> float | None:
    if one.role != "field" or not isinstance(one.comparison, ScoreField):
        return None
    return one.comparison.weight


def is_distinguished(compared: Sequence[Compared]) -> bool:
    """Say whether one of the fields that tell people apart is alike, or there are none."""
    found = [one.holds for one in compared if one.role == DISTINGUISHING]
    return any(found) or not found


def nearest(
    rule: Rule,
    compared: list[Compared],
    score: int | None,
    there: float,
    label_of: Callable[[Compared], str],
) -> tuple[float, list[str]]:
    """Return how near a rule is to joining both, at most 1, and what keeps it from that.

    `there` is which part of the weight both have.
    """
    counts_alone = {"field"} if rule.score is not None else set()
    if is_distinguished(compared):
        counts_alone.add(DISTINGUISHING)
    missed = [label_of(one) for one in compared if not one.holds and one.role not in counts_alone]
    if rule.score is not None:
        near = (score or 0) / rule.score.points
        if rule.score.agreeing is not None:
            near = min(near, (score or 0) * there / WHOLE / (rule.score.agreeing / 100))
        return min(1.0, near), missed
    conditions = [one.nearness for one in compared if one.role == "condition"]
    return sum(conditions) / len(conditions), missed
