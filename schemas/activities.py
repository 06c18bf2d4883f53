"""The columns of a unified activity, and how a source record becomes one.

The same here as in the refresh.
"""

from collections.abc import Mapping
from functools import lru_cache

from overtide.schemas.events import activity_id
from overtide.schemas.instants import SECOND, parse_instant
from overtide.schemas.serving_metadata import ServedActivity, ServedEntity
from overtide.schemas.types import type_of
from overtide.schemas.values import Value, canonical, text_of

COLUMNS = (
    "ActivityId",
    "ActivityType",
    "ActivityTypeDisplay",
    "ActivityName",
    "ActivityTime",
    "Title",
    "Description",
    "URL",
    "Icon",
    "SourceEntityName",
    "SourceActivityId",
    "SemanticData",
    "RangeIndex",
)
"""All columns of UnifiedActivity but CustomerId and FirstRun."""


def unified_activity(
    name: str, entity: ServedEntity, activity: ServedActivity, values: Mapping[str, Value]
) -> dict[str, Value]:
    """Map the typed values of one source record of the entity `name` to its unified activity.

    Primary key and timestamp must have values.
    """
    time = activity_time(entity, activity.timestamp, values[activity.timestamp])
    key = str(text_of(values[entity.primary_key]))
    semantic = {
        field: values.get(attribute) for field, attribute in (activity.semantic or {}).items()
    }
    return {
        "ActivityId": activity_id(name, key),
        "ActivityType": activity.type,
        "ActivityTypeDisplay": activity.type_display or activity.type,
        "ActivityName": activity.name,
        "ActivityTime": time,
        "Title": _text(values, activity.title),
        "Description": _text(values, activity.description),
        "URL": _text(values, activity.url),
        "Icon": _text(values, activity.icon),
        "SourceEntityName": name,
        "SourceActivityId": key,
        "SemanticData": canonical(semantic) if semantic else None,
        "RangeIndex": range_index(time),
    }


def activity_time(entity: ServedEntity, attribute: str, value: Value) -> str:
    """Return the instant of a canonical date or datetime.

    A date is its midnight in the entity's time zone.
    """
    return _instant(entity.attributes[attribute].type, value, entity.time_zone)


@lru_cache(maxsize=4096)
def _instant(kind: str, value: Value, time_zone: str) -> str:
    return type_of(kind).instant(value, time_zone)


@lru_cache(maxsize=4096)
def range_index(time: str) -> str:
    """Return the whole unix seconds of an instant, as text."""
    return str(parse_instant(time) // SECOND)


def _text(values: Mapping[str, Value], attribute: str | None) -> str | None:
    return None if attribute is None else text_of(values.get(attribute))
