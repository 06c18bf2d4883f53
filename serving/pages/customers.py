"""Find a customer: by words, by facets, by an id or the key of a source record."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from overtide.schemas.errors import NotFoundError, OvertideError, UsageError
from overtide.serving.operations.contract import Reply
from overtide.serving.pages.card import address_of
from overtide.serving.pages.customer_fields import (
    BOOLEAN,
    DATE,
    INSTANT,
    NUMBERS,
    PHONE,
    TEXT,
    Described,
    FieldShown,
    described_fields,
    live_count,
    main_fields,
    name_of,
)
from overtide.serving.pages.page import Page, Visit

SIZE, MOST_PAGES, LONGEST = 24, 400, 300
"""Tiles of a page, pages, and characters of a search."""
ID = re.compile(r"[0-9a-f]{32}")
PATTERNS = {
    **dict.fromkeys(NUMBERS, re.compile(r"-?[0-9]{1,300}(\.[0-9]{1,300})?(e[+-]?[0-9]{1,3})?")),
    DATE: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    INSTANT: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,15}Z"),
    BOOLEAN: re.compile(r"true|false"),
    "Edm.Guid": re.compile(r"[0-9a-fA-F-]{36}"),
}
"""What stands for itself in a filter; a text stands in quotes."""
FACET, RANGE, BETWEEN = "facet", "range", ".."


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for, as an address keeps it: words, facets, and the page.

    `chosen` are pairs of `facet` and `City:Rome`, or `range` and `Income:1000..2000`.
    """

    words: str = ""
    chosen: tuple[tuple[str, str], ...] = ()
    page: int = 1

    @classmethod
    def of(cls, given: Iterable[tuple[str, str]]) -> "Search":
        """Read the query of an address."""
        pairs = [(name, text) for name, text in given if text]
        words = next((text for name, text in pairs if name == "q"), "").strip()
        chosen = dict.fromkeys((name, text) for name, text in pairs if name in (FACET, RANGE))
        page = next((text for name, text in pairs if name == "page"), "1")
        number = int(page) if re.fullmatch(r"[0-9]{1,4}", page) else 1
        return cls(words, tuple(chosen), min(max(number, 1), MOST_PAGES))

    @property
    def query(self) -> str:
        """The query of its address."""
        pairs = [("q", self.words), *self.chosen]
        pairs += [("page", str(self.page))] if self.page > 1 else []
        return urlencode([one for one in pairs if one[1]])

    @property
    def address(self) -> str:
        """Its address."""
        return f"/?{self.query}" if self.query else "/"

    def at(self, page: int) -> "Search":
        """Return the same at another page."""
        return replace(self, page=page)

    def toggled(self, kind: str, name: str, value: object, end: object = None) -> "Search":
        """Return it with a choice, or without where it is chosen; another of that name ends."""
        text = f"{name}:{_text(value)}" + ("" if end is None else f"{BETWEEN}{_text(end)}")
        others = tuple(one for one in self.chosen if not one[1].startswith(f"{name}:"))
        chosen = others if (kind, text) in self.chosen else (*others, (kind, text))
        return replace(self, chosen=chosen, page=1)

    def has(self, kind: str, name: str, value: object, end: object = None) -> bool:
        """Say whether that is chosen."""
        return len(self.toggled(kind, name, value, end).chosen) < len(self.chosen)

    def asked(self, types: Mapping[str, str]) -> dict[str, str]:
        """Return the options of the query; raise `invalid_parameter`."""
        if len(self.words) > LONGEST:
            raise UsageError(
                "invalid_parameter",
                f"A search has at most {LONGEST} characters.",
                "q",
                "Search for less.",
            )
        found = {}
        if words := search_of(self.words):
            found["$search"] = words
        if self.chosen:
            found["$filter"] = " and ".join(_condition(*one, types) for one in self.chosen)
        return found


def search_of(words: str) -> str:
    """Return the OData search of rows that have all words, whatever is written in them.

    What may be a telephone number is also looked for as its digits, however it is written there.
    """
    found = (re.sub(r'["\\\x00-\x1f]+', " ", words)).split()
    all_words = " AND ".join(f'"{one}"' for one in found)
    digits = re.sub("[^0-9]", "", words)
    if PHONE.fullmatch(" ".join(found)) and 7 <= len(digits) <= 20 and [digits] != found:
        return f'({all_words}) OR "{digits}"'
    return all_words


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _condition(kind: str, text: str, types: Mapping[str, str]) -> str:
    name, _, value = text.partition(":")
    if name not in types:
        raise UsageError(
            "invalid_parameter", f"Customers have no field {name!r}.", kind, "Choose another."
        )
    if kind == FACET:
        return f"{name} eq {_literal(types[name], value, kind)}"
    begin, _, end = value.partition(BETWEEN)
    least, most = (_literal(types[name], one, kind) for one in (begin, end))
    return f"{name} ge {least} and {name} lt {most}"


def _literal(type_: str, text: str, target: str) -> str:
    """Return a value as a filter has it; raise `invalid_parameter` for one that is none."""
    if type_ == TEXT:
        doubled = text.replace("'", "''")
        return f"'{doubled}'"
    if not PATTERNS[type_].fullmatch(text.lower() if type_ in NUMBERS else text):
        raise UsageError(
            "invalid_parameter", f"{text!r} is no value of that field.", target, "Choose another."
        )
    return text


