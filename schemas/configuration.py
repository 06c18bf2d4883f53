"""What a project declares in its `overtide.yaml`: one pydantic model per section.

The documents are strict: an unknown key is an error. Names of attributes are the columns' names in the files.
"""

from pathlib import PurePosixPath
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

ATTRIBUTE_TYPES = ("string", "integer", "double", "boolean", "date", "datetime", "guid", "decimal(18, 2)")
Text = Annotated[str, Field(min_length=1)]
AttributeType = Annotated[
    str, Field(pattern=r"^(string|integer|double|boolean|date|datetime|guid|decimal\(\d+, ?\d+\))$",
               description="string, integer, double, boolean, date, datetime, guid or decimal(digits, scale)")
]
Normalization = Literal["numerals", "symbols", "lower", "phone", "name", "address", "organization", "ascii",
                        "whitespace", "email"]
Precision = (Literal["low", "medium", "high", "exact"]
             | Annotated[int, Field(ge=1, le=100, strict=True, description="the least score in percent")])


class Model(BaseModel):
    """Base of all sections: unknown keys are refused and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Instance(Model):
    """Who this project is; the id is part of every CustomerId."""

    name: Text = Field(description="the name that people see")
    id: UUID = Field(description="a UUID, made once and never changed: every CustomerId depends on it")


class Attribute(Model):
    """One column of an entity: its type, how its text is read, and what it means."""

    type: AttributeType = Field(default="string", description="the type its values are read as")
    format: Text | None = Field(default=None, description="strptime format of a date or datetime; ISO 8601 without")
    decimal_mark: Literal[".", ","] = Field(default=".", description="the decimal mark of a double or decimal")
    semantic_type: Text | None = Field(default=None, description="what it means, such as `Person.FullName`")
    optional: bool = Field(default=False, description="whether the column may be missing from the files")


class Entity(Model):
    """One table of a data source: where its files are and how they are read."""

    path: Text = Field(description="a file or a glob such as `data/contacts-*.csv`, within the project's folder")
    format: Literal["csv", "parquet", "jsonl"] = Field(default="csv", description="how the files are written")
    encoding: str = Field(default="utf-8", description="the character encoding of CSV files")
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = Field(
        default=",", description="the character between the columns of CSV files")
    time_zone: str = Field(default="UTC", description="the zone of dates and times that carry no offset")
    primary_key: str = Field(description="the attribute that identifies a record: a string, integer or guid")
    attributes: dict[str, Attribute | AttributeType] = Field(
        description="column -> its type, or the long form with format and more")
    max_set_aside_percent: Annotated[float, Field(ge=0, le=100)] = Field(
        default=5.0, description="a refresh fails when more than this share of the rows has to be set aside")

    def attribute(self, name: str) -> Attribute:
        """Return the attribute in its long form."""
        short = self.attributes[name]
        return Attribute(type=short) if isinstance(short, str) else short


class Condition(Model):
    """Two values are compared: attributes joined by a blank, normalised, then scored against the precision."""

    fields: str | list[str] | dict[str, str | list[str]] = Field(
        description="an attribute (or a list, compared in combination) when it has the same name in both entities, "
                    "else a mapping from entity to that")
    normalize: list[Normalization] = Field(default=[], description="what is made equal before values are compared")
    precision: Precision = Field(
        default="exact", description="low (30 %), medium (60 %), high (80 %), exact, or a whole number of percent")
    ignore_word_order: bool | None = Field(
        default=None, description="whether words are sorted first; by default only with the `name` normalisation")

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

    name: Text = Field(description="the name of the rule in `ConflationMatchPairs` and in statistics")
    conditions: Annotated[list[Condition], Field(min_length=1)] = Field(description="what must hold, all of it")


class Preference(Model):
    """Which record of a group of duplicates wins; a tie goes to the greatest primary key."""

    policy: Literal["most_filled", "most_recent", "least_recent"] = Field(
        default="most_filled", description="the record with most values, or the newest, or the oldest")
    attribute: str | None = Field(default=None, description="the date or number that most/least_recent compares")


class Deduplicate(Model):
    """How duplicates within one entity are found and which of them wins."""

    prefer: Preference = Field(default=Preference(), description="which record of a group wins")
    rules: list[Rule] = Field(default=[], description="records that match by any of these are one group")


class UnifiedEntity(Model):
    """An entity that takes part in unification; the first is the primary entity."""

    entity: str = Field(description="the entity's full name, `{DataSource}_{Entity}`")
    include_all: bool = Field(default=True, description="whether records without a match become customers too")
    deduplicate: Deduplicate = Field(default=Deduplicate(), description="how its own duplicates are found")


class MatchPair(Model):
    """The ordered rules by which the records of `entity` find those of an earlier entity."""

    entity: str = Field(description="the entity that looks for matches")
    to: str = Field(description="the earlier entity in which it looks")
    rules: Annotated[list[Rule], Field(min_length=1)] = Field(
        description="tried in order; a record with a match by one rule is not offered to the next")


class MergedField(Model):
    """One column of Customer and the attributes it is made of."""

    name: str = Field(description="the column's name: letters, digits and underscores")
    sources: Annotated[list[str], Field(min_length=1)] = Field(
        alias="from", description="its attributes as `{DataSource}_{Entity}.{Attribute}`, best first")
    policy: Literal["importance", "most_recent", "least_recent"] = Field(
        default="importance", description="the first that is not null, or that of the newest or oldest record")
    by: dict[str, str] = Field(default={}, description="entity -> the attribute that most/least_recent compares")


class FieldGroup(Model):
    """Columns that are taken together from the first source in which not all of them are null."""

    fields: Annotated[list[str], Field(min_length=1, max_length=10)] = Field(description="the columns' names")
    sources: dict[str, list[str | None]] = Field(
        alias="from", description="entity -> its attributes (or null), in the order of `fields`; entities best first")


class Merge(Model):
    """The columns of Customer."""

    fields: list[MergedField] = Field(default=[], description="columns that are merged one by one")
    groups: list[FieldGroup] = Field(default=[], description="columns that are taken together, such as an address")


class Limits(Model):
    """A block or a customer larger than this is not merged but reported."""

    block_size: Annotated[int, Field(ge=2)] = Field(
        default=1000, description="the most records that may share the exact values of a rule")
    cluster_size: Annotated[int, Field(ge=2)] = Field(default=1000, description="the most records of one customer")


class Unification(Model):
    """Map, deduplicate, match and merge."""

    entities: Annotated[list[UnifiedEntity], Field(min_length=1)] = Field(
        description="the entities that make up customers; the first is the primary entity")
    match: list[MatchPair] = Field(default=[], description="how records of different entities find each other")
    merge: Merge = Field(description="the columns of Customer")
    limits: Limits = Field(default=Limits(), description="how large a block and a customer may be")


class Relationship(Model):
    """A foreign key from an activity's entity to a unified entity."""

    name: Text = Field(description="the name that activities refer to")
    entity: str = Field(description="the entity that holds the foreign key")
    foreign_key: str = Field(description="its attribute with the other entity's primary key")
    to: str = Field(description="the unified entity")


