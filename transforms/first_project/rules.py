"""First rules by which records are one customer, and the columns of Customer."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from overtide.schemas.configuration.merge import MOST_SOURCES, RESERVED_COLUMNS
from overtide.schemas.names import folded
from overtide.schemas.types import type_of
from overtide.transforms.first_project.keys import Proposed, Reference
from overtide.transforms.first_project.meanings import (
    BIRTH,
    CITY,
    COUNTRY,
    EMAIL,
    FIRST,
    FULL,
    HOUSE_NUMBER,
    LAST,
    OF_ADDRESSES,
    PHONE,
    POSTCODE,
    STATE,
    STREET,
)
from overtide.transforms.first_project.scores import (
    LIKE_EMAIL,
    NAME,
    apart,
    born_at_home,
    fields_of,
    score_of,
)
from overtide.transforms.spelling import without_accents


class Rule(NamedTuple):
    """A rule: its name, its settings beside that, and why."""

    name: str
    settings: dict[str, Any]
    why: str


COLUMNS = {
    EMAIL: "EMail",
    PHONE: "Telephone",
    FIRST: "FirstName",
    LAST: "LastName",
    FULL: "FullName",
    BIRTH: "DateOfBirth",
    STREET: "Street",
    HOUSE_NUMBER: "HouseNumber",
    CITY: "City",
    POSTCODE: "PostalCode",
    STATE: "State",
    COUNTRY: "Country",
}
_WHY_A_SCORE = "whatever is mistyped or missing; `overtide match learn` proposes weights"
_WHY_APART = "; people live together, so what tells them apart must be alike"


def _by_references(one: Proposed, other: Proposed, between: Sequence[Reference]) -> list[Rule]:
    """Return a rule for each reference from records of one entity to those of the other."""
    rules = []
    for reference in between:
        if {reference.entity, reference.to} == {one.entity, other.entity}:
            here, there = (one, other) if reference.entity == one.entity else (other, one)
            fields = {here.entity: reference.columns[0], there.entity: (there.key or ("",))[0]}
            why = f"{here.entity} names the record of {there.entity} itself"
            rules.append(Rule("Key", {"conditions": [{"fields": fields}]}, why))
    return rules


def rules_of(
    one: Proposed, other: Proposed, together: bool, between: Sequence[Reference] = ()
) -> list[Rule]:
    """Return rules for two entities, or for duplicates within one (`other` is the same).

    Where people live `together`, other given names and days of birth keep them apart: a number is
    the household's. Whose day is mistyped the score tells.
    """
    rules = _by_references(one, other, between)
    name = _name(one, other)
    nearly = [] if name is None else [name]
    email, phone = _same(one, other, EMAIL), _same(one, other, PHONE)
    born = _same(one, other, BIRTH)
    found = [*apart(one, other), *_born_apart(one, born)] if together else []
    against = {"contradictions": found} if found else {}
    if email is not None:
        both = "an address may be shared, so names must be alike too" if name else "one address"
        rule = "E-mail and name" if name else "E-mail"
        conditions = [{"fields": email, "normalize": LIKE_EMAIL}, *nearly]
        rules.append(Rule(rule, {"conditions": conditions, **against}, both))
    if phone is not None and name is not None:
        why = "a number is often a household's, so names must be alike too"
        conditions = [{"fields": phone, "normalize": ["phone"]}, name]
        rules.append(Rule("Phone and name", {"conditions": conditions, **against}, why))
    if born is not None and name is not None:
        why = "same day of birth, names nearly the same"
        rules.append(Rule("Birth date and name", {"conditions": [{"fields": born}, name]}, why))
    at_home = born_at_home(one, other) if together else {}
    for what, conditions in at_home.items():
        why = f"same day of birth and {what}, whatever the names are: twins are one, too"
        rules.append(Rule(f"Birth date and {what}", {"conditions": conditions}, why))
    score = score_of(one, other, together)
    if score is not None:
        rules.append(Rule("Names and address", score, _WHY_A_SCORE + _WHY_APART * together))
    return rules


def _born_apart(one: Proposed, born: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as `fields` is
    """Return the contradiction of other days of birth; texts are no days."""
    texts = born is None or type_of(one.kind(str(one.meaning(BIRTH)))).is_text
    return [] if texts else [{"fields": born}]


def _name(one: Proposed, other: Proposed) -> dict[str, Any] | None:
    """Return the condition that names are nearly the same, None where one has none."""
    parts = [_parts(each) for each in (one, other)]
    if not all(parts):
        return None
    return {"fields": fields_of(one, other, *parts), "normalize": NAME, "precision": "high"}


def _parts(one: Proposed) -> list[str]:
    """Return the columns of a person's name."""
    first, last, full = one.meaning(FIRST), one.meaning(LAST), one.meaning(FULL)
    found = [first, last] if first and last else [full or last or first]
    return [name for name in found if name is not None and type_of(one.kind(name)).is_text]


