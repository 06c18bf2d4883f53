"""Merge the winning records of each customer into one profile: survivorship by importance, recency, or group."""

from collections.abc import Sequence

from schemas.configuration import FieldGroup, MergedField, Unification
from schemas.names import quoted
from schemas.values import duckdb_type
from transforms.column_types import canonical_text
from transforms.identities import Unified
from transforms.pairs import RECORD, records


def alternate_key(unified: Unified) -> str:
    """Return the name of the column of Customer that holds an entity's winning primary key."""
    return f"{unified.table.entity}_{unified.entity.primary_key}"


def profile_types(unification: Unification, entities: Sequence[Unified]) -> dict[str, str]:
    """Return the columns of Customer with their attribute types, in order."""
    kinds = {f"{unified.table.entity}.{name}": unified.entity.attribute(name).type
             for unified in entities for name in unified.entity.attributes}
    types = {"CustomerId": "string"}
    for merged in unification.merge.fields:
        types[merged.name] = kinds[merged.sources[0]]
    for group in unification.merge.groups:
        for place, name in enumerate(group.fields):
            types[name] = next(kinds[f"{entity}.{attributes[place]}"] for entity, attributes in group.sources.items()
                               if attributes[place] is not None)
    return types | dict.fromkeys(map(alternate_key, entities), "string") | {"PreviousCustomerId": "string"}


def _column(source: str, places: dict[str, int]) -> str:
    entity, attribute = source.split(".", 1)
    return f"r{places[entity]}.{quoted(attribute)}"


def merged_field(field: MergedField, places: dict[str, int]) -> str:
    """Return the SQL of one field: the first non-null value by importance, or that of the most or least recent."""
    values = [_column(source, places) for source in field.sources]
    if field.policy == "importance":
        return f"coalesce({', '.join(values)})"
    dates = [_column(f"{entity}.{field.by[entity]}", places) if entity in field.by else "NULL"
             for entity in (source.split(".", 1)[0] for source in field.sources)]
    order = "max" if field.policy == "most_recent" else "min"
    dated = ", ".join(f"CASE WHEN {value} IS NOT NULL THEN {date} END"
                      for date, value in zip(dates, values, strict=True))
    bound = f"list_{order}([{dated}])"
    cases = " ".join(f"WHEN {value} IS NOT NULL AND {date} = {bound} THEN {value}"
                     for date, value in zip(dates, values, strict=True))
    return f"CASE {cases} ELSE coalesce({', '.join(values)}) END"


def group_fields(group: FieldGroup, places: dict[str, int]) -> list[str]:
    """Return the SQL of a group's fields: all from the first source in which not all of them are null."""
    sources = [[None if name is None else f"r{places[entity]}.{quoted(name)}" for name in attributes]
               for entity, attributes in group.sources.items()]
    filled = [" OR ".join(f"{value} IS NOT NULL" for value in source if value is not None) for source in sources]
    return ["CASE " + " ".join(f"WHEN {some} THEN {source[place] or 'NULL'}"
                               for some, source in zip(filled, sources, strict=True)) + f" END AS {quoted(name)}"
            for place, name in enumerate(group.fields)]


def profiles(unification: Unification, entities: Sequence[Unified], customers: str) -> str:
    """Return the SQL of Customer without `FirstRun`; `customers`: CustomerId, record_0, …, PreviousCustomerId."""
    places = {unified.table.entity: unified.place for unified in entities}
    fields = [f"{merged_field(field, places)} AS {quoted(field.name)}" for field in unification.merge.fields]
    fields += [field for group in unification.merge.groups for field in group_fields(group, places)]
    fields += [f"{_key(unified)} AS {quoted(alternate_key(unified))}" for unified in entities]
    joins = " ".join(f"LEFT JOIN ({records(unified.table, unified.place)}) AS r{unified.place} "
                     f"ON r{unified.place}.{RECORD} = customers.record_{unified.place}" for unified in entities)
    return f"SELECT customers.CustomerId, {', '.join(fields)}, customers.PreviousCustomerId " \
           f"FROM ({customers}) AS customers {joins}"


def _key(unified: Unified) -> str:
    primary = unified.entity.primary_key
    return canonical_text(f"r{unified.place}.{quoted(primary)}", unified.entity.attribute(primary).type)


def typed(types: dict[str, str], rows: str) -> str:
    """Return the SQL of rows with each column cast to its SQL type."""
    casts = ", ".join(f"{quoted(name)}::{duckdb_type(kind)} AS {quoted(name)}" for name, kind in types.items())
    return f"SELECT {casts} FROM ({rows})"

