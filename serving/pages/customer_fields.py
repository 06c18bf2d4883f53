"""The fields of a customer as people look at them: in groups, with icons, by what they mean.

Pure functions over the documents that operations answer.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OVERRIDE = "@overtide.override"
TEXT, BOOLEAN, DATE, INSTANT = "Edm.String", "Edm.Boolean", "Edm.Date", "Edm.DateTimeOffset"
NUMBERS = ("Edm.Int64", "Edm.Int32", "Edm.Double", "Edm.Decimal")
GROUPS = ("person", "contact", "address", "company", "more", "keys")
"""The groups of a card, in their order."""
MEANINGS: Mapping[str, tuple[str, str]] = {
    "PersonBirthDate": ("person", "cake"),
    "PersonGender": ("person", "user"),
    "PersonOccupation": ("person", "briefcase"),
    "IdentityServiceEmail": ("contact", "mail"),
    "IdentityServicePhone": ("contact", "phone"),
    "Person": ("person", "user"),
    "IdentityService": ("contact", "link"),
    "Identity": ("keys", "id-card"),
    "Location": ("address", "map-pin"),
    "Organization": ("company", "building-2"),
    "Calendar": ("more", "calendar"),
    "Currency": ("more", "banknote"),
    "Web": ("contact", "globe"),
}
"""Group and icon of a semantic type, or of all that begin so; the longest that fits counts."""
TYPES = {DATE: "calendar", INSTANT: "clock", BOOLEAN: "check"}
"""Icons of what means nothing in particular, by type."""
NAME, FIRST, LAST, COMPANY = (
    "PersonFullName",
    "PersonFirstName",
    "PersonLastName",
    "OrganizationName",
)
MAIN = ("IdentityServiceEmail", "IdentityServicePhone", "LocationCity", "PersonBirthDate")
"""What a tile shows of a customer, so far as it is there."""
PHONE = re.compile(r"\+?[0-9(][0-9 ()./-]{3,30}")
EMAIL = re.compile(r"[^\s@<>\"?&]{1,64}@[^\s@<>\"?&]{1,255}")
FIXED = ("CustomerId", "PreviousCustomerId")


@dataclass(frozen=True, slots=True)
class Described:
    """A column of Customer: its name, what it is called in OData, its type and its meaning.

    `schema`: the JSON Schema of what may be sent of it, None where it cannot be changed.
    """

    name: str
    attribute: str
    type: str
    meaning: str | None
    schema: Mapping[str, Any] | None

    @property
    def place(self) -> tuple[str, str]:
        """The group that it is shown in, and its icon."""
        meaning = self.meaning or ""
        fitting = [one for one in MEANINGS if meaning.startswith(one)]
        if fitting:
            return MEANINGS[max(fitting, key=len)]
        if self.schema is None:
            return "keys", "id-card"
        icon = "hash" if self.type in NUMBERS else TYPES.get(self.type, "tag")
        return "more", icon


@dataclass(frozen=True, slots=True)
class FieldShown:
    """One field as it is shown: `override` says what is live of it, None where nothing is."""

    described: Described
    value: Any
    override: Mapping[str, Any] | None

    @property
    def link(self) -> str | None:
        """The address behind the value: to call, to write, to visit; None where there is none."""
        return link_of(self.described.meaning, self.value)


def described_fields(entity: Mapping[str, Any]) -> list[Described]:
    """Return the columns of Customer that its metadata document describes, but for its ids."""
    sendable = (entity.get("jsonSchema") or {}).get("properties", {})
    return [
        Described(
            one["baseName"],
            one["name"],
            one["dataType"],
            one["semanticType"],
            sendable.get(one["baseName"]),
        )
        for one in entity["attributes"]
        if one["baseName"] not in FIXED
    ]


def link_of(meaning: str | None, value: object) -> str | None:
    """Return where a value leads: `tel:`, `mailto:`, or a page of the web."""
    text = value.strip() if isinstance(value, str) else ""
    if meaning == "IdentityServicePhone" and PHONE.fullmatch(text):
        return "tel:" + re.sub(r"[^0-9+]", "", text)
    if meaning == "IdentityServiceEmail" and EMAIL.fullmatch(text):
        return f"mailto:{text}"
    return web_address(text)


def web_address(text: object) -> str | None:
    """Return a text that is an address of http or https, None for every other: scripts have."""
    if not isinstance(text, str) or not re.match(r"https?://[^\s\"'<>]+\Z", text, re.IGNORECASE):
        return None
    return text


def shown_fields(
    described: Iterable[Described], customer: Mapping[str, Any]
) -> dict[str, list[FieldShown]]:
    """Return the fields of a customer by group, in the order of the groups; empty ones are out."""
    found: dict[str, list[FieldShown]] = {group: [] for group in GROUPS}
    for one in described:
        shown = FieldShown(one, customer.get(one.name), customer.get(one.name + OVERRIDE))
        found[one.place[0]].append(shown)
    return {group: fields for group, fields in found.items() if fields}


def name_of(described: Sequence[Described], customer: Mapping[str, Any]) -> str | None:
    """Return what a customer is called: full name, first and last one, company; None without."""

    def meant(meaning: str) -> str:
        values = (customer.get(one.name) for one in described if one.meaning == meaning)
        return next((one.strip() for one in values if isinstance(one, str) and one.strip()), "")

    both = " ".join(part for part in (meant(FIRST), meant(LAST)) if part)
    return meant(NAME) or both or meant(COMPANY) or None


def main_fields(described: Sequence[Described], customer: Mapping[str, Any]) -> list[FieldShown]:
    """Return what a tile shows: one field for each of the main meanings that has a value."""
    found = []
    for meaning in MAIN:
        fields = (one for one in described if one.meaning == meaning)
        shown = (FieldShown(one, customer.get(one.name), _live(one, customer)) for one in fields)
        found += [one for one in shown if one.value not in (None, "")][:1]
    return found


def _live(one: Described, customer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    override: Mapping[str, Any] | None = customer.get(one.name + OVERRIDE)
    return override


def live_count(customer: Mapping[str, Any]) -> int:
    """Return how many values of a customer are live."""
    return sum(name.endswith(OVERRIDE) for name in customer)


def previous_ids(customer: Mapping[str, Any]) -> list[str]:
    """Return the ids that were merged into a customer's."""
    return (
        (customer.get("PreviousCustomerId") or "").split(";")
        if (customer.get("PreviousCustomerId"))
        else []
    )


def sent_value(type_: str, text: str, empty: bool) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return the JSON value of what somebody wrote into a field of a type; None where `empty`.

    What is no value of the type goes as the text that it is: the operation says what is wrong.
    """
    if empty:
        return None
    if type_ == BOOLEAN:
        return {"true": True, "false": False}.get(text, text)
    if type_ in ("Edm.Int64", "Edm.Int32") and re.fullmatch(r"-?[0-9]{1,15}", text.strip()):
        return int(text)
    if type_ == "Edm.Double":
        try:
            return float(text) if text.strip() else text
        except ValueError:
            return text
    return text if type_ == TEXT else text.strip()
