"""Cross checks of relationships and activities."""

from overtide.schemas.configuration import Activity, Relationship
from overtide.schemas.mistakes import Path
from overtide.schemas.types import TIMES, listed, type_of
from overtide.schemas.validation_context import Checking


def check_relationships(checking: Checking) -> None:
    """Check that relationships lead to a unified entity's primary key of the same type.

    Each leads there from an attribute.
    """
    relationships = checking.configuration.relationships
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


def check_activities(checking: Checking) -> None:
    """Check what activities refer to; an entity is one activity at most."""
    activities = checking.configuration.activities
    seen: dict[str, int] = {}
    for number, one in enumerate(activities):
        path: Path = ("activities", number)
        first = seen.setdefault(one.entity, number)
        if first != number:
            checking.add(
                "duplicate_name",
                (*path, "entity"),
                f"{one.entity} is an activity already (activities[{first}]).",
                expected="one per entity",
            )
        if checking.entity((*path, "entity"), one.entity) is not None:
            _activity(checking, path, one)
        _relationship_of(checking, (*path, "relationship"), one)


def _activity(checking: Checking, path: Path, one: Activity) -> None:
    checking.typed(
        (*path, "timestamp"),
        one.entity,
        one.timestamp,
        TIMES,
        f"an activity's time is a {listed(TIMES)}",
    )
    for setting in ("title", "description", "url", "icon"):
        name = getattr(one, setting)
        if name is not None:
            checking.attribute((*path, setting), one.entity, name)
    for field, name in one.semantic.items():
        checking.attribute((*path, "semantic", field), one.entity, name)


def _relationship_of(checking: Checking, path: Path, one: Activity) -> None:
    relationships = {
        relationship.name: relationship for relationship in checking.configuration.relationships
    }
    if one.relationship not in relationships:
        if not any(place[:1] == ("relationships",) for place in checking.broken):
            checking.unknown(path, one.relationship, "relationship", relationships)
    elif not {relationships[one.relationship].entity, one.entity} <= set(checking.entities):
        return
    elif relationships[one.relationship].entity != one.entity:
        other = relationships[one.relationship].entity
        fitting = [
            name
            for name, relationship in relationships.items()
            if relationship.entity == one.entity
        ]
        checking.add(
            "wrong_relationship",
            path,
            f"`{one.relationship}` begins at {other}, not at {one.entity}.",
            expected=f"a relationship of {one.entity}",
            suggestion=fitting[0] if fitting else None,
        )
