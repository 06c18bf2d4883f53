"""What a serving generation knows beside customers: what acceptance and reading need.

It is made by a refresh and kept in the generation and, for where that is lost, in the lake, as one
JSON document per key. `decoded` and `encoded` are the only ones that know how they are written.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from overtide.schemas.inputs import FILTER, Input, inputs_of
from overtide.schemas.table import ProfileField
from overtide.schemas.types.attribute_type import Reading

VERSION = 1
"""The version of the documents.

It is not written, and so the first is that of all without one; a later version writes its number
under the key `version`, and who does not know that takes the metadata for none.
"""
LATER = (
    *("column", "path", "expression", "thousands_separator", "true_words", "false_words"),
    "trim",
)
"""What the first documents did not have of an attribute: written where it says something."""
Documents = Mapping[str, Any]
"""The JSON documents by key: run, instance, profile, entities, activities and real_time."""
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class ServedAttribute:
    """An attribute of an entity, as the configuration of the run has it."""

    type: str
    column: str | None = None
    path: str | None = None
    expression: str | None = None
    format: str | list[str] | None = None
    decimal_mark: str = "."
    thousands_separator: str | None = None
    true_words: list[str] | None = None
    false_words: list[str] | None = None
    semantic_type: str | None = None
    optional: bool = False
    null_words: list[str] | None = None
    trim: bool | None = None
    country: str | None = None

    @property
    def reading(self) -> Reading:
        """How its texts are read."""
        return Reading.of(asdict(self))


@dataclass(frozen=True, slots=True)
class ServedEntity:
    """An entity: what its records hold, and whether they make up customers."""

    attributes: dict[str, ServedAttribute]
    time_zone: str
    primary_key: str
    unified: bool = True
    """Runs that earlier versions published do not say."""
    filter: str | None = None

    @property
    def inputs(self) -> dict[str, Input]:
        """What is read of a posted record, by name."""
        return inputs_of(self.attributes, self.expressions, ServedAttribute)

    @property
    def expressions(self) -> dict[str, str]:
        """The attributes that are made by expressions, and these; `FILTER` for the filter."""
        long = self.attributes.items()
        made = {name: one.expression for name, one in long if one.expression is not None}
        return made | ({FILTER: self.filter} if self.filter is not None else {})


@dataclass(frozen=True, slots=True)
class ServedActivity:
    """How an entity's records become activities, and which records they belong to.

    `foreign_key` is the attribute that holds what is looked up in `to`: the key of a record of
    that entity, or another value (`RelatedKey` has those, by the same name).
    """

    entity: str
    name: str
    relationship: str
    type: str
    timestamp: str
    title: str
    description: str | None
    url: str | None
    icon: str | None
    type_display: str | None
    semantic: dict[str, str] | None
    foreign_key: str
    to: str
    normalize: list[str] | None = None
    """How the foreign key is normalised before it is looked up; None where it is not."""
    show_in_timeline: bool = True


@dataclass(frozen=True, slots=True)
class RealTimeDefaults:
    """How long updates and activities are valid that do not say, as durations."""

    update_ttl: str
    activity_ttl: str


@dataclass(frozen=True, slots=True)
class ServingMetadata:
    """The metadata of one published run; entities and activities by the entity's full name."""

    run: int
    instance: str
    profile: tuple[ProfileField, ...]
    entities: dict[str, ServedEntity] = field(default_factory=dict)
    activities: dict[str, ServedActivity] = field(default_factory=dict)
    real_time: RealTimeDefaults = RealTimeDefaults("4h", "30d")


def encoded(metadata: ServingMetadata) -> dict[str, Any]:
    """Return the documents of the metadata."""
    documents = asdict(metadata) | {"profile": [asdict(one) for one in metadata.profile]}
    for activity in documents["activities"].values():
        if activity["normalize"] is None:
            del activity["normalize"]
        if activity["show_in_timeline"]:
            del activity["show_in_timeline"]
    for column in documents["profile"]:
        if not column["cluster"]:
            del column["cluster"]
    for entity in documents["entities"].values():
        entity["attributes"] = {
            name: {key: value for key, value in one.items() if key not in LATER or value}
            for name, one in entity["attributes"].items()
        }
        if entity["filter"] is None:
            del entity["filter"]
    return documents


def decoded(documents: Documents) -> ServingMetadata:
    """Return the metadata that documents hold, also those of earlier versions.

    Raise ValueError where they hold none.
    """
    try:
        if documents.get("version", VERSION) != VERSION:
            raise ValueError(f"it has version {documents['version']}, not {VERSION}")
        return ServingMetadata(
            int(documents["run"]),
            documents["instance"],
            tuple(_part(ProfileField, one) for one in documents["profile"]),
            {name: _entity(one) for name, one in documents["entities"].items()},
            {name: _part(ServedActivity, one) for name, one in documents["activities"].items()},
            _part(RealTimeDefaults, documents["real_time"]),
        )
    except KeyError as error:
        raise ValueError(f"it has no `{error.args[0]}`") from None
    except (TypeError, AttributeError) as error:
        raise ValueError(f"its metadata is another's ({error})") from None


def _entity(document: Documents) -> ServedEntity:
    attributes = document["attributes"].items()
    return _part(
        ServedEntity,
        {**document, "attributes": {name: _part(ServedAttribute, one) for name, one in attributes}},
    )


def _part(kind: type[Part], document: Documents) -> Part:
    """Return a part of the metadata; what is not known of it here is left out."""
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]  # Part is a dataclass
    return kind(**{name: value for name, value in document.items() if name in known})
