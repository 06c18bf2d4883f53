"""The OpenAPI 3.1 document of the service, from its operations alone."""

from collections.abc import Iterable
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from overtide.serving.access.subscription_keys import HEADER
from overtide.serving.http.requests import JSON_TYPES, LINES_TYPES
from overtide.serving.operations.contract import KINDS, Operation, Parameter
from overtide.serving.wire.refusals import Errors

ALWAYS = (401, 403, 500, 503)
"""Refusals that any operation may answer."""
METHODS = ("get", "post", "put", "patch", "delete")
"""The methods of operations, in the order in which they are shown."""
TAGS = {
    "Customers and tables": ("data", "profile", "sql"),
    "Instances": ("instances", "V2"),
    "Entities": ("entities", "tables", "relationships", "systemrelationships", "datasources"),
    "What is in the store": (
        "dataprofile",
        "profilestore",
        "heldactivities",
        "quarantinedevents",
        "runs",
        "status",
        "usage",
    ),
    "Search": ("search",),
    "Jobs and schedules": ("workflows",),
    "Webhooks": ("webhooks",),
    "Who may do what": ("rbac", "keys"),
}
"""The parts of the documentation, and the words in the paths of their operations."""
OTHERS, NOT_OFFERED = "Others", "Not offered"
SERVERS = [{"url": "/v1"}, {"url": "/api"}]


def openapi(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Overtide",
            "version": version("overtide"),
            "description": "Customers, their activities, and changes that end by themselves.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": SERVERS,
        "tags": [{"name": tag} for tag in (*TAGS, OTHERS, NOT_OFFERED)],
        "security": [{"token": []}, {"token": [], "key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": HEADER},
            },
            "schemas": {errors.value: _refusal(errors) for errors in Errors},
        },
    }


def tag_of(operation: Operation) -> str:
    """Return the part of the documentation that an operation belongs to."""
    if not operation.offered:
        return NOT_OFFERED
    below = operation.path.removeprefix("/instances/{instanceId}").strip("/").split("/")
    word = below[1] if below[0] == "manage" else below[0] or "instances"
    return next((tag for tag, words in TAGS.items() if word in words), OTHERS)


def _operation(operation: Operation) -> dict[str, Any]:
    document: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [tag_of(operation)],
        "summary": operation.title,
        "description": f"{operation.text} Takes {operation.role.label} or more.",
        "parameters": [_parameter(one) for one in operation.parameters],
        "responses": _answers(operation),
    }
    if operation.body is not None:
        whole = "array" if isinstance(operation.body.example, list) else "object"
        content = {"schema": {"type": [whole, "string"]}, "example": operation.body.example}
        kinds = LINES_TYPES[:1] if operation.body.lines else JSON_TYPES
        document["requestBody"] = {
            "description": operation.body.text,
            "required": operation.body.required,
            "content": dict.fromkeys(kinds, content),
        }
    return document


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": KINDS[parameter.kind]}
    if parameter.name == "instanceId":
        schema["format"] = "uuid"
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.text,
        "required": parameter.required or parameter.place == "path",
        "schema": schema,
    }


def _answers(operation: Operation) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, text in operation.answers.items() if operation.offered else ():
        answers[str(status)] = {"description": text}
        if status not in (204, 304) and operation.content:
            answers[str(status)]["content"] = {kind: {"schema": {}} for kind in operation.content}
    refusal = {
        "application/problem+json": {
            "schema": {"$ref": f"#/components/schemas/{operation.errors.value}"}
        }
    }
    more = {400} if operation.parameters else set()
    more |= {413, 415} if operation.body is not None else set()
    more |= {404} if "{" in operation.path else set()
    more |= set() if operation.offered else {501}
    for status in sorted({*operation.statuses, *more, *ALWAYS}):
        answers[str(status)] = {"description": HTTPStatus(status).phrase, "content": refusal}
    return answers


def _refusal(errors: Errors) -> dict[str, Any]:
    text, number = {"type": "string"}, {"type": "integer"}
    nullable = {"type": ["string", "null"]}
    own = (
        {"errorCode": text, "message": text, "target": nullable, "details": {"type": "array"}}
        if errors is Errors.ODATA
        else {"errorCode": text, "message": text, "httpStatusCode": number, "name": nullable}
    )
    problem = {"type": text, "title": text, "status": number, "detail": text, "instance": text}
    return {
        "type": "object",
        "required": ["errorCode", "message", "status"],
        "properties": own | problem,
    }
