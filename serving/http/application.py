"""The ASGI application: every request becomes a call of an operation, every failure an answer."""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from overtide.schemas.errors import (
    FailedError,
    MethodError,
    NotFoundError,
    OvertideError,
    UnavailableError,
)
from overtide.serving.access.principals import Principal
from overtide.serving.access.roles import Role
from overtide.serving.http.browsers import Browsers
from overtide.serving.http.credentials import Credentials, challenge, sender
from overtide.serving.http.openapi import openapi
from overtide.serving.http.requests import expect_json, expect_role, queried, whole_body
from overtide.serving.http.routes import Routes
from overtide.serving.operations.contract import Call, Operation, Reply
from overtide.serving.operations.registered import OPERATIONS
from overtide.serving.service import Service
from overtide.serving.wire.refusals import Errors, refusal_document

LOG = logging.getLogger("overtide.http")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer: it is a person's data, for no cache and no other page."""
SIGNED = Principal("signed", "a signed link", Role.VIEWER)
"""Who calls by a signed link."""
RETRY_AFTER = "1"
"""Seconds after which a request that could not be served is worth another try."""


class Application:
    """Serves one project; `ids` gives the id of a request that brings none."""

    def __init__(self, service: Service, ids: Callable[[], str], browsers: Browsers) -> None:
        self._service, self._ids, self._browsers = service, ids, browsers
        self._routes = Routes(OPERATIONS)
        self._open: Mapping[str, Callable[[], Reply]] = {
            "/health/live": lambda: Reply(200, {"status": "live"}),
            "/health/ready": self._ready,
            "/openapi.json": lambda: Reply(200, openapi(OPERATIONS)),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        send = self._browsers.telling(request.headers, send)
        given = request.headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else self._ids()
        try:
            reply = await self._answered(request, request_id)
        except ClientDisconnect:
            return
        # A stream watches for a client that leaves; what reads a body to its end sees that itself.
        watched = receive if request.method == "GET" else _never
        await _response(reply, request_id)(scope, watched, send)

    def close(self) -> None:
        """End what would go on for ever; callable from any thread."""
        self._service.live_cards.close()

    async def _answered(self, request: Request, request_id: str) -> Reply:
        """Return what is answered; whatever goes wrong is an answer, too."""
        errors = Errors.ODATA
        try:
            self._browsers.expect_host(request.headers, request.scope["path"])
            preflight = self._browsers.preflight(request.method, request.headers)
            if preflight is not None:
                return preflight
            opened = self._open.get(request.scope["path"])
            if opened is not None and request.method in ("GET", "HEAD"):
                return opened()
            operation, path = self._routes.find(request.method, request.scope["raw_path"])
            errors = operation.errors
            return await self._called(request, operation, path)
        except ClientDisconnect:
            raise
        except OvertideError as error:
            return _refused(error, errors, request_id)
        except Exception as error:
            LOG.error("request %s failed", request_id, exc_info=error)
            return _refused(_internal(request_id), errors, request_id)

    async def _called(
        self, request: Request, operation: Operation, path: Mapping[str, str]
    ) -> Reply:
        principal = SIGNED
        if not operation.signed:
            credentials = Credentials.of(request.headers, request.scope["query_string"])
            principal = await sender(self._service.admission, credentials)
        expect_role(principal, operation)
        self._expect_instance(path)
        query = queried(request.scope["query_string"], operation) if operation.offered else {}
        root = f"{request.url.scheme}://{request.url.netloc}"
        headers = _declared(request, operation)
        call = Call(self._service, principal, path, query, headers, root=root)
        if operation.body is not None:
            expect_json(request.headers, operation.body)
            if operation.body.lines:
                call = replace(call, chunks=request.stream())
            else:
                body = await whole_body(request.stream(), request.headers)
                call = replace(call, body=body)
        if operation.blocks:
            reply = await anyio.to_thread.run_sync(operation.run, call)
        else:
            reply = operation.run(call)
        return reply if isinstance(reply, Reply) else await reply

    def _expect_instance(self, path: Mapping[str, str]) -> None:
        """Raise `unknown_instance` for another instance than the one that is served."""
        asked = path.get("instanceId")
        if asked is not None and asked.lower() != self._service.instance_id:
            raise NotFoundError(
                "unknown_instance",
                f"There is no instance {asked!r} here.",
                "instanceId",
                "GET /v1/instances shows its id.",
            )

    def _ready(self) -> Reply:
        """Say whether customers can be read."""
        try:
            generation = self._service.generation()
        except OvertideError as error:
            return Reply(503, {"status": "not ready", "error": error.as_json()})
        return Reply(200, {"status": "ready", "run": generation.run})


def _declared(request: Request, operation: Operation) -> dict[str, str]:
    """Return the headers that an operation declares, under its names."""
    return {
        one.name: request.headers[one.name]
        for one in operation.parameters
        if one.place == "header" and one.name in request.headers
    }


def _internal(request_id: str) -> OvertideError:
    return FailedError(
        "internal_error",
        "Something went wrong inside.",
        None,
        f"The server's log says more, at request {request_id}.",
    )


def _refused(error: OvertideError, errors: Errors, request_id: str) -> Reply:
    headers = {"Content-Type": "application/problem+json", **challenge(error)}
    if isinstance(error, UnavailableError):
        headers["Retry-After"] = RETRY_AFTER
    if isinstance(error, MethodError):
        headers["Allow"] = (error.hint or "").removeprefix("It takes ").rstrip(".")
    document = refusal_document(error, error.status, errors, request_id)
    return Reply(error.status, document, headers)


def _response(reply: Reply, request_id: str) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    headers = {**HEADERS, "X-Request-ID": request_id}
    if reply.stream is not None:
        return StreamingResponse(reply.stream, reply.status, {**headers, **reply.headers})
    content = reply.content or (b"" if reply.document is None else _json(reply.document))
    if content:
        headers["Content-Type"] = "application/json"
    return Response(content, reply.status, {**headers, **reply.headers})


async def _never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


def _json(document: Any) -> bytes:  # noqa: ANN401 - whatever JSON holds
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