@dataclass(frozen=True, slots=True)
class Tile:
    """A customer as one of many; `found_by` is the key or id that led to it, None for words."""

    customer: Mapping[str, Any]
    described: Sequence[Described]
    found_by: tuple[str, str] | None = None

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.customer["CustomerId"])

    @property
    def address(self) -> str:
        """The address of its card."""
        return address_of(self.id)

    @property
    def name(self) -> str | None:
        """What it is called."""
        return name_of(self.described, self.customer)

    @property
    def fields(self) -> list[FieldShown]:
        """The main fields that have a value."""
        return main_fields(self.described, self.customer)

    @property
    def live(self) -> int:
        """How many of its values are live."""
        return live_count(self.customer)


async def find(visit: Visit) -> Reply:
    """Show where one searches, and (as a part of it) what is found."""
    search = Search.of(visit.given)
    if not visit.fragment:
        return visit.shown("start.html", search=search)
    # Who writes replaces the address; who chooses a facet or a page can go back from it.
    headers = (
        {"HX-Replace-Url": search.address} if visit.headers.get("hx-trigger") == "find" else {}
    )
    try:
        values = await _found(visit, search)
    except OvertideError as error:
        if error.status == 401:
            raise
        return visit.shown("_not_found.html", headers=headers, search=search, error=error)
    return visit.shown("_found.html", headers=headers, search=search, **values)


async def _found(visit: Visit, search: Search) -> dict[str, Any]:
    entity = await visit.ask("Get-entity-metadata", {"entityName": "Customer"})
    described, types = described_fields(entity), _types(entity)
    first = (search.page - 1) * SIZE
    asked = search.asked(types) | {"$select": "CustomerId", "$top": str(SIZE + 1)}
    asked["$skip"] = str(first)
    named = [] if search.page > 1 or not search.words else await _named(visit, search.words)
    page = await visit.ask("Get-entities-with-OData-path", {"entityName": "Customer"}, asked)
    ids = [str(row["CustomerId"]) for row in page["value"]]
    by_name = {customer["CustomerId"] for customer, _ in named}
    others = [one for one in ids[:SIZE] if one not in by_name]
    tiles = [Tile(one, described) for one in await _customers(visit, others)]
    return {
        "named": [Tile(customer, described, by) for customer, by in named],
        "tiles": tiles,
        "twice": len(ids[:SIZE]) - len(others),
        "more": len(ids) > SIZE and search.page < MOST_PAGES,
    }


def _types(entity: Mapping[str, Any]) -> dict[str, str]:
    return {one["name"]: one["dataType"] for one in entity["attributes"]}


async def _customers(visit: Visit, ids: Iterable[str]) -> list[dict[str, Any]]:
    """Return customers with what is live of them; those that went meanwhile are left out."""
    found = []
    for one in ids:
        customer = await _customer(visit, one)
        if customer is not None:
            found.append(customer)
    return found


async def _customer(visit: Visit, customer_id: str) -> dict[str, Any] | None:
    try:
        reply = await visit.reply("Get-a-customer", {"entityId": customer_id})
    except NotFoundError:
        return None
    document: dict[str, Any] = json.loads(reply.content or b"{}")
    return document


async def _named(visit: Visit, text: str) -> list[tuple[dict[str, Any], tuple[str, str]]]:
    """Return the customers that a text names: by an id, or by the key of a source record.

    The key may stand behind the name of its entity (`Shop_Contacts/4711`).
    """
    found: dict[str, tuple[str, str]] = {}
    if ID.fullmatch(text.lower()):
        found[text.lower()] = ("id", text)
    asked = {"accepts": "changes"}
    model = await visit.ask("Get-all-entity-metadata", {}, asked)
    for entity in model["entities"]:
        name = str(entity["qualifiedEntityName"])
        if name == "Customer":
            continue
        key = _key_in(text, name)
        keyring = {
            "dataSourceName": name.partition("_")[0],
            "entityName": name,
            "key": text if key is None else key,
        }
        try:
            ring = await visit.ask("Get-keyring", {}, keyring)
        except OvertideError as error:
            if error.status not in (400, 404):
                raise
            continue
        found.setdefault(ring["customerId"], (name, keyring["key"]))
    customers = [(await _customer(visit, one), by) for one, by in found.items()]
    return [(one, by) for one, by in customers if one is not None]


def _key_in(text: str, entity: str) -> str | None:
    """Return the key that stands behind the name of its entity, None where that does not."""
    rest = text.removeprefix(entity)
    return rest[1:].strip() if rest != text and rest[:1] in ("/", ":", " ") else None


async def facets(visit: Visit) -> Reply:
    """Show how many are found, and the facets of them.

    The number beside the list is without those that stand above it (`above`), found by a key.
    """
    above = visit.query.get("above", "0")
    search = Search.of(visit.given)
    entity = await visit.ask("Get-entity-metadata", {"entityName": "Customer"})
    asked = search.asked(_types(entity))
    found = await visit.ask("Get-facets", {"entityName": "Customer"}, asked)
    rest = max(0, found["count"] - int(above if re.fullmatch("[0-9]{1,3}", above) else "0"))
    return visit.shown("_facets.html", search=search, found=found, rest=rest)


PAGES = (Page("GET", "/", find), Page("GET", "/facets", facets))
