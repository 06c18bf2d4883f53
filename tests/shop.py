"""A small company for tests of the truth.

Its `overtide.yaml` for the engine, and the same as a `World` for the oracle.

Three entities are unified by equal e-mails: contacts (primary), accounts, and visitors, who are
customers only together with others. Orders of accounts are activities.
"""

import csv
from pathlib import Path
from typing import Any

from tests.oracle_base import ActivityRule, Entity, Row, Sources, World

INSTANCE = "6f2c1f0e-5f0b-4b8c-9d2e-3a1b2c3d4e5f"
CONTACTS, ACCOUNTS, VISITORS, ORDERS = (
    "Crm_Contacts",
    "Shop_Accounts",
    "Web_Visitors",
    "Shop_Orders",
)
NAMES = {
    CONTACTS: ("ContactId", "EMail", "FullName", "Points", "Since"),
    ACCOUNTS: ("AccountId", "EMail", "FullName", "Spent", "Member"),
    VISITORS: ("VisitorId", "EMail", "Score"),
    ORDERS: ("OrderId", "AccountId", "PlacedAt", "Item", "Note", "Amount"),
}
TYPES = {
    "Points": "integer",
    "Since": "date",
    "Spent": "decimal(9,2)",
    "Member": "boolean",
    "Score": "double",
    "PlacedAt": "datetime",
    "Amount": "decimal(9,2)",
}
FIELDS = {
    "EMail": (f"{CONTACTS}.EMail", f"{ACCOUNTS}.EMail", f"{VISITORS}.EMail"),
    "FullName": (f"{ACCOUNTS}.FullName", f"{CONTACTS}.FullName"),
    "Points": (f"{CONTACTS}.Points",),
    "Since": (f"{CONTACTS}.Since",),
    "Spent": (f"{ACCOUNTS}.Spent",),
    "Member": (f"{ACCOUNTS}.Member",),
    "Score": (f"{VISITORS}.Score",),
}


def world() -> World:
    """Return the company as the oracle sees it."""
    unified = tuple(
        Entity(name, NAMES[name], name != VISITORS) for name in (CONTACTS, ACCOUNTS, VISITORS)
    )
    fields = {
        name: tuple((source.split(".")[0], source.split(".")[1]) for source in origins)
        for name, origins in FIELDS.items()
    }
    orders = ActivityRule(
        ORDERS,
        "OrderId",
        "AccountId",
        ACCOUNTS,
        "PlacedAt",
        {"Title": "Item", "Description": "Note"},
        {"Amount": "Amount"},
        {"ActivityType": "SalesOrder", "ActivityTypeDisplay": "Order", "ActivityName": "Orders"},
    )
    return World(
        INSTANCE, unified, fields, {name: TYPES.get(name, "string") for name in FIELDS}, (orders,)
    )


def configuration() -> dict[str, Any]:
    """Return the company's `overtide.yaml` as a document."""
    by_email = [{"name": "same e-mail", "conditions": [{"fields": "EMail"}]}]
    unified = [
        {"entity": name, "include_all": name != VISITORS, "deduplicate": {"rules": by_email}}
        for name in (CONTACTS, ACCOUNTS, VISITORS)
    ]
    pairs = [(ACCOUNTS, CONTACTS), (VISITORS, CONTACTS), (VISITORS, ACCOUNTS)]
    sources: dict[str, dict[str, Any]] = {}
    for full, names in NAMES.items():
        source, name = full.split("_")
        sources.setdefault(source, {})[name] = {
            "path": f"data/{full}.csv",
            "primary_key": names[0],
            "attributes": {attribute: TYPES.get(attribute, "string") for attribute in names},
        }
    merged = [{"name": name, "from": list(origins)} for name, origins in FIELDS.items()]
    return {
        "instance": {"name": "shop", "id": INSTANCE},
        "sources": sources,
        "unification": {
            "entities": unified,
            "merge": {"fields": merged},
            "match": [{"entity": entity, "to": to, "rules": by_email} for entity, to in pairs],
        },
        "relationships": [
            {"name": "buyer", "entity": ORDERS, "foreign_key": "AccountId", "to": ACCOUNTS}
        ],
        "activities": [
            {
                "entity": ORDERS,
                "name": "Orders",
                "relationship": "buyer",
                "type": "SalesOrder",
                "type_display": "Order",
                "timestamp": "PlacedAt",
                "title": "Item",
                "description": "Note",
                "semantic": {"Amount": "Amount"},
            }
        ],
    }


def write_sources(folder: Path, sources: Sources) -> None:
    """Write the company's files."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for name, records in sources.items():
        with (folder / "data" / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, NAMES[name])
            writer.writeheader()
            writer.writerows(
                {column: text(value) for column, value in row.items()} for row in records.values()
            )


def text(value: Any) -> str | None:
    """Return a value as a file holds it."""
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)


def record(entity: str, key: str, **values: Any) -> Row:
    """Return a record with nulls where nothing is said."""
    return {name: values.get(name) for name in NAMES[entity]} | {NAMES[entity][0]: key}


ANCHORS = (
    (CONTACTS, "0", {}),
    (ACCOUNTS, "0", {}),
    (VISITORS, "0", {}),
    (ORDERS, "0", {"AccountId": "nobody"}),
)
"""A record in each entity, since a refresh takes no empty one.

A contact and an account alone, and what is nobody's.
"""


def sources(*records: tuple[str, str, dict[str, Any]]) -> Sources:
    """Return the sources that hold some records (entity, key, values) beside the anchors."""
    found: dict[str, dict[str, Row]] = {name: {} for name in NAMES}
    for entity, key, values in (*ANCHORS, *records):
        found[entity][key] = record(entity, key, **values)
    return found
