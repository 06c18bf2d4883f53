"""What a project declares in its `overtide.yaml`: a module per section, models and checks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from overtide.schemas.configuration.activities import Activity, check_activities
from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.composite_keys import with_composite_foreign_keys
from overtide.schemas.configuration.databases import Database, check_databases
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.configuration.instance import Instance
from overtide.schemas.configuration.model import LISTS_OF_WORDS, Model, Word
from overtide.schemas.configuration.places import EventLog, Lake, check_places
from overtide.schemas.configuration.real_time import RealTime, check_durations
from overtide.schemas.configuration.relationships import Relationship, check_relationships
from overtide.schemas.configuration.service import Service, check_service
from overtide.schemas.configuration.sources import check_sources
from overtide.schemas.configuration.unification import Unification, check_unification
from overtide.schemas.mistakes import Mistake, Path

if TYPE_CHECKING:
    from overtide.schemas.document import Document  # at the top it would load YAML


class Configuration(Model):
    """A whole `overtide.yaml`."""

    instance: Instance = Field(description="who this project is")
    sources: dict[str, dict[str, Entity]] = Field(
        description="data source -> entity -> where and what it is"
    )
    databases: dict[str, Database] = Field(
        default={}, description="databases that entities are read from, each by a name"
    )
    null_words: list[Word] = Field(
        default=[],
        description="what is read as null in every column of every source, in any case",
        examples=[["N/A", "NULL", "unknown"]],
    )
    unification: Unification = Field(description="how records become customers")
    relationships: list[Relationship] = Field(
        default=[], description="how activities find their customers"
    )
    activities: list[Activity] = Field(
        default=[], description="which rows are activities; one entry per entity"
    )
    real_time: RealTime = Field(default=RealTime(), description="defaults of real-time events")
    lake: Lake = Field(default=Lake(), description="where the lake is")
    event_log: EventLog = Field(default=EventLog(), description="where accepted events are kept")
    service: Service = Field(
        default=Service(), description="who may use the HTTP service, and from where"
    )

    @model_validator(mode="before")
    @classmethod
    def _with_composite_foreign_keys(cls, document: Any) -> Any:  # noqa: ANN401 - as written
        return with_composite_foreign_keys(document) if isinstance(document, dict) else document

    def entities(self) -> dict[str, Entity]:
        """Return every entity by its full name `{DataSource}_{Entity}`, as declared.

        They come in the order of declaration.
        """
        entities = {
            f"{source}_{name}": entity.with_null_words(self.null_words)
            for source, some in self.sources.items()
            for name, entity in some.items()
        }
        foreign: dict[str, list[str]] = {}
        for one in self.relationships:
            # What a `field` names is no key, and is compared as it is.
            if one.field is None and one.to in entities and entities[one.to].trims_keys:
                foreign.setdefault(one.entity, []).append(one.foreign_key)
        return {
            name: entity.with_trimmed_keys(foreign.get(name, ()))
            for name, entity in entities.items()
        }


def check(
    configuration: Configuration, document: "Document", broken: frozenset[Path]
) -> list[Mistake]:
    """Return everything that is wrong between the sections of a configuration, and notes."""
    places: dict[str, Path] = {
        f"{source}_{name}": ("sources", source, name)
        for source, entities in configuration.sources.items()
        for name in entities
    }
    unified = [one.entity for one in configuration.unification.entities]
    aliases = list(configuration.unification.aliases)
    checking = Checking(document, broken, configuration.entities(), places, unified, aliases)
    checking.check_words(LISTS_OF_WORDS)
    check_sources(checking, configuration.sources)
    check_databases(checking, configuration.databases)
    check_unification(checking, configuration.unification)
    check_relationships(checking, configuration.relationships, configuration.unification.merge)
    check_activities(checking, configuration.activities, configuration.relationships)
    check_durations(checking, configuration.real_time)
    check_places(checking, configuration.lake, configuration.event_log)
    check_service(checking, configuration.service)
    _unused(checking, configuration.activities, configuration.relationships)
    return checking.found


def _unused(
    checking: Checking, activities: Sequence[Activity], relationships: Sequence[Relationship]
) -> None:
    if checking.found or checking.broken:
        return  # one that is misspelt where it is used only looks unused
    used = {
        *checking.unified,
        *(activity.entity for activity in activities),
        *(one.to for one in relationships),
    }
    for name, place in checking.places.items():
        if name not in used:
            checking.note(
                "unused_entity",
                place,
                f"{name} is neither unified nor an activity: it is only kept.",
            )
