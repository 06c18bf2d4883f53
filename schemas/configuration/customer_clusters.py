"""Clusters of customers, such as households: columns of Customer that are told by rules."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.entities import Attribute, Entity
from overtide.schemas.configuration.merge import Merge, origins_of
from overtide.schemas.configuration.model import Model
from overtide.schemas.configuration.rules import Rule, check_rules

CUSTOMER, CUSTOMER_ID = "Customer", "CustomerId"


class CustomerCluster(Model):
    """A column of Customer that is the same for customers who belong together."""

    name: str = Field(
        description="the column's name: letters, digits and underscores", examples=["HouseholdId"]
    )
    rules: Annotated[list[Rule], Field(min_length=1)] = Field(
        description="customers for whom any of these holds are of one cluster; what they compare "
        "are columns of Customer",
        examples=[[{"name": "Address", "conditions": [{"fields": ["LastName", "Street"]}]}]],
    )

    @property
    def in_force(self) -> list[Rule]:
        """The rules that apply."""
        return [rule for rule in self.rules if rule.enabled]


def customers(merge: Merge, entities: Mapping[str, Entity]) -> Entity | None:
    """Return what rules compare of customers, as an entity: their merged columns.

    A column means what its first attribute means. None where it is not known of which type one is.
    """
    columns = {CUSTOMER_ID: Attribute()}
    for name, origins in origins_of(merge).items():
        first = next(iter(origins), None)
        if (
            first is None
            or first[0] not in entities
            or first[1] not in entities[first[0]].attributes
        ):
            return None
        one = entities[first[0]].attribute(first[1])
        columns[name] = Attribute(
            type=one.type, semantic_type=one.semantic_type, country=one.country
        )
    return Entity(path=CUSTOMER, primary_key=CUSTOMER_ID, attributes={**columns})


def check_clusters(checking: Checking, clusters: Sequence[CustomerCluster], merge: Merge) -> None:
    """Check that the rules of clusters compare columns of Customer."""
    path = ("unification", "clusters")
    columns = customers(merge, checking.entities)
    if columns is None or checking.is_broken(("unification", "merge")):
        return  # what is wrong with the columns is told already
    of_customers = replace(
        checking, entities={CUSTOMER: columns}, places={CUSTOMER: ("unification", "merge")}
    )
    for place, one in enumerate(clusters):
        check_rules(of_customers, (*path, place, "rules"), one.rules, [CUSTOMER])
