"""What a project declares in its `overtide.yaml`: one pydantic model per section.

The documents are strict: an unknown key is an error. Names of attributes are the columns' names in
the files.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from overtide.schemas.instants import HISTORY_DAYS
from overtide.schemas.types import KEYS, NAMES, PATTERN, listed
from overtide.schemas.types.attribute_type import Reading

Text = Annotated[str, Field(min_length=1)]
TypeName = Annotated[str, Field(pattern=PATTERN, description=listed(NAMES))]
SourceFormatName = Literal["csv", "parquet", "jsonl"]
Normalization = Literal[
    "numerals",
    "symbols",
    "lower",
    "phone",
    "name",
    "address",
    "organization",
    "ascii",
    "whitespace",
    "email",
]
Word = Annotated[Text, BeforeValidator(lambda value: "null" if value is None else value)]
"""A text; YAML takes the word null for a value of its own."""
Country = Annotated[
    str,
    BeforeValidator(lambda value: "NO" if value is False else value),
    Field(pattern="^[A-Z]{2}$"),
]
"""A country by ISO 3166; YAML takes Norway's NO for false."""
Precision = (
    Literal["low", "medium", "high", "exact"]
    | Annotated[int, Field(ge=1, le=100, strict=True, description="the least score in percent")]
)


class Model(BaseModel):
    """Base of all sections: unknown keys are refused and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Instance(Model):
    """Who this project is; the id is part of every CustomerId."""

    name: Text = Field(description="the name that people see", examples=["Contoso"])
    id: UUID = Field(
        description="a UUID, made once and never changed: every CustomerId depends on it",
        examples=["6f1c0c5e-2f4f-4a57-9c7e-0d2a5b7e1a10"],
    )


class Attribute(Model):
    """One column of an entity: its type, how its text is read, and what it means."""

    type: TypeName = Field(
        default="string", description="the type its values are read as", examples=["decimal(18, 2)"]
    )
    format: Text | None = Field(
        default=None,
        description="strptime format of a date or datetime; ISO 8601 without",
        examples=["%d-%m-%Y %H:%M:%S"],
    )
    decimal_mark: Literal[".", ","] = Field(
        default=".", description="the decimal mark of a double or decimal", examples=[","]
    )
    semantic_type: Text | None = Field(
        default=None,
        description="what it means, such as `Person.FullName`",
        examples=["Identity.Service.Email"],
    )
    optional: bool = Field(
        default=False,
        description="whether the column may be missing from the files",
        examples=[True],
    )
    null_words: list[Word] | None = Field(
        default=None,
        description="what is read as null in this column, instead of the project's `null_words`",
        examples=[["N/A", "-"]],
    )
    country: Country | None = Field(
        default=None,
        description="whose numbers the telephone numbers without a country code are",
        examples=["NL"],
    )

    @property
    def reading(self) -> Reading:
        """How its texts are read."""
        return Reading(self.format, self.decimal_mark)


class Preference(Model):
    """Which of several rows or records is preferred.

    The docs say what decides between equal ones.
    """

    policy: Literal["most_filled", "most_recent", "least_recent"] = Field(
        default="most_filled",
        description="the one with most values, or the newest, or the oldest",
        examples=["most_recent"],
    )
    attribute: str | None = Field(
        default=None,
        description=(
            "the date or number that most/least_recent compares; a row without it comes last"
        ),
        examples=["CreatedOn"],
    )


class Entity(Model):
    """One table of a data source: where its files are and how they are read."""

    path: Text = Field(
        description="a file or a glob such as `data/contacts-*.csv`, within the project's folder",
        examples=["data/contacts-*.csv"],
    )
    format: SourceFormatName = Field(
        default="csv", description="how the files are written", examples=["parquet"]
    )
    encoding: str = Field(
        default="utf-8",
        description="the character encoding of CSV and JSON lines files",
        examples=["windows-1252"],
    )
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = Field(
        default=",", description="the character between the columns of CSV files", examples=[";"]
    )
    time_zone: str = Field(
        default="UTC",
        description="the zone of dates and times that carry no offset",
        examples=["Europe/Amsterdam"],
    )
    primary_key: str = Field(
        description=f"the attribute that identifies a record: a {listed(KEYS)}",
        examples=["ContactId"],
    )
    attributes: dict[str, Attribute | TypeName] = Field(
        description="column -> its type, or the long form with format and more",
        examples=[{"ContactId": "string", "CreatedOn": {"type": "date", "format": "%m/%d/%Y"}}],
    )
    max_set_aside_percent: Annotated[float, Field(ge=0, le=100)] = Field(
        default=5.0,
        description="a refresh fails when more than this share of the rows has to be set aside",
        examples=[0.5],
    )
    max_shrink_percent: Annotated[float, Field(ge=0, le=100)] = Field(
        default=50.0,
        description="a refresh fails when more than this share of the rows published last is gone; "
        "`overtide refresh --allow-shrink` passes it",
        examples=[10],
    )
    prefer: Preference | None = Field(
        default=None,
        description="which of several rows with one primary key is kept; without it the "
        "preference of "
        "the entity's `deduplicate` in `unification.entities`",
        examples=[{"policy": "most_recent", "attribute": "ChangedOn"}],
    )

    def attribute(self, name: str) -> Attribute:
        """Return the attribute in its long form."""
        short = self.attributes[name]
        return Attribute(type=short) if isinstance(short, str) else short

    def with_null_words(self, words: list[str]) -> "Entity":
        """Return the entity with these null words for attributes that have none of their own."""
        if not words:
            return self
        attributes = {name: self.attribute(name) for name in self.attributes}
        return self.model_copy(
            update={
                "attributes": {
                    name: attribute
                    if attribute.null_words is not None
                    else attribute.model_copy(update={"null_words": words})
                    for name, attribute in attributes.items()
                }
            }
        )


class Condition(Model):
    """Two values are compared.

    Attributes joined by a blank, normalised, then scored against the precision.
    """

    fields: str | list[str] | dict[str, str | list[str]] = Field(
        description="an attribute (or a list, compared in combination) when it has the same name "
        "in both entities, "
        "else a mapping from entity to that",
        examples=[
            "EMail",
            ["FirstName", "LastName"],
            {"Shop_Contacts": "FullName", "Loyalty_Members": "Name"},
        ],
    )
    normalize: list[Normalization] = Field(
        default=[],
        description="what is made equal before values are compared",
        examples=[["lower", "whitespace", "email"]],
    )
    precision: Precision = Field(
        default="exact",
        description="low (30 %), medium (60 %), high (80 %), exact, or a whole number of percent",
        examples=["high", 85],
    )
    ignore_word_order: bool | None = Field(
        default=None,
        description="whether words are sorted first; by default only with the `name` normalisation",
        examples=[True],
    )
    country: Country | None = Field(
        default=None,
        description="for `phone`: whose numbers those without a country code are, where the "
        "attribute "
        "says nothing",
        examples=["NL"],
    )
    ignore: bool = Field(
        default=True, description="whether ignored values compare as null here", examples=[False]
    )

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
        return (
            "name" in self.normalize if self.ignore_word_order is None else self.ignore_word_order
        )


class Rule(Model):
    """All conditions must hold; at least one of them is exact and forms the blocks."""

    name: Text = Field(
        description="the name of the rule in `ConflationMatchPairs` and in statistics",
        examples=["Name and e-mail"],
    )
    conditions: Annotated[list[Condition], Field(min_length=1)] = Field(
        description="what must hold, all of it", examples=[[{"fields": "EMail"}]]
    )


class Deduplicate(Model):
    """How duplicates within one entity are found and which of them wins."""

    prefer: Preference = Field(
        default=Preference(),
        description="which record of a group, those of one person, wins",
        examples=[{"policy": "most_recent", "attribute": "CreatedOn"}],
    )
    rules: list[Rule] = Field(
        default=[],
        description="records that match by any of these are one group",
        examples=[[{"name": "E-mail", "conditions": [{"fields": "EMail"}]}]],
    )


class Ignore(Model):
    """Values that stand for none: they are kept, and compare as null."""

    defaults: bool = Field(
        default=True,
        description=(
            "whether the built-in list applies, such as `n/a`, `unknown` and `none@none.com`"
        ),
        examples=[False],
    )
    values: list[Word] = Field(
        default=[],
        description="more values, compared after normalisation, in any case",
        examples=[["shop@shop.org"]],
    )
    keep: list[Word] = Field(
        default=[],
        description="values of the built-in list that mean something here",
        examples=[["Null", "na"]],
    )
    shared_by: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="every value that more than so many records of the entity share is ignored too",
        examples=[100],
    )

    def joined(self, other: "Ignore") -> "Ignore":
        """Return what is ignored by this or the other, whose `shared_by` goes before this one's."""
        return Ignore(
            defaults=self.defaults and other.defaults,
            values=[*self.values, *other.values],
            keep=[*self.keep, *other.keep],
            shared_by=self.shared_by if other.shared_by is None else other.shared_by,
        )