class Activity(Model):
    """How one entity's rows become unified activities; `title` to `icon` name attributes."""

    entity: str = Field(description="the entity whose rows are activities")
    name: Text = Field(description="shown as ActivityName")
    relationship: str = Field(description="the relationship that leads to the customer")
    type: Text = Field(default="Other", description="Feedback, Loyalty, SalesOrder, SalesOrderLine, Subscription, "
                                                    "Other or a name of your own")
    timestamp: str = Field(description="the attribute (date or datetime) of ActivityTime")
    title: str = Field(description="the attribute of Title")
    description: str | None = Field(default=None, description="the attribute of Description")
    url: str | None = Field(default=None, description="the attribute of URL")
    icon: str | None = Field(default=None, description="the attribute of Icon")
    type_display: str | None = Field(default=None, description="text shown for the type; default: the type")
    semantic: dict[str, str] = Field(default={}, description="semantic field -> attribute, kept in SemanticData")
    show_in_timeline: bool = Field(default=True, description="whether a timeline shows it")


class RealTime(Model):
    """Defaults of real-time events; durations such as 4h, 30d, 90m, 45s, 1h30m."""

    update_ttl: str = Field(default="4h", description="how long a profile update is valid when it does not say")
    activity_ttl: str = Field(default="30d", description="how long a real-time activity is kept when it does not say")


class Lake(Model):
    """Where the lake is; relative paths are within the project's folder."""

    catalog: Text = Field(default="lake/catalog.sqlite", description="the catalog's file; generations lie beside it")
    data: Text = Field(default="lake/data", description="the folder of the Parquet files")
    keep_generations: Annotated[int, Field(ge=1)] = Field(
        default=2, description="how many published file generations a refresh keeps")
    history_days: Annotated[int, Field(ge=1)] = Field(
        default=400, description="how many days back an instant may be asked for")


class EventLog(Model):
    """Where accepted events are kept."""

    path: Text = Field(default="log/events.sqlite", description="the file of the event log")


class Configuration(Model):
    """A whole `overtide.yaml`."""

    instance: Instance = Field(description="who this project is")
    sources: dict[str, dict[str, Entity]] = Field(description="data source -> entity -> where and what it is")
    unification: Unification = Field(description="how records become customers")
    relationships: list[Relationship] = Field(default=[], description="how activities find their customers")
    activities: list[Activity] = Field(default=[], description="which rows are activities; one entry per entity")
    real_time: RealTime = Field(default=RealTime(), description="defaults of real-time events")
    lake: Lake = Field(default=Lake(), description="where the lake is")
    event_log: EventLog = Field(default=EventLog(), description="where accepted events are kept")

    def entities(self) -> dict[str, Entity]:
        """Return every entity by its full name `{DataSource}_{Entity}`, in the order of declaration."""
        return {f"{source}_{name}": entity
                for source, entities in self.sources.items() for name, entity in entities.items()}


def is_absolute(path: str) -> bool:
    """Say whether a configured path stands alone (absolute or an URL) instead of within the project's folder."""
    return PurePosixPath(path).is_absolute() or "://" in path
