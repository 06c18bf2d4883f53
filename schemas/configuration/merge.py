"""The columns of Customer, and what they are made of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.model import Model
from overtide.schemas.configuration.sources import A_NAME, is_name
from overtide.schemas.mistakes import Path
from overtide.schemas.names import folded
from overtide.schemas.suggestions import closest
from overtide.schemas.types import COMPARED, type_of

RESERVED_COLUMNS = (
    "CustomerId",
    "PreviousCustomerId",
    "FirstRun",
    "ReplacedRun",
    "UnifiedActivity",
)
"""Columns of Customer and its history that are filled in, and what OData calls its activities."""
MOST_SOURCES = 15


class MergedField(Model):
    """One column of Customer and the attributes it is made of."""

    name: str = Field(
        description="the column's name: letters, digits and underscores", examples=["FullName"]
    )
    sources: Annotated[list[str], Field(min_length=1)] = Field(
        alias="from",
        description="its attributes as `{DataSource}_{Entity}.{Attribute}`, best first",
        examples=[["Shop_Contacts.FullName", "Loyalty_Members.Name"]],
    )
    policy: Literal["importance", "most_recent", "least_recent"] = Field(
        default="importance",
        description="the first that is not null, or that of the newest or oldest record",
        examples=["most_recent"],
    )
    by: dict[str, str] = Field(
        default={},
        description="entity -> the attribute that most/least_recent compares",
        examples=[{"Shop_Contacts": "ChangedOn", "Loyalty_Members": "ChangedOn"}],
    )


class FieldGroup(Model):
    """Columns that are taken together from the first source in which not all of them are null."""

    fields: Annotated[list[str], Field(min_length=1, max_length=10)] = Field(
        description="the columns' names", examples=[["Street", "City"]]
    )
    sources: dict[str, list[str | None]] = Field(
        alias="from",
        description=(
            "entity -> its attributes (or null), in the order of `fields`; entities best first"
        ),
        examples=[{"Shop_Contacts": ["Street", "City"], "Loyalty_Members": [None, "Town"]}],
    )


class Merge(Model):
    """The columns of Customer."""

    fields: list[MergedField] = Field(
        default=[],
        description="columns that are merged one by one",
        examples=[[{"name": "EMail", "from": ["Shop_Contacts.EMail"]}]],
    )
    groups: list[FieldGroup] = Field(
        default=[],
        description="columns that are taken together, such as an address",
        examples=[[{"fields": ["Street", "City"], "from": {"Shop_Contacts": ["Street", "City"]}}]],
    )


def origins_of(merge: Merge) -> dict[str, list[tuple[str, str]]]:
    """Return the attributes (entity, attribute) that each merged column of Customer is made of."""
    found = {
        field.name: [(one.partition(".")[0], one.partition(".")[2]) for one in field.sources]
        for field in merge.fields
    }
    for group in merge.groups:
        for place, name in enumerate(group.fields):
            taken = ((entity, names[place : place + 1]) for entity, names in group.sources.items())
            found[name] = [(entity, one) for entity, some in taken for one in some if one]
    return found


def check_together(
    checking: Checking, merge: Merge, chosen: Mapping[str, Sequence[Sequence[str]]]
) -> None:
    """Check that what a group takes of an entity comes from one record.

    `chosen` has, by entity, the attributes that come from records of their own, those that do so
    together as one.
    """
    for number, group in enumerate(merge.groups):
        for entity, names in group.sources.items():
            records = [
                next((place for place, one in enumerate(chosen.get(entity, ())) if name in one), -1)
                for name in names
                if name is not None
            ]
            if len(set(records)) > 1:
                checking.add(
                    "invalid_value",
                    ("unification", "merge", "groups", number, "from", entity),
                    f"`per_attribute` of {entity} takes these attributes from different records.",
                    expected="one entry of `per_attribute` with all of them, or none",
                    hint="A group is never put together from two records.",
                )


def check_merge(checking: Checking, merge: Merge, others: Sequence[tuple[str, Path]]) -> None:
    """Check the columns of Customer: their names, sources and types.

    `others` are the names of columns that are not merged, with their places.
    """
    names = list(_column_names(checking, merge))
    names += [one for name, path in others for one in _column(checking, name, path)]
    checking.unique(names, "columns of Customer")
    for number, field in enumerate(merge.fields):
        _field(checking, ("unification", "merge", "fields", number), field)
    for number, group in enumerate(merge.groups):
        _group(checking, ("unification", "merge", "groups", number), group)
    if not merge.fields and not merge.groups:
        checking.note(
            "empty_merge", ("unification", "merge"), "Customer has no columns but its keys."
        )


def alternate_keys(checking: Checking) -> dict[str, int]:
    """Return the columns of Customer that hold keys of records, with the places of the entities.

    Only of entities that exist.
    """
    return {
        f"{name}_{checking.entities[name].primary_key}": number
        for number, name in enumerate(dict.fromkeys(checking.unified))
        if name in checking.entities
    }


def _column_names(checking: Checking, merge: Merge) -> Iterator[tuple[str, Path]]:
    """Give the names of all columns of Customer; reserved ones and alternate keys first."""
    for name, number in alternate_keys(checking).items():
        yield name, ("unification", "entities", number)
    for number, field in enumerate(merge.fields):
        yield from _column(checking, field.name, ("unification", "merge", "fields", number, "name"))
    for number, group in enumerate(merge.groups):
        for position, name in enumerate(group.fields):
            yield from _column(
                checking, name, ("unification", "merge", "groups", number, "fields", position)
            )


def _column(checking: Checking, name: str, path: Path) -> Iterator[tuple[str, Path]]:
    if folded(name) in map(folded, RESERVED_COLUMNS):
        checking.add(
            "reserved_name",
            path,
            f"`{name}` is a name that Overtide needs itself.",
            expected="another name",
        )
    elif not is_name(name):
        checking.add(
            "invalid_name",
            path,
            f"`{name}` cannot be a column of Customer. {A_NAME}",
            expected="a letter, then letters, digits and underscores",
        )
    yield name, path


def _field(checking: Checking, path: Path, field: MergedField) -> None:
    where = (*path, "from")
    kinds = [_source(checking, (*where, number), text) for number, text in enumerate(field.sources)]
    checking.unique(
        ((text, (*where, number)) for number, text in enumerate(field.sources)),
        "sources of a column",
    )
    _one_type(checking, path, field.name, [kind for kind in kinds if kind is not None])
    _by(checking, (*path, "by"), field)


def _source(checking: Checking, path: Path, text: str) -> str | None:
    """Return the type of `{DataSource}_{Entity}.{Attribute}`."""
    entity, point, attribute = text.partition(".")
    if not point:
        choices = [
            f"{name}.{column}"
            for name in checking.unified
            if name in checking.entities
            for column in checking.entities[name].attributes
        ]
        checking.add(
            "invalid_value",
            path,
            f"`{text}` names no entity and attribute.",
            expected="{DataSource}_{Entity}.{Attribute}",
            suggestion=closest(text, choices),
        )
        return None
    if checking.entity(path, entity, unified=True) is None:
        return None
    return checking.attribute(path, entity, attribute)


def _one_type(checking: Checking, path: Path, name: str, kinds: list[str]) -> None:
    if len({kind.replace(" ", "") for kind in kinds}) > 1:
        checking.add(
            "wrong_type",
            path,
            f"`{name}` combines values of different types: {' and '.join(sorted(set(kinds)))}.",
            expected="attributes of one type",
        )


def _by(checking: Checking, path: Path, field: MergedField) -> None:
    broken = checking.is_broken((*path[:-1], "policy"))  # a default stands there that nobody wrote
    if field.policy != "importance" or broken:
        _by_entities(checking, path, field, broken)
        _compared_by(checking, path, field, broken)
    elif field.by:
        checking.add(
            "unused_setting",
            path,
            "`importance` compares no attribute.",
            expected="no `by`, or the policy most_recent or least_recent",
        )


def _by_entities(checking: Checking, path: Path, field: MergedField, broken: bool) -> None:
    """Check that `by` names the entities of `from`.

    One that is misspelt there may be right here.
    """
    entities = list(dict.fromkeys(text.partition(".")[0] for text in field.sources))
    unknown = [entity for entity in field.by if entity not in entities]
    for entity in unknown if set(entities) <= set(checking.entities) else ():
        checking.unknown((*path, entity), entity, "entity of this column", entities)
    for entity in [] if broken or unknown else entities:
        if entity in checking.entities and entity not in field.by:
            checking.add(
                "missing_setting",
                path,
                f"`{field.policy}` needs the attribute of {entity} that it compares.",
                expected="entity: attribute for every entity in `from`",
            )


def _compared_by(checking: Checking, path: Path, field: MergedField, broken: bool) -> None:
    """Check the attributes that `by` names; of a policy that is not known only their names."""
    kinds = set()
    for entity, name in field.by.items():
        if checking.has((*path, entity)):
            continue
        if broken:
            checking.attribute((*path, entity), entity, name)
        elif kind := checking.typed(
            (*path, entity), entity, name, COMPARED, "what is compared is a date or a number"
        ):
            kinds.add(type_of(kind).is_number)
    if len(kinds) > 1:
        checking.add(
            "wrong_type",
            path,
            "Dates and numbers cannot be compared.",
            expected="all dates, or all numbers",
        )


def _group(checking: Checking, path: Path, group: FieldGroup) -> None:
    if len(group.sources) > MOST_SOURCES or not group.sources:
        checking.add(
            "invalid_value",
            (*path, "from"),
            f"A group has 1 to {MOST_SOURCES} sources.",
            expected="entity: its attributes",
        )
    kinds: list[list[str]] = [[] for _ in group.fields]
    for entity, names in group.sources.items():
        where = (*path, "from", entity)
        if len(names) != len(group.fields) and not checking.is_broken((*path, "fields")):
            checking.add(
                "invalid_value",
                where,
                f"{entity} names {len(names)} attributes for {len(group.fields)} fields.",
                expected="one attribute (or null) for each of `fields`, in their order",
            )
        if checking.entity(where, entity, unified=True) is None:
            continue
        for number, (name, column) in enumerate(zip(names, kinds, strict=False)):
            kind = checking.attribute((*where, number), entity, name) if name is not None else None
            column.extend([kind] if kind else [])
    for number, (name, column) in enumerate(zip(group.fields, kinds, strict=True)):
        _one_type(checking, path, name, column)
        if group.sources and all(
            names[number : number + 1] in ([], [None]) for names in group.sources.values()
        ):
            checking.add(
                "missing_setting",
                (*path, "fields", number),
                f"No source fills `{name}`.",
                expected="an attribute of one source",
            )
