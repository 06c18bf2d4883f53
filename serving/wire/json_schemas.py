"""JSON Schemas of what an entity's rows hold, and of what may be sent about it.

Of JSON Schema they use what Swagger 2.0 has too, so that a connector can build forms of them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from overtide.lake.generation import Generation
from overtide.schemas.activities import COLUMNS
from overtide.schemas.events import UNIFIED_ACTIVITY
from overtide.schemas.serving_metadata import ServedActivity, ServedEntity
from overtide.schemas.types import type_of
from overtide.schemas.types.attribute_type import AttributeType
from overtide.serving.odata.entity_sets import CUSTOMER, EntitySet

Schema = dict[str, Any]
KINDS: Mapping[str, Mapping[str, str]] = {
    "Edm.Boolean": {"type": "boolean"},
    "Edm.Date": {"type": "string", "format": "date"},
    "Edm.DateTimeOffset": {"type": "string", "format": "date-time"},
    "Edm.Decimal": {"type": "string", "format": "decimal"},
    "Edm.Double": {"type": "number", "format": "double"},
    "Edm.Guid": {"type": "string", "format": "uuid"},
    "Edm.Int64": {"type": "integer", "format": "int64"},
    "Edm.String": {"type": "string"},
}
"""How values of each type are written in JSON."""
TIME, SEMANTIC = "ActivityTime", "SemanticData"
NEEDED = ("CustomerId", "ActivityType", TIME)
"""What a UnifiedActivity that is sent must have."""
DERIVED = "RangeIndex"
"""A column of UnifiedActivity that follows from the others."""


def row_schema(rows: EntitySet) -> Schema:
    """Return the schema of a row as reads give it: each value may be null."""
    return _object({one.name: _value(one.column, one.kind.edm) for one in rows.properties})


def sent_schema(generation: Generation, entity: str) -> Schema | None:
    """Return the schema of what may be sent about an entity, None where nothing may.

    Each value has an example that may be sent.
    """
    if entity == CUSTOMER:
        fields = [one for one in generation.profile_fields.values() if one.updatable]
        return _object({one.name: _sent(one.name, type_of(one.type)) for one in fields})
    if entity == UNIFIED_ACTIVITY:
        return _unified_schema()
    activity = generation.metadata.activities.get(entity)
    if activity is None:
        return None
    return _record_schema(generation.metadata.entities[entity], activity)


def _unified_schema() -> Schema:
    names = ("CustomerId", *(name for name in COLUMNS if name != DERIVED))
    properties = {name: _value(name, "Edm.String") for name in names}
    properties[TIME] = _value(TIME, "Edm.DateTimeOffset")
    properties[SEMANTIC] = {"type": "object", "title": SEMANTIC, "x-ms-summary": SEMANTIC}
    return _object(properties, NEEDED)


def _record_schema(entity: ServedEntity, activity: ServedActivity) -> Schema:
    """Return the schema of a source record: values may be written as in the source's files."""
    properties: dict[str, Schema] = {}
    for path, attribute, _ in entity.inputs.values():
        name = str(path[0])
        if len(path) > 1:
            nested = {"title": name, "x-ms-summary": name, "x-nullable": True}
            properties[name] = nested | ({"type": "object"} if isinstance(path[1], str) else {})
            continue
        kind, reading = type_of(attribute.type), attribute.reading
        properties[name] = _sent(name, kind) | {"example": kind.example_in_files(reading)}
        if reading.format is not None:
            text = {"type": "string", "description": f"A {kind.expectation(reading)}."}
            properties[name] = {**properties[name], **text}
            properties[name].pop("format", None)
    needed = (entity.primary_key, activity.timestamp, activity.foreign_key)
    inputs = entity.inputs
    return _object(properties, (inputs[name].column for name in needed if name in inputs))


def _sent(title: str, kind: AttributeType) -> Schema:
    return {**_value(title, kind.edm), "example": kind.example}


def _value(title: str, edm: str) -> Schema:
    return {**KINDS[edm], "title": title, "x-ms-summary": title, "x-nullable": True}


def _object(properties: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    needed = list(dict.fromkeys(required))
    for name in needed:
        properties[name].pop("x-nullable", None)
    schema: Schema = {"type": "object", "properties": dict(properties)}
    return schema | ({"required": needed} if needed else {})
