"""`$search`: words that are to be found in the fields of the search index.

The index is a list of fields, and no copy of their values: what is searched is the merged view, so
that a value is found as soon as it was accepted.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from odatapy.server.uri.query_options import (
    SearchBinary,
    SearchExpression,
    SearchTerm,
    SearchUnary,
)

from overtide.schemas.errors import InvalidRequestError, OvertideError
from overtide.schemas.names import chained, literal
from overtide.serving.definitions import Definition
from overtide.serving.odata.entity_sets import CUSTOMER, EntitySet
from overtide.serving.odata.facets import Facet, default_facets, facet_of
from overtide.serving.odata.refusals import not_supported
from overtide.serving.odata.sql import Sql, joined, written

Fields = Mapping[str, Sequence[str]]
"""The searched properties by entity set."""
Meanings = Mapping[str, str | None]
"""The semantic types of columns of Customer."""
DEFINED = "search"
"""What the index is called among the project's definitions."""
NUMBER = re.compile(r"[0-9]{7,20}")
"""So many digits may be a telephone number, which everybody writes in another way."""
BETWEEN_DIGITS = " .-/()"
"""What is then passed over in the fields."""


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


def facets_of(
    definition: Definition | None, entities: EntitySet, meanings: Callable[[], Meanings]
) -> list[Facet]:
    """Return the facets of an entity set; those of fields that there are no more are left out.

    Where no index was defined they are those of Customer that have few values by their `meanings`.
    """
    if definition is not None:
        wanted = definition.document.get("facets", {}).get(entities.name, {})
    elif entities.name == CUSTOMER:
        wanted = default_facets(entities.properties, meanings())
    else:
        wanted = {}
    found = []
    for one in entities.properties:
        with suppress(ValueError):  # its type is another one since
            if one.name in wanted:
                found.append(facet_of(one, wanted[one.name]))
    return found


def index_document(
    definition: Definition | None,
    sets: Mapping[str, EntitySet],
    instance: str,
    meanings: Callable[[], Meanings],
) -> dict[str, Any]:
    """Return the index as an InstanceSearchConfiguration."""
    origin: dict[str, object] = {"version": 0} if definition is None else definition.origin()
    fields = fields_of(definition, sets)
    facets = {name: facets_of(definition, sets[name], meanings) for name in sets}
    named = dict.fromkeys([*fields, *(name for name, found in facets.items() if found)])
    return {
        "entityConfig": [
            {
                "qualifiedEntityName": name,
                "attributes": _documents(sets[name], fields.get(name, ()), facets[name]),
            }
            for name in named
        ],
        "isSystemGenerated": definition is None,
        **origin,
        "instanceId": instance,
    }


def _documents(
    entities: EntitySet, fields: Sequence[str], facets: Sequence[Facet]
) -> list[dict[str, Any]]:
    counted = {one.field.name: one.specification for one in facets}
    return [
        {
            "name": one.name,
            "properties": {
                "isSearchable": one.name in fields,
                "isFilterable": True,
                "isFacetable": one.name in counted,
                "facetSpecification": counted.get(one.name),
            },
        }
        for one in entities.properties
        if one.name in fields or one.name in counted
    ]


def read_document(document: object, sets: Mapping[str, EntitySet]) -> dict[str, Any]:
    """Return the fields and facets that an InstanceSearchConfiguration names, as they are kept.

    Raise `invalid_search_index`.
    """
    fields: dict[str, list[str]] = {}
    facets: dict[str, dict[str, str]] = {}
    try:
        for entity in document["entityConfig"]:  # type: ignore[index]  # checked by what is raised
            name = entity["qualifiedEntityName"]
            if name in fields:
                raise _invalid(f"{name} is named twice.")
            if name not in sets:
                raise _invalid(f"There is no entity {name!r}.")
            fields[name], facets[name] = _attributes(sets[name], entity["attributes"])
    except (KeyError, TypeError, AttributeError):
        raise _invalid("It is no InstanceSearchConfiguration.") from None
    return {"fields": fields, "facets": facets}


def _attributes(entities: EntitySet, attributes: Sequence[Any]) -> tuple[list[str], dict[str, str]]:
    known = {one.name: one for one in entities.properties}
    fields: list[str] = []
    facets: dict[str, str] = {}
    for one in attributes:
        name, properties = one["name"], one.get("properties") or {}
        if name not in known:
            raise _invalid(f"{entities.name} has no attribute {name!r}.")
        if properties.get("isSearchable", True) and name not in fields:
            fields.append(name)
        if properties.get("isFacetable", False):
            specification = properties.get("facetSpecification") or name
            try:
                facets[name] = facet_of(known[name], specification).specification
            except ValueError as error:
                raise _invalid(f"No facet of {name}: {error}") from None
    return fields, facets


def _invalid(why: str) -> OvertideError:
    return InvalidRequestError(
        "invalid_search_index", why, "entityConfig", "GET manage/search gives an example."
    )


def searched(
    expression: SearchExpression, entities: EntitySet, fields: Sequence[str], row: str
) -> Sql:
    """Return the condition that a row has the words, anywhere in the fields.

    Small and great letters are alike, and so are those with an accent and without.
    """
    if not fields:
        raise not_supported(f"$search of {entities.name}, which has no field in the index,")
    columns = [
        f"strip_accents(lower({one.kind.text_sql(f'{row}.{one.sql}')}))"
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
    has = [f"coalesce(contains({one}, strip_accents(lower(?))), false)" for one in columns]
    if NUMBER.fullmatch(expression.text):
        bare = (f"translate({one}, {literal(BETWEEN_DIGITS)}, '')" for one in columns)
        has += [f"coalesce(contains({one}, ?), false)" for one in bare]
    return Sql(f"({chained('OR', has)})", (expression.text,) * len(has))
