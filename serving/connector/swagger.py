"""The definition of the connector in Swagger 2.0, with the extensions of Power Platform."""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from overtide.serving.connector.actions import ACTIONS, ADVANCED, Action
from overtide.serving.connector.connection import Connection
from overtide.serving.connector.schemas import REFUSAL, Schema, notification, titled
from overtide.serving.operations.contract import KINDS, Operation, Parameter

NEXT = "@odata.nextLink"
JSON = ["application/json"]
DOUBLY_ENCODED = ("entityId",)
"""Parameters of the path that may hold a slash, which a gateway would take for one of the path."""


def definition(operations: Iterable[Operation], connection: Connection) -> dict[str, Any]:
    """Return the document."""
    known = {one.name: one for one in operations}
    paths: dict[str, dict[str, Any]] = {}
    for action in ACTIONS:
        operation = known[action.operation]
        path = paths.setdefault(operation.path, {})
        path[operation.method.lower()] = _operation(action, operation)
        if action.trigger is not None:
            path["x-ms-notification-content"] = {
                "description": f"The message of {action.trigger.value}.",
                "schema": notification(action.trigger),
            }
    return {
        "swagger": "2.0",
        "info": {
            "title": "Overtide",
            "description": "Customers, their activities, and changes that end by themselves.",
            "version": version("overtide"),
            "license": {"name": "Apache-2.0"},
        },
        **({} if connection.host is None else {"host": connection.host}),
        "basePath": "/v1",
        "schemes": [connection.scheme],
        "consumes": JSON,
        "produces": [*JSON, "application/problem+json"],
        "paths": paths,
        "definitions": {},
        **connection.security(),
        "x-ms-connector-metadata": [
            {"propertyName": "Website", "propertyValue": f"{connection.root}/openapi.json"},
            {"propertyName": "Privacy policy", "propertyValue": connection.root},
            {"propertyName": "Categories", "propertyValue": "Sales and CRM;Data"},
        ],
    }


def _operation(action: Action, operation: Operation) -> dict[str, Any]:
    document: dict[str, Any] = {
        "operationId": action.id,
        "summary": action.summary,
        "description": operation.text,
        "parameters": _parameters(action, operation),
        "responses": _responses(action, operation),
        "x-ms-api-annotation": {
            "family": action.id,
            "revision": 1,
            "status": "Preview" if action.preview else "Production",
        },
    }
    if action.visibility is not None:
        document["x-ms-visibility"] = action.visibility
    if action.pages:
        document["x-ms-pageable"] = {"nextLinkName": NEXT}
    if action.trigger is not None:
        document["x-ms-trigger"] = "single"
        document["x-ms-trigger-hint"] = (
            "Refresh the project: `overtide refresh`, or a job of its workflow."
        )
    return document


def _parameters(action: Action, operation: Operation) -> list[Schema]:
    found = [
        _parameter(action, one)
        for one in operation.parameters
        if one.place == "path" or one.name in action.shown
    ]
    if action.body is not None and operation.body is not None:
        body = {
            "name": "body",
            "in": "body",
            "required": True,
            "description": operation.body.text,
            "schema": action.body,
        }
        found.append(body)
    return found


def _parameter(action: Action, one: Parameter) -> Schema:
    required = one.required or one.place == "path"
    document: Schema = {
        "name": one.name,
        "in": one.place,
        "description": one.text,
        "required": required or one.name in action.fixed,
        "type": KINDS[one.kind],
        "x-ms-summary": titled(one.name),
    }
    if one.name in action.fixed:
        document |= {"default": action.fixed[one.name], "x-ms-visibility": "internal"}
    elif required or one.name not in ADVANCED:
        document["x-ms-visibility"] = "important"
    else:
        document["x-ms-visibility"] = "advanced"
    if one.place == "path":
        document["x-ms-url-encoding"] = "double" if one.name in DOUBLY_ENCODED else "single"
    values = _values(action, one)
    return document if values is None else document | {"x-ms-dynamic-values": values}


def _values(action: Action, one: Parameter) -> Schema | None:
    """Return where a form finds what may be chosen for a parameter."""
    if one.name == "instanceId":
        return {
            "operationId": "GetInstances",
            "parameters": {},
            "value-path": "instanceId",
            "value-title": "name",
        }
    if one.name != "entityName" or one.place != "path" or action.hidden:
        return None
    accepts = {} if action.picks is None else {"accepts": action.picks}
    return {
        "operationId": "GetEntities",
        "parameters": {"instanceId": {"parameter": "instanceId"}, **accepts},
        "value-collection": "entities",
        "value-path": "qualifiedEntityName",
        "value-title": "qualifiedEntityName",
    }


def _responses(action: Action, operation: Operation) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, text in operation.answers.items():
        answers[str(status)] = {"description": text}
        if action.answer is not None:
            answers[str(status)]["schema"] = action.answer
    answers["default"] = {"description": "It was refused.", "schema": REFUSAL}
    return answers
