"""`$search`: words that are to be found in the fields of the search index.

The index is a list of fields, and no copy of their values: what is searched is the merged view, so
that a value is found as soon as it was accepted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from odatapy.server.uri.query_options import (
    SearchBinary,
    SearchExpression,
    SearchTerm,
    SearchUnary,
)

from overtide.schemas.errors import InvalidRequestError, OvertideError
from overtide.schemas.names import chained
from overtide.serving.definitions import Definition
from overtide.serving.odata.entity_sets import CUSTOMER, EntitySet
from overtide.serving.odata.refusals import not_supported
from overtide.serving.odata.sql import Sql, joined, written

Fields = Mapping[str, Sequence[str]]
"""The searched properties by entity set."""
DEFINED = "search"
"""What the index is called among the project's definitions."""


def fields_of(definition: Definition | None, sets: Mapping[str, EntitySet]) -> Fields:
    """Return the fields of the index; those that there are no more are left out.

    Where none was defined they are the texts of Customer.
    """
    if definition is None:
        texts = (one.name for one in sets[CUSTOMER].properties if one.kind.edm == "Edm.String")
        return {CUSTOMER: list(texts)}
    return {
        name: [one.name for one in sets[name].properties if one.name in names]
        for name, names in definition.document["fields"].items()
        if name in sets
    }


def index_document(
    definition: Definition | None, sets: Mapping[str, EntitySet], instance: str
) -> dict[str, Any]:
    """Return the index as an InstanceSearchConfiguration."""
    origin: dict[str, object] = {"version": 0} if definition is None else definition.origin()
    return {
        "entityConfig": [
            {
                "qualifiedEntityName": name,
                "attributes": [
                    {"name": one, "properties": {"isSearchable": True, "isFilterable": True}}
                    for one in names
                ],
            }
            for name, names in fields_of(definition, sets).items()
        ],
        "isSystemGenerated": definition is None,
        **origin,
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
