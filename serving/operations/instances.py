"""The instance that is served."""

from overtide.serving.access.roles import Role
from overtide.serving.operations.contract import INSTANCE, Call, Operation, Reply
from overtide.serving.wire.refusals import Errors


def all_instances(call: Call) -> Reply:
    """Return the one instance as an InstanceInfo in a list."""
    return Reply(200, [_instance(call)])


def instance(call: Call) -> Reply:
    """Return the instance as an InstanceMetadata."""
    return Reply(200, _instance(call))


def _instance(call: Call) -> dict[str, object]:
    service = call.service
    return {
        "instanceId": service.instance_id,
        "name": service.instance_name,
        "instanceType": "production",
        "provisioningState": "active",
        "isB2B": False,
        "isB2C": True,
    }


OPERATIONS = tuple(
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
)