class UnifiedEntity(Model):
    """An entity that takes part in unification; the first is the primary entity."""

    entity: str = Field(
        description="the entity's full name, `{DataSource}_{Entity}`", examples=["Shop_Contacts"]
    )
    include_all: bool = Field(
        default=True,
        description="whether records without a match become customers too",
        examples=[False],
    )
    deduplicate: Deduplicate = Field(
        default=Deduplicate(),
        description="how its own duplicates are found",
        examples=[{"rules": [{"name": "E-mail", "conditions": [{"fields": "EMail"}]}]}],
    )
    ignore: Ignore = Field(
        default=Ignore(),
        description="values that stand for none in this entity, besides those of all",
        examples=[{"values": ["till@shop.org"]}],
    )


class MatchPair(Model):
    """The ordered rules by which the records of `entity` find those of an earlier entity."""

    entity: str = Field(
        description="the entity that looks for matches", examples=["Loyalty_Members"]
    )
    to: str = Field(description="the earlier entity in which it looks", examples=["Shop_Contacts"])
    rules: Annotated[list[Rule], Field(min_length=1)] = Field(
        description="tried in order; a record with a match by one rule is not offered to the next",
        examples=[[{"name": "E-mail", "conditions": [{"fields": "EMail"}]}]],
    )


class MergedField(Model):
    """One column of Customer and the attributes it is made of."""

    name: str = Field(
        description="the column's name: letters, digits and underscores", examples=["FullName"]
    )
    sources: Annotated[list[str], Field(min_length=1)] = Field(
        alias="from",
        description="its attributes as `{DataSource}_{Entity}.{Attribute}`, best first",
        examples=[["Shop_Contacts.FullName", "Loyalty_Members.Name"]],
    )
    policy: Literal["importance", "most_recent", "least_recent"] = Field(
        default="importance",
        description="the first that is not null, or that of the newest or oldest record",
        examples=["most_recent"],
    )
    by: dict[str, str] = Field(
        default={},
        description="entity -> the attribute that most/least_recent compares",
        examples=[{"Shop_Contacts": "ChangedOn", "Loyalty_Members": "ChangedOn"}],
    )


