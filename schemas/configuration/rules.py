"""Rules of deduplication and matching, and what their conditions compare."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.model import Country, Model, Text
from overtide.schemas.configuration.sources import check_country
from overtide.schemas.mistakes import Path
from overtide.schemas.types import KEYS, listed, type_of

Normalization = Literal[
    "numerals",
    "symbols",
    "lower",
    "phone",
    "name",
    "address",
    "organization",
    "ascii",
    "whitespace",
    "email",
]
Precision = (
    Literal["low", "medium", "high", "exact"]
    | Annotated[int, Field(ge=1, le=100, strict=True, description="the least score in percent")]
)


class Condition(Model):
    """Two values are compared.

    Attributes joined by a blank, normalised, then scored against the precision.
    """

    fields: str | list[str] | dict[str, str | list[str]] = Field(
        description="an attribute (or a list, compared in combination) when it has the same name "
        "in both entities, else a mapping from entity to that",
        examples=[
            "EMail",
            ["FirstName", "LastName"],
            {"Shop_Contacts": "FullName", "Loyalty_Members": "Name"},
        ],
    )
    normalize: list[Normalization] = Field(
        default=[],
        description="what is made equal before values are compared",
        examples=[["lower", "whitespace", "email"]],
    )
    precision: Precision = Field(
        default="exact",
        description="low (30 %), medium (60 %), high (80 %), exact, or a whole number of percent",
        examples=["high", 85],
    )
    ignore_word_order: bool | None = Field(
        default=None,
        description="whether words are sorted first; by default only with the `name` normalisation",
        examples=[True],
    )
    country: Country | None = Field(
        default=None,
        description="for `phone`: whose numbers those without a country code are, where the "
        "attribute says nothing",
        examples=["NL"],
    )
    ignore: bool = Field(
        default=True, description="whether ignored values compare as null here", examples=[False]
    )

    def fields_of(self, entity: str) -> list[str]:
        """Return the attributes of this entity that are compared in combination."""
        names = self.fields[entity] if isinstance(self.fields, dict) else self.fields
        return [names] if isinstance(names, str) else list(names)

    @property
    def percent(self) -> int:
        """The least score in percent: low 30, medium 60, high 80, exact 100."""
        named = {"low": 30, "medium": 60, "high": 80, "exact": 100}
        return named[self.precision] if isinstance(self.precision, str) else self.precision

    @property
    def words_sorted(self) -> bool:
        """Whether the words are sorted before they are compared."""
        return (
            "name" in self.normalize if self.ignore_word_order is None else self.ignore_word_order
        )


class Rule(Model):
    """All conditions must hold; at least one of them is exact and forms the blocks."""

    name: Text = Field(
        description="the name of the rule in `ConflationMatchPairs` and in statistics",
        examples=["Name and e-mail"],
    )
    conditions: Annotated[list[Condition], Field(min_length=1)] = Field(
        description="what must hold, all of it", examples=[[{"fields": "EMail"}]]
    )


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
        if all(condition.percent < 100 for condition in rule.conditions):
            checking.add(
                "no_exact_condition",
                here,
                f"The rule `{rule.name}` has no exact condition.",
                expected="at least one condition with precision exact",
                hint="Records are only compared when an exact condition brings them together.",
            )
        for position, condition in enumerate(rule.conditions if entities else []):
            _condition(checking, (*here, "conditions", position), condition, entities or [])


def _condition(checking: Checking, path: Path, condition: Condition, entities: list[str]) -> None:
    where = (*path, "fields")
    if isinstance(condition.fields, dict) and not _sides(
        checking, where, list(condition.fields), entities
    ):
        return
    _country(checking, path, condition)
    found = [_kinds(checking, where, condition, entity) for entity in entities]
    known = [[kind for kind in kinds if kind is not None] for kinds in found]
    if known == found and all(known):
        _compared(checking, path, condition, known)


def _country(checking: Checking, path: Path, condition: Condition) -> None:
    if (
        condition.country is not None
        and "phone" not in condition.normalize
        and not checking.is_broken(path)
    ):
        checking.add(
            "unused_setting",
            (*path, "country"),
            "Only the normalisation `phone` asks for a country.",
            expected="no country, or phone among `normalize`",
        )
    check_country(checking, (*path, "country"), condition.country)


def _sides(checking: Checking, path: Path, named: list[str], entities: list[str]) -> bool:
    unknown = [name for name in named if name not in entities]
    for name in unknown:
        checking.unknown((*path, name), name, "entity of this rule", entities)
    for entity in entities:
        if entity not in named and not unknown:
            checking.add(
                "missing_setting",
                path,
                f"The fields of {entity} are missing.",
                expected=f"the fields of {' and '.join(entities)}",
            )
    return set(named) == set(entities)


def _kinds(checking: Checking, path: Path, condition: Condition, entity: str) -> list[str | None]:
    """Return the types of the fields of one side, and remember what is wrong with their names."""
    side = (*path, entity) if isinstance(condition.fields, dict) else path
    names = condition.fields_of(entity)
    if not names and not checking.has(side):
        checking.add(
            "missing_setting",
            side,
            "A condition compares at least one attribute.",
            expected="an attribute",
        )
    value = condition.fields[entity] if isinstance(condition.fields, dict) else condition.fields
    return [
        checking.attribute((*side, number) if isinstance(value, list) else side, entity, name)
        for number, name in enumerate(names)
    ]


def _compared(checking: Checking, path: Path, condition: Condition, kinds: list[list[str]]) -> None:
    everything = {kind for side in kinds for kind in side}
    joined = all(type_of(kind).is_key for kind in everything)
    if condition.percent < 100 and not all(type_of(kind).is_text for kind in everything):
        checking.add(
            "wrong_type",
            path,
            f"Only strings can be nearly the same, not {_types(everything)}.",
            expected="precision exact, or attributes of type string",
        )
    elif condition.normalize and not joined:
        checking.add(
            "wrong_type",
            (*path, "normalize"),
            f"Only texts can be normalised, not {_types(everything)}.",
            expected="no normalisation, or attributes of type string",
        )
    elif max(map(len, kinds)) > 1:
        if not joined:
            checking.add(
                "wrong_type",
                path,
                f"Only texts can be compared in combination, not {_types(everything)}.",
                expected=f"attributes of type {listed(KEYS)}",
            )
    elif len(everything) > 1:
        checking.add(
            "wrong_type",
            path,
            f"Values of different types are compared: {_types(everything)}.",
            expected="attributes of one type",
        )


def _types(kinds: set[str]) -> str:
    return " and ".join(sorted(kinds))
