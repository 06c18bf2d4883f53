"""The section `relationships`: how activities find their customers."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.comparisons import Normalization
from overtide.schemas.configuration.composite_keys import TEXT_OR_TEXTS
from overtide.schemas.configuration.merge import Merge, origins_of
from overtide.schemas.configuration.model import Model, Text
from overtide.schemas.mistakes import Path
from overtide.schemas.types import type_of

CUSTOMER = "Customer"
"""What `to` says where the field is one of the unified customer."""


class Relationship(Model):
    """A foreign key from an activity's entity to a unified entity, or on the way to one."""

    name: Text = Field(description="the name that activities refer to", examples=["Orders"])
    entity: str = Field(
        description="the entity that holds the foreign key", examples=["Shop_Orders"]
    )
    foreign_key: Annotated[str, WithJsonSchema(TEXT_OR_TEXTS)] = Field(
        description="its attribute with the other entity's primary key, or several where that is "
        "of several; with `field`, the attribute that holds the same as that",
        examples=["ContactId", ["OrderId", "LineNumber"]],
    )
    to: str = Field(
        description="a unified entity; an entity from which another relationship leads on; or "
        "`Customer`, with `field`",
        examples=["Shop_Contacts", CUSTOMER],
    )
    field: str | None = Field(
        default=None,
        description="what is looked up instead of the primary key: an attribute of `to`, or a "
        "column of Customer",
        examples=["EMail"],
    )
    normalize: list[Normalization] = Field(
        default=[],
        description="with `field`: what is made equal before values are compared",
        examples=[["lower", "whitespace", "email"]],
    )
    then: str | None = Field(
        default=None,
        description="the relationship that leads on, where several begin at `to`",
        examples=["Tickets"],
    )


def lead_on(relationships: Sequence[Relationship], one: Relationship) -> list[Relationship]:
    """Return the relationships by which a way may go on behind one: those that begin where it ends.

    With `then` the one that is named.
    """
    return [
        other
        for other in relationships
        if other.entity == one.to and one.then in (None, other.name)
    ]


def check_relationships(
    checking: Checking, relationships: Sequence[Relationship], merge: Merge
) -> None:
    """Check that relationships lead to customers, by values of the same types."""
    checking.unique(
        ((one.name, ("relationships", number, "name")) for number, one in enumerate(relationships)),
        "names of relationships",
    )
    for number, one in enumerate(relationships):
        path = ("relationships", number)
        checking.entity((*path, "entity"), one.entity)
        if one.to == CUSTOMER:
            _to_customer(checking, path, one, merge)
        elif checking.entity((*path, "to"), one.to, one.to in checking.unified) is not None:
            _to_entity(checking, path, one)
            _onwards(checking, path, one, relationships)
        _normalised(checking, path, one)


def _to_customer(checking: Checking, path: Path, one: Relationship, merge: Merge) -> None:
    origins = origins_of(merge)
    if one.field is None:
        checking.add(
            "missing_setting",
            path,
            f"{CUSTOMER} is found by one of its columns.",
            expected="`field`, the column that holds the same as the foreign key",
        )
    elif one.field not in origins:
        if not checking.is_broken(("unification", "merge")):
            checking.unknown((*path, "field"), one.field, f"merged column of {CUSTOMER}", origins)
    else:
        for entity, attribute in origins[one.field]:
            _same_type(checking, path, one, entity, attribute)
    _needless_then(checking, path, one, f"{CUSTOMER} is the end of the way")


def _to_entity(checking: Checking, path: Path, one: Relationship) -> None:
    target = checking.entities[one.to]
    if one.field is not None:
        if checking.attribute((*path, "field"), one.to, one.field) is not None:
            _same_type(checking, path, one, one.to, one.field)
    elif target.primary_key in target.attributes and not _parts_differ(checking, path, one):
        _same_type(checking, path, one, one.to, target.primary_key)


def _same_type(
    checking: Checking, path: Path, one: Relationship, entity: str, attribute: str
) -> None:
    """Check that the foreign key is of the type of what it is looked up in."""
    kind = checking.attribute((*path, "foreign_key"), one.entity, one.foreign_key)
    if kind is None or entity not in checking.entities or checking.has((*path, "foreign_key")):
        return
    target = checking.entities[entity]
    place = (*checking.places[entity], "attributes", attribute)
    if attribute not in target.attributes or checking.is_broken(place):
        return
    key = target.attribute(attribute).type
    by_key = one.field is None
    if kind != key and (type_of(key).is_key or not by_key):
        what = f"the primary key of {entity}" if by_key else f"{entity}.{attribute}"
        checking.add(
            "wrong_type",
            (*path, "foreign_key"),
            f"`{one.foreign_key}` is of type {kind}, but {what} is of type {key}.",
            expected=f"type {key}",
        )