class FieldGroup(Model):
    """Columns that are taken together from the first source in which not all of them are null."""

    fields: Annotated[list[str], Field(min_length=1, max_length=10)] = Field(
        description="the columns' names", examples=[["Street", "City"]]
    )
    sources: dict[str, list[str | None]] = Field(
        alias="from",
        description=(
            "entity -> its attributes (or null), in the order of `fields`; entities best first"
        ),
        examples=[{"Shop_Contacts": ["Street", "City"], "Loyalty_Members": [None, "Town"]}],
    )


class Merge(Model):
    """The columns of Customer."""

    fields: list[MergedField] = Field(
        default=[],
        description="columns that are merged one by one",
        examples=[[{"name": "EMail", "from": ["Shop_Contacts.EMail"]}]],
    )
    groups: list[FieldGroup] = Field(
        default=[],
        description="columns that are taken together, such as an address",
        examples=[[{"fields": ["Street", "City"], "from": {"Shop_Contacts": ["Street", "City"]}}]],
    )


class Limits(Model):
    """A block or a customer larger than this is not merged but told."""

    block_size: Annotated[int, Field(ge=2)] = Field(
        default=1000,
        description="the most records that may share the exact values of a rule",
        examples=[200],
    )
    cluster_size: Annotated[int, Field(ge=2)] = Field(
        default=1000, description="the most records of one customer", examples=[50]
    )
    large_customer: Annotated[int, Field(ge=2)] = Field(
        default=50, description="customers with more records are unified, and told", examples=[10]
    )


