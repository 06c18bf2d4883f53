"""The card of a customer: what it shows now and at any instant, why, and changes of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from overtide.schemas.errors import OvertideError
from overtide.serving.operations.contract import Reply
from overtide.serving.pages.customer_fields import (
    Described,
    FieldShown,
    described_fields,
    live_count,
    name_of,
    previous_ids,
    sent_value,
    shown_fields,
)
from overtide.serving.pages.moments import (
    AS_OF,
    KNOWN_AT,
    asked_moments,
    instant_of,
    local_time,
    with_moments,
)
from overtide.serving.pages.page import Page, Visit

CARD = "/customers/{customer}"
FIELD = f"{CARD}/fields/{{field}}"
VALIDITIES = ("1h", "4h", "24h", "7d", "30d")
"""How long a change may be said to hold, beside until an instant."""
DEFAULT, UNTIL = "4h", "until"
CHANGED = {"HX-Trigger": "customer-changed"}
"""What makes the script of a card look at it again."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A customer at a moment: its document, its columns, and the instants that were asked for.

    `now` is the instant of the answer, `known` up to when all was known for it.
    """

    customer: Mapping[str, Any]
    described: list[Described]
    moments: Mapping[str, str]
    now: str
    known: str

    @property
    def values(self) -> dict[str, Any]:
        """What the templates of a card take."""
        customer_id = str(self.customer["CustomerId"])
        return {
            "customer": self.customer,
            "customer_id": customer_id,
            "address": address_of(customer_id),
            "name": name_of(self.described, self.customer),
            "groups": shown_fields(self.described, self.customer),
            "previous": previous_ids(self.customer),
            "live": live_count(self.customer),
            "moments": self.moments,
            "past": bool(self.moments),
            "ahead": KNOWN_AT not in self.moments and self.now > self.known,
            "now": self.now,
            "at": with_moments("", self.moments),
        }


def address_of(customer_id: str) -> str:
    """Return the address of a card."""
    return f"/customers/{quote(customer_id, safe='')}"


async def columns_of_customer(visit: Visit) -> list[Described]:
    """Return the columns of Customer."""
    return described_fields(await visit.ask("Get-entity-metadata", {"entityName": "Customer"}))


async def card(visit: Visit) -> Reply:
    """Show a card: now, or at the instants that the address names."""
    if "at" in visit.query:
        return visit.leading(_chosen(visit))
    values = await card_values(visit)
    return visit.shown("_card.html" if visit.fragment else "card.html", **values)


async def card_values(visit: Visit) -> dict[str, Any]:
    """Return what the template of a whole card takes."""
    shown = await _shown(visit)
    values = shown.values | _times(visit, shown)
    if visit.framed:  # its token is for the id that was asked for, also once that leads to another
        values["address"] = address_of(visit.path["customer"])
    return values


async def _shown(visit: Visit) -> Shown:
    moments = asked_moments(visit)
    path = {"entityId": visit.path["customer"]}
    reply = await visit.reply("Get-a-customer", path, moments)
    described = await columns_of_customer(visit)
    customer = json.loads(reply.content or b"{}")
    now, known = reply.headers["Overtide-As-Of"], reply.headers["Overtide-Known-At"]
    return Shown(customer, described, moments, now, known)


def _chosen(visit: Visit) -> str:
    """Return the address of the card at the times of the person's clock that a form names."""
    customer, preferences = address_of(visit.path["customer"]), visit.preferences
    moments = {}
    if visit.query["at"]:
        moments[AS_OF] = instant_of(preferences, visit.query["at"], "at")
    knowing = visit.query.get("knowing", "now")
    if knowing == "then" and AS_OF in moments:
        moments[KNOWN_AT] = moments[AS_OF]
    if knowing == "at" and visit.query.get("known"):
        moments[KNOWN_AT] = instant_of(preferences, visit.query["known"], "known")
    return with_moments(customer, moments)


def _times(visit: Visit, shown: Shown) -> dict[str, Any]:
    """Return what the controls of the time show."""
    as_of, known_at = shown.moments.get(AS_OF), shown.moments.get(KNOWN_AT)
    knowing = "now" if known_at is None else "then" if known_at == as_of else "at"
    local = {
        name: None if text is None else local_time(visit.preferences, text)
        for name, text in (("at", as_of), ("known", known_at))
    }
    return {"knowing": knowing, "local": local}


