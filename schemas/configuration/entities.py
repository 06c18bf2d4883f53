"""One table of a data source: where its rows are and how they are read.

Names of attributes are the columns' names in the files. `sources` checks them.
"""

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, WithJsonSchema, model_validator

from overtide.schemas.configuration.composite_keys import TEXT_OR_TEXTS, with_composite_key
from overtide.schemas.configuration.model import Country, Model, Text, Word
from overtide.schemas.inputs import FILTER, Input, inputs_of
from overtide.schemas.types import KEYS, NAMES, PATTERN, listed, type_of
from overtide.schemas.types.attribute_type import Reading

TypeName = Annotated[str, Field(pattern=PATTERN, description=listed(NAMES))]
SourceFormatName = Literal[
    "csv",
    "parquet",
    "jsonl",
]
NESTING = ("jsonl", "parquet")
"""The formats whose values may be nested."""
LOOK_BACK, FULL_EVERY = "1d", "7d"
"""What `incremental` of a table is without these settings."""
OBJECTS = "s3://"
"""How a path begins that leads into an object store."""


class Attribute(Model):
    """One column of an entity: its type, how its text is read, and what it means."""

    type: TypeName = Field(
        default="string", description="the type its values are read as", examples=["decimal(18, 2)"]
    )
    column: Text | None = Field(
        default=None,
        description="the column of the files, where it is called otherwise",
        examples=["KD-NR"],
    )
    path: Text | None = Field(
        default=None,
        description="where a nested value stands in a JSON or Parquet record",
        examples=["customer.address[0].city"],
    )
    expression: Text | None = Field(
        default=None,
        description="what makes the value of the row's columns, in a subset of SQL",
        examples=["concat_ws(' ', Vorname, Nachname)"],
    )
    format: Text | list[Text] | None = Field(
        default=None,
        description="strptime format of a date or datetime, or several that are tried in order; "
        "ISO 8601 without, or as the word `ISO` among them",
        examples=["%d-%m-%Y %H:%M:%S", ["%d.%m.%y", "%d.%m.%Y", "ISO"]],
    )
    decimal_mark: Literal[".", ","] = Field(
        default=".", description="the decimal mark of a number", examples=[","]
    )
    thousands_separator: Literal[",", ".", " ", "'", "_"] | None = Field(
        default=None,
        description="what may stand between the thousands of a number; a blank means all kinds "
        "of it",
        examples=["."],
    )
    true_words: list[Word] | None = Field(
        default=None,
        description="what else is read as true in a boolean, in any case",
        examples=[["ja", "x"]],
    )
    false_words: list[Word] | None = Field(
        default=None,
        description="what else is read as false in a boolean, in any case",
        examples=[["nee", "-"]],
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
    trim: bool | None = Field(
        default=None,
        description="whether blanks around a string are taken away; without it those of keys and "
        "foreign keys are",
        examples=[False],
    )
    country: Country | None = Field(
        default=None,
        description="whose numbers the telephone numbers without a country code are",
        examples=["NL"],
    )

    @property
    def reading(self) -> Reading:
        """How its texts are read."""
        return Reading.of(self.__dict__)


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


class Incremental(Model):
    """An entity that is read by what changed: a folder of all rows and of changes, or a table."""

    last_modified: Text = Field(
        description="the date or datetime by which the latest version of a record is known",
        examples=["ModifiedOn"],
    )
    look_back: Text | None = Field(
        default=None,
        description="of a table: how much older than the latest that was seen rows may be that are "
        "fetched again, `1d` without it",
        examples=["2d"],
    )
    full_every: Text | None = Field(
        default=None,
        description="of a table: after how long all rows are fetched, which shows what was "
        "deleted, `7d` without it",
        examples=["1d"],
    )


class Entity(Model):
    """One table of a data source: where its rows are and how they are read."""

    path: Text | None = Field(
        default=None,
        description="a file or a glob such as `data/contacts-*.csv`, within the project's folder; "
        "or objects of a store, `s3://bucket/contacts/*.csv`",
        examples=["data/contacts-*.csv"],
    )
    incremental: Incremental | None = Field(
        default=None,
        description="`path` is a folder that holds `FullData` and `IncrementalData`: all rows, and "
        "what changed in each hour; of a table: only rows that changed are fetched",
        examples=[{"last_modified": "ModifiedOn"}],
    )
    database: Text | None = Field(
        default=None,
        description="instead of `path`: the database of the section `databases` that has the rows",
        examples=["crm"],
    )
    table: Text | None = Field(
        default=None, description="its table or view there", examples=["public.contacts"]
    )
    query: Text | None = Field(
        default=None,
        description="instead of `table`: one SELECT in the words of that database",
        examples=["SELECT c.*, a.city FROM contacts c JOIN addresses a ON a.contact = c.id"],
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
    primary_key: Annotated[str, WithJsonSchema(TEXT_OR_TEXTS)] = Field(
        description=f"the attribute that identifies a record, or several that do so together: each "
        f"a {listed(KEYS)}",
        examples=["ContactId", ["OrderId", "LineNumber"]],
    )
    attributes: dict[str, Attribute | TypeName] = Field(
        description="column -> its type, or the long form with format and more",
        examples=[{"ContactId": "string", "CreatedOn": {"type": "date", "format": "%m/%d/%Y"}}],
    )
    filter: Text | None = Field(
        default=None,
        description="an expression that says which rows count; the others are left out",
        examples=["Status <> 'deleted'"],
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
        description="which of several rows with one primary key is kept; without it the preference "
        "of the entity's `deduplicate` in `unification.entities`",
        examples=[{"policy": "most_recent", "attribute": "ChangedOn"}],
    )

    @model_validator(mode="before")
    @classmethod
    def _with_composite_key(cls, settings: Any) -> Any:  # noqa: ANN401 - whatever is written
        return with_composite_key(settings) if isinstance(settings, dict) else settings

    @cached_property
    def inputs(self) -> dict[str, Input]:
        """What is read of the files' rows, by attribute."""
        attributes = {name: self.attribute(name) for name in self.attributes}
        return inputs_of(attributes, self.expressions, Attribute)

    @cached_property
    def columns(self) -> dict[str, bool]:
        """The columns that are read, and whether each must be there."""
        columns: dict[str, bool] = {}
        for one in self.inputs.values():
            columns[one.column] = columns.get(one.column, False) or not one.attribute.optional
        return columns

    @property
    def form(self) -> SourceFormatName:
        """The format in which its rows are read: what a database has is copied as Parquet."""
        return self.format if self.database is None else "parquet"

    @property
    def origin(self) -> str:
        """Where its rows are, in a few words."""
        if self.database is None:
            return str(self.path)
        return f"{self.database}: {self.table or 'query'}"

    @property
    def deliveries(self) -> Incremental | None:
        """How its folder of full data and changes is read; None where it has none."""
        return self.incremental if self.database is None else None

    @property
    def by_changes(self) -> Incremental | None:
        """How its table is read by what changed; None where all rows are fetched."""
        return self.incremental if self.database is not None else None

    @property
    def is_remote(self) -> bool:
        """Whether its rows are in no file of this machine."""
        return self.database is not None or (self.path or "").startswith(OBJECTS)

    @property
    def expressions(self) -> dict[str, str]:
        """The attributes that are made by expressions, and these; `FILTER` for the filter."""
        long = {name: self.attribute(name).expression for name in self.attributes}
        made = {name: one for name, one in long.items() if one is not None}
        return made | ({FILTER: self.filter} if self.filter is not None else {})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy, which works out anew what follows from its settings."""
        copy = super().model_copy(update=update, deep=deep)
        for name in ("inputs", "columns"):
            copy.__dict__.pop(name, None)
        return copy

    def attribute(self, name: str) -> Attribute:
        """Return the attribute in its long form."""
        short = self.attributes[name]
        return Attribute(type=short) if isinstance(short, str) else short

    def with_only(self, names: Collection[str]) -> "Entity":
        """Return the entity with these of its attributes, in its order."""
        some = {name: one for name, one in self.attributes.items() if name in names}
        return self.model_copy(update={"attributes": some})

    def key_text(self, key: str) -> str:
        """Return a primary key as records keep it."""
        attribute = self.attribute(self.primary_key)
        return type_of(attribute.type).key_text(attribute.reading, self.time_zone, key)

    @property
    def trims_keys(self) -> bool:
        """Whether blanks around its primary keys are taken away."""
        return (
            self.primary_key in self.attributes
            and self.attribute(self.primary_key).trim is not False
        )

    def with_trimmed_keys(self, foreign_keys: Collection[str]) -> "Entity":
        """Return the entity with its keys trimmed, and these of others, if it does not say so.

        A blank at the end of a key, as of columns of one width, makes no other record of it.
        """
        keys = [one for one in (self.primary_key, *foreign_keys) if one in self.attributes]
        trimmed = {
            name: attribute.model_copy(update={"trim": True})
            for name, attribute in ((name, self.attribute(name)) for name in keys)
            if attribute.trim is None and type_of(attribute.type).is_text
        }
        return self.model_copy(update={"attributes": {**self.attributes, **trimmed}})

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
