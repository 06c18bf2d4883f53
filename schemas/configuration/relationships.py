"""The section `relationships`: how activities find their customers."""

from collections.abc import Sequence

from pydantic import Field

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.model import Model, Text
from overtide.schemas.mistakes import Path
from overtide.schemas.types import type_of


class Relationship(Model):
    """A foreign key from an activity's entity to a unified entity."""

    name: Text = Field(description="the name that activities refer to", examples=["Orders"])
    entity: str = Field(
        description="the entity that holds the foreign key", examples=["Shop_Orders"]
    )
    foreign_key: str = Field(
        description="its attribute with the other entity's primary key", examples=["ContactId"]
    )
    to: str = Field(description="the unified entity", examples=["Shop_Contacts"])


def check_relationships(checking: Checking, relationships: Sequence[Relationship]) -> None:
    """Check that relationships lead to a unified entity's primary key of the same type.

    Each leads there from an attribute.
    """
    checking.unique(
        ((one.name, ("relationships", number, "name")) for number, one in enumerate(relationships)),
        "names of relationships",
    )
    for number, one in enumerate(relationships):
        _relationship(checking, ("relationships", number), one)


def _relationship(checking: Checking, path: Path, one: Relationship) -> None:
    checking.entity((*path, "entity"), one.entity)
    kind = checking.attribute((*path, "foreign_key"), one.entity, one.foreign_key)
    target = checking.entity((*path, "to"), one.to, unified=True)
    if target is None or target.primary_key not in target.attributes or kind is None:
        return
    key = target.attribute(target.primary_key).type
    place = (*checking.places[one.to], "attributes", target.primary_key)
    if kind != key and type_of(key).is_key and not checking.is_broken(place):
        checking.add(
            "wrong_type",
            (*path, "foreign_key"),
            (
                f"`{one.foreign_key}` is of type {kind}, but the primary key of {one.to} is of "
                f"type {key}."
            ),
            expected=f"type {key}",
        )
