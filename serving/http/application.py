"""The ASGI application: every request becomes a call of an operation, every failure an answer."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import cache, partial
from typing import cast

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from overtide.schemas.errors import (
    NotFoundError,
    OvertideError,
)
from overtide.schemas.spans import span
from overtide.serving.access.principals import Principal
from overtide.serving.access.roles import Role
from overtide.serving.connector.documents import DEFINITION, PROPERTIES, Connector
from overtide.serving.http import documentation
from overtide.serving.http.browsers import Browsers
from overtide.serving.http.credentials import Credentials, challenge, sender
from overtide.serving.http.headers import RequestHeaders, written
from overtide.serving.http.openapi import openapi
from overtide.serving.http.requests import Declared, caller_of, expect_json, is_local
from overtide.serving.http.routes import Routes
from overtide.serving.operations.contract import Call, Operation, Reply
from overtide.serving.operations.performing import expect_role, internal_error, performed
from overtide.serving.operations.registered import OPERATIONS
from overtide.serving.pages.registered import pages_of
from overtide.serving.pages.site import Guard, Site
from overtide.serving.service import Service
from overtide.serving.telemetry.limits import Limits, limits_of
from overtide.serving.telemetry.metrics import CONTENT_TYPE, Metrics
from overtide.serving.telemetry.observed import Observed, entity_of, method_of, tell
from overtide.serving.telemetry.overload import AtWork, Meter
from overtide.serving.telemetry.rate_limits import RateLimits
from overtide.serving.windows import Windows
from overtide.serving.wire.bodies import whole_body
from overtide.serving.wire.json_texts import json_bytes
from overtide.serving.wire.refusals import Errors, refusal_document, refusal_headers

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
CONNECTOR = "/connector"
"""The folder of the files of the connector."""
METRICS = "/metrics"
SIGNED = Principal("signed", "a signed link", Role.VIEWER)
"""Who calls by a signed link."""
NOTED = "overtide.arrivals"
"""The extension of a server that notes what comes by itself, for many requests at once."""
BODILESS = (204, 304)
"""The statuses of answers that have no body, and so no length of one."""
WRONG = ("invalid_token", "invalid_subscription_key")
"""The codes of secrets that somebody may be guessing."""


class Application:
    """Serves one project; `ids` gives the id of a request that brings none.

    `windows` keep what is counted for limits of rates, maybe together with other processes.
    """

    def __init__(
        self,
        service: Service,
        ids: Callable[[], str],
        browsers: Browsers,
        limits: Limits | None = None,
        windows: Windows | None = None,
    ) -> None:
        self._service, self._ids, self._browsers = service, ids, browsers
        limits = limits or limits_of(service.admission.settings.rate_limits)
        self._routes = Routes(OPERATIONS)
        self._declared = {one.name: Declared.of(one) for one in OPERATIONS}
        self._documents: Mapping[str, Callable[[Request], Awaitable[Reply]]] = {
            "/health/live": _live,
            "/health/ready": self._ready,
            "/openapi.json": _openapi_document,
            documentation.PLACE: _documentation_page,
            METRICS: self._measured,
            f"{CONNECTOR}/{DEFINITION}": self._connector_document,
            f"{CONNECTOR}/{PROPERTIES}": self._connector_document,
        }
        self._connector = Connector(service.admission.settings)
        self.telemetry, self.arrivals = service.telemetry, service.reader.arrivals
        self.slow_reader_seconds = service.admission.settings.slow_reader_seconds
        self._metrics = Metrics(
            self.telemetry.totals,
            self.telemetry.status,
            lambda: service.workflows.jobs.counts(),  # made when it is first asked for
            time.monotonic,
        )
        self._limits = RateLimits(limits.usual, limits.of_callers, time.monotonic_ns, windows)
        self._at_work, self._patience = AtWork(limits.most_at_work), limits.patience_seconds
        guard = Guard(self._limited, self._at_work)
        pages = pages_of(service.admission, service.sessions)
        self._site = Site(service, service.sessions, OPERATIONS, pages, guard)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if NOTED not in scope.get("extensions", ()):
            self.arrivals.note()
        started = self.telemetry.timer()
        headers = RequestHeaders(scope["headers"])
        given = headers.get("x-request-id")
        request_id = given if given and REQUEST_ID.fullmatch(given) else self._ids()
        observed = Observed(method_of(scope["method"]), request_id)
        meter = Meter(observed, receive, self._browsers.telling(headers, send), self._patience)
        with span("request", parent=headers) as traced:
            try:
                request = _Request(scope, meter.receive, headers)
                reply = await self._answered(request, observed)
                await _sent(reply, observed, scope, receive, meter)
            except ClientDisconnect:
                return
            finally:
                observed.seconds = self.telemetry.timer() - started
                self.telemetry.record(observed)
                tell(traced, observed)

    def close(self) -> None:
        """End what would go on for ever; callable from any thread."""
        self._service.live_cards.close()

    async def _answered(self, request: Request, observed: Observed) -> Reply:
        """Return what is answered; whatever goes wrong is an answer, too."""
        errors = Errors.ODATA
        try:
            place = request.scope["path"]
            self._browsers.expect_host(request.headers, place)
            preflight = self._browsers.preflight(request.method, request.headers)
            if preflight is not None:
                return preflight
            if request.method in ("GET", "HEAD") and place in self._documents:
                observed.operation = place
                return await self._documents[place](request)
            if self._site.takes(request):
                observed.of_person = True
                return await self._site.answered(request, observed)
            operation, path = self._routes.find(request.method, request.scope["raw_path"])
            errors = operation.errors
            observed.operation = operation.name
            observed.entity = entity_of(operation.path, path)
            observed.streamed = operation.body is not None and operation.body.lines
            return await self._called(request, operation, path, observed)
        except ClientDisconnect:
            raise
        except OvertideError as error:
            observed.error_code = error.code
            if error.code in WRONG:
                await self._slow_down(request)
            return _refused(error, errors, observed.request_id)
        except Exception as error:
            LOG.error("request %s failed", observed.request_id, exc_info=error)
            observed.error_code = "internal_error"
            return _refused(internal_error(observed.request_id), errors, observed.request_id)

    async def _slow_down(self, request: Request) -> None:
        """Let an address wait that has sent many tokens that are none."""
        address = "" if request.client is None else request.client.host
        await self._service.admission.attempts_of_programs.told_late(address)

    async def _measured(self, request: Request) -> Reply:
        """Answer the page of metrics: to this machine as it is, to others with a token."""
        if not is_local(request.client):
            credentials = Credentials.of(request.headers, request.scope["query_string"])
            await sender(self._service.admission, credentials)
        page = await anyio.to_thread.run_sync(self._metrics.page)
        return Reply(200, headers={"Content-Type": CONTENT_TYPE}, content=page)

    async def _connector_document(self, request: Request) -> Reply:
        """Return a file of the connector, for the address at which it was asked for."""
        address = request.url.scheme, request.url.netloc
        documents = await anyio.to_thread.run_sync(self._connector.documents, *address)
        return Reply(200, documents[request.url.path.rpartition("/")[2]])

    async def _called(
        self,
        request: Request,
        operation: Operation,
        path: Mapping[str, str],
        observed: Observed,
    ) -> Reply:
        principal, admitted = SIGNED, None
        if not operation.signed:
            credentials = Credentials.of(request.headers, request.scope["query_string"])
            admitted = partial(sender, self._service.admission, credentials)
            principal = await admitted()
        observed.principal = principal
        observed.caller = caller_of(request.scope["query_string"]) or principal.name
        self._limited(principal, observed)
        expect_role(principal, operation)
        self._expect_instance(path)
        declared = self._declared[operation.name]
        query = declared.query(request.scope["query_string"]) if operation.offered else {}
        call = partial(
            Call,
            self._service,
            principal,
            path,
            query,
            declared.headers(request.headers),
            root=_root(request),
            admitted=admitted,
        )
        with self._at_work:
            whole = await _with_body(request, operation, call)
            return await performed(operation, whole, self.telemetry, observed, path)

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

    def _limited(self, principal: Principal, observed: Observed) -> None:
        self._limits.take(principal.id, observed.caller, observed.headers)

    async def _ready(self, _: Request) -> Reply:
        """Say whether customers can be read."""
        try:
            generation = self._service.generation()
        except OvertideError as error:
            return Reply(503, {"status": "not ready", "error": error.as_json()})
        stream = self.telemetry.stream_state()
        return Reply(200, {"status": "ready", "run": generation.run, "stream": stream})


class _Request(Request):
    """A request whose headers were read before."""

    def __init__(self, scope: Scope, receive: Receive, headers: RequestHeaders) -> None:
        super().__init__(scope, receive)
        self._read = headers

    @property
    def headers(self) -> Headers:
        """The headers."""
        return self._read


async def _live(_: Request) -> Reply:
    return Reply(200, {"status": "live"})


async def _openapi_document(_: Request) -> Reply:
    return Reply(200, content=_openapi())


async def _documentation_page(request: Request) -> Reply:
    return Reply(200, headers=documentation.HEADERS, content=documentation.page(_root(request)))


@cache
def _openapi() -> bytes:
    """Return the OpenAPI document, which anybody may ask for, and which stays as it is."""
    return json_bytes(openapi(OPERATIONS))


def _root(request: Request) -> str:
    """Return the address of the server as the client called it."""
    return f"{request.scope['scheme']}://{request.headers.get('host', '')}"


async def _with_body(request: Request, operation: Operation, call: Callable[..., Call]) -> Call:
    """Return a call with its body, or with what gives it piece by piece."""
    if operation.body is None:
        return call()
    expect_json(request.headers, operation.body)
    if operation.body.lines:
        return call(chunks=request.stream())
    return call(body=await whole_body(request.stream(), request.headers))


def _refused(error: OvertideError, errors: Errors, request_id: str) -> Reply:
    headers = {
        "Content-Type": "application/problem+json",
        **challenge(error),
        **refusal_headers(error),
    }
    document = refusal_document(error, error.status, errors, request_id)
    return Reply(error.status, document, headers)


def _headers(reply: Reply, observed: Observed) -> dict[str, str]:
    """Return the headers of an answer: those of every one, then its own."""
    headers = {**HEADERS, "X-Request-ID": observed.request_id, **observed.headers}
    if reply.stream is None and (reply.content or reply.document is not None):
        headers["Content-Type"] = "application/json"
    return {**headers, **reply.headers}


async def _sent(
    reply: Reply, observed: Observed, scope: Scope, receive: Receive, meter: Meter
) -> None:
    """Send an answer, whole or as it comes."""
    headers = _headers(reply, observed)
    if reply.stream is None:
        await _send(reply, headers, meter.send)
        return
    if scope["method"] == "HEAD":
        await anext(reply.stream, None)  # begun, so that it ends what it watches
        await cast("AsyncGenerator[bytes]", reply.stream).aclose()
        await _send(reply, headers, meter.send)
        return
    # A stream watches for a client that leaves; what reads a body sees that itself.
    watched = receive if scope["method"] == "GET" else _never
    await StreamingResponse(reply.stream, reply.status, headers)(scope, watched, meter.send)


async def _send(reply: Reply, headers: Mapping[str, str], send: Send) -> None:
    """Send an answer that is there as a whole."""
    content = reply.content or (b"" if reply.document is None else json_bytes(reply.document))
    raw = written(headers)
    raw += [(b"set-cookie", one.encode("latin-1")) for one in reply.cookies]
    if reply.status not in BODILESS:
        raw.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    await send({"type": "http.response.body", "body": content})


async def _never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError
