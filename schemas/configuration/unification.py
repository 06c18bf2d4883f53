"""The section `unification`: map, deduplicate, match and merge."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from overtide.schemas.aliases import contradictions
from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.customer_clusters import CustomerCluster, check_clusters
from overtide.schemas.configuration.ignore import Ignore
from overtide.schemas.configuration.matching import (
    MatchPair,
    UnifiedEntity,
    check_match,
    check_unified,
)
from overtide.schemas.configuration.merge import (
    Merge,
    alternate_keys,
    check_merge,
    check_together,
    origins_of,
)
from overtide.schemas.configuration.model import Model, Text
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.mistakes import Path


class Limits(Model):
    """A block or a customer larger than this is not merged but told."""

    block_size: Annotated[int, Field(ge=2)] = Field(
        default=1000,
        description="the most records that may share the exact values of a rule",
        examples=[200],
    )
    cluster_size: Annotated[int, Field(ge=2)] = Field(
        default=1000, description="the most records of one customer", examples=[50]
    )
    large_customer: Annotated[int, Field(ge=2)] = Field(
        default=50, description="customers with more records are unified, and told", examples=[10]
    )


class CustomerIdFields(Model):
    """What CustomerIds are made of instead of the keys of records."""

    fields: Annotated[list[str], Field(min_length=1, max_length=5)] = Field(
        description="1 to 5 columns of Customer that hardly ever change and are hardly ever empty",
        examples=[["EMail"], ["FirstName", "LastName", "DateOfBirth"]],
    )


class Unification(Model):
    """Map, deduplicate, match and merge."""

    entities: Annotated[list[UnifiedEntity], Field(min_length=1)] = Field(
        description="the entities that make up customers; the first is the primary entity",
        examples=[[{"entity": "Shop_Contacts"}, {"entity": "Loyalty_Members"}]],
    )
    match: list[MatchPair] = Field(
        default=[],
        description="how records of different entities find each other",
        examples=[
            [
                {
                    "entity": "Loyalty_Members",
                    "to": "Shop_Contacts",
                    "rules": [{"name": "E-mail", "conditions": [{"fields": "EMail"}]}],
                }
            ]
        ],
    )
    merge: Merge = Field(
        description="the columns of Customer",
        examples=[{"fields": [{"name": "EMail", "from": ["Shop_Contacts.EMail"]}]}],
    )
    customer_id: CustomerIdFields | None = Field(
        default=None,
        description="columns that new CustomerIds are made of, instead of the keys of records",
        examples=[{"fields": ["EMail"]}],
    )
    ignore: Ignore = Field(
        default=Ignore(),
        description="values that stand for none in all entities",
        examples=[{"shared_by": 100}],
    )
    aliases: dict[str, Text | dict[str, Text]] = Field(
        default={},
        description="name -> a CSV file within the project with the columns `Alias` and `Value`, "
        "or the aliases themselves, each with what it stands for",
        examples=[{"Names": "data/names.csv", "Towns": {"NYC": "New York"}}],
    )
    clusters: list[CustomerCluster] = Field(
        default=[],
        description="columns of Customer for customers who belong together, such as households",
        examples=[
            [
                {
                    "name": "HouseholdId",
                    "rules": [
                        {"name": "Address", "conditions": [{"fields": ["LastName", "Street"]}]}
                    ],
                }
            ]
        ],
    )
    decisions: Text | None = Field(
        default=None,
        description="a CSV file of pairs of records that are always or never one customer, within "
        "the project",
        examples=["data/decisions.csv"],
    )
    limits: Limits = Field(
        default=Limits(),
        description="how large a block and a customer may be",
        examples=[{"block_size": 200}],
    )


def check_unification(checking: Checking, unification: Unification) -> None:
    """Check the entities that take part, their rules, and the columns of Customer."""
    check_unified(checking, unification.entities)
    check_match(checking, unification.match)
    clusters = [
        (one.name, ("unification", "clusters", place, "name"))
        for place, one in enumerate(unification.clusters)
    ]
    check_merge(checking, unification.merge, clusters)
    check_clusters(checking, unification.clusters, unification.merge)
    chosen = {
        one.entity: [prefer.attributes for prefer in one.deduplicate.per_attribute]
        for one in unification.entities
    }
    check_together(checking, unification.merge, chosen)
    if unification.customer_id is not None:
        _customer_id(checking, unification.customer_id, unification.merge)
    check_lists(checking, unification)


def _rules(unification: Unification) -> list[Rule]:
    """Return all rules, also those that do not apply."""
    within = [rule for one in unification.entities for rule in one.deduplicate.rules]
    between = [rule for pair in unification.match for rule in pair.rules]
    return [*within, *between, *(rule for one in unification.clusters for rule in one.rules)]


def check_lists(checking: Checking, unification: Unification) -> None:
    """Check the aliases that stand in the configuration, and the values of single attributes."""
    for name, one in unification.aliases.items():
        pairs = list(one.items()) if isinstance(one, dict) else []
        for number, message in contradictions(pairs):
            checking.add(
                "invalid_value",
                ("unification", "aliases", name, pairs[number][0]),
                f"`{name}` {message}.",
                expected="each alias once, with a value that is no alias",
            )
    used = {
        name for rule in _rules(unification) for one in rule.compared for name in one.alias_lists
    }
    for name in unification.aliases:
        if name not in used and not checking.found and not checking.broken:
            checking.note(
                "unused_aliases",
                ("unification", "aliases", name),
                f"No rule compares with the aliases `{name}`.",
            )
    named = [one.entity for one in unification.entities]
    _values_of(checking, ("unification", "ignore"), unification.ignore, named)
    for number, entity in enumerate(unification.entities):
        path = ("unification", "entities", number, "ignore")
        _values_of(checking, path, entity.ignore, [entity.entity])


def _values_of(checking: Checking, path: Path, ignore: Ignore, entities: Sequence[str]) -> None:
    """Check that values are ignored in attributes that there are."""
    if not set(entities) <= set(checking.entities):
        return
    known = list(
        dict.fromkeys(name for one in entities for name in checking.entities[one].attributes)
    )
    for name in ignore.values_of:
        if name not in known:
            here = (*path, "values_of", name)
            checking.unknown(here, name, f"attribute of {' or '.join(entities)}", known)


def _customer_id(checking: Checking, made_of: CustomerIdFields, merge: Merge) -> None:
    """Check that a CustomerId is made of columns of Customer, each once."""
    path = ("unification", "customer_id", "fields")
    keys = alternate_keys(checking)
    checking.unique(
        ((name, (*path, number)) for number, name in enumerate(made_of.fields)),
        "columns that make a CustomerId",
    )
    if checking.is_broken(("unification", "merge")) or len(keys) < len(set(checking.unified)):
        return
    for number, name in enumerate(made_of.fields):
        if name not in (*origins_of(merge), *keys):
            checking.unknown(
                (*path, number), name, "column of Customer", [*origins_of(merge), *keys]
            )
