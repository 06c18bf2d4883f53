"""Merge the winning records of each customer into one profile.

Survivorship by importance, recency, or group.
"""

from collections.abc import Mapping, Sequence

from overtide.schemas.configuration.merge import FieldGroup, MergedField
from overtide.schemas.configuration.unification import Unification
from overtide.schemas.names import quoted
from overtide.schemas.types import type_of
from overtide.transforms.records import RECORD, Unified


def alternate_key(unified: Unified) -> str:
    """Return the name of the column of Customer that holds an entity's winning primary key."""
    return f"{unified.table.entity}_{unified.entity.primary_key}"


def profile_types(unification: Unification, entities: Sequence[Unified]) -> dict[str, str]:
    """Return the columns of Customer with their attribute types, in order."""
    kinds = {
        f"{unified.table.entity}.{name}": unified.entity.attribute(name).type
        for unified in entities
        for name in unified.entity.attributes
    }
    types = {"CustomerId": "string"}
    for merged in unification.merge.fields:
        types[merged.name] = kinds[merged.sources[0]]
    for group in unification.merge.groups:
        for place, name in enumerate(group.fields):
            types[name] = next(
                kinds[f"{entity}.{attributes[place]}"]
                for entity, attributes in group.sources.items()
                if attributes[place] is not None
            )
    types |= {cluster.name: "string" for cluster in unification.clusters}
    return (
        types
        | dict.fromkeys(map(alternate_key, entities), "string")
        | {"PreviousCustomerId": "string"}
    )


def _column(source: str, entities: Mapping[str, Unified]) -> str:
    entity, attribute = source.split(".", 1)
    return f"{entities[entity].represented_by(attribute)}.{quoted(attribute)}"


def merged_field(field: MergedField, entities: Mapping[str, Unified]) -> str:
    """Return the SQL of one field.

    The first non-null value by importance, or that of the most or least recent.
    """
    values = [_column(source, entities) for source in field.sources]
    if field.policy == "importance":
        return f"coalesce({', '.join(values)})"
    dates = _dates(field, entities)
    order = "max" if field.policy == "most_recent" else "min"
    dated = ", ".join(
        f"CASE WHEN {value} IS NOT NULL THEN {date} END"
        for date, value in zip(dates, values, strict=True)
    )
    bound = f"list_{order}([{dated}])"
    cases = " ".join(
        f"WHEN {value} IS NOT NULL AND {date} = {bound} THEN {value}"
        for date, value in zip(dates, values, strict=True)
    )
    return f"CASE {cases} ELSE coalesce({', '.join(values)}) END"


def _dates(field: MergedField, entities: Mapping[str, Unified]) -> list[str]:
    """Return the SQL of what is compared for each source, of the record that the value is of.

    The columns themselves where all are of one kind.

    Else a date is the instant at which it begins where it comes from, and a number is a double.
    """
    kinds = {
        name: type_of(entities[name].entity.attribute(attribute).type)
        for name, attribute in field.by.items()
    }
    zones = {entities[name].entity.time_zone for name in field.by}
    zoned = len(zones) > 1 and any(kind.is_day for kind in kinds.values())
    one_kind = len({kind.name for kind in kinds.values()}) == 1 and not zoned

    def compared(name: str, attribute: str) -> str:
        if name not in field.by:
            return "NULL"
        column = f"{entities[name].represented_by(attribute)}.{quoted(field.by[name])}"
        if one_kind:
            return column
        if kinds[name].is_time:
            return kinds[name].instant_sql(column, entities[name].entity.time_zone)
        return f"{column}::DOUBLE"

    return [compared(*source.split(".", 1)) for source in field.sources]


def group_fields(group: FieldGroup, entities: Mapping[str, Unified]) -> list[str]:
    """Return the SQL of a group's fields.

    All from the first source in which not all of them are null.
    """
    sources = [
        [None if name is None else _column(f"{entity}.{name}", entities) for name in attributes]
        for entity, attributes in group.sources.items()
        if any(attributes)
    ]
    filled = [
        " OR ".join(f"{value} IS NOT NULL" for value in source if value is not None)
        for source in sources
    ]
    return [
        "CASE "
        + " ".join(
            f"WHEN {some} THEN {source[place] or 'NULL'}"
            for some, source in zip(filled, sources, strict=True)
        )
        + f" END AS {quoted(name)}"
        for place, name in enumerate(group.fields)
    ]


def cluster_column(place: int) -> str:
    """Return the column of customers that holds the ids of a cluster, whatever it is called."""
    return f"cluster_{place}"


def profiles(unification: Unification, entities: Sequence[Unified], customers: str) -> str:
    """Return the SQL of Customer without `FirstRun`; `customers`.

    CustomerId, record_0, record_0_0, …, PreviousCustomerId, cluster_0, ….
    """
    by_name = {unified.table.entity: unified for unified in entities}
    fields = [
        f"{merged_field(field, by_name)} AS {quoted(field.name)}"
        for field in unification.merge.fields
    ]
    fields += [
        field for group in unification.merge.groups for field in group_fields(group, by_name)
    ]
    fields += [
        f"customers.{cluster_column(place)} AS {quoted(cluster.name)}"
        for place, cluster in enumerate(unification.clusters)
    ]
    fields += [f"{_key(unified)} AS {quoted(alternate_key(unified))}" for unified in entities]
    joins = " ".join(
        f"LEFT JOIN ({unified.records}) AS {record} ON {record}.{RECORD} = customers.{record}"
        for unified in entities
        for record in unified.representatives
    )
    return (
        f"SELECT customers.CustomerId, {', '.join(fields)}, customers.PreviousCustomerId "
        f"FROM ({customers}) AS customers {joins}"
    )


def _key(unified: Unified) -> str:
    primary = unified.entity.primary_key
    kind = type_of(unified.entity.attribute(primary).type)
    return kind.text_sql(f"{unified.representing()}.{quoted(primary)}")
