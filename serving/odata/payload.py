"""Rows as OData's JSON, and as CSV.

JSON is written here by hand since decimals may have to be numbers with all of their digits.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from overtide.schemas.values import Value, text_of
from overtide.serving.odata.entity_sets import ACTIVITY, CUSTOMER, EntitySet, Property
from overtide.serving.odata.metadata import NAMESPACE
from overtide.serving.odata.negotiation import Form, Numbers
from overtide.serving.odata.pages import Expansion, Row

NUMBERS = ("Edm.Int64", "Edm.Decimal")


def json_text(value: object) -> str:
    """Return the JSON text of a value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def object_text(members: Iterable[tuple[str, str]]) -> str:
    """Return the JSON text of an object whose members are JSON texts."""
    return "{" + ",".join(f"{json_text(name)}:{text}" for name, text in members) + "}"


def value_text(one: Property, value: Value, numbers: Numbers) -> str:
    """Return the JSON text of a property's value."""
    if value is None or one.kind.edm not in NUMBERS or numbers is Numbers.CANONICAL:
        return json_text(value)
    text = text_of(value) or ""
    return text if numbers is Numbers.PLAIN else json_text(text)


def entity_text(
    entities: EntitySet,
    shown: Sequence[str],
    row: Row,
    form: Form,
    root: str,
    more: Iterable[tuple[str, str]] = (),
) -> str:
    """Return the JSON text of an entity: control information, properties, and what is expanded."""
    members: list[tuple[str, str]] = []
    if form.metadata == "full":
        where = f"{root}{entities.name}({key_text(entities, row)})"
        members += [
            ("@odata.type", json_text(f"#{NAMESPACE}.{entities.name}")),
            ("@odata.id", json_text(where)),
        ]
        if entities.name == CUSTOMER:
            members.append((f"{ACTIVITY}@odata.navigationLink", json_text(f"{where}/{ACTIVITY}")))
    for one in entities.properties:
        if one.name in shown:
            if form.metadata == "full" and one.kind.edm not in ("Edm.String", "Edm.Boolean"):
                kind = one.kind.edm.removeprefix("Edm.")
                members.append((f"{one.name}@odata.type", json_text(f"#{kind}")))
            members.append((one.name, value_text(one, row[one.name], form.numbers)))
    return object_text([*members, *more])


def key_text(entities: EntitySet, row: Row) -> str:
    """Return the key of an entity as its address has it."""
    parts = [(name, _key_literal(entities.named(name), row[name])) for name in entities.key]
    return parts[0][1] if len(parts) == 1 else ",".join(f"{name}={text}" for name, text in parts)


def _key_literal(one: Property, value: Value) -> str:
    text = text_of(value) or ""
    if one.kind.edm != "Edm.String":
        return quote(text, safe=":.+-")
    return "'" + quote(text.replace("'", "''"), safe="") + "'"


def expansion_members(
    entities: EntitySet,
    shown: Sequence[str],
    found: Expansion,
    form: Form,
    root: str,
    count: bool,
    next_link: str,
) -> list[tuple[str, str]]:
    """Return the members of an entity that show its activities."""
    members = [(f"{ACTIVITY}@odata.count", str(found.count))] if count else []
    texts = (entity_text(entities, shown, row, form, root) for row in found.rows)
    members.append((ACTIVITY, f"[{','.join(texts)}]"))
    if found.more:
        members.append((f"{ACTIVITY}@odata.nextLink", json_text(next_link)))
    return members


def csv_text(properties: Sequence[Property], rows: Iterable[Mapping[str, Value]]) -> str:
    """Return rows as CSV without a header row; null is empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([text_of(row[one.name]) for one in properties] for row in rows)
    return file.getvalue()
