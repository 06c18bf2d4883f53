"""The search index: which fields `$search` looks into."""

from overtide.schemas.strict_json import parse_json
from overtide.serving.access.roles import Role
from overtide.serving.odata.search import DEFINED, fields_of, index_document, read_document
from overtide.serving.operations.contract import INSTANCE, Body, Call, Operation, Reply
from overtide.serving.wire.refusals import Errors

PATH = "/instances/{instanceId}/manage/search"
EXAMPLE = {
    "entityConfig": [
        {
            "qualifiedEntityName": "Customer",
            "attributes": [{"name": "FullName", "properties": {"isSearchable": True}}],
        }
    ]
}


def read(call: Call) -> Reply:
    """Return the search index as an InstanceSearchConfiguration."""
    service = call.service
    sets = service.tables.model().sets
    defined = service.definitions.current(DEFINED)
    return Reply(200, index_document(defined, sets, service.instance_id))


def write(call: Call) -> Reply:
    """Set the fields of the search index."""
    service = call.service
    document = parse_json(call.body)
    document = parse_json(document) if isinstance(document, str) else document
    sets = service.tables.model().sets
    before = fields_of(service.definitions.current(DEFINED), sets)
    fields = {name: list(names) for name, names in read_document(document, sets).items()}
    defined = service.definitions.define(DEFINED, {"fields": fields}, call.principal.name)
    shown = index_document(defined, sets, service.instance_id)
    return Reply(200, shown, changed=(dict(before), fields))


OPERATIONS = (
    Operation(
        "Get-search-configuration",
        "GET",
        PATH,
        Role.VIEWER,
        "Read the search index",
        "Reads which fields $search looks into.",
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
        "Sets which fields $search looks into; it holds from the next request on.",
        write,
        {200: "The InstanceSearchConfiguration as it is now."},
        (INSTANCE,),
        body=Body("An InstanceSearchConfiguration; only its entityConfig is read.", EXAMPLE),
        errors=Errors.MANAGEMENT,
        blocks=True,
        statuses=(400, 404),
    ),
)
