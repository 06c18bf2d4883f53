"""The oracle's base: what sources hold and a refresh publishes of it (semantics 4).

It is in plain Python.

Records match when their e-mails are equal, so merges and splits are a matter of changing e-mails.
Values are canonical JSON values, instants microseconds since 1970 UTC.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from tests.oracle_identities import Cluster, Ref, Registry, identify, previous, vanished

Value = str | int | float | bool | None
Row = Mapping[str, Value]
Target = str | Ref
"""A CustomerId, or a source record."""

EMAIL = "EMail"
"""The attribute that decides which records are one customer."""
STANDS_FOR_NONE = ("", "n/a", "unknown", "-")
"""Some of the values that are ignored unless configured otherwise."""
ACTIVITY_COLUMNS = (
    "ActivityId",
    "ActivityType",
    "ActivityTypeDisplay",
    "ActivityName",
    "ActivityTime",
    "Title",
    "Description",
    "URL",
    "Icon",
    "SourceEntityName",
    "SourceActivityId",
    "SemanticData",
    "RangeIndex",
)


# ---- what the sources hold, and how they are unified


@dataclass(frozen=True)
class Entity:
    """A unified entity: its attributes, primary key first."""

    name: str
    attributes: tuple[str, ...]
    include_all: bool = True


@dataclass(frozen=True)
class ActivityRule:
    """How the rows of an entity become activities.

    `columns` says which attribute gives Title, Description, ….
    """

    entity: str
    primary_key: str
    foreign_key: str
    to: str
    timestamp: str
    columns: Mapping[str, str]
    semantic: Mapping[str, str]
    fixed: Mapping[str, str]
    """ActivityType, ActivityTypeDisplay and ActivityName."""


@dataclass(frozen=True)
class World:
    """The unified entities, the merged fields with their sources, and the activities.

    The first entity is the primary one.
    """

    instance: str
    entities: tuple[Entity, ...]
    fields: Mapping[str, tuple[tuple[str, str], ...]]
    types: Mapping[str, str]
    activities: tuple[ActivityRule, ...] = ()


Sources = Mapping[str, Mapping[str, Row]]
"""Entity full name -> primary key -> the record."""


def clusters(world: World, sources: Sources) -> tuple[list[Cluster], list[Cluster]]:
    """Return the records with equal e-mails, others alone (4.8; null equals nothing).

    Customers, and what is none.
    """
    joined: dict[object, set[Ref]] = {}
    for entity in world.entities:
        for key, record in sources[entity.name].items():
            joined.setdefault(compared(record[EMAIL]) or (entity.name, key), set()).add(
                (entity.name, key)
            )
    lonely = {entity.name for entity in world.entities if not entity.include_all}
    found = [Cluster(records) for records in joined.values()]
    apart = [
        one
        for one in found
        if len({entity for entity, _ in one}) == 1 and next(iter(one))[0] in lonely
    ]
    return [one for one in found if one not in apart], apart


def compared(value: Value) -> str | None:
    """Return what is compared of an e-mail: the text as it looks.

    Null and what stands for none equal nothing (4.8).
    """
    text = " ".join(unicodedata.normalize("NFKC", str(value or "")).split())
    return None if text.casefold() in STANDS_FOR_NONE else text


# ---- what a refresh publishes


@dataclass(frozen=True)
class Profile:
    """A profile of the base.

    Its columns but CustomerId, and its records with the winner of each entity.
    """

    columns: Row
    records: frozenset[tuple[str, str, bool]]


@dataclass(frozen=True)
class Base:
    """A publish. `types` are the updatable fields.

    `activities` have their customer beside the columns.
    """

    run: int
    published_at: int
    types: Mapping[str, str]
    profiles: Mapping[str, Profile]
    records: Mapping[Ref, str]
    alias: Mapping[str, str]
    activities: Mapping[str, tuple[str, Row]]
    registry: Registry = field(default_factory=Registry)

    @cached_property
    def vanished(self) -> Mapping[Ref, str]:
        """The records that are gone, each with the profile that its id leads to (2.3)."""
        return vanished(self.registry, self.profiles, self.records)

    def resolve(self, target: Target) -> str | None:
        """Return the profile that an id, current or previous, or a record leads to (2.3); None.

        Held.

        A record that is gone leads where its id does.
        """
        if not isinstance(target, str):
            return self.records.get(target) or self.vanished.get(target)
        found = target if target in self.profiles else self.alias.get(target)
        return found if found in self.profiles else None


def refresh(world: World, sources: Sources, before: Registry, run: int, published_at: int) -> Base:
    """Return what a refresh of the sources publishes (4.1 to 4.3)."""
    customers, apart = clusters(world, sources)
    found = identify(before, customers, run, world.instance, world.entities[0].name, apart)
    records = {record: one for one, cluster in found.profiles.items() for record in cluster}
    profiles = {
        one: profile(world, sources, cluster, previous(found.registry.alias, one))
        for one, cluster in found.profiles.items()
    }
    activities = dict(activity_rows(world, sources, records))
    return Base(
        run,
        published_at,
        world.types,
        profiles,
        records,
        found.registry.alias,
        activities,
        found.registry,
    )


def profile(world: World, sources: Sources, cluster: Cluster, merged: str | None) -> Profile:
    """Return a customer's columns.

    The first non-null value by importance, from the winner of each entity.
    """
    winners = {
        entity.name: key
        for entity in world.entities
        if (key := winner(sources, cluster, entity)) is not None
    }
    columns: dict[str, Value] = {}
    for name, origins in world.fields.items():
        values = (
            sources[entity][winners[entity]][attribute]
            for entity, attribute in origins
            if entity in winners
        )
        columns[name] = next((value for value in values if value is not None), None)
    columns |= {
        f"{entity.name}_{entity.attributes[0]}": winners.get(entity.name)
        for entity in world.entities
    }
    records = frozenset((entity, key, winners[entity] == key) for entity, key in cluster)
    return Profile({**columns, "PreviousCustomerId": merged}, records)


def winner(sources: Sources, cluster: Cluster, entity: Entity) -> str | None:
    """Return the key of the record that represents an entity.

    The most filled, then the greatest key (4.8).
    """

    def filled(key: str) -> int:
        return sum(sources[entity.name][key][name] is not None for name in entity.attributes)

    return max(
        (key for name, key in cluster if name == entity.name),
        key=lambda key: (filled(key), key),
        default=None,
    )


def activity_rows(
    world: World, sources: Sources, records: Mapping[Ref, str]
) -> Iterable[tuple[str, tuple[str, Row]]]:
    """Give every row whose foreign key a profile has, by ActivityId."""
    for rule in world.activities:
        for row in sources[rule.entity].values():
            customer = records.get((rule.to, str(row[rule.foreign_key])))
            if customer is not None:
                activity = unified(rule, row)
                yield str(activity["ActivityId"]), (customer, activity)


def unified(rule: ActivityRule, row: Row) -> Row:
    """Map one source record to the columns of UnifiedActivity (3.1)."""
    key, time = str(row[rule.primary_key]), row[rule.timestamp]
    columns = {name: text_of(row.get(attribute)) for name, attribute in rule.columns.items()}
    semantic = (
        canonical({name: row.get(attribute) for name, attribute in rule.semantic.items()})
        if rule.semantic
        else None
    )
    return activity(
        **rule.fixed,
        **columns,
        ActivityTime=time,
        SemanticData=semantic,
        SourceEntityName=rule.entity,
        SourceActivityId=key,
        ActivityId=activity_id(rule.entity, key),
    )


def activity(**columns: Value) -> Row:
    """Return a unified activity with all its columns; RangeIndex is the unix second of its time."""
    time = columns.get("ActivityTime")
    columns["RangeIndex"] = None if time is None else str(instant(str(time)) // 1_000_000)
    return {name: columns.get(name) for name in ACTIVITY_COLUMNS}


def activity_id(entity: str, key: str) -> str:
    """Return the stable hash of an activity's identity (3.2)."""
    return hashlib.md5(f"{entity}\x1f{key}".encode(), usedforsecurity=False).hexdigest()


# ---- canonical values

EPOCH = datetime(1970, 1, 1)


def instant(text: str) -> int:
    """Return the microseconds of a canonical instant."""
    return (datetime.fromisoformat(text.removesuffix("Z")) - EPOCH) // timedelta(microseconds=1)


def instant_text(microseconds: int) -> str:
    """Return an instant as its canonical text."""
    return (EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds") + "Z"


def canonical(document: object) -> str:
    """Return canonical JSON text."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def text_of(value: Value) -> str | None:
    """Return a value as titles show it."""
    return value if value is None or isinstance(value, str) else json.dumps(value)
