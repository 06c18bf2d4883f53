"""Entities, relationships and data sources as the product's management operations show them."""

from collections.abc import Iterable
from typing import Any

from overtide.serving.entities import DescribedEntity
from overtide.serving.odata.entity_sets import Property
from overtide.serving.relationships import Relationship


def entity_metadata(one: DescribedEntity, relationships: Iterable[Relationship]) -> dict[str, Any]:
    """Return an IEntityMetadata."""
    attributes = {
        item.name: _attribute(item, one.meanings.get(item.column)) for item in one.rows.properties
    }
    return {
        "name": one.name,
        "qualifiedEntityName": one.rows.name,
        "description": one.rows.text,
        "dataSourceName": one.source,
        "dataflowType": one.kind.dataflow,
        "entityType": one.kind.entity,
        "attributes": list(attributes.values()),
        "keys": [[attributes[name] for name in one.rows.key]],
        "relationships": [_related(item) for item in relationships if _touches(item, one)],
        "timestampAttribute": attributes.get(one.timestamp or ""),
        "partitions": [],
    }


def _attribute(one: Property, meaning: str | None) -> dict[str, Any]:
    """Return an IAttributeMetadata; the product writes semantic types without dots."""
    return {
        "name": one.name,
        "friendlyName": one.column,
        "baseName": one.column,
        "dataType": one.kind.edm,
        "semanticType": None if meaning is None else meaning.replace(".", ""),
    }


def annotations(one: DescribedEntity) -> list[dict[str, str]]:
    """Return what else is known of the attributes: their types here, and what they mean."""
    found = []
    for item in one.rows.properties:
        found.append({"name": f"{item.name}:type", "value": item.type})
        meaning = one.meanings.get(item.column)
        if meaning is not None:
            found.append({"name": f"{item.name}:semanticType", "value": meaning})
    return found


def _touches(relationship: Relationship, one: DescribedEntity) -> bool:
    return one.rows.name in (relationship.origin[0], relationship.destination[0])


def _related(one: Relationship) -> dict[str, Any]:
    """Return an IRelationshipMetadata."""
    return {
        "name": one.name,
        "friendlyName": one.name,
        "fromAttribute": {"name": one.origin[1]},
        "toAttribute": {"name": one.destination[1]},
        "relationshipType": "singleKeyRelationshipOrigin",
    }


def relationship_metadata(one: Relationship, instance_id: str) -> dict[str, Any]:
    """Return a RelationshipMetadata."""
    return {
        "name": one.name,
        "friendlyName": one.name,
        "relationshipType": "singleKeyRelationshipOrigin",
        "fromEntityName": one.origin[0],
        "fromAttributeName": one.origin[1],
        "toEntityName": one.destination[0],
        "toAttributeName": one.destination[1],
        "cardinality": "manyToOne",
        "source": "system" if one.system else "user",
        "instanceId": instance_id,
    }