async def why(visit: Visit) -> Reply:
    """Explain a field: who decides it, why others lost, and what comes next."""
    path = {"entityId": visit.path["customer"], "field": visit.path["field"]}
    explanation = await visit.ask("Explain-a-field", path, asked_moments(visit))
    described = await _described(visit)
    return visit.shown("_why.html", why=explanation, field=described)


async def edit(visit: Visit) -> Reply:
    """Show what changes a field."""
    found = await _field(visit)
    value = found.value
    return visit.shown("_edit.html", **_edited(visit, found.described, value, value is None))


async def change(visit: Visit) -> Reply:
    """Change a field for a while; say at the field what is wrong with it."""
    described = await _described(visit)
    form, empty = visit.form, "empty" in visit.form
    try:
        value = sent_value(described.type, form.get("value", ""), empty)
        lasting = form.get("validity", DEFAULT)
        if lasting == UNTIL:
            lasting = instant_of(visit.preferences, form.get("until", ""), UNTIL)
        path = {"entityName": "Customer", "entityId": visit.path["customer"]}
        changed = {described.name: value}
        await visit.ask("Update-an-entity", path, {"validUntil": lasting}, changed)
    except OvertideError as error:
        if error.status not in (400, 409, 422):
            raise
        values = _edited(visit, described, form.get("value", ""), empty) | {"error": error}
        aim = {"HX-Retarget": f"#panel-{described.attribute}", "HX-Reswap": "innerHTML"}
        return visit.shown("_edit.html", error.status, aim, **values)
    return Reply(204, headers=CHANGED)


def _edited(visit: Visit, described: Described, value: object, empty: bool) -> dict[str, Any]:
    return {
        "address": address_of(visit.path["customer"]),
        "field": described,
        "value": "" if value is None else value,
        "empty": empty,
        "validities": VALIDITIES,
        "validity": visit.form.get("validity", DEFAULT),
        "until": visit.form.get("until", ""),
        "error": None,
    }


async def _described(visit: Visit) -> Described:
    """Return the column that an address names; operations refuse one that there is not."""
    name = visit.path["field"]
    known = await columns_of_customer(visit)
    unknown = Described(name, name, "Edm.String", None, None)
    return next((one for one in known if one.name == name), unknown)


async def _field(visit: Visit) -> FieldShown:
    customer = await visit.ask("Get-a-customer", {"entityId": visit.path["customer"]})
    described = await _described(visit)
    return FieldShown(described, customer.get(described.name), None)


async def withdraw(visit: Visit) -> Reply:
    """End the changes of one field, or of all."""
    path = {"entityId": visit.path["customer"]}
    if "field" in visit.path:
        await visit.ask("Withdraw-an-override", path | {"field": visit.path["field"]})
    else:
        await visit.ask("Withdraw-overrides", path)
    return Reply(204, headers=CHANGED)


async def records(visit: Visit) -> Reply:
    """Show the source records of a customer, and what joined them."""
    found = await visit.ask("Get-records-of-a-customer", {"entityId": visit.path["customer"]})
    return visit.shown("_records.html", found=found, address=address_of(visit.path["customer"]))


async def record(visit: Visit) -> Reply:
    """Show what a source record holds."""
    path = {"entityName": visit.path["entity"], "entityId": visit.path["key"]}
    row = await visit.ask("Get-an-item", path)
    values = {name: value for name, value in row.items() if not name.startswith("@")}
    return visit.shown("_record.html", values=values)


PAGES = (
    Page("GET", CARD, card),
    Page("GET", f"{FIELD}/why", why),
    Page("GET", f"{FIELD}/edit", edit),
    Page("POST", FIELD, change),
    Page("POST", f"{FIELD}/withdraw", withdraw),
    Page("POST", f"{CARD}/withdraw", withdraw),
    Page("GET", f"{CARD}/records", records),
    Page("GET", f"{CARD}/records/{{entity}}/{{key}}", record),
)
