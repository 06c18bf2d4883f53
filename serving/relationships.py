"""How entities are related: as the project declares it, and as unification makes it."""

from collections.abc import Iterator
from dataclasses import dataclass

from overtide.schemas.configuration import Configuration
from overtide.schemas.events import UNIFIED_ACTIVITY
from overtide.schemas.serving_metadata import ServingMetadata
from overtide.serving.odata.entity_sets import CUSTOMER


@dataclass(frozen=True, slots=True)
class Relationship:
    """Many records of one entity hold the key of one of another, each end as (entity, attribute).

    `system`: unification made it.
    """

    name: str
    origin: tuple[str, str]
    destination: tuple[str, str]
    system: bool = False


def declared(configuration: Configuration) -> list[Relationship]:
    """Return the relationships of a project."""
    entities = configuration.entities()
    return [
        Relationship(
            one.name,
            (one.entity, one.foreign_key),
            (one.to, one.field or entities[one.to].primary_key),
        )
        for one in configuration.relationships
    ]


def made(metadata: ServingMetadata) -> Iterator[Relationship]:
    """Give those that unification makes: of activities, and of each unified entity's records."""
    yield Relationship(
        f"{UNIFIED_ACTIVITY}_{CUSTOMER}",
        (UNIFIED_ACTIVITY, "CustomerId"),
        (CUSTOMER, "CustomerId"),
        True,
    )
    for name, entity in metadata.entities.items():
        column = f"{name}_{entity.primary_key}"
        if entity.unified:
            yield Relationship(
                f"{CUSTOMER}_{name}", (CUSTOMER, column), (name, entity.primary_key), True
            )
