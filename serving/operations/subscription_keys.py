"""The subscription keys: what is known of them, and making one anew."""

from overtide.schemas.errors import NotFoundError
from overtide.serving.access.roles import Role
from overtide.serving.access.subscription_keys import SLOTS, slot_of
from overtide.serving.operations.contract import INSTANCE, Call, Operation, Parameter, Reply
from overtide.serving.wire.refusals import Errors

NAME = Parameter("keyName", "primary or secondary.", "path")


def key_states(call: Call) -> Reply:
    """Return when each key was made, and by whom."""
    admission = call.service.admission
    document = {
        "required": admission.settings.require_subscription_key,
        "keys": [one.as_json() for one in admission.keys.states()],
    }
    return Reply(200, document)


def regenerate(call: Call) -> Reply:
    """Make a key anew and return it, once."""
    slot = slot_of(call.path["keyName"])
    if slot is None:
        raise NotFoundError(
            "unknown_key",
            f"There is no key {call.path['keyName']!r}.",
            "keyName",
            f"There are {' and '.join(SLOTS)}.",
        )
    key = call.service.admission.keys.regenerate(slot, call.principal.id)
    return Reply(200, {"name": slot, "key": key})


OPERATIONS = (
    Operation(
        "Get-subscription-keys",
        "GET",
        "/instances/{instanceId}/keys",
        Role.ADMIN,
        "Read the state of the subscription keys",
        "Says whether one is required, and of each when it was made; never the key.",
        key_states,
        {200: "As asked for."},
        (INSTANCE,),
        errors=Errors.MANAGEMENT,
        blocks=True,
    ),
    Operation(
        "Regenerate-a-subscription-key",
        "POST",
        "/instances/{instanceId}/keys/{keyName}/regenerate",
        Role.ADMIN,
        "Make a subscription key anew",
        "The key is shown once; the one before it ends with the answer, the other one holds.",
        regenerate,
        {200: "The new key."},
        (INSTANCE, NAME),
        errors=Errors.MANAGEMENT,
        blocks=True,
    ),
)
