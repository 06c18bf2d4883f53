"""Map source rows to unified activities.

One each, belonging to the customer whose record its foreign key names.

`overtide.serving.records` maps one posted record by the same rules. Source of the columns: the
product's UnifiedActivity.
"""

import json

from overtide.schemas.configuration.activities import Activity
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.configuration.relationships import Relationship
from overtide.schemas.names import literal, quoted
from overtide.schemas.types import type_of

TYPES = {
    "CustomerId": "VARCHAR",
    "ActivityId": "VARCHAR",
    "ActivityType": "VARCHAR",
    "ActivityTypeDisplay": "VARCHAR",
    "ActivityName": "VARCHAR",
    "ActivityTime": "TIMESTAMPTZ",
    "Title": "VARCHAR",
    "Description": "VARCHAR",
    "URL": "VARCHAR",
    "Icon": "VARCHAR",
    "SourceEntityName": "VARCHAR",
    "SourceActivityId": "VARCHAR",
    "SemanticData": "VARCHAR",
    "RangeIndex": "VARCHAR",
}
"""The columns of UnifiedActivity with their SQL types, without `FirstRun`."""


def activity_rows(
    activity: Activity, relationship: Relationship, entity: Entity, rows: str, number: int
) -> str:
    """Return the SQL of what differs between an entity's activities.

    `number` is the activity's place.

    `rows` is SQL of the entity's typed rows.
    """
    kind = type_of(entity.attribute(activity.timestamp).type)
    time = kind.instant_sql(quoted(activity.timestamp), entity.time_zone)
    values = {
        "foreign_key": _text(relationship.foreign_key, entity),
        "Title": _text(activity.title, entity),
        "SemanticData": _semantic(activity, entity),
        "SourceActivityId": _text(entity.primary_key, entity),
    }
    values |= {
        column: _text(name, entity) if name else "NULL"
        for column, name in (
            ("Description", activity.description),
            ("URL", activity.url),
            ("Icon", activity.icon),
        )
    }
    chosen = ", ".join(f"({value})::VARCHAR AS {name}" for name, value in values.items())
    return (
        f"SELECT ({time})::TIMESTAMPTZ AS ActivityTime, {number}::INTEGER AS number, {chosen} "
        f"FROM ({rows}) AS source"
    )


def foreign_key_text(relationship: Relationship, entity: Entity) -> str:
    """Return the SQL of what a row of an entity, called `source`, names by a relationship."""
    return _text(relationship.foreign_key, entity)


def of_customers(rows: str, keys: str) -> str:
    """Return the SQL of activities with their customer, without those of unknown records.

    `keys` is SQL of PrimaryKey and CustomerId of the records of the related entity.
    """
    return (
        f"SELECT related.CustomerId, rows.* EXCLUDE (foreign_key) FROM ({rows}) AS rows "
        f"JOIN (SELECT PrimaryKey, CustomerId FROM ({keys})) AS related "
        "ON related.PrimaryKey = rows.foreign_key"
    )


def of_nobody(
    relationship: Relationship, entity: Entity, rows: str, related: str, keys: str
) -> str:
    """Return the SQL that counts an entity's rows that `of_customers` leaves out.

    It gives one row, with a count for each reason.

    They name no record, one that the related entity does not have, one that is of no customer, or a
    value that several customers have. `related` is SQL of PrimaryKey and Several of what there is.
    """
    return f"""
        WITH named AS (SELECT {_text(relationship.foreign_key, entity)} AS PrimaryKey
          FROM ({rows}) AS source),
        stray AS (FROM named ANTI JOIN (SELECT PrimaryKey FROM ({keys})) USING (PrimaryKey)),
        found AS (SELECT stray.PrimaryKey, related.Several FROM stray
          LEFT JOIN ({related}) AS related ON related.PrimaryKey = stray.PrimaryKey)
        SELECT count(*) - count(PrimaryKey), count(PrimaryKey) - count(Several),
               count(*) FILTER (NOT Several), count(*) FILTER (Several)
                 FROM found"""


def timeline_rows(activities: list[Activity], rows: str) -> str:
    """Return the SQL of UnifiedActivity from the narrow `rows`, in timeline order.

    `rows` are those of all activities.

    What follows from other columns is added behind the sort, which then moves half as many bytes.
    """
    fixed = {
        "ActivityType": [activity.type for activity in activities],
        "ActivityTypeDisplay": [activity.type_display or activity.type for activity in activities],
        "ActivityName": [activity.name for activity in activities],
        "SourceEntityName": [activity.entity for activity in activities],
    }
    values = {name: _choice(texts) for name, texts in fixed.items()}
    named = f"({values['SourceEntityName']})::VARCHAR"
    seconds = "epoch_us(ActivityTime) // 1000000 - (epoch_us(ActivityTime) % 1000000 < 0)::BIGINT"
    values |= {
        "ActivityId": f"md5({named} || chr(31) || SourceActivityId)",
        "RangeIndex": f"({seconds})::VARCHAR",
    }
    chosen = ", ".join(f"{values.get(name, name)} AS {name}" for name in TYPES)
    return (
        f"SELECT {chosen} FROM (FROM ({rows}) ORDER BY CustomerId, ActivityTime, number, "
        "SourceActivityId)"
    )


def _choice(texts: list[str]) -> str:
    """Return the SQL of what is alike for an entity, as one of few: Parquet is told each once."""
    few = f"ENUM ({', '.join(map(literal, sorted({*texts})))})"
    cases = (f"WHEN {number} THEN {literal(text)}::{few}" for number, text in enumerate(texts))
    return f"CASE number {' '.join(cases)} END"


def _text(name: str, entity: Entity) -> str:
    return type_of(entity.attribute(name).type).text_sql(f"source.{quoted(name)}")


def _semantic(activity: Activity, entity: Entity) -> str:
    if not activity.semantic:
        return "NULL"
    pairs = ", ',', ".join(
        f"{literal(json.dumps(field, ensure_ascii=False) + ':')}, "
        f"coalesce({_json(name, entity)}, 'null')"
        for field, name in sorted(activity.semantic.items())
    )
    return f"concat('{{', {pairs}, '}}')"  # each `||` would write all that is before it once more


def _json(name: str, entity: Entity) -> str:
    """Return the SQL of a value's canonical JSON text; json_object writes doubles otherwise."""
    return type_of(entity.attribute(name).type).json_text_sql(f"source.{quoted(name)}")
