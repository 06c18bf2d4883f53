"""The project of people, orders and what else is read, of which sequences of changes are told."""

import copy
from collections.abc import Callable
from typing import Any

from tests.small_plan import INSTANCE

MAIL = {"name": "mail", "conditions": [{"fields": "Mail", "normalize": ["email"]}]}
NAME = {"name": "name", "conditions": [{"fields": "City"}, {"fields": "Name"}]}
PEOPLE = {"Id": "integer", "Name": "string", "Mail": "string", "City": "string", "Seen": "date"}
HEADS = {"a": "Id,Name,Mail,City,Seen", "b": "Id,Name,Mail,City,Seen", "o": "Key,Owner,At,Paid"}


def document(
    names: bool = True,
    recent: bool = False,
    decided: bool = False,
    delivered: bool = False,
    listed: bool = False,
    made: bool = False,
    ids: bool = False,
    winners: bool = False,
    zoned: bool = False,
    counted: bool = False,
    apart: bool = False,
    named: str = "S_a",
    **otherwise: bool,
) -> dict[str, Any]:
    """Return a configuration.

    With a second rule or not, by which policy fields are merged, whether S_b is delivered as full
    data and changes, whether lists are compared with, whether columns make ids and clusters (or
    only ids, or attributes have winners of their own), whether times are those of a zone, whether
    it counts how many records have a value, whether cities keep apart through others, and the
    entity that orders name: records of S_b are customers only together with others. What is
    `OTHERWISE` is done to it.
    """
    mail, twin = (_counted_or_apart(MAIL, counted, apart) for _ in range(2))
    lists: dict[str, Any] = {"aliases": {"Names": "names.csv"}, "ignore": {"file": "ignored.csv"}}
    town = {"name": "TownId", "rules": [{"name": "t", "conditions": [{"fields": "City"}]}]}
    own = {"per_attribute": [{"of": "Name"}]} if made or winners else {}
    of_columns = {"customer_id": {"fields": ["Name", "City"]}} if made or ids else {}
    found = {
        "instance": {"name": "s", "id": INSTANCE},
        "sources": {"S": _sources(delivered, "Europe/Rome" if zoned else "UTC")},
        "unification": {
            "entities": [
                {"entity": "S_a", "deduplicate": {"rules": [mail]} | own},
                {"entity": "S_b", "include_all": False},
            ],
            "match": [{"entity": "S_b", "to": "S_a", "rules": [twin, *_rules(names, listed)]}],
            "merge": {"fields": _fields(recent)},
        }
        | ({"decisions": "decisions.csv"} if decided else {})
        | of_columns
        | ({"clusters": [town]} if made else {})
        | (lists if listed else {}),
        "relationships": [{"name": "r", "entity": "S_o", "foreign_key": "Owner", "to": named}],
        "activities": [
            {"entity": "S_o", "name": "Orders", "relationship": "r"}
            | {"timestamp": "At", "title": "Key"}
        ],
    }
    for name, wanted in otherwise.items():
        if wanted:
            OTHERWISE[name](found)
    return found


def _paid_activity(found: dict[str, Any]) -> None:
    """Let the same files be activities of a second kind, whose relationship is one of its own."""
    orders, relationship = found["sources"]["S"]["o"], found["relationships"][0]
    found["sources"]["S"]["p"] = copy.deepcopy(orders)
    found["relationships"].append(relationship | {"name": "p", "entity": "S_p"})
    found["activities"].append(
        {"entity": "S_p", "name": "Payments", "relationship": "p", "timestamp": "At"}
        | {"title": "Paid", "semantic": {"OrderId": "Key"}}
    )


def _entity(found: dict[str, Any], name: str) -> dict[str, Any]:
    attributes: dict[str, Any] = found["sources"]["S"][name]["attributes"]
    found["sources"]["S"][name]["attributes"] = own = dict(attributes)
    return own


OTHERWISE: dict[str, Callable[[dict[str, Any]], None]] = {
    "titled": lambda found: found["activities"][0].update(title="Paid"),
    "hidden": lambda found: found["activities"][0].update(show_in_timeline=False),
    "paid": _paid_activity,
    "fielded": lambda found: found["relationships"][0].update(field="Id"),
    "mailed": lambda found: found["unification"]["merge"]["fields"].append(
        {"name": "Mail", "from": ["S_a.Mail", "S_b.Mail"]}
    ),
    "meant": lambda found: _entity(found, "a").update(
        Mail={"type": "string", "semantic_type": "Identity.Service.Email"}
    ),
    "wider": lambda found: _entity(found, "a").update(Phone={"type": "string", "optional": True}),
    "longer": lambda found: _entity(found, "o").update(Note={"type": "string", "optional": True}),
    "off": lambda found: found["unification"]["match"][0]["rules"][0].update(enabled=False),
}
"""What else may be configured otherwise, by its name."""


def _sources(delivered: bool, zone: str) -> dict[str, Any]:
    entities: dict[str, dict[str, Any]] = {
        name: {
            "path": f"{name}*.csv",
            "primary_key": "Id",
            "attributes": PEOPLE,
            "max_set_aside_percent": 90,
        }
        for name in "ab"
    }
    if delivered:
        entities["b"] |= {"path": "b", "incremental": {"last_modified": "Seen"}}
    orders = {
        "path": "o*.csv",
        "primary_key": "Key",
        "attributes": {"Key": "string", "Owner": "integer", "At": "datetime", "Paid": "double"},
        "max_set_aside_percent": 90,
        "time_zone": zone,
    }
    return {**entities, "o": orders}


def _rules(names: bool, listed: bool) -> list[dict[str, Any]]:
    name: dict[str, Any] = copy.deepcopy(NAME)
    if listed:
        name["conditions"][1]["aliases"] = "Names"
    return [name] if names else []


def _counted_or_apart(rule: dict[str, Any], counted: bool, apart: bool) -> dict[str, Any]:
    """Return a rule of mails that counts how many records have one and a name, or keeps apart."""
    found: dict[str, Any] = copy.deepcopy(rule)
    known = [{"fields": "Name", "known_by": 2}] if counted else []
    cities = [{"fields": "City", "through_others": True}] if apart else []
    if counted:
        found["conditions"][0]["shared_by"] = 3
    return found | ({"contradictions": [*known, *cities]} if known or cities else {})


def _fields(recent: bool) -> list[dict[str, Any]]:
    city: dict[str, Any] = {"name": "City", "from": ["S_b.City", "S_a.City"]}
    if recent:
        city |= {"policy": "most_recent", "by": {"S_a": "Seen", "S_b": "Seen"}}
    return [{"name": "Name", "from": ["S_a.Name", "S_b.Name"]}, city]
