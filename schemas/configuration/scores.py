"""Score rules: a weighted sum of how much alike the fields of two records are, within blocks.

Source of what they mean: semantics 4.8.
"""

from typing import Annotated

from pydantic import Field

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.comparisons import (
    Comparison,
    Precision,
    check_comparison,
    percent_of,
)
from overtide.schemas.configuration.model import Model
from overtide.schemas.mistakes import Path
from overtide.schemas.types import type_of

WHOLE = 10_000
"""Similarities, scores and thresholds are whole numbers of this part."""
WEIGHT = 1_000
"""Weights are whole numbers of this part."""
LEAST_THERE = 50
"""Percent of the weight that must be there where nothing else says how much must agree."""
Weight = Annotated[float, Field(ge=0.001, le=1_000, strict=True, description="a number from 0.001")]
Percent = Annotated[
    float, Field(ge=1, le=100, strict=True, description="a number of percent, from 1 to 100")
]
Fields = str | list[str] | dict[str, str | list[str]]


class Crossing(Comparison):
    """A comparison whose values may have been swapped with those of another one."""

    swapped_with: Fields | None = Field(
        default=None,
        description="an attribute whose value may stand in the place of this one, written as "
        "`fields`: compared crosswise too, and the better counts",
        examples=["LastName", {"Shop_Contacts": "Name", "Loyalty_Members": "LastName"}],
    )

    @property
    def crossed(self) -> Comparison | None:
        """What is compared crosswise: the other attribute, normalised as this one."""
        if self.swapped_with is None:
            return None
        return self.model_copy(update={"fields": self.swapped_with, "swapped_with": None})


class ScoreField(Crossing):
    """How much one field counts."""

    weight: Weight = Field(default=1, description="how much the field counts", examples=[2.5])
    half_swapped: bool = Field(
        default=False,
        description="with `swapped_with`: whether one value that stands in the place of the other "
        "counts by half, where the other one was replaced or is not there",
        examples=[True],
    )
    distinguishes: Precision | None = Field(
        default=None,
        description="that it tells people apart who share the rest, such as a household, and how "
        "much alike it must be for that, written as `precision`: of all fields that do, one at "
        "least must be",
        examples=["high", "exact"],
    )
    precision: Precision | None = Field(
        default=None,
        description="values that are less alike count as different: low (30 %), medium (60 %), "
        "high (80 %), exact, or a whole number of percent; by default medium for strings, exact "
        "for other types",
        examples=["high", 70],
    )

    @property
    def units(self) -> int:
        """The weight as a whole number of thousandths."""
        return round(self.weight * WEIGHT)


class Contradiction(Crossing):
    """Two values that are both there and differ: then the records are no pair."""

    precision: Precision = Field(
        default="exact",
        description="values that are less alike contradict each other: low (30 %), medium (60 %), "
        "high (80 %), exact, or a whole number of percent",
        examples=["medium", 50],
    )
    through_others: bool = Field(
        default=False,
        description="whether it keeps records apart where others join both, too: the links with "
        "the least scores are left out",
        examples=[True],
    )

    @property
    def percent(self) -> int:
        """The least score in percent that is no contradiction."""
        return percent_of(self.precision)


class BlockPart(Comparison):
    """A value that records of one block share, or its beginning."""

    letters: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="how many of the first characters are enough, after normalisation",
        examples=[4],
    )


class Block(Model):
    """Records that share all these values are compared."""

    on: Annotated[list[BlockPart], Field(min_length=1)] = Field(
        description="what they share, all of it",
        examples=[[{"fields": "LastName", "letters": 4}, {"fields": "PostCode"}]],
    )


class Score(Model):
    """Fields with their weights, and which records are compared."""

    fields: Annotated[list[ScoreField], Field(min_length=1)] = Field(
        description="what is compared, each with its weight",
        examples=[[{"fields": "LastName", "weight": 4}, {"fields": "Street", "weight": 2}]],
    )
    blocks: Annotated[list[Block], Field(min_length=1)] = Field(
        description="records that share any of these blocks are compared",
        examples=[[{"on": [{"fields": "EMail"}]}, {"on": [{"fields": "Telephone"}]}]],
    )
    threshold: Percent = Field(
        description="the least score of a pair, in percent", examples=[70, 72.5]
    )
    at_least: Annotated[int, Field(ge=1, le=100, strict=True)] | None = Field(
        default=None,
        description="how many percent of the weight must belong to fields that both records have; "
        "50 by default, with `agreeing` any part",
        examples=[60],
    )
    agreeing: Annotated[int, Field(ge=1, le=100, strict=True)] | None = Field(
        default=None,
        description="how many percent of all weight the similarities must make up, whatever is "
        "missing: one of 80 % counts as 80 % of its weight",
        examples=[30],
    )

    @property
    def points(self) -> int:
        """The threshold as a whole number of ten-thousandths."""
        return round(self.threshold * WHOLE / 100)

    @property
    def percent_there(self) -> int:
        """How many percent of the weight must belong to fields that both records have."""
        if self.at_least is None:
            return LEAST_THERE if self.agreeing is None else 0
        return self.at_least


def least(field: ScoreField, texts: bool) -> int:
    """Return below how many percent values count as different; `texts` says that all are."""
    if field.precision is not None:
        return percent_of(field.precision)
    return 60 if texts else 100


def are_texts(checking: Checking, comparison: Comparison, entities: list[str]) -> bool:
    """Say whether all that is known of what is compared is of type string."""
    return all(
        type_of(checking.entities[entity].attribute(name).type).is_text
        for entity in entities
        for name in (comparison.fields_of(entity) if _speaks_of(comparison, entity) else [])
        if name in checking.entities[entity].attributes
    )


def _speaks_of(comparison: Comparison, entity: str) -> bool:
    return not isinstance(comparison.fields, dict) or entity in comparison.fields


def check_score(checking: Checking, path: Path, score: Score, entities: list[str]) -> None:
    """Check what a score rule compares of these entities, and its blocks."""
    for number, field in enumerate(score.fields):
        here = (*path, "fields", number)
        check_crossing(
            checking, here, field, entities, least(field, are_texts(checking, field, entities))
        )
        if field.half_swapped and field.swapped_with is None:
            checking.add(
                "unused_setting",
                (*here, "half_swapped"),
                "`half_swapped` has no effect without `swapped_with`.",
                expected="`swapped_with` beside it, or no `half_swapped`",
            )
    for number, block in enumerate(score.blocks):
        for place, part in enumerate(block.on):
            here = (*path, "blocks", number, "on", place)
            check_comparison(checking, here, part, entities, 100)


def check_crossing(
    checking: Checking, path: Path, crossing: Crossing, entities: list[str], percent: int
) -> None:
    """Check what is compared, and what it may be swapped with."""
    check_comparison(checking, path, crossing, entities, percent)
    if crossing.swapped_with is not None and crossing.swapped_with == crossing.fields:
        checking.add(
            "unused_setting",
            (*path, "swapped_with"),
            "`swapped_with` names what is compared itself, so it has no effect.",
            expected="an attribute whose value may stand in the place of this one",
        )
    if crossing.crossed is not None:
        check_comparison(checking, path, crossing.crossed, entities, percent, "swapped_with")
