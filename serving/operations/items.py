"""Single rows of tables, and tables as files, under paths of their own.

A connector has one operation for a path and a method, so it cannot call them by query options.
"""

import json
from dataclasses import replace

from overtide.schemas.errors import NotFoundError
from overtide.schemas.values import text_of
from overtide.serving.access.roles import Role
from overtide.serving.fields import unknown_entity
from overtide.serving.odata.entity_sets import ACTIVITY, EntitySet, Property
from overtide.serving.odata.refusals import not_supported
from overtide.serving.operations.contract import (
    ENTITY,
    INSTANCE,
    READ,
    Call,
    Operation,
    Parameter,
    Reply,
)
from overtide.serving.operations.tables import OPTIONS, ROOT, entities

ITEM = Parameter(
    "entityId",
    "Key of the row: of Customer the CustomerId, of UnifiedActivity the ActivityId.",
    "path",
)
OF_TABLE = {one.name: one for one in OPTIONS}
SELECT, FILTER = OF_TABLE["$select"], OF_TABLE["$filter"]


async def item(call: Call) -> Reply:
    """Return the row that has a key; what it holds is what a query of the table shows."""
    sets = call.service.tables.model().sets
    name, key = call.path["entityName"], call.path["entityId"]
    if name not in sets:
        raise unknown_entity(name, sets)
    condition = _equal(_key_of(sets[name]), key)
    asked = replace(call, query={**call.query, "$filter": condition, "$top": "1"})
    page = await entities(asked)
    document = json.loads(page.content or b"")
    if not document["value"]:
        raise NotFoundError(
            "entity_not_found", f"{name} has no row {key!r}.", ITEM.name, "Check the key."
        )
    row = {"@odata.context": f"{document['@odata.context']}/$entity", **document["value"][0]}
    return Reply(200, row, page.headers)


def _key_of(rows: EntitySet) -> Property:
    """Return the property that alone tells the rows of a table apart."""
    if len(rows.key) > 1 and rows.name != ACTIVITY:
        raise not_supported(f"One row of {rows.name}, whose key has several parts,", ITEM.name)
    return rows.named(rows.key[-1])


def _equal(one: Property, text: str) -> str:
    """Return the condition that a property has a value, which is read by its type."""
    value = text_of(one.kind.from_json(text)) or ""
    quote = "'" if one.kind.edm == "Edm.String" else ""
    return f"{one.name} eq {quote}{value.replace(chr(39), chr(39) * 2)}{quote}"


async def partitions(call: Call) -> Reply:
    """Return links to the files of a table, as a query with `proxy=true` does."""
    return await entities(replace(call, query={**call.query, "proxy": "true"}))


OPERATIONS = (
    Operation(
        "Get-an-item",
        "GET",
        f"{ROOT}/{{entityName}}/{{entityId}}",
        Role.VIEWER,
        "Read a row of a table",
        "Reads the row of an entity set that has a key, as a query of it shows it.",
        item,
        {200: "The row."},
        (INSTANCE, ENTITY, ITEM, SELECT, *READ),
        statuses=(400, 404),
    ),
    Operation(
        "Get-partitions",
        "GET",
        f"{ROOT}/{{entityName}}/$partitions",
        Role.VIEWER,
        "Read a table as files",
        "Gives links to CSV files of all rows, as a query with proxy=true does.",
        partitions,
        {200: "The links."},
        (INSTANCE, ENTITY, FILTER, SELECT, *READ),
        statuses=(400, 404),
    ),
)
