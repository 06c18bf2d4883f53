"""A whole configuration for tests of validation, and edits of it.

It also gives what is found wrong with the result.
"""

import copy
from pathlib import Path
from typing import Any

import yaml

from overtide.checks import check_project
from overtide.schemas.mistakes import Mistake

TEXT = """
instance: {name: Shop, id: 6f2c1f0e-5f0b-4b8c-9d2e-3a1b2c3d4e5f}
sources:
  Shop:
    Contacts:
      path: data/contacts.csv
      primary_key: ContactId
      attributes: {ContactId: string, Name: string, EMail: string, Born: date, Points: integer,
                   Spent: "decimal(9, 2)",
                   Vip: boolean, Code: guid, Seen: datetime}
    Orders:
      path: data/orders.csv
      primary_key: OrderId
      attributes: {OrderId: string, ContactId: string, PlacedAt: datetime, Item: string,
                   Amount: "decimal(9, 2)"}
  Club:
    Members:
      path: data/members.csv
      primary_key: MemberId
      attributes: {MemberId: string, Name: string, EMail: string, Joined: date, Level: integer,
                   Town: string}
unification:
  entities:
    - entity: Shop_Contacts
      deduplicate:
        prefer: {policy: most_recent, attribute: Seen}
        rules: [{name: EMail, conditions: [{fields: EMail, normalize: [lower]}]}]
    - entity: Club_Members
  match:
    - entity: Club_Members
      to: Shop_Contacts
      rules:
        - name: EMail, Name
          conditions: [{fields: EMail}, {fields: Name, precision: high}]
        - {name: Name, conditions: [{fields: {Shop_Contacts: Name, Club_Members: Name}}]}
  merge:
    fields:
      - {name: Name, from: [Shop_Contacts.Name, Club_Members.Name]}
      - name: EMail
        from: [Shop_Contacts.EMail, Club_Members.EMail]
        policy: most_recent
        by: {Shop_Contacts: Born, Club_Members: Joined}
    groups:
      - {fields: [Points, Town], from: {Shop_Contacts: [Points, null], Club_Members: [Level, Town]}}
relationships:
  - {name: Buyer, entity: Shop_Orders, foreign_key: ContactId, to: Shop_Contacts}
activities:
  - {entity: Shop_Orders, name: Order, relationship: Buyer, timestamp: PlacedAt, title: Item,
     semantic: {Amount: Amount}}
real_time: {update_ttl: 4h, activity_ttl: 30d}
lake: {catalog: lake/catalog.sqlite, data: lake/data, keep_generations: 2, history_days: 400}
event_log: {path: log/events.sqlite}
"""
REMOVED = object()
"""Stands for a value that an edit takes out."""
Edit = tuple[str, object]
"""The way to a value, its steps separated by slashes, and the value to be put there."""


def edited(*edits: Edit) -> dict[str, Any]:
    """Return the configuration with some values changed, added or `REMOVED`."""
    document: dict[str, Any] = copy.deepcopy(yaml.safe_load(TEXT))
    for path, value in edits:
        *way, last = path.split("/")
        place: Any = document
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        key: Any = int(last) if isinstance(place, list) else last
        if value is REMOVED:
            del place[key]
        elif isinstance(place, list) and key == len(place):
            place.append(value)
        else:
            place[key] = value
    return document


def write_project(folder: Path, document: dict[str, Any] | str) -> Path:
    """Write the configuration (a document or its text) and files that have its columns.

    Return the folder.
    """
    (folder / "data").mkdir(parents=True, exist_ok=True)
    text = (
        document
        if isinstance(document, str)
        else yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    )
    (folder / "overtide.yaml").write_text(text, encoding="utf-8")
    for entities in yaml.safe_load(TEXT)["sources"].values():
        for entity in entities.values():
            (folder / entity["path"]).write_text(
                ",".join(entity["attributes"]) + "\n", encoding="utf-8"
            )
    return folder


def checked(
    folder: Path, document: dict[str, Any] | str, environ: dict[str, str] | None = None
) -> list[Mistake]:
    """Return what `overtide validate` finds in a project with this configuration."""
    return check_project(write_project(folder, document), environ or {})
