"""What samples say of people: what makes their ids, who lives together, what is of nobody."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from overtide.schemas.names import folded
from overtide.schemas.types import type_of
from overtide.schemas.values import plain_word
from overtide.transforms import phones
from overtide.transforms.first_project.columns import stands_for_null
from overtide.transforms.first_project.keys import Proposed, Reference
from overtide.transforms.first_project.meanings import (
    BIRTH,
    CITY,
    EMAIL,
    FIRST,
    FULL,
    HOUSE_NUMBER,
    LAST,
    PHONE,
    POSTCODE,
    STREET,
)
from overtide.transforms.first_project.rules import COLUMNS, merged_columns
from overtide.transforms.matching.ignored import built_in

ENOUGH = 20
"""Rows from which on a sample says something of how people differ."""
NEARLY_ALL = 0.98
MAKE_IDS = ((EMAIL,), (FIRST, LAST, BIRTH), (FULL, BIRTH))
"""What people may be known by, the best first."""
SHARED, MOST_LISTED = 5, 10
"""Different people from which on a value is of none of them, and values of a column at most."""
HOUSEHOLD = "HouseholdId"
OF_ONE_COUNTRY = 0.9
"""The share of the telephone numbers that must be of one country for others to be of it, too."""


@dataclass(frozen=True)
class Choice:
    """A setting, and why."""

    settings: Any
    why: str


def customer_id(customers: Sequence[Proposed], between: Sequence[Reference]) -> Choice | None:
    """Return the columns of Customer that ids may be made of.

    They are there in nearly all rows of the primary entity, and nearly all values differ.
    """
    if not customers or customers[0].sample.rows < ENOUGH:
        return None
    one, columns = customers[0], _columns(customers, between)
    for meanings in MAKE_IDS:
        names = [one.meaning(meaning) for meaning in meanings]
        if not {COLUMNS[meaning] for meaning in meanings} <= columns or None in names:
            continue
        there, rows = _people(one, [name for name in names if name]), one.sample.rows
        if min(len(there), len(set(there))) >= NEARLY_ALL * rows:
            fields = [COLUMNS[meaning] for meaning in meanings]
            why = (
                f"there in {len(there):,} of {rows:,} rows, {len(set(there)):,} differ: who comes "
                "back under a new key has the id as before; it joins nobody"
            )
            return Choice({"fields": fields}, why)
    return None


def with_country(entities: Sequence[Proposed]) -> list[Proposed]:
    """Return entities with the country of their telephone numbers without one, where others tell.

    It is that of nearly all numbers that name one.
    """
    columns = {
        (one.entity, name): [phones.country_of(text) for text in _numbers(one, name)]
        for one in entities
        for name, meaning in one.meanings.items()
        if meaning == PHONE
    }
    known = Counter(of for countries in columns.values() for of in countries if of)
    (country, often), *_ = known.most_common(1) or [("", 0)]
    if often < max(ENOUGH, OF_ONE_COUNTRY * known.total()):
        return list(entities)
    check = (
        f"numbers without a country code were taken for those of {country}, as {often:,} of "
        f"{known.total():,} with one are"
    )
    found = []
    for one in entities:
        types = dict(one.types)
        for name in one.types:
            own = zip(_numbers(one, name), columns.get((one.entity, name), ()), strict=False)
            bare = [text for text, of in own if of is None]
            if bare and _share(bare, country) >= OF_ONE_COUNTRY:
                settings = {**types[name].settings, "country": country}
                types[name] = replace(types[name], settings=settings, check=check)
        found.append(replace(one, types=types))
    return found


def _numbers(one: Proposed, name: str) -> list[str]:
    """Return the telephone numbers of a column."""
    return [text for text in one.sample.column(name).filled if not stands_for_null(text)]


def _share(texts: Sequence[str], country: str) -> float:
    return sum(phones.is_possible(text, country) for text in texts) / len(texts)


def households(customers: Sequence[Proposed], between: Sequence[Reference]) -> Choice | None:
    """Return the cluster of those who have a family name and an address in common."""
    columns = _columns(customers, between)
    place = next((one for one in (POSTCODE, CITY) if COLUMNS[one] in columns), None)
    if place is None or not {COLUMNS[LAST], COLUMNS[STREET]} <= columns:
        return None
    conditions = [
        {"fields": COLUMNS[LAST], "normalize": ["name", "ascii"]},
        {"fields": [COLUMNS[STREET], COLUMNS[place]], "normalize": ["address"], "all_parts": True},
    ]
    name = HOUSEHOLD
    while folded(name) in map(folded, columns):
        name = f"{name}_"
    shared = sum(map(_sharing, customers))
    why = f"{shared:,} of the rows looked at share a family name and an address with another"
    rule: dict[str, Any] = {"conditions": conditions}
    if COLUMNS[HOUSE_NUMBER] in columns:
        rule["contradictions"] = [
            {"fields": COLUMNS[HOUSE_NUMBER], "normalize": ["lower", "whitespace"]}
        ]
    rules = [{"name": "Family name and address", **rule}]
    return Choice({"name": name, "rules": rules}, why)


def of_nobody(customers: Sequence[Proposed]) -> dict[str, list[Choice]]:
    """Return by attribute the values that many different people have: they stand for none.

    Those that are ignored by default are left out.
    """
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for one in customers:
        for meaning, kind in ((EMAIL, "email"), (PHONE, "phone")):
            attribute = one.meaning(meaning)
            if attribute is None or not type_of(one.kind(attribute)).is_text:
                continue
            known = {value.lower() for value in built_in(frozenset({kind}))}
            for value, people in _of_many(one, attribute):
                if value.lower() not in known and len(found[attribute]) < MOST_LISTED:
                    told = f"{value} of {people:,} people of {one.entity}"
                    found[attribute].setdefault(value, told)
    return {
        name: [Choice(value, why) for value, why in several.items()]
        for name, several in found.items()
        if several
    }


def _of_many(one: Proposed, attribute: str) -> Iterator[tuple[str, int]]:
    """Give the values of a column that many names have, those of most first.

    A number of a household is of one street and one family, however its records are mistyped.
    """
    called = [name for each in (FIRST, LAST, FULL) if (name := one.meaning(each))]
    homes = [name for each in (LAST, STREET) if (name := one.meaning(each))]
    sets = [called, *([name] for name in homes)] if called else []
    people: dict[str, int] = {}
    for names in sets:
        found = _different(one, attribute, names)
        people = {value: min(number, people.get(value, number)) for value, number in found.items()}
    many = [(value, number) for value, number in people.items() if number >= SHARED]
    yield from sorted(many, key=lambda each: (-each[1], each[0]))


def _different(one: Proposed, attribute: str, names: Sequence[str]) -> dict[str, int]:
    """Return by value of an attribute how many different rows of some columns have it."""
    different: dict[str, set[tuple[str | None, ...]]] = defaultdict(set)
    null = {plain_word(word) for word in one.types[attribute].settings.get("null_words", ())}
    columns = [one.sample.column(name).texts for name in (attribute, *names)]
    for text, *own in zip(*columns, strict=True):
        value = (text or "").strip()
        if value and plain_word(value) not in null:
            different[value].add(tuple(part and part.strip().lower() for part in own))
    return {value: len(some) for value, some in different.items()}


def _people(one: Proposed, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the values of columns, in lower case, of the rows in which none of them is missing."""
    rows = zip(*(one.sample.column(name).texts for name in names), strict=True)
    return [
        tuple(str(text).strip().lower() for text in row)
        for row in rows
        if all(text and text.strip() for text in row)
    ]


def _sharing(one: Proposed) -> int:
    names = [one.meaning(LAST), one.meaning(STREET), one.meaning(POSTCODE) or one.meaning(CITY)]
    if None in names:
        return 0
    rows = _people(one, [name for name in names if name])
    return sum(number for number in Counter(rows).values() if number > 1)


def _columns(customers: Sequence[Proposed], between: Sequence[Reference]) -> set[str]:
    """Return the columns of Customer that the project will have."""
    fields, group = merged_columns(customers, between)
    return {*fields, *(group["fields"] if group else ())}
