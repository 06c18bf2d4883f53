"""Operations of the product's API that are not offered: each says so, and what to do instead."""

from overtide.schemas.errors import NotOfferedError
from overtide.serving.access.roles import Role
from overtide.serving.operations.contract import INSTANCE, Call, Operation, Parameter, Reply
from overtide.serving.wire.refusals import Errors

LATER = "It will be offered later; until then ask the lake: `overtide sql`."
IN_THE_PROJECT = "Declare it in overtide.yaml, then run `overtide refresh`."
ANOTHER_FOLDER = "Each instance is a folder: `overtide init FOLDER` makes one."
BY_HAND = "Stop what runs in it, and remove the project's folder."
_PARAMETERS = {
    "measureName": "Name of the measure.",
    "segmentName": "Name of the segment.",
    "hierarchyId": "Id of the hierarchy.",
    "relationshipName": "Name of the relationship.",
    "dataSourceId": "Id of the data source.",
}
_MANAGE = "/instances/{instanceId}/manage"
_HIERARCHIES = "/instances/{instanceId}/hierarchies"
_MEASURE, _SEGMENT = f"{_MANAGE}/measures/{{measureName}}", f"{_MANAGE}/segments/{{segmentName}}"
_RELATIONSHIP = f"{_MANAGE}/relationships/{{relationshipName}}"
_HIERARCHY = f"{_HIERARCHIES}/{{hierarchyId}}"
NOT_OFFERED = (
    ("Get-a-list-of-measures-metadata", "GET", f"{_MANAGE}/measures", LATER),
    ("Create-a-measure", "POST", f"{_MANAGE}/measures", LATER),
    ("Get-metadata-for-a-measure", "GET", _MEASURE, LATER),
    ("Update-a-measure", "PUT", _MEASURE, LATER),
    ("Delete-a-measure", "DELETE", _MEASURE, LATER),
    ("Get-all-segments", "GET", f"{_MANAGE}/segments", LATER),
    ("Create-a-segment", "POST", f"{_MANAGE}/segments", LATER),
    ("Update-a-segment", "PUT", _SEGMENT, LATER),
    ("Delete-segment", "DELETE", _SEGMENT, LATER),
    ("Activate-segment", "PUT", f"{_SEGMENT}/activate", LATER),
    ("Deactivate-segment", "PUT", f"{_SEGMENT}/deactivate", LATER),
    ("Get-all-hierarchies", "GET", _HIERARCHIES, LATER),
    ("Create-a-hierarchy", "POST", _HIERARCHIES, LATER),
    ("Get-a-hierarchy", "GET", _HIERARCHY, LATER),
    ("Update-a-hierarchy", "PATCH", _HIERARCHY, LATER),
    ("Delete-a-hierarchy", "DELETE", _HIERARCHY, LATER),
    ("Create-a-relationship", "POST", f"{_MANAGE}/relationships", IN_THE_PROJECT),
    ("Update-a-relationship", "PUT", _RELATIONSHIP, IN_THE_PROJECT),
    ("Delete-a-relationship", "DELETE", _RELATIONSHIP, IN_THE_PROJECT),
    ("Delete-a-data-source", "DELETE", f"{_MANAGE}/datasources/{{dataSourceId}}", IN_THE_PROJECT),
    ("Create-an-instance", "POST", "/instances/V2", ANOTHER_FOLDER),
    ("Copy-an-instance", "POST", "/instances/copy", ANOTHER_FOLDER),
    ("Reset-an-instance", "DELETE", f"{_MANAGE}/reset", BY_HAND),
    ("Delete-an-instance", "DELETE", "/instances/{instanceId}", BY_HAND),
)
"""Operations of the product: their names, methods, paths, and what to do instead."""


def _operation(name: str, method: str, path: str, instead: str) -> Operation:
    title = name.replace("-", " ")

    def refuse(call: Call) -> Reply:
        del call
        raise NotOfferedError("not_offered", f"{title}: this is not offered.", None, instead)

    return Operation(
        name,
        method,
        path,
        Role.VIEWER if method == "GET" else Role.OWNER if instead == BY_HAND else Role.CONTRIBUTOR,
        title,
        f"Not offered. {instead}",
        refuse,
        {501: "Not offered."},
        tuple(_parameters(path)),
        errors=Errors.MANAGEMENT,
        offered=False,
    )


def _parameters(path: str) -> list[Parameter]:
    instance = [INSTANCE] if "{instanceId}" in path else []
    others = [
        Parameter(name, text, "path") for name, text in _PARAMETERS.items() if f"{{{name}}}" in path
    ]
    return instance + others


OPERATIONS = tuple(_operation(*one) for one in NOT_OFFERED)
