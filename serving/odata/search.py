"""`$search`: words that are to be found in the fields of the search index.

The index is a list of fields, and no copy of their values: what is searched is the merged view, so
that a value is found as soon as it was accepted.
"""

import json
import os
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odatapy.server.uri.query_options import (
    SearchBinary,
    SearchExpression,
    SearchTerm,
    SearchUnary,
)

from overtide.schemas.errors import (
    InvalidRequestError,
    OvertideError,
    UnavailableError,
)
from overtide.schemas.instants import Instant, format_instant
from overtide.schemas.names import chained
from overtide.serving.odata.entity_sets import CUSTOMER, EntitySet
from overtide.serving.odata.refusals import not_supported
from overtide.serving.odata.sql import Sql, joined, written

Fields = Mapping[str, Sequence[str]]
"""The searched properties by entity set."""


@dataclass(frozen=True, slots=True)
class Index:
    """The search index: its fields, who set it and when; version 0 is made by the system."""

    fields: Fields
    version: int = 0
    created: tuple[str, str] | None = None
    updated: tuple[str, str] | None = None


def default_index(sets: Mapping[str, EntitySet]) -> Index:
    """Return the index of a project that has set none: the texts of Customer."""
    names = [one.name for one in sets[CUSTOMER].properties if one.kind.edm == "Edm.String"]
    return Index({CUSTOMER: names})


class SearchIndex:
    """The search index of a project, in a file beside its configuration."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()

    def read(self, sets: Mapping[str, EntitySet]) -> Index:
        """Return the index; fields that there are no more are left out."""
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return default_index(sets)
        except (OSError, ValueError) as error:
            raise UnavailableError(
                "search_unreadable",
                f"The search index cannot be read: {error}.",
                str(self._path),
                "Restore the file, or remove it for the index that the system makes.",
            ) from None
        fields = {
            name: [one.name for one in sets[name].properties if one.name in names]
            for name, names in document["fields"].items()
            if name in sets
        }
        return Index(
            fields, document["version"], tuple(document["created"]), tuple(document["updated"])
        )

    def write(self, sets: Mapping[str, EntitySet], fields: Fields, who: str, at: Instant) -> Index:
        """Set the fields, all at once, and return the index."""
        with self._lock:
            before, now = self.read(sets), (who, format_instant(at))
            index = Index(fields, before.version + 1, before.created or now, now)
            document = {
                "fields": {name: list(names) for name, names in fields.items()},
                "version": index.version,
                "created": index.created,
                "updated": index.updated,
            }
            _replace(self._path, json.dumps(document, ensure_ascii=False, indent=1))
            return index


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def index_document(index: Index, instance: str) -> dict[str, Any]:
    """Return the index as an InstanceSearchConfiguration."""
    created, updated = index.created or (None, None), index.updated or (None, None)
    return {
        "entityConfig": [
            {
                "qualifiedEntityName": name,
                "attributes": [
                    {"name": one, "properties": {"isSearchable": True, "isFilterable": True}}
                    for one in names
                ],
            }
            for name, names in index.fields.items()
        ],
        "isSystemGenerated": index.version == 0,
        "version": index.version,
        "updatedBy": updated[0],
        "updatedUtc": updated[1],
        "createdBy": created[0],
        "createdUtc": created[1],
        "instanceId": instance,
    }


def read_document(document: object, sets: Mapping[str, EntitySet]) -> Fields:
    """Return the fields that an InstanceSearchConfiguration names; raise `invalid_search_index`."""
    fields: dict[str, list[str]] = {}
    try:
        for entity in document["entityConfig"]:  # type: ignore[index]  # checked by what is raised
            name = entity["qualifiedEntityName"]
            if name in fields:
                raise _invalid(f"{name} is named twice.")
            fields[name] = _attributes(name, entity["attributes"], sets)
    except (KeyError, TypeError):
        raise _invalid("It is no InstanceSearchConfiguration.") from None
    return fields


def _attributes(name: str, attributes: Sequence[Any], sets: Mapping[str, EntitySet]) -> list[str]:
    if name not in sets:
        raise _invalid(f"There is no entity {name!r}.")
    known = {one.name for one in sets[name].properties}
    found: list[str] = []
    for one in attributes:
        if one["name"] not in known:
            raise _invalid(f"{name} has no attribute {one['name']!r}.")
        if (one.get("properties") or {}).get("isSearchable", True) and one["name"] not in found:
            found.append(one["name"])
    return found


def _invalid(why: str) -> OvertideError:
    return InvalidRequestError(
        "invalid_search_index", why, "entityConfig", "GET manage/search gives an example."
    )


def searched(
    expression: SearchExpression, entities: EntitySet, fields: Sequence[str], row: str
) -> Sql:
    """Return the condition that a row has the words, in any case and anywhere in the fields."""
    if not fields:
        raise not_supported(f"$search of {entities.name}, which has no field in the index,")
    columns = [
        f"lower({one.kind.text_sql(f'{row}.{one.sql}')})"
        for one in entities.properties
        if one.name in fields
    ]
    return _found(expression, columns)


def _found(expression: SearchExpression, columns: Sequence[str]) -> Sql:
    if isinstance(expression, SearchUnary):
        return written("(NOT {})", _found(expression.operand, columns))
    if isinstance(expression, SearchBinary):
        parts = [_found(one, columns) for one in (expression.left, expression.right)]
        return written("({})", joined(f" {expression.operator} ", parts))
    if not isinstance(expression, SearchTerm):
        raise not_supported(f"$search of {expression!r}", "$search")
    has = chained("OR", (f"coalesce(contains({one}, lower(?)), false)" for one in columns))
    return Sql(f"({has})", (expression.text,) * len(columns))
