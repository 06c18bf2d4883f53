"""What a project declares in its `overtide.yaml`: one pydantic model per section.

The documents are strict: an unknown key is an error. Names of attributes are the columns' names in the files.
"""

from pathlib import PurePosixPath
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

AttributeType = Annotated[
    str, Field(pattern=r"^(string|integer|double|boolean|date|datetime|guid|decimal\(\d+, ?\d+\))$")
]
Normalization = Literal["numerals", "symbols", "lower", "phone", "name", "address", "organization", "ascii",
                        "whitespace", "email"]
Precision = Literal["low", "medium", "high", "exact"] | Annotated[int, Field(ge=1, le=100)]


class Model(BaseModel):
    """Base of all sections: unknown keys are refused and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Instance(Model):
    """Who this project is; the id is part of every CustomerId."""

    name: str
    id: UUID


class Attribute(Model):
    """One column of an entity: its type, how its text is read, and what it means."""

    type: AttributeType = "string"
    format: str | None = Field(default=None, description="strptime format of a date or datetime; ISO 8601 without")
    decimal_mark: Literal[".", ","] = "."
    semantic_type: str | None = None
    optional: bool = False


class Entity(Model):
    """One table of a data source: where its files are and how they are read."""

    path: str
    format: Literal["csv", "parquet", "jsonl"] = "csv"
    encoding: str = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    time_zone: str = "UTC"
    primary_key: str
    attributes: dict[str, Attribute | AttributeType]
    max_set_aside_percent: Annotated[float, Field(ge=0, le=100)] = 5.0

    def attribute(self, name: str) -> Attribute:
        """Return the attribute in its long form."""
        short = self.attributes[name]
        return Attribute(type=short) if isinstance(short, str) else short


class Condition(Model):
    """Two values are compared: attributes joined by a blank, normalised, then scored against the precision.

    `fields` is one attribute name (or a list, compared in combination) when it is the same in both entities,
    else a mapping from entity to that.
    """

    fields: str | list[str] | dict[str, str | list[str]]
    normalize: list[Normalization] = []
    precision: Precision = "exact"
    ignore_word_order: bool | None = Field(default=None, description="default: true with `name` normalisation")

    def fields_of(self, entity: str) -> list[str]:
        """Return the attributes of this entity that are compared in combination."""
        names = self.fields[entity] if isinstance(self.fields, dict) else self.fields
        return [names] if isinstance(names, str) else list(names)

    @property
    def percent(self) -> int:
        """The least score in percent: low 30, medium 60, high 80, exact 100."""
        named = {"low": 30, "medium": 60, "high": 80, "exact": 100}
        return named[self.precision] if isinstance(self.precision, str) else self.precision

    @property
    def words_sorted(self) -> bool:
        """Whether the words are sorted before they are compared."""
        return "name" in self.normalize if self.ignore_word_order is None else self.ignore_word_order


class Rule(Model):
    """All conditions must hold; at least one of them is exact and forms the blocks."""

    name: str
    conditions: Annotated[list[Condition], Field(min_length=1)]


class Preference(Model):
    """Which record of a group of duplicates wins; a tie goes to the greatest primary key."""

    policy: Literal["most_filled", "most_recent", "least_recent"] = "most_filled"
    attribute: str | None = Field(default=None, description="the date or number that most/least_recent compares")


class Deduplicate(Model):
    """How duplicates within one entity are found and which of them wins."""

    prefer: Preference = Preference()
    rules: list[Rule] = []


class UnifiedEntity(Model):
    """An entity that takes part in unification; the first is the primary entity."""

    entity: str
    include_all: bool = True
    deduplicate: Deduplicate = Deduplicate()


class MatchPair(Model):
    """The ordered rules by which the records of `entity` find those of an earlier entity."""

    entity: str
    to: str
    rules: Annotated[list[Rule], Field(min_length=1)]


class MergedField(Model):
    """One column of Customer and the attributes it is made of, as `{DataSource}_{Entity}.{Attribute}`, best first."""

    name: str
    sources: Annotated[list[str], Field(min_length=1)] = Field(alias="from")
    policy: Literal["importance", "most_recent", "least_recent"] = "importance"
    by: dict[str, str] = Field(default={}, description="entity -> attribute compared by most/least_recent")


class FieldGroup(Model):
    """Columns that are taken together from the first source in which not all of them are null."""

    fields: Annotated[list[str], Field(min_length=1, max_length=10)]
    sources: dict[str, list[str | None]] = Field(
        alias="from", description="entity -> its attributes, in the order of `fields`; entities best first")


class Merge(Model):
    """The columns of Customer."""

    fields: list[MergedField] = []
    groups: list[FieldGroup] = []


class Limits(Model):
    """A block or a customer larger than this is not merged but reported."""

    block_size: Annotated[int, Field(ge=2)] = 1000
    cluster_size: Annotated[int, Field(ge=2)] = 1000


class Unification(Model):
    """Map, deduplicate, match and merge."""

    entities: Annotated[list[UnifiedEntity], Field(min_length=1)]
    match: list[MatchPair] = []
    merge: Merge
    limits: Limits = Limits()


class Relationship(Model):
    """A foreign key from an activity's entity to a unified entity."""

    name: str
    entity: str
    foreign_key: str
    to: str


class Activity(Model):
    """How one entity's rows become unified activities."""

    entity: str
    name: str
    relationship: str
    type: str = "Other"
    timestamp: str
    title: str
    description: str | None = None
    url: str | None = None
    icon: str | None = None
    type_display: str | None = Field(default=None, description="text shown for the type; default: the type")
    semantic: dict[str, str] = Field(default={}, description="semantic field -> attribute, kept in SemanticData")
    show_in_timeline: bool = True


class RealTime(Model):
    """Defaults of real-time events; durations such as 4h, 30d, 90m, 45s."""

    update_ttl: str = "4h"
    activity_ttl: str = "30d"


class Lake(Model):
    """Where the lake is; relative paths are within the project's folder."""

    catalog: str = "lake/catalog.sqlite"
    data: str = "lake/data"
    keep_generations: Annotated[int, Field(ge=1)] = 2
    history_days: Annotated[int, Field(ge=1)] = 400


class EventLog(Model):
    """Where accepted events are kept."""

    path: str = "log/events.sqlite"


class Configuration(Model):
    """A whole `overtide.yaml`."""

    instance: Instance
    sources: dict[str, dict[str, Entity]]
    unification: Unification
    relationships: list[Relationship] = []
    activities: list[Activity] = []
    real_time: RealTime = RealTime()
    lake: Lake = Lake()
    event_log: EventLog = EventLog()

    def entities(self) -> dict[str, Entity]:
        """Return every entity by its full name `{DataSource}_{Entity}`, in the order of declaration."""
        return {f"{source}_{name}": entity
                for source, entities in self.sources.items() for name, entity in entities.items()}


def is_absolute(path: str) -> bool:
    """Say whether a configured path stands alone (absolute or an URL) instead of within the project's folder."""
    return PurePosixPath(path).is_absolute() or "://" in path