def _parts_differ(checking: Checking, path: Path, one: Relationship) -> bool:
    """Say whether a key of several attributes does not fit the other; remember it."""
    own = _written(checking, (*path, "foreign_key"))
    theirs = _written(checking, (*checking.places[one.to], "primary_key"))
    if one.entity not in checking.entities or _one_fits(checking, one, own, theirs):
        return False
    if any(part not in checking.entities[one.entity].attributes for part in own):
        return False
    kinds = [_kinds(checking, one.entity, own), _kinds(checking, one.to, theirs)]
    if kinds[0] == kinds[1]:
        return False
    does = "do" if len(own) > 1 else "does"
    checking.add(
        "wrong_type",
        (*path, "foreign_key"),
        f"{', '.join(own)} ({', '.join(kinds[0])}) {does} not fit the primary key of {one.to}: "
        f"{', '.join(theirs)} ({', '.join(kinds[1])}).",
        expected="attributes of the same types, in the same order",
    )
    return True


def _one_fits(
    checking: Checking, one: Relationship, own: Sequence[str], theirs: Sequence[str]
) -> bool:
    """Say whether a foreign key is one attribute, and may be what the other key is.

    Of a key of several that is what an expression makes of the parts; no file has it as it is. What
    is wrong with that key itself is told there.
    """
    if len(own) > 1:
        return False
    entity, target = checking.entities[one.entity], checking.entities[one.to]
    if len(theirs) == 1 or target.primary_key in theirs or own[0] not in entity.attributes:
        return True
    return entity.attribute(own[0]).expression is not None


def _written(checking: Checking, path: Path) -> list[str]:
    """Return the names of a key as they are written, one or several."""
    found: Any = checking.document.value
    for step in path:
        found = found[step]
    return list(map(str, found)) if isinstance(found, list) else [str(found)]


def _kinds(checking: Checking, entity: str, names: Sequence[str]) -> list[str]:
    known = checking.entities.get(entity)
    return [
        known.attribute(name).type if known and name in known.attributes else "?" for name in names
    ]


def _onwards(
    checking: Checking, path: Path, one: Relationship, relationships: Sequence[Relationship]
) -> None:
    """Check that there is one way from where a relationship ends to a unified entity."""
    if one.to in checking.unified:
        _needless_then(checking, path, one, f"{one.to} takes part in unification")
        return
    begin = [other for other in relationships if other.entity == one.to]
    names = [other.name for other in begin]
    if one.then is not None and one.then not in names:
        checking.unknown((*path, "then"), one.then, f"relationship of {one.to}", names)
    elif not begin:
        # Says which entities take part; one that is misspelt in `unification` is told there.
        checking.entity((*path, "to"), one.to, unified=True)
    elif len(begin) > 1 and one.then is None:
        checking.add(
            "missing_setting",
            path,
            f"Several relationships begin at {one.to}: {', '.join(names)}.",
            expected=f"`then`, the one that leads on: one of {', '.join(names)}",
        )
    elif _in_a_circle(one, relationships):
        checking.add(
            "wrong_relationship",
            (*path, "to"),
            f"`{one.name}` leads back to {one.entity}, and to no customer.",
            expected="a way that ends at a unified entity",
        )


def _in_a_circle(one: Relationship, relationships: Sequence[Relationship]) -> bool:
    """Say whether the way that begins with a relationship comes back to it."""
    seen, now = {one.name}, lead_on(relationships, one)
    while len(now) == 1:
        if now[0].name in seen:
            return True
        seen.add(now[0].name)
        now = lead_on(relationships, now[0])
    return False


def _needless_then(checking: Checking, path: Path, one: Relationship, why: str) -> None:
    if one.then is not None:
        checking.add(
            "unused_setting",
            (*path, "then"),
            f"`{one.name}` leads no further: {why}.",
            expected="no `then`",
        )


def _normalised(checking: Checking, path: Path, one: Relationship) -> None:
    if not one.normalize:
        return
    kinds: Mapping[str, str] = {
        name: checking.entities[one.entity].attribute(name).type
        for name in [one.foreign_key]
        if one.entity in checking.entities and name in checking.entities[one.entity].attributes
    }
    if one.field is None:
        checking.add(
            "unused_setting",
            (*path, "normalize"),
            "A primary key is looked up as it is.",
            expected="`field` beside it, or no `normalize`",
        )
    elif any(kind != type_of("string").name for kind in kinds.values()):
        checking.add(
            "wrong_type",
            (*path, "normalize"),
            f"`{one.foreign_key}` is of type {kinds[one.foreign_key]}, and only strings are "
            "normalised.",
            expected="a string",
        )
