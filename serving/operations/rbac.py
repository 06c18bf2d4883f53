"""Roles: what there is, who has which, and giving and taking them."""

from collections.abc import Callable, Mapping

from overtide.schemas.errors import InvalidRequestError
from overtide.schemas.strict_json import parse_json
from overtide.schemas.suggestions import did_you_mean
from overtide.serving.access.assignments import Assignment
from overtide.serving.access.principals import KINDS, Kind
from overtide.serving.access.roles import Role, role_of
from overtide.serving.operations.contract import INSTANCE, Body, Call, Operation, Parameter, Reply
from overtide.serving.wire.refusals import Errors

PRINCIPAL = Parameter(
    "principalId",
    "Id of a user, a group or an application of the identity provider (`oid` or `sub`), or of a "
    "local token.",
    "path",
)
MEMBERS = ("principalId", "principalType", "principalName", "roles", "instanceId")


def roles(call: Call) -> Reply:
    """Return all roles as RoleDefinition."""
    del call
    return Reply(200, [{"roleName": role.label, "description": role.text} for role in Role])


def my_role(call: Call) -> Reply:
    """Return the caller's own role as a RoleAssignment."""
    own = call.principal
    return Reply(200, _document(call, Assignment(own.id, own.kind, own.role, own.name)))


def assignments(call: Call) -> Reply:
    """Return who has which role: those of tokens, and those that were given."""
    found = call.service.admission.assignments.all()
    return Reply(200, [_document(call, one) for one in found])


def put_assignment(call: Call) -> Reply:
    """Give a principal a role, and return its assignment in a list, as the product does."""
    principal = call.path["principalId"]
    kind, role = asked_assignment(parse_json(call.body), principal)
    before, given = call.service.admission.assignments.put(principal, kind, role, call.principal)
    changed = (None if before is None else _document(call, before)), _document(call, given)
    return Reply(200, [changed[1]], changed=changed)


def delete_assignment(call: Call) -> Reply:
    """Take a principal's role away."""
    had = call.service.admission.assignments.remove(call.path["principalId"], call.principal)
    return Reply(200, changed=(_document(call, had), None))


def asked_assignment(body: object, principal: str) -> tuple[Kind, Role]:
    """Return what a RoleAssignment asks for; raise `invalid_assignment` or `unknown_role`."""
    document = parse_json(body) if isinstance(body, str) else body
    if not isinstance(document, Mapping):
        raise _invalid("A RoleAssignment is an object.", None)
    for name in document:
        if name not in MEMBERS:
            raise _invalid(f"There is no {name!r} in a RoleAssignment.", name, MEMBERS)
    if document.get("principalId") not in (None, principal):
        raise _invalid("It is of another principal than the path.", "principalId")
    kind = document.get("principalType")
    kind = "user" if kind is None else kind
    if kind not in KINDS:
        raise _invalid(f"{kind!r} is no kind of principal.", "principalType", KINDS)
    return kind, _role(document.get("roles"))


def _role(names: object) -> Role:
    """Return the greatest of the roles that are named: it may do all that the others may."""
    if not (isinstance(names, list) and names and all(isinstance(one, str) for one in names)):
        raise _invalid("A list with the names of roles is expected.", "roles")
    return max(map(role_of, names))


def _invalid(what: str, name: str | None, known: tuple[str, ...] = ()) -> InvalidRequestError:
    hint = did_you_mean(str(name), known) if name and known else None
    return InvalidRequestError(
        "invalid_assignment", what, name, hint or 'Send {"principalType": …, "roles": […]}.'
    )


def _document(call: Call, assignment: Assignment) -> dict[str, object]:
    name = {} if assignment.name is None else {"principalName": assignment.name}
    return {
        "principalId": assignment.principal,
        "principalType": assignment.kind,
        **name,
        "roles": [assignment.role.label],
        "instanceId": call.service.instance_id,
    }


def _operation(
    name: str,
    method: str,
    path: str,
    title: str,
    text: str,
    run: Callable[[Call], Reply],
    role: Role = Role.ADMIN,
    body: Body | None = None,
) -> Operation:
    more = (PRINCIPAL,) if "{principalId}" in path else ()
    return Operation(
        name,
        method,
        f"/instances/{{instanceId}}/rbac/{path}",
        role,
        title,
        text,
        run,
        {200: "As asked for."},
        (INSTANCE, *more),
        body,
        Errors.MANAGEMENT,
        blocks=role is Role.ADMIN,
        statuses=(400, 404, 409) if more else (),
        content=() if method == "DELETE" else ("application/json",),
    )


ASSIGNMENT = "principals/{principalId}/assignment"
OPERATIONS = (
    _operation(
        "Get-all-role-definitions",
        "GET",
        "roles",
        "List the roles",
        "List the roles.",
        roles,
        Role.VIEWER,
    ),
    _operation(
        "Get-current-user-role",
        "GET",
        "myrole",
        "Read the own role",
        "Read the own role.",
        my_role,
        Role.VIEWER,
    ),
    _operation(
        "Get-all-role-assignments",
        "GET",
        "assignments",
        "List who has which role",
        "Lists local tokens, and the principals of the identity provider that were given a role.",
        assignments,
    ),
    _operation(
        "Update-a-role-assignment",
        "PUT",
        ASSIGNMENT,
        "Give a principal a role",
        "It holds from the next request on. A user's own assignment goes before those of groups, "
        "and those before what the token's claims say. Only an Owner makes an Owner, or changes "
        "what one may do.",
        put_assignment,
        body=Body(
            "A RoleAssignment; of several roles the greatest.",
            {"principalType": "user", "roles": ["Contributor"]},
        ),
    ),
    _operation(
        "Deletes-a-role-assignment",
        "DELETE",
        ASSIGNMENT,
        "Take a principal's role away",
        "It holds from the next request on; a local token is revoked with it. The last Owner "
        "stays.",
        delete_assignment,
    ),
)
