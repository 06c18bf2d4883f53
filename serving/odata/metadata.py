"""The entity sets as an entity data model: what queries are parsed against, and `$metadata`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from odatapy.edm.csdl import (
    CsdlAbstractEdmProvider,
    CsdlEntityContainer,
    CsdlEntitySet,
    CsdlEntityType,
    CsdlNavigationProperty,
    CsdlNavigationPropertyBinding,
    CsdlProperty,
    CsdlPropertyRef,
    CsdlSchema,
)
from odatapy.edm.model import Edm
from odatapy.server.serializer.metadata import MetadataSerializer

from overtide.schemas.serving_metadata import ServingMetadata
from overtide.schemas.types.decimal import DecimalType
from overtide.serving.odata.entity_sets import (
    ACTIVITY,
    CUSTOMER,
    EntitySet,
    Property,
    entity_sets,
)

NAMESPACE, CONTAINER = "Overtide", "Container"


@dataclass(frozen=True)
class Model:
    """The entity sets of one publish, and what is made of them once."""

    sets: Mapping[str, EntitySet]
    of_equal: dict[tuple[str, str], Any] = field(default_factory=dict, compare=False)
    """Queries whose filter compares a column with a text, by path and column: parsed once."""

    @classmethod
    def of(cls, metadata: ServingMetadata) -> "Model":
        """Return the model of a publish."""
        return cls(entity_sets(metadata))

    @cached_property
    def edm(self) -> Edm:
        """The model as the library knows it."""
        return Edm(_Provider(self.sets))

    def as_xml(self, version: str) -> str:
        """Return the CSDL document in XML, for 4.0 or 4.01."""
        return MetadataSerializer().xml(self.edm, version)

    def as_json(self, version: str) -> dict[str, Any]:
        """Return the CSDL document in JSON, which is of 4.01."""
        return MetadataSerializer().json_document(self.edm, version)


class _Provider(CsdlAbstractEdmProvider):
    """Describes the entity sets to the library."""

    def __init__(self, sets: Mapping[str, EntitySet]) -> None:
        container = CsdlEntityContainer(
            name=CONTAINER, entity_sets=[_set(one) for one in sets.values()]
        )
        types = [_type(one) for one in sets.values()]
        self._described = CsdlSchema(
            namespace=NAMESPACE, entity_types=types, entity_container=container
        )

    def get_schemas(self) -> list[CsdlSchema]:
        """Return the one schema."""
        return [self._described]


def _type(entities: EntitySet) -> CsdlEntityType:
    return CsdlEntityType(
        name=entities.name,
        key=[CsdlPropertyRef(name=name) for name in entities.key],
        properties=[_property(one, one.name in entities.key) for one in entities.properties],
        navigation_properties=_navigation(entities),
    )


def _property(one: Property, is_key: bool) -> CsdlProperty:
    facets: dict[str, Any] = {}
    if isinstance(one.kind, DecimalType):
        facets["precision"], facets["scale"] = one.kind.shape
    if one.kind.edm == "Edm.DateTimeOffset":
        facets["precision"] = 6
    return CsdlProperty(name=one.name, type=one.kind.edm, nullable=not is_key, **facets)


def _navigation(entities: EntitySet) -> list[CsdlNavigationProperty]:
    if entities.name != CUSTOMER:
        return []
    return [CsdlNavigationProperty(name=ACTIVITY, type=f"Collection({NAMESPACE}.{ACTIVITY})")]


def _set(entities: EntitySet) -> CsdlEntitySet:
    bindings = (
        [CsdlNavigationPropertyBinding(path=ACTIVITY, target=ACTIVITY)]
        if entities.name == CUSTOMER
        else []
    )
    return CsdlEntitySet(
        name=entities.name,
        type=f"{NAMESPACE}.{entities.name}",
        navigation_property_bindings=bindings,
    )
