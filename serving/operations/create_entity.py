"""CreateEntity: add an activity, as a source record or as a UnifiedActivity."""

from overtide.schemas.strict_json import parse_json
from overtide.serving.access.roles import Role
from overtide.serving.operations.contract import (
    ENTITY,
    INSTANCE,
    WRITE,
    Body,
    Call,
    Operation,
    Reply,
)
from overtide.serving.wire.results import created_result


async def create_entity(call: Call) -> Reply:
    """Accept one record; a body may be an object, or a text that holds one."""
    entity, service = call.path["entityName"], call.service
    sent = service.acceptance.prepared_activity(entity, parse_json(call.body), call.terms())
    answer = await service.committer.append(sent)
    return Reply(answer.status, created_result(answer))


OPERATIONS = (
    Operation(
        "Create-an-entity",
        "POST",
        "/instances/{instanceId}/data/{entityName}",
        Role.CONTRIBUTOR,
        "Add an activity",
        "Adds one activity: a source record of an entity that is set up as activity, or a "
        "UnifiedActivity. It is durable when it is answered, and in the very next read.",
        create_entity,
        {
            201: "It was accepted and is shown.",
            202: "It was accepted and is held: no published customer has its foreign key yet.",
        },
        (INSTANCE, ENTITY, *WRITE),
        Body(
            "The record: a JSON object, or a JSON text that holds one.",
            {"PurchaseId": "1009", "ContactId": "CNTID_1001", "PurchasedOn": "2026-11-28"},
        ),
        statuses=(400, 409),
    ),
)
