"""The instance that is served, and the roles of who uses it."""

from collections.abc import Callable

from overtide.serving.access.roles import Role
from overtide.serving.access.tokens import Principal
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


def roles(call: Call) -> Reply:
    """Return all roles as RoleDefinition."""
    del call
    return Reply(200, [{"roleName": role.label, "description": role.text} for role in Role])


def my_role(call: Call) -> Reply:
    """Return the caller's own role as a RoleAssignment."""
    return Reply(200, _assignment(call, call.principal))


def assignments(call: Call) -> Reply:
    """Return the roles of all who have a token that is not revoked."""
    known = [one.principal for one in call.service.tokens.all() if one.revoked_at is None]
    return Reply(200, [_assignment(call, principal) for principal in known])


def _assignment(call: Call, principal: Principal) -> dict[str, object]:
    return {
        "principalId": principal.id,
        "principalType": "app",
        "principalName": principal.name,
        "roles": [principal.role.label],
        "instanceId": call.service.instance_id,
    }


def _reading(
    name: str, path: str, title: str, run: Callable[[Call], Reply], role: Role = Role.VIEWER
) -> Operation:
    return Operation(
        name,
        "GET",
        path,
        role,
        title,
        f"{title}.",
        run,
        {200: "As asked for."},
        (INSTANCE,) if "{instanceId}" in path else (),
        errors=Errors.MANAGEMENT,
    )


OPERATIONS = (
    _reading("Get-all-instances", "/instances", "List the instances", all_instances),
    _reading("Get-instance-metadata", "/instances/{instanceId}", "Read the instance", instance),
    _reading(
        "Get-all-role-definitions", "/instances/{instanceId}/rbac/roles", "List the roles", roles
    ),
    _reading(
        "Get-current-user-role", "/instances/{instanceId}/rbac/myrole", "Read the own role", my_role
    ),
    _reading(
        "Get-all-role-assignments",
        "/instances/{instanceId}/rbac/assignments",
        "List who has which role",
        assignments,
        Role.ADMIN,
    ),
)
