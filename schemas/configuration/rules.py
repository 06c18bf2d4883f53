"""Rules of deduplication and matching."""

from collections.abc import Sequence

from pydantic import Field

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.comparisons import Comparison, Condition, check_comparison
from overtide.schemas.configuration.model import Model, Text
from overtide.schemas.configuration.scores import (
    Contradiction,
    Crossing,
    Score,
    check_crossing,
    check_score,
)
from overtide.schemas.mistakes import Path


class Rule(Model):
    """Conditions that must all hold, or a score; and what must not contradict.

    At least one of the conditions is exact and forms the blocks.
    """

    name: Text = Field(
        description="the name of the rule in `ConflationMatchPairs` and in statistics",
        examples=["Name and e-mail"],
    )
    conditions: list[Condition] = Field(
        default=[],
        description="what must hold, all of it",
        examples=[[{"fields": "EMail"}]],
    )
    score: Score | None = Field(
        default=None,
        description="instead of conditions: fields with weights, and the least score",
        examples=[
            {
                "fields": [{"fields": "LastName", "weight": 3}, {"fields": "Street"}],
                "blocks": [{"on": [{"fields": "PostCode"}]}],
                "threshold": 70,
            }
        ],
    )
    contradictions: list[Contradiction] = Field(
        default=[],
        description="records whose values are there and differ are no pair by this rule",
        examples=[[{"fields": "DateOfBirth"}]],
    )
    enabled: bool = Field(
        default=True,
        description="whether the rule applies; else it is as if absent",
        examples=[False],
    )

    @property
    def compared(self) -> list[Comparison]:
        """Everything that it compares, and what makes its blocks."""
        score = self.score
        blocks = [part for block in score.blocks for part in block.on] if score else []
        return [*self.conditions, *(score.fields if score else []), *blocks, *self.contradictions]

    def fields_of(self, entity: str) -> set[str]:
        """Return the attributes of an entity that it compares, also those that may be swapped."""
        crossed = [one.crossed for one in self.compared if isinstance(one, Crossing)]
        several = [*self.compared, *(one for one in crossed if one is not None)]
        return {name for one in several for name in one.fields_of(entity)}

    @property
    def through_others(self) -> bool:
        """Whether any contradiction keeps records apart where others join both, too."""
        return any(one.through_others for one in self.contradictions)


def check_rules(
    checking: Checking, path: Path, rules: Sequence[Rule], entities: list[str] | None
) -> None:
    """Check rules; what they compare only where it is known of which entities."""
    checking.unique(
        ((rule.name, (*path, number, "name")) for number, rule in enumerate(rules)),
        "names of rules",
    )
    for number, rule in enumerate(rules):
        here = (*path, number)
        _kind(checking, here, rule)
        for position, condition in enumerate(rule.conditions if entities else []):
            place = (*here, "conditions", position)
            check_comparison(checking, place, condition, entities or [], condition.percent)
        if rule.score is not None and entities:
            check_score(checking, (*here, "score"), rule.score, entities)
        for position, one in enumerate(rule.contradictions if entities else []):
            place = (*here, "contradictions", position)
            check_crossing(checking, place, one, entities or [], one.percent)


def _kind(checking: Checking, path: Path, rule: Rule) -> None:
    """Check that a rule has either conditions, one of them exact, or a score."""
    if rule.score is not None and rule.conditions:
        checking.add(
            "unused_setting",
            (*path, "conditions"),
            f"The rule `{rule.name}` has conditions and a score.",
            expected="either conditions or a score",
            hint="Two rules, one after the other, do what both of them say.",
        )
    elif rule.score is None and not rule.conditions:
        checking.add(
            "missing_setting",
            path,
            f"The rule `{rule.name}` says nothing.",
            expected="conditions, or a score",
        )
    elif rule.score is None and all(condition.percent < 100 for condition in rule.conditions):
        checking.add(
            "no_exact_condition",
            path,
            f"The rule `{rule.name}` has no exact condition.",
            expected="at least one condition with precision exact",
            hint="Records are only compared when an exact condition brings them together.",
        )
