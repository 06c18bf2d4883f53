"""Who customers are, which rows are activities, and how these find them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from overtide.schemas.types import type_of
from overtide.transforms.first_project.columns import words_of
from overtide.transforms.first_project.keys import Proposed, Reference, by_email, references
from overtide.transforms.first_project.meanings import (
    BIRTH,
    EMAIL,
    FIRST,
    FULL,
    LAST,
    PHONE,
)

REPEATED = 0.9
"""Where fewer of the values differ, rows are what somebody did, and not somebody."""
TIMES = re.compile(
    r"order|purchas|created|posted|placed|opened|sent|occur|visit|timestamp|date|time|\bat\b|\bon\b"
)
TITLES = (
    r"title|subject|betreff|onderwerp",
    r"item|product|article|artikel|name|event|page|action",
    r"description|text|comment|reason|message|type|status|kind|category",
)
NO_TITLE = re.compile(r"currency|währung|valuta|devise|\b(id|nr|no|code)$")
"""What says nothing of what happened."""
TYPES = (
    ("SalesOrderLine", r"line|item"),
    ("SalesOrder", r"order|purchas|sale|invoice|transaction|bestell|kauf"),
    ("Feedback", r"review|feedback|survey|rating|nps"),
    ("Subscription", r"subscri|abo|contract|membership"),
    ("Loyalty", r"loyal|reward|point"),
)

AMOUNTS = (
    r"total|gesamt|totaal|sum(me)?\b",
    r"amount|value|price|betrag|bedrag|preis|prijs|montant",
)
"""How the amount of an order may be called, the likeliest first."""


@dataclass(frozen=True)
class Way:
    """How an entity's rows find customers, or rows on the way; `field` is of Customer."""

    one: Proposed
    columns: tuple[str, ...]
    to: Proposed | None
    found: int
    distinct: int

    @property
    def by_email(self) -> bool:
        """Whether they find customers by their e-mail."""
        return self.to is None


@dataclass(frozen=True)
class Roles:
    """What each entity is: customers in match order, activities, and what is only kept."""

    customers: list[Proposed]
    activities: list[Proposed]
    kept: list[Proposed]
    ways: Mapping[str, Way] = field(default_factory=dict)
    between: tuple[Reference, ...] = ()
    """References from customers to customers."""


def roles_of(entities: Sequence[Proposed]) -> Roles:
    """Return what each of some entities is."""
    found = list(references(entities))
    customers = _customers(entities, found)
    names = [one.entity for one in customers]
    ways = _ways([one for one in entities if one.entity not in names], customers, entities, found)
    activities = [
        one for one in entities if one.entity in ways and time_of(one) and one.entity not in names
    ]
    acting = [one.entity for one in activities]
    kept = [one for one in entities if one.entity not in (*names, *acting)]
    used = {one.to.entity for one in ways.values() if one.to is not None}
    needed = {name: way for name, way in ways.items() if name in acting or name in used}
    between = tuple(one for one in found if one.entity in names and one.to in names)
    return Roles(customers, activities, kept, needed, between)


def _customers(entities: Sequence[Proposed], found: Sequence[Reference]) -> list[Proposed]:
    """Return the entities of people, the one that others refer to most first."""
    able = [one for one in entities if one.key is not None]
    people = [one for one in able if _is_person(one)]
    names = {one.entity for one in people}
    acts = {
        one.entity
        for one in people
        for each in found
        if each.entity == one.entity
        and each.to in names
        and each.distinct < REPEATED * one.sample.rows
        and time_of(one)
    }
    chosen = [one for one in people if one.entity not in acts] or people
    chosen = chosen or [one for one in able if one.meaning(EMAIL, PHONE, FULL)]
    often = {one.entity: sum(each.to == one.entity for each in found) for one in able}
    if not chosen:
        chosen = sorted(able, key=lambda one: -often[one.entity])[:1]
    return sorted(chosen, key=lambda one: -often[one.entity])


def _is_person(one: Proposed) -> bool:
    meant = set(one.meanings.values())
    if meant & {FIRST, LAST}:
        return True
    return len(meant & {FULL, EMAIL, PHONE, BIRTH, "Person.Gender"}) > 1


def _ways(
    others: Sequence[Proposed],
    customers: Sequence[Proposed],
    entities: Sequence[Proposed],
    found: Sequence[Reference],
) -> dict[str, Way]:
    """Return the way of each entity to customers: by key, by e-mail, or over another entity."""
    by_name = {one.entity: one for one in entities}
    ways: dict[str, Way] = {}
    reached = {one.entity for one in customers}
    for one in others:
        emails = [both for both in (by_email(one, each) for each in customers) if both]
        direct = _best(found, one, reached)
        if direct is not None:
            ways[one.entity] = _way(one, direct, by_name)
        elif emails:
            ways[one.entity] = Way(one, (str(one.meaning(EMAIL)),), None, *max(emails))
    for _ in others:
        for one in others:
            onwards = _best(found, one, set(ways))
            if one.entity not in ways and onwards is not None:
                ways[one.entity] = _way(one, onwards, by_name)
    return ways


def _best(found: Sequence[Reference], one: Proposed, to: set[str]) -> Reference | None:
    able = (each for each in found if each.entity == one.entity and each.to in to)
    return max(able, key=lambda each: (each.found / each.distinct, each.found), default=None)


def _way(one: Proposed, found: Reference, by_name: Mapping[str, Proposed]) -> Way:
    return Way(one, found.columns, by_name[found.to], found.found, found.distinct)


def time_of(one: Proposed) -> str | None:
    """Return the column that says when a row happened."""
    times = times_of(one)
    called = [name for name in times if TIMES.search(words_of(name))]
    filled = {name: len(one.sample.column(name).filled) for name in times}
    return max(called or times, key=lambda name: filled[name], default=None)


def times_of(one: Proposed) -> list[str]:
    """Return the columns of times, but for days of birth."""
    return [
        name
        for name, found in one.types.items()
        if type_of(found.type).is_time and one.meanings.get(name) != BIRTH
    ]


def title_of(one: Proposed) -> str:
    """Return the column that says best what happened."""
    texts = [
        name
        for name, found in one.types.items()
        if type_of(found.type).is_text and name not in (one.key or ())
    ]
    for rule in TITLES:
        for name in texts:
            if re.search(rule, words_of(name)) and not re.search(
                r"\b(id|nr|code)$", words_of(name)
            ):
                return name
    key = (one.key or (next(iter(one.types)),))[0]
    return next((name for name in texts if not NO_TITLE.search(words_of(name))), key)


def activity_type(one: Proposed) -> str:
    """Return the type of activity that an entity's name suggests."""
    words = words_of(one.name)
    return next((name for name, rule in reversed(TYPES) if re.search(rule, words)), "Other")


def semantic_of(one: Proposed) -> dict[str, str]:
    """Return what an order was, by the product's names: its key and its amount, where known."""
    if activity_type(one) != "SalesOrder" or one.key is None or len(one.key) != 1:
        return {}
    numbers = [
        name
        for name, found in one.types.items()
        if type_of(found.type).is_number and name not in one.key
    ]
    called = (name for rule in AMOUNTS for name in numbers if re.search(rule, words_of(name)))
    amount = next(called, None)
    return {"OrderId": one.key[0]} | ({} if amount is None else {"TotalAmount": amount})
