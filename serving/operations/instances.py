"""The instance that is served."""

from overtide.schemas.errors import UsageError
from overtide.schemas.strict_json import checked_object, parse_json
from overtide.schemas.values import checked_text
from overtide.serving.access.roles import Role
from overtide.serving.operations.contract import INSTANCE, Body, Call, Operation, Reply
from overtide.serving.wire.refusals import Errors

INSTANCE_NAME = "instance"
"""The definition that holds the name."""
LONGEST_NAME = 256


def all_instances(call: Call) -> Reply:
    """Return the one instance as an InstanceInfo in a list."""
    return Reply(200, [_instance(call)])


def instance(call: Call) -> Reply:
    """Return the instance as an InstanceMetadata."""
    return Reply(200, _instance(call))


def rename(call: Call) -> Reply:
    """Give the instance another name; it is kept beside `overtide.yaml`."""
    sent = checked_object(parse_json(call.body))
    metadata = sent.get("instanceMetadata")
    named = metadata if isinstance(metadata, dict) else sent
    name = named.get("name")
    if not isinstance(name, str) or not (0 < len(name) <= LONGEST_NAME and checked_text(name)):
        raise UsageError(
            "invalid_parameter",
            f"A text of 1 to {LONGEST_NAME} characters is expected.",
            "instanceMetadata.name",
            'Send {"instanceMetadata": {"name": "…"}}; nothing else of an instance is changed.',
        )
    before = {"name": _instance(call)["name"]}
    call.service.definitions.define(INSTANCE_NAME, {"name": name}, call.principal.name)
    return Reply(200, _instance(call), changed=(before, {"name": name}))


def _instance(call: Call) -> dict[str, object]:
    service = call.service
    renamed = service.definitions.current(INSTANCE_NAME)
    return {
        "instanceId": service.instance_id,
        "name": service.instance_name if renamed is None else renamed.document["name"],
        **({} if renamed is None else renamed.origin()),
        "instanceType": "production",
        "provisioningState": "active",
        "isB2B": False,
        "isB2C": True,
    }


OPERATIONS = (
    Operation(
        "Update-an-instance",
        "PATCH",
        "/instances/{instanceId}/V2",
        Role.ADMIN,
        "Rename the instance",
        "Gives the instance another name for people; its id stays.",
        rename,
        {200: "As it is now."},
        (INSTANCE,),
        Body("An object with the new name.", {"instanceMetadata": {"name": "Contoso"}}),
        errors=Errors.MANAGEMENT,
        blocks=True,
        statuses=(400,),
    ),
    *(
        Operation(
            name,
            "GET",
            path,
            Role.VIEWER,
            title,
            f"{title}.",
            run,
            {200: "As asked for."},
            (INSTANCE,) if "{instanceId}" in path else (),
            errors=Errors.MANAGEMENT,
        )
        for name, path, title, run in (
            ("Get-all-instances", "/instances", "List the instances", all_instances),
            ("Get-instance-metadata", "/instances/{instanceId}", "Read the instance", instance),
        )
    ),
)
