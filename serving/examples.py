"""Examples of what may be sent: each can be sent back as it is."""

from typing import Any

from overtide.lake.generation import Generation
from overtide.schemas.events import UNIFIED_ACTIVITY
from overtide.schemas.source_paths import put
from overtide.schemas.types import type_of
from overtide.schemas.values import Value
from overtide.serving.odata.entity_sets import CUSTOMER

ACTIVITY = {
    "ActivityType": "Feedback",
    "ActivityTime": "2026-01-31T12:00:00Z",
    "Title": "text",
    "Description": "text",
    "SemanticData": {"Rating": 5},
}
NOBODY = "0" * 32
"""A CustomerId where there is no customer to name."""


def example_of(generation: Generation, entity: str) -> dict[str, object] | None:
    """Return what can be sent about an entity, None where nothing can."""
    if entity == CUSTOMER:
        return dict(_changes(generation)) or None
    if entity == UNIFIED_ACTIVITY:
        return {"CustomerId": generation.any_customer() or NOBODY, **ACTIVITY}
    if entity in generation.metadata.activities:
        return dict(_record(generation, entity))
    return None


def _changes(generation: Generation) -> dict[str, Value]:
    """Return new values of all fields of a customer that may be updated."""
    fields = generation.profile_fields.values()
    return {one.name: type_of(one.type).example for one in fields if one.updatable}


def _record(generation: Generation, entity: str) -> dict[str, Any]:
    """Return a source record of an activity that belongs to a customer."""
    declared, activity = (
        generation.metadata.entities[entity],
        generation.metadata.activities[entity],
    )
    key = generation.any_key(activity.to)
    record: dict[str, Any] = {}
    for name, (path, one, _) in declared.inputs.items():
        value = type_of(one.type).example_in_files(one.reading)
        put(record, path, key if key and name == activity.foreign_key else value)
    return record
