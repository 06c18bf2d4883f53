"""The section `activities`: which rows are activities."""

from collections.abc import Mapping, Sequence

from pydantic import Field

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.model import Model, Text
from overtide.schemas.configuration.relationships import Relationship
from overtide.schemas.mistakes import Path
from overtide.schemas.types import TIMES, listed


class Activity(Model):
    """How one entity's rows become unified activities; `title` to `icon` name attributes."""

    entity: str = Field(
        description="the entity whose rows are activities", examples=["Shop_Orders"]
    )
    name: Text = Field(description="shown as ActivityName", examples=["Online purchase"])
    relationship: str = Field(
        description="the relationship that leads to the customer", examples=["Orders"]
    )
    type: Text = Field(
        default="Other",
        description="Feedback, Loyalty, SalesOrder, SalesOrderLine, Subscription, "
        "Other or a name of your own",
        examples=["SalesOrder"],
    )
    timestamp: str = Field(
        description="the attribute (date or datetime) of ActivityTime", examples=["OrderedOn"]
    )
    title: str = Field(description="the attribute of Title", examples=["Product"])
    description: str | None = Field(
        default=None, description="the attribute of Description", examples=["Remark"]
    )
    url: str | None = Field(default=None, description="the attribute of URL", examples=["Link"])
    icon: str | None = Field(
        default=None, description="the attribute of Icon", examples=["Picture"]
    )
    type_display: str | None = Field(
        default=None, description="text shown for the type; default: the type", examples=["Order"]
    )
    show_in_timeline: bool = Field(
        default=True,
        description="whether timelines show it; else it is in UnifiedActivity alone",
        examples=[False],
    )
    semantic: dict[str, str] = Field(
        default={},
        description="semantic field -> attribute, kept in SemanticData",
        examples=[{"OrderId": "OrderId", "TotalAmount": "Total"}],
    )

    @property
    def attributes(self) -> set[str]:
        """The attributes that it shows."""
        several = (self.timestamp, self.title, self.description, self.url, self.icon)
        return {*(one for one in several if one is not None), *self.semantic.values()}


def check_activities(
    checking: Checking, activities: Sequence[Activity], relationships: Sequence[Relationship]
) -> None:
    """Check what activities refer to; an entity is one activity at most."""
    known = {one.name: one for one in relationships}
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
        _relationship_of(checking, (*path, "relationship"), one, known)


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


def _relationship_of(
    checking: Checking, path: Path, one: Activity, relationships: Mapping[str, Relationship]
) -> None:
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
