"""The entities of a publish as Customer Insights' metadata describes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from overtide.schemas import match_tables, tables
from overtide.schemas.configuration import Configuration
from overtide.schemas.events import UNIFIED_ACTIVITY
from overtide.schemas.serving_metadata import ServedEntity, ServingMetadata
from overtide.serving.odata.entity_sets import CUSTOMER, EntitySet, entity_sets

QUARANTINED, SELF_CONFLATED = "corrupt", "selfConflation"
"""Types of entities that are shown where they are asked for."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What an entity holds: the words are those of entityType and dataflowType."""

    entity: str
    dataflow: str


@dataclass(frozen=True)
class DescribedEntity:
    """An entity set and what is known of it: where it comes from and what its properties mean.

    `source` and `name` are those of the entity of the sources that it is, or is about. `timestamp`
    is the property with the time of an activity.
    """

    rows: EntitySet
    kind: Kind
    source: str | None
    name: str
    timestamp: str | None = None
    meanings: Mapping[str, str | None] = field(default_factory=dict)


def described(
    configuration: Configuration, metadata: ServingMetadata
) -> dict[str, DescribedEntity]:
    """Return all entities of a publish by their full names."""
    kinds = _kinds(metadata)
    sources = {
        f"{source}_{name}": (source, name)
        for source, entities in configuration.sources.items()
        for name in entities
    }
    found = {}
    for full_name, rows in entity_sets(metadata).items():
        source, name = sources.get(full_name, (None, full_name))
        found[full_name] = DescribedEntity(
            rows,
            kinds.get(full_name, Kind("unspecified", "unknown")),
            source,
            name,
            _timestamp(metadata, full_name),
            _meanings(configuration, metadata, full_name),
        )
    return found


def meanings_of_customer(
    configuration: Configuration, metadata: ServingMetadata
) -> Mapping[str, str | None]:
    """Return the semantic types of the columns of Customer."""
    return _meanings(configuration, metadata, CUSTOMER)


def taking_records(metadata: ServingMetadata) -> list[str]:
    """Return the entities whose records can be sent."""
    return [UNIFIED_ACTIVITY, *metadata.activities]


def naming_customers(metadata: ServingMetadata) -> list[str]:
    """Return the entities whose keys name a customer."""
    return [CUSTOMER, *(name for name, one in metadata.entities.items() if one.unified)]


def _kinds(metadata: ServingMetadata) -> dict[str, Kind]:
    found = {
        CUSTOMER: Kind("profile", "conflationResolveConflicts"),
        UNIFIED_ACTIVITY: Kind("unifiedActivity", "unifiedActivity"),
        match_tables.CONFLATION_MATCH_PAIRS.name: Kind("conflationMap", "conflationMatchPairs"),
        match_tables.DEDUPLICATION_PAIRS.name: Kind(SELF_CONFLATED, "conflationDeduplication"),
    }
    for name in metadata.entities:
        kind = "activity" if name in metadata.activities else "unspecified"
        found[name] = Kind(kind, "ingestion")
        found[tables.corrupt(name).name] = Kind(QUARANTINED, "ingestion")
        found[match_tables.deduplication(name).name] = Kind(
            SELF_CONFLATED, "conflationDeduplication"
        )
    return found


def _timestamp(metadata: ServingMetadata, name: str) -> str | None:
    if name == UNIFIED_ACTIVITY:
        return "ActivityTime"
    activity = metadata.activities.get(name)
    return None if activity is None else activity.timestamp


def _meanings(
    configuration: Configuration, metadata: ServingMetadata, name: str
) -> dict[str, str | None]:
    """Return what columns mean; one of Customer means what its first attribute does."""
    declared = metadata.entities.get(name)
    if declared is not None:
        return {column: one.semantic_type for column, one in declared.attributes.items()}
    if name != CUSTOMER:
        return {}
    merge = configuration.unification.merge
    made_of = {one.name: tuple(one.sources[0].split(".", 1)) for one in merge.fields}
    for group in merge.groups:
        entity, attributes = next(iter(group.sources.items()))
        pairs = zip(group.fields, attributes, strict=True)
        made_of |= {column: (entity, attribute or "") for column, attribute in pairs}
    return {
        column: _meaning(metadata.entities.get(entity), attribute)
        for column, (entity, attribute) in made_of.items()
    }


def _meaning(entity: ServedEntity | None, attribute: str) -> str | None:
    declared = None if entity is None else entity.attributes.get(attribute)
    return None if declared is None else declared.semantic_type