class Unification(Model):
    """Map, deduplicate, match and merge."""

    entities: Annotated[list[UnifiedEntity], Field(min_length=1)] = Field(
        description="the entities that make up customers; the first is the primary entity",
        examples=[[{"entity": "Shop_Contacts"}, {"entity": "Loyalty_Members"}]],
    )
    match: list[MatchPair] = Field(
        default=[],
        description="how records of different entities find each other",
        examples=[
            [
                {
                    "entity": "Loyalty_Members",
                    "to": "Shop_Contacts",
                    "rules": [{"name": "E-mail", "conditions": [{"fields": "EMail"}]}],
                }
            ]
        ],
    )
    merge: Merge = Field(
        description="the columns of Customer",
        examples=[{"fields": [{"name": "EMail", "from": ["Shop_Contacts.EMail"]}]}],
    )
    ignore: Ignore = Field(
        default=Ignore(),
        description="values that stand for none in all entities",
        examples=[{"shared_by": 100}],
    )
    limits: Limits = Field(
        default=Limits(),
        description="how large a block and a customer may be",
        examples=[{"block_size": 200}],
    )


class Relationship(Model):
    """A foreign key from an activity's entity to a unified entity."""

    name: Text = Field(description="the name that activities refer to", examples=["Orders"])
    entity: str = Field(
        description="the entity that holds the foreign key", examples=["Shop_Orders"]
    )
    foreign_key: str = Field(
        description="its attribute with the other entity's primary key", examples=["ContactId"]
    )
    to: str = Field(description="the unified entity", examples=["Shop_Contacts"])


class Activity(Model):
    """How one entity's rows become unified activities; `title` to `icon` name attributes."""

    entity: str = Field(
        description="the entity whose rows are activities", examples=["Shop_Orders"]
    )
    name: Text = Field(description="shown as ActivityName", examples=["Online purchase"])
    relationship: str = Field(
        description="the relationship that leads to the customer", examples=["Orders"]
    )
    type: Text = Field(
        default="Other",
        description="Feedback, Loyalty, SalesOrder, SalesOrderLine, Subscription, "
        "Other or a name of your own",
        examples=["SalesOrder"],
    )
    timestamp: str = Field(
        description="the attribute (date or datetime) of ActivityTime", examples=["OrderedOn"]
    )
    title: str = Field(description="the attribute of Title", examples=["Product"])
    description: str | None = Field(
        default=None, description="the attribute of Description", examples=["Remark"]
    )
    url: str | None = Field(default=None, description="the attribute of URL", examples=["Link"])
    icon: str | None = Field(
        default=None, description="the attribute of Icon", examples=["Picture"]
    )
    type_display: str | None = Field(
        default=None, description="text shown for the type; default: the type", examples=["Order"]
    )
    semantic: dict[str, str] = Field(
        default={},
        description="semantic field -> attribute, kept in SemanticData",
        examples=[{"OrderId": "OrderId", "TotalAmount": "Total"}],
    )


class RealTime(Model):
    """Defaults of real-time events; durations such as 4h, 30d, 90m, 45s, 1h30m."""

    update_ttl: str = Field(
        default="4h",
        description="how long a profile update is valid when it does not say",
        examples=["90m"],
    )
    activity_ttl: str = Field(
        default="30d",
        description="how long a real-time activity is kept when it does not say",
        examples=["7d"],
    )


class Lake(Model):
    """Where the lake is; relative paths are within the project's folder."""

    catalog: Text = Field(
        default="lake/catalog.sqlite",
        examples=["/srv/lake/catalog.sqlite"],
        description="the catalog's file; its locks and generations are in `catalog.sqlite.files`",
    )
    data: Text = Field(
        default="lake/data",
        description="the folder of the Parquet files",
        examples=["/srv/lake/data"],
    )
    keep_generations: Annotated[int, Field(ge=1)] = Field(
        default=2, description="how many published file generations a refresh keeps", examples=[3]
    )
    history_days: Annotated[int, Field(ge=1)] = Field(
        default=HISTORY_DAYS,
        description="how many days back an instant may be asked for",
        examples=[90],
    )


class EventLog(Model):
    """Where accepted events are kept."""

    path: Text = Field(
        default="log/events.sqlite",
        description="the file of the event log",
        examples=["/srv/log/events.sqlite"],
    )


class Configuration(Model):
    """A whole `overtide.yaml`."""

    instance: Instance = Field(description="who this project is")
    sources: dict[str, dict[str, Entity]] = Field(
        description="data source -> entity -> where and what it is"
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

    def entities(self) -> dict[str, Entity]:
        """Return every entity by its full name `{DataSource}_{Entity}`, as declared.

        They come in the order of declaration.
        """
        return {
            f"{source}_{name}": entity.with_null_words(self.null_words)
            for source, entities in self.sources.items()
            for name, entity in entities.items()
        }
