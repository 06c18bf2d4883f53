"""Map source rows to unified activities: one row each, belonging to the customer whose record its foreign key names.

`schemas.events` and `serving.acceptance` map one posted record by the same rules. Source: the product's UnifiedActivity.
"""

from schemas.configuration import Activity, Entity, Relationship
from schemas.names import literal, quoted
from transforms.column_types import canonical_json, canonical_text, instant_of

TYPES = {"CustomerId": "VARCHAR", "ActivityId": "VARCHAR", "ActivityType": "VARCHAR", "ActivityTypeDisplay": "VARCHAR",
         "ActivityName": "VARCHAR", "ActivityTime": "TIMESTAMPTZ", "Title": "VARCHAR", "Description": "VARCHAR",
         "URL": "VARCHAR", "Icon": "VARCHAR", "SourceEntityName": "VARCHAR", "SourceActivityId": "VARCHAR",
         "SemanticData": "VARCHAR", "RangeIndex": "VARCHAR"}
"""The columns of UnifiedActivity with their SQL types, without `FirstRun`."""


def activity_rows(activity: Activity, relationship: Relationship, entity: Entity, rows: str, keys: str) -> str:
    """Return the SQL of an entity's unified activities.

    `rows` is SQL of the entity's typed rows, `keys` of PrimaryKey and CustomerId of the records of the related entity; a
    row whose foreign key is not among them is left out.
    """
    time = instant_of(quoted(activity.timestamp), entity.attribute(activity.timestamp).type, entity.time_zone)
    source = f"{_text(entity.primary_key, entity)}"
    fixed = {"ActivityType": activity.type, "ActivityTypeDisplay": activity.type_display or activity.type,
             "ActivityName": activity.name, "SourceEntityName": activity.entity}
    values = {name: literal(value) for name, value in fixed.items()}
    values |= {"CustomerId": "CustomerId", "SourceActivityId": source, "ActivityTime": time,
               "ActivityId": f"left(sha256({literal(activity.entity)} || chr(31) || {source}), 32)",
               "Title": _text(activity.title, entity), "SemanticData": _semantic(activity, entity),
               "RangeIndex": f"floor(epoch_us({time}) / 1000000)::BIGINT::VARCHAR"}
    values |= {column: _text(name, entity) if name else "NULL" for column, name in
               (("Description", activity.description), ("URL", activity.url), ("Icon", activity.icon))}
    chosen = ", ".join(f"({values[name]})::{kind} AS {name}" for name, kind in TYPES.items())
    return f"SELECT {chosen} FROM ({rows}) AS source JOIN ({keys}) AS related " \
           f"ON related.PrimaryKey = {_text(relationship.foreign_key, entity)}"


def _text(name: str, entity: Entity) -> str:
    return canonical_text(f"source.{quoted(name)}", entity.attribute(name).type)


def _semantic(activity: Activity, entity: Entity) -> str:
    if not activity.semantic:
        return "NULL"
    pairs = (f"{literal(field)}, {canonical_json('source.' + quoted(name), entity.attribute(name).type)}"
             for field, name in sorted(activity.semantic.items()))
    return f"json_object({', '.join(pairs)})"
