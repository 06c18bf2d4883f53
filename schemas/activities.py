"""The columns of a unified activity, and how a source record becomes one.

The same here as in the refresh.
"""

from collections.abc import Mapping
from functools import lru_cache

from overtide.schemas.events import activity_ids
from overtide.schemas.flat_objects import FlatObject
from overtide.schemas.instants import SECOND, parse_instant
from overtide.schemas.serving_metadata import ServedActivity, ServedEntity
from overtide.schemas.types import type_of
from overtide.schemas.values import Value, text_of

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


class UnifiedActivities:
    """Maps typed values of source records of one entity to its unified activities.

    Made for a generation and used for all records of the entity.
    """

    def __init__(self, name: str, entity: ServedEntity, activity: ServedActivity) -> None:
        self._entity, self._activity, self._identity = entity, activity, activity_ids(name)
        self._semantic = activity.semantic or {}
        self._semantic_text = FlatObject(sorted(self._semantic))
        fixed: dict[str, Value] = {
            "ActivityType": activity.type,
            "ActivityTypeDisplay": activity.type_display or activity.type,
            "ActivityName": activity.name,
            "SourceEntityName": name,
        }
        texts = (
            ("Title", activity.title),
            ("Description", activity.description),
            ("URL", activity.url),
            ("Icon", activity.icon),
        )
        self._texts = [(column, one) for column, one in texts if one is not None]
        fixed |= dict.fromkeys((column for column, one in texts if one is None), None)
        if not self._semantic:
            fixed["SemanticData"] = None
        self._text = FlatObject(sorted(COLUMNS), fixed)
        self._times = lru_cache(maxsize=4096)(self._times_of)

    def __call__(self, values: Mapping[str, Value]) -> tuple[str, str]:
        """Return a record's ActivityId, and its activity as the body of an event.

        Primary key and timestamp must have values.
        """
        time, index = self._times(values[self._activity.timestamp])
        key = str(text_of(values[self._entity.primary_key]))
        identity = self._identity(key)
        columns: dict[str, Value] = {
            "ActivityId": identity,
            "ActivityTime": time,
            "SourceActivityId": key,
            "RangeIndex": index,
        }
        for column, attribute in self._texts:
            columns[column] = text_of(values.get(attribute))
        if self._semantic:
            semantic = {field: values.get(one) for field, one in self._semantic.items()}
            columns["SemanticData"] = self._semantic_text(semantic)
        return identity, self._text(columns)

    def _times_of(self, value: Value) -> tuple[str, str]:
        """Return the instant of a timestamp, and its index; the same days come again and again."""
        time = activity_time(self._entity, self._activity.timestamp, value)
        return time, range_index(time)


def activity_time(entity: ServedEntity, attribute: str, value: Value) -> str:
    """Return the instant of a canonical date or datetime.

    A date is its midnight in the entity's time zone.
    """
    return type_of(entity.attributes[attribute].type).instant(value, entity.time_zone)


@lru_cache(maxsize=4096)
def range_index(time: str) -> str:
    """Return the whole unix seconds of an instant, as text."""
    return str(parse_instant(time) // SECOND)
