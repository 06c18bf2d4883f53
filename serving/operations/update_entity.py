"""UpdateEntity: change fields of a customer for a while; and end such changes early."""

from overtide.schemas.strict_json import parse_json
from overtide.serving.acceptance import Target, answer_document
from overtide.serving.access.roles import Role
from overtide.serving.operations.contract import (
    CALLER,
    CUSTOMER_ID,
    ENTITY,
    EVENT_TIME,
    IDEMPOTENCY_KEY,
    INSTANCE,
    WRITE,
    Body,
    Call,
    Operation,
    Parameter,
    Reply,
)

FIELD = Parameter("field", "A column of Customer.", "path")


async def update_entity(call: Call) -> Reply:
    """Override fields of a customer."""
    target = target_of(call.path["entityName"], call.path["entityId"])
    sent = call.service.acceptance.prepared_update(target, parse_json(call.body), call.terms())
    answer = await call.service.committer.append(sent)
    return Reply(204, headers=_headers(answer_document(answer)))


async def withdraw_overrides(call: Call) -> Reply:
    """End the updates of one field, or of all."""
    target, field = Target(call.path["entityId"]), call.path.get("field")
    sent = call.service.acceptance.prepared_withdrawal(target, field, call.terms())
    answer = await call.service.committer.append(sent)
    return Reply(204, headers=_headers(answer_document(answer)))


def target_of(entity: str, entity_id: str) -> Target:
    """Return the customer that a request names: by its id, or by a source record's key."""
    return Target(entity_id) if entity == "Customer" else Target(None, entity, entity_id)


def _headers(document: dict[str, object]) -> dict[str, str]:
    """Return what is known of an accepted change, where no document may be answered."""
    return {
        "Overtide-Event-Id": str(document["eventId"]),
        "Overtide-Accepted-At": str(document["acceptedAt"]),
        "Overtide-Repeated": str(document["repeated"]).lower(),
    }


OVERRIDES = "/instances/{instanceId}/data/Customer/{entityId}/overrides"
OPERATIONS = (
    Operation(
        "Update-an-entity",
        "PATCH",
        "/instances/{instanceId}/data/{entityName}/{entityId}",
        Role.CONTRIBUTOR,
        "Change fields of a customer",
        "Overrides fields of a customer until `validUntil`; then the value beneath is shown again, "
        "by itself. The customer is named by its id (`Customer/{id}`) or by a source record "
        "(`Shop_Contacts/4711`).",
        update_entity,
        {204: "It is durable, and in the very next read."},
        (INSTANCE, ENTITY, CUSTOMER_ID, *WRITE),
        Body("The fields with their new values; null is a value.", {"EMail": "new@example.com"}),
        statuses=(400, 404, 409),
    ),
    *(
        Operation(
            name,
            "DELETE",
            path,
            Role.CONTRIBUTOR,
            title,
            "Ends what began by now, or by `eventTime`. It is an event too: what was shown before "
            "it stays to be asked for.",
            withdraw_overrides,
            {204: "It is durable, and in the very next read."},
            (INSTANCE, CUSTOMER_ID, *more, EVENT_TIME, CALLER, IDEMPOTENCY_KEY),
            statuses=(400, 404, 409),
        )
        for name, path, title, more in (
            ("Withdraw-overrides", OVERRIDES, "End all changes of a customer", ()),
            (
                "Withdraw-an-override",
                f"{OVERRIDES}/{{field}}",
                "End the changes of a field",
                (FIELD,),
            ),
        )
    ),
)