def _same(one: Proposed, other: Proposed, meaning: str) -> Any:  # noqa: ANN401 - as `fields` is
    """Return the columns that mean the same and are of one type, None where there are none."""
    names = [each.meaning(meaning) for each in (one, other)]
    if names[0] is None or names[1] is None or one.kind(names[0]) != other.kind(names[1]):
        return None
    return fields_of(one, other, [names[0]], [names[1]])


def merged_columns(
    customers: Sequence[Proposed], between: Sequence[Reference]
) -> tuple[dict[str, list[str]], dict[str, Any] | None]:
    """Return the columns of Customer with their sources, and those of addresses as a group."""
    group = _addresses(customers)
    grouped = {folded(name) for name in group["fields"]} if group else set()
    references = {(one.entity, name) for one in between for name in one.columns}
    found: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    taken = grouped | set(map(folded, RESERVED_COLUMNS))
    taken |= {folded(f"{one.entity}_{'_'.join(one.key or ())}") for one in customers}
    for one in customers:
        for name, own in _columns(one).items():
            if (one.entity, name) in references or (
                group and name in group["from"].get(one.entity, ())
            ):
                continue
            kind = one.kind(name)
            wanted = own if kinds.get(own, kind) == kind else f"{own}_{one.name}"
            while folded(wanted) in taken or kinds.get(wanted, kind) != kind:
                wanted = f"{wanted}_{one.name}"
            sources = found.setdefault(wanted, [])
            kinds[wanted] = kind
            if len(sources) < MOST_SOURCES:
                sources.append(f"{one.entity}.{name}")
    return found, group


def _columns(one: Proposed) -> dict[str, str]:
    """Return how the columns of an entity are called in Customer: by their meaning if known."""
    found: dict[str, str] = {}
    for name in one.types:
        in_key = name in (one.key or ()) and len(one.types) > len(one.key or ())
        if in_key and name not in one.meanings:
            continue
        meaning = one.meanings.get(name, "")
        own = COLUMNS.get(meaning) if one.meaning(meaning) == name else None
        wanted = own or column_name(name)
        known = {folded(other) for other in found.values()}
        found[name] = wanted if folded(wanted) not in known else f"{wanted}_{len(found)}"
    return found


def _addresses(customers: Sequence[Proposed]) -> dict[str, Any] | None:
    """Return the group of address columns, which come from one record; None where few are."""
    there = {
        one.entity: {meaning: name for meaning in OF_ADDRESSES if (name := one.meaning(meaning))}
        for one in customers
    }
    some = {entity: names for entity, names in there.items() if len(names) > 1}
    if not some:
        return None
    meanings = [meaning for meaning in OF_ADDRESSES if any(meaning in one for one in some.values())]
    sources = {entity: [names.get(one) for one in meanings] for entity, names in some.items()}
    return {"fields": [COLUMNS[one] for one in meanings], "from": sources}


def column_name(name: str) -> str:
    """Return a name that a column of Customer, a source or an entity may have."""
    words = re.findall(r"[^\W_]+", without_accents(name))
    plain = "".join(one[:1].upper() + one[1:] for one in words if one.isascii())[:60]
    return plain if plain[:1].isalpha() else f"C{plain}"
