"""The search index: which fields `$search` looks into, and what is counted of the rows found."""

from collections.abc import Callable

from overtide.schemas.strict_json import parse_json
from overtide.serving.access.roles import Role
from overtide.serving.entities import meanings_of_customer
from overtide.serving.odata.queries import parsed
from overtide.serving.odata.refusals import not_supported
from overtide.serving.odata.search import (
    DEFINED,
    Meanings,
    facets_of,
    fields_of,
    index_document,
    read_document,
)
from overtide.serving.operations.contract import (
    ENTITY,
    INSTANCE,
    READ,
    Body,
    Call,
    Operation,
    Reply,
)
from overtide.serving.operations.customers import moment_of
from overtide.serving.operations.tables import OF_COUNT, OPTIONS, ROOT, in_turn
from overtide.serving.service import Service
from overtide.serving.wire.refusals import Errors

PATH = "/instances/{instanceId}/manage/search"
EXAMPLE = {
    "entityConfig": [
        {
            "qualifiedEntityName": "Customer",
            "attributes": [
                {"name": "FullName", "properties": {"isSearchable": True}},
                {
                    "name": "City",
                    "properties": {
                        "isSearchable": True,
                        "isFacetable": True,
                        "facetSpecification": "City,count:5",
                    },
                },
            ],
        }
    ]
}


def read(call: Call) -> Reply:
    """Return the search index as an InstanceSearchConfiguration."""
    service = call.service
    sets = service.tables.model().sets
    defined = service.definitions.current(DEFINED)
    return Reply(200, index_document(defined, sets, service.instance_id, _meanings(service)))


def _meanings(service: Service) -> Callable[[], Meanings]:
    """Return what tells the semantic types of the columns of Customer, which not all need."""
    return lambda: meanings_of_customer(service.configuration(), service.generation().metadata)


def write(call: Call) -> Reply:
    """Set the fields of the search index."""
    service = call.service
    document = parse_json(call.body)
    document = parse_json(document) if isinstance(document, str) else document
    sets = service.tables.model().sets
    known = service.definitions.current(DEFINED)
    before = {"fields": dict(fields_of(None, sets))} if known is None else known.document
    kept = read_document(document, sets)
    defined = service.definitions.define(DEFINED, kept, call.principal.name)
    shown = index_document(defined, sets, service.instance_id, _meanings(service))
    return Reply(200, shown, changed=(before, kept))


async def facets(call: Call) -> Reply:
    """Return how many rows a search finds, and how many of them have each value."""
    service = call.service
    query = parsed(service.tables.model(), call.path["entityName"], call.query)
    if query.key:
        raise not_supported("Facets of one entity", "path")
    defined = service.definitions.current(DEFINED)
    wanted = facets_of(defined, query.options.entities, _meanings(service))

    def counted(_: object) -> Reply:
        shown = service.tables.shown(*moment_of(call))
        count, found = service.tables.facets(query, shown, wanted)
        return Reply(200, {"count": count, "facets": found})

    return await in_turn(counted, None)


OPERATIONS = (
    Operation(
        "Get-facets",
        "GET",
        f"{ROOT}/{{entityName}}/$facets",
        Role.VIEWER,
        "Count what a search finds",
        "Counts the rows of an entity set that a search and a filter let through, in all and by "
        "the facets of the search index: values, or intervals from `from` until before `to`.",
        facets,
        {200: "The counts."},
        (INSTANCE, ENTITY, *(one for one in OPTIONS if one.name in OF_COUNT), *READ),
        statuses=(400, 404),
    ),
    Operation(
        "Get-search-configuration",
        "GET",
        PATH,
        Role.VIEWER,
        "Read the search index",
        "Reads which fields $search looks into, and which have facets.",
        read,
        {200: "The InstanceSearchConfiguration."},
        (INSTANCE,),
        errors=Errors.MANAGEMENT,
        statuses=(404,),
    ),
    Operation(
        "Update-search-configuration",
        "PUT",
        PATH,
        Role.ADMIN,
        "Set the search index",
        "Sets which fields $search looks into, and which have facets; it holds from the next "
        "request on.",
        write,
        {200: "The InstanceSearchConfiguration as it is now."},
        (INSTANCE,),
        body=Body("An InstanceSearchConfiguration; only its entityConfig is read.", EXAMPLE),
        errors=Errors.MANAGEMENT,
        blocks=True,
        statuses=(400, 404),
    ),
)
