"""The entities that make up customers, and how their records find each other."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.entities import Preference
from overtide.schemas.configuration.ignore import Ignore
from overtide.schemas.configuration.model import Model, Text
from overtide.schemas.configuration.rules import Rule, check_rules
from overtide.schemas.configuration.sources import check_preference
from overtide.schemas.mistakes import Path


class AttributePreference(Preference):
    """Which record of a group gives one attribute, or several that are taken together."""

    of: Text | Annotated[list[Text], Field(min_length=1)] = Field(
        description="an attribute, or several that come from one record, such as an address",
        examples=["Phone", ["Street", "City"]],
    )

    @property
    def attributes(self) -> list[str]:
        """The attributes that it gives."""
        return [self.of] if isinstance(self.of, str) else list(self.of)


class Deduplicate(Model):
    """How duplicates within one entity are found and which of them wins."""

    prefer: Preference = Field(
        default=Preference(),
        description="which record of a group, those of one person, wins",
        examples=[{"policy": "most_recent", "attribute": "CreatedOn"}],
    )
    per_attribute: list[AttributePreference] = Field(
        default=[],
        description="attributes that come from another record of the group than the one that wins",
        examples=[[{"of": "Phone", "policy": "most_recent", "attribute": "ChangedOn"}]],
    )
    rules: list[Rule] = Field(
        default=[],
        description="records that match by any of these are one group",
        examples=[[{"name": "E-mail", "conditions": [{"fields": "EMail"}]}]],
    )


class UnifiedEntity(Model):
    """An entity that takes part in unification; the first is the primary entity."""

    entity: str = Field(
        description="the entity's full name, `{DataSource}_{Entity}`", examples=["Shop_Contacts"]
    )
    include_all: bool = Field(
        default=True,
        description="whether records without a match become customers too",
        examples=[False],
    )
    deduplicate: Deduplicate = Field(
        default=Deduplicate(),
        description="how its own duplicates are found",
        examples=[{"rules": [{"name": "E-mail", "conditions": [{"fields": "EMail"}]}]}],
    )
    ignore: Ignore = Field(
        default=Ignore(),
        description="values that stand for none in this entity, besides those of all",
        examples=[{"values": ["till@shop.org"]}],
    )


class MatchPair(Model):
    """The ordered rules by which the records of `entity` find those of an earlier entity."""

    entity: str = Field(
        description="the entity that looks for matches", examples=["Loyalty_Members"]
    )
    to: str = Field(description="the earlier entity in which it looks", examples=["Shop_Contacts"])
    rules: Annotated[list[Rule], Field(min_length=1)] = Field(
        description="tried in order; a record with a match by one rule is not offered to the next",
        examples=[[{"name": "E-mail", "conditions": [{"fields": "EMail"}]}]],
    )
    best_only: bool = Field(
        default=False,
        description="whether a record keeps, of all its links between these entities, only the one "
        "with the greatest score",
        examples=[True],
    )


def check_unified(checking: Checking, entities: Sequence[UnifiedEntity]) -> None:
    """Check the entities that take part, their preference and their rules of deduplication."""
    paths = [("unification", "entities", number) for number in range(len(entities))]
    checking.unique(
        ((one.entity, (*path, "entity")) for one, path in zip(entities, paths, strict=True)),
        "unified entities",
    )
    for one, path in zip(entities, paths, strict=True):
        if checking.entity((*path, "entity"), one.entity) is not None:
            check_preference(
                checking, (*path, "deduplicate", "prefer"), one.entity, one.deduplicate.prefer
            )
            _per_attribute(checking, (*path, "deduplicate", "per_attribute"), one)
            check_rules(
                checking, (*path, "deduplicate", "rules"), one.deduplicate.rules, [one.entity]
            )


def _per_attribute(checking: Checking, path: Path, one: UnifiedEntity) -> None:
    """Check preferences of attributes: each attribute in one of them, and never the key."""
    named: list[tuple[str, Path]] = []
    for number, prefer in enumerate(one.deduplicate.per_attribute):
        check_preference(checking, (*path, number), one.entity, prefer)
        for place, name in enumerate(prefer.attributes):
            here = (*path, number, "of", *(() if isinstance(prefer.of, str) else (place,)))
            named.append((name, here))
            checking.attribute(here, one.entity, name)
            if name == checking.entities[one.entity].primary_key:
                checking.add(
                    "invalid_value",
                    here,
                    f"`{name}` is the primary key of {one.entity}: it comes from the record that "
                    "wins.",
                    expected="other attributes",
                )
    seen: set[str] = set()
    for name, here in named:  # attributes are called as in the files: case counts
        if name in seen:
            checking.add(
                "duplicate_name",
                here,
                f"`{name}` is there twice: an attribute has one preference.",
                expected="each attribute once",
            )
        seen.add(name)


def check_match(checking: Checking, pairs: Sequence[MatchPair]) -> None:
    """Check that pairs lead to an earlier entity and that their rules hold.

    Every entity has to have a pair.
    """
    for number, pair in enumerate(pairs):
        path = ("unification", "match", number)
        known = [
            checking.entity((*path, end), name, unified=True) is not None
            for end, name in (("entity", pair.entity), ("to", pair.to))
        ]
        if all(known):
            _order(checking, path, pair)
        entities = [pair.entity, pair.to] if all(known) and pair.entity != pair.to else None
        check_rules(checking, (*path, "rules"), pair.rules, entities)
    _pairs_once(checking, pairs)
    matched = {pair.entity for pair in pairs}
    for number, name in enumerate(checking.unified[1:], start=1):
        if name not in matched and not checking.found and not checking.broken:
            checking.note(
                "unmatched_entity",
                ("unification", "entities", number),
                f"{name} has no match rules: its records are customers of their own.",
            )


def _order(checking: Checking, path: Path, pair: MatchPair) -> None:
    order = checking.unified
    if order.index(pair.entity) <= order.index(pair.to):
        checking.add(
            "wrong_order",
            (*path, "to"),
            f"{pair.entity} does not come later than {pair.to} in unification.entities.",
            expected="a pair from a later to an earlier entity",
            hint="Exchange `entity` and `to`."
            if pair.entity != pair.to
            else "Duplicates within one entity are found by its `deduplicate` rules.",
        )


def _pairs_once(checking: Checking, pairs: Sequence[MatchPair]) -> None:
    seen: dict[tuple[str, str], int] = {}
    for number, pair in enumerate(pairs):
        first = seen.setdefault((pair.entity, pair.to), number)
        if first != number:
            checking.add(
                "duplicate_name",
                ("unification", "match", number),
                f"{pair.entity} and {pair.to} are a pair already (match[{first}]).",
                expected="one pair with all its rules",
            )
