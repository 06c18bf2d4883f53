"""By which rules the rows of tables are made, as hashes: what else they depend on besides rows.

A table whose rules are those of the published one may be a difference to it. So they say as little
as is true: how an entity's rows are read is no part of them, since the rows themselves are
compared, and what is made of other tables says nothing of how these were made
(docs/decisions/changed-settings.md).
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from overtide.pipelines.engine import engine
from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.activities import Activity
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.configuration.relationships import Relationship
from overtide.transforms.matching.contract import rules_of as rules_by_pair

OF_MERGING: dict[str, Any] = {
    "merge": True,
    "entities": {"__all__": {"deduplicate": {"per_attribute"}}},
}
"""What the unification says of Customer alone, and nothing of who is who."""
OF_IDENTIFYING: dict[str, Any] = {
    **dict.fromkeys(("match", "customer_id", "ignore", "aliases", "decisions", "limits"), True),
    "entities": {"__all__": {"include_all": True, "ignore": True, "deduplicate": {"rules"}}},
}
"""What it says of who is who alone: Customer follows from the maps that come of it."""
OF_SHOWING = {"show_in_timeline"}
"""What an activity says of timelines alone, and nothing of its rows."""
COMPARED = {"country", "semantic_type"}
"""What an attribute says of how its values are compared, besides its type."""


def rules_of_records(configuration: Configuration) -> str:
    """Return the hash of the rules by which records are matched and identified."""
    unification, entities = configuration.unification, configuration.entities()
    said = unification.model_dump(mode="json", by_alias=True, exclude=OF_MERGING)
    compared: dict[str, set[str]] = {one.entity: set() for one in unification.entities}
    for pair, rules in rules_by_pair(unification).items():
        for name in (pair.lower, pair.upper):
            compared[name] |= {field for rule in rules for field in rule.fields_of(name)}
    return _hash(
        _in_force(said),
        [(name, _rows(entities[name], fields)) for name, fields in compared.items()],
    )


def rules_of_customers(configuration: Configuration) -> str:
    """Return the hash of the rules by which records of one customer are merged."""
    unification, entities = configuration.unification, configuration.entities()
    said = unification.model_dump(mode="json", by_alias=True, exclude=OF_IDENTIFYING)
    names = [one.entity for one in unification.entities]
    return _hash(said, [(name, _rows(entities[name])) for name in names])


def rules_of_activity(configuration: Configuration, activity: Activity, way: Relationship) -> str:
    """Return the hash of the rules by which an entity's rows become activities."""
    entities = configuration.entities()
    own, to = entities[activity.entity], entities[way.to]
    return _hash(
        activity.model_dump(mode="json", exclude=OF_SHOWING),
        way.model_dump(mode="json"),
        _rows(own.with_only(activity.attributes | {own.primary_key, way.foreign_key})),
        _rows(to.with_only({to.primary_key})),
    )


def rules_of_nothing() -> str:
    """Return the hash of what holds for all rows: the engine."""
    return _hash()


def _rows(entity: Entity, compared: Iterable[str] = ()) -> dict[str, Any]:
    """Return what the rows of an entity are, beside their values; more of what is `compared`."""
    attributes = {name: entity.attribute(name) for name in entity.attributes}
    return {
        "primary_key": entity.primary_key,
        "time_zone": entity.time_zone,
        "types": [(name, attribute.type) for name, attribute in attributes.items()],
        "compared": {
            name: attributes[name].model_dump(mode="json", include=COMPARED)
            for name in sorted(compared)
        },
    }


def _in_force(said: Any) -> Any:  # noqa: ANN401 - parts of a document
    """Return what a document says without the rules that do not apply."""
    if isinstance(said, dict):
        return {name: _in_force(value) for name, value in said.items()}
    if isinstance(said, list):
        return [_in_force(one) for one in said if not _is_off(one)]
    return said


def _is_off(one: Any) -> bool:  # noqa: ANN401 - part of a document
    return isinstance(one, dict) and one.get("enabled") is False


def _hash(*document: object) -> str:
    return hashlib.sha256(json.dumps([engine(), *document]).encode()).hexdigest()
