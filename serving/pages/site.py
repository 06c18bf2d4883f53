"""The pages as the HTTP service sees them: a request becomes a visit, a visit a reply."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import parse_qsl, unquote

from starlette.requests import ClientDisconnect, Request

from overtide.schemas.errors import (
    ForbiddenError,
    InvalidRequestError,
    MediaTypeError,
    MethodError,
    NotFoundError,
    OvertideError,
    UnauthorizedError,
)
from overtide.serving.access.principals import Principal
from overtide.serving.access.sessions import OF_FRAMES, Session, Sessions
from overtide.serving.operations.contract import Call, Operation, Reply
from overtide.serving.operations.performing import expect_role, internal_error, performed
from overtide.serving.pages.cookies import SESSION
from overtide.serving.pages.frame_rights import expect_own
from overtide.serving.pages.page import Page, Visit
from overtide.serving.pages.preferences import ZONE, preferences_of
from overtide.serving.pages.rendering import Rendering
from overtide.serving.pages.static_files import FOLDER, StaticFiles
from overtide.serving.pages.texts import Texts
from overtide.serving.service import Service
from overtide.serving.telemetry.observed import Observed
from overtide.serving.wire.bodies import whole_body

LOG = logging.getLogger("overtide.pages")
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 1000
BEARER = "Bearer "
SAME = ("same-origin", "none")
"""What `Sec-Fetch-Site` says of what a page of ours, or the person, began."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "
)
HEADERS = {
    "Content-Security-Policy": POLICY + "'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
}
"""Of every page, beside those of every answer; with `no-referrer` a form would tell no origin."""


@dataclass(frozen=True)
class Guard:
    """What holds for a page as for an operation: the limits of a principal and of the process."""

    take: Callable[[Principal, Observed], None]
    at_work: AbstractContextManager[object]


class Site:
    """The pages of one project."""

    def __init__(
        self,
        service: Service,
        sessions: Sessions,
        operations: Iterable[Operation],
        pages: Iterable[Page],
        guard: Guard,
    ) -> None:
        self._service, self.sessions, self._guard = service, sessions, guard
        self._operations = {one.name: one for one in operations}
        self._roles = {one.name: one.role for one in self._operations.values()}
        self._pages = [(one, one.path.strip("/").split("/")) for one in pages]
        origins = service.admission.settings.pages.embed_origins
        self._framing = {
            "Content-Security-Policy": POLICY + (" ".join(origins) or "'none'"),
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        self._files = StaticFiles()
        self._rendering = Rendering(Texts(), self._files)

    def takes(self, request: Request) -> bool:
        """Say whether a request is for a person: for a page, or for what browsers show."""
        place = request.scope["path"]
        if place.startswith((FOLDER + "/", "/v1/", "/api/")):
            return bool(place.startswith(FOLDER + "/"))
        wanted = request.headers.get("accept", "")
        return bool(self._matching(request)) or "text/html" in wanted

    async def answered(self, request: Request, observed: Observed) -> Reply:
        """Return what a request is answered; a refusal is a page, too."""
        place = request.scope["path"]
        if place.startswith(FOLDER + "/") and request.method in ("GET", "HEAD"):
            observed.operation = FOLDER
            return self._files.reply(place, "gzip" in request.headers.get("accept-encoding", ""))
        visit = self._visit(request)
        reply = await self._told(visit, observed, self._recognised(request, visit, observed))
        return replace(reply, headers={**HEADERS, **reply.headers})

    async def _told(
        self,
        visit: Visit,
        observed: Observed,
        work: Awaitable[Reply],
        refused: Callable[[OvertideError], Reply] | None = None,
    ) -> Reply:
        """Return what comes of some work; whatever goes wrong is told on a page."""
        try:
            return await work
        except ClientDisconnect:
            raise
        except OvertideError as error:
            observed.error_code = error.code
            return (refused or visit.problem)(error)
        except Exception as error:
            LOG.error("request %s failed", observed.request_id, exc_info=error)
            observed.error_code = "internal_error"
            return visit.problem(internal_error(observed.request_id))

    def _visit(self, request: Request) -> Visit:
        # A frame has no cookies.
        told = request.headers.get("overtide-time-zone")
        preferences = preferences_of(
            request.cookies if told is None else {ZONE: told},
            request.headers.get("accept-language", ""),
            self._rendering.texts.languages,
        )
        query = request.scope["query_string"].decode("ascii", "replace")
        given = parse_qsl(query, keep_blank_values=True)
        return Visit(
            request.url.path + (f"?{query}" if query else ""),
            preferences,
            self._rendering,
            _nobody,
            self._roles,
            f"{request.scope['scheme']}://{request.headers.get('host', '')}",
            query=dict(given),
            given=given,
            headers=request.headers,
            fragment=_is_fragment(request.headers),
            sent=request.method == "POST",
            framed=request.headers.get("authorization", "").startswith(BEARER + OF_FRAMES),
            client="" if request.client is None else request.client.host,
        )

    async def _recognised(self, request: Request, visit: Visit, observed: Observed) -> Reply:
        """Return what is shown to whoever is signed in; one without a role may still sign out."""
        session = await self._session(visit)
        visit, refusal = replace(visit, session=session), _signed_out()
        try:
            principal = None if session is None else self._principal(session)
        except ForbiddenError as error:
            principal, refusal = None, error
        if principal is not None:
            observed.principal, observed.caller = principal, principal.name
            ask = partial(self._perform, visit.root, visit.session, principal, observed)
            lasts = partial(self._lasts, visit.session)
            visit = replace(visit, principal=principal, ask_of=ask, lasts=lasts)
        return await self._told(visit, observed, self._shown(request, visit, observed, refusal))

    async def _shown(
        self, request: Request, visit: Visit, observed: Observed, refusal: OvertideError
    ) -> Reply:
        page, path = self._found(request)
        observed.operation = page.path
        visit = replace(visit, path=path)
        if visit.principal is not None:
            self._guard.take(visit.principal, observed)
        elif not page.open:
            raise refusal
        if page.method == "POST":
            visit = replace(visit, form=await _form(request, visit))
        refused = None if page.refused is None else partial(page.refused, visit)
        reply = await self._told(visit, observed, self._ran(page, visit), refused)
        framing = self._framing if page.embedded else {}
        return replace(reply, headers={**framing, **reply.headers})

    async def _ran(self, page: Page, visit: Visit) -> Reply:
        with self._guard.at_work:
            reply = page.run(visit)
            return reply if isinstance(reply, Reply) else await reply

    def _found(self, request: Request) -> tuple[Page, Mapping[str, str]]:
        matching = self._matching(request)
        method = "GET" if request.method == "HEAD" else request.method
        for page, path in matching:
            if page.method == method:
                return page, path
        if matching:
            known = ", ".join(sorted({page.method for page, _ in matching}))
            raise MethodError(
                "wrong_method", f"{method} is no method of this path.", None, f"It takes {known}."
            )
        raise NotFoundError(
            "unknown_path",
            f"There is nothing at {request.url.path!r}.",
            None,
            "Go to the start, or search for the customer.",
        )

    def _matching(self, request: Request) -> list[tuple[Page, Mapping[str, str]]]:
        raw = request.scope["raw_path"].decode("ascii", "replace").strip("/")
        segments = [unquote(one, errors="replace") for one in raw.split("/")]
        return [
            (page, path)
            for page, expected in self._pages
            if (path := _matched(expected, segments)) is not None
        ]

    async def _session(self, visit: Visit) -> Session | None:
        """Return whose request it is, by a cookie, or by the token of a frame."""
        if visit.framed:
            return await self._session_of_frame(visit)
        secret = visit.cookie(SESSION)
        found = None if secret is None else await asyncio.to_thread(self.sessions.of, secret)
        return None if found is None or found.only is not None else found

    async def _session_of_frame(self, visit: Visit) -> Session:
        token = visit.headers["authorization"].removeprefix(BEARER)
        found = await asyncio.to_thread(self.sessions.of, token)
        if found is None or found.only is None:
            await self._service.admission.attempts_of_programs.told_late(visit.client)
            raise UnauthorizedError(
                "invalid_token",
                "This token is for no frame, or has ended.",
                "Authorization",
                "The page that shows the frame gives it another one.",
            )
        return found

    async def _still_in(self, session: Session | None) -> Principal:
        """Return who is signed in while a stream goes on; raise `unauthorized` at its end."""
        secret = "" if session is None else session.secret
        found = await asyncio.to_thread(self.sessions.of, secret)
        principal = None if found is None else self._principal(found)
        if principal is None:
            raise _signed_out()
        return principal

    async def _lasts(self, session: Session | None) -> bool:
        """Say whether a session has not ended, and its principal may still do what it might."""
        with suppress(UnauthorizedError, ForbiddenError):
            return bool(await self._still_in(session))
        return False

    def _principal(self, session: Session) -> Principal | None:
        """Return who is signed in with the role as it is now; nobody where a token has ended."""
        admission = self._service.admission
        if session.identity is not None:
            found: Principal | None = admission.admitted(session.identity)
        else:
            found = admission.tokens.principal_of(session.token or "")
        if found is None or session.only is None:
            return found
        return replace(found, role=min(found.role, session.only.role))

    async def _perform(
        self,
        root: str,
        session: Session | None,
        principal: Principal,
        observed: Observed,
        name: str,
        path: Mapping[str, str],
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> Reply:
        operation = self._operations[name]
        expect_role(principal, operation)
        if session is not None and session.only is not None:
            expect_own(session.only, name, path, query)
        whole = {"instanceId": self._service.instance_id, **path}
        still_in = partial(self._still_in, session)
        call = Call(
            self._service, principal, whole, query, headers, body, root=root, admitted=still_in
        )
        done = replace(observed, operation=name)
        return await performed(operation, call, self._service.telemetry, done, whole)


def _is_fragment(headers: Mapping[str, str]) -> bool:
    """Say whether a part of a page asks; a browser that goes back asks for the whole of it."""
    return "hx-request" in headers and "hx-history-restore-request" not in headers


async def _nobody(
    name: str,
    path: Mapping[str, str],
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
) -> Reply:
    """Perform nothing: nobody is signed in."""
    del name, path, query, headers, body
    raise _signed_out()


def _matched(expected: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(expected) != len(segments):
        return None
    found: dict[str, str] = {}
    for pattern, segment in zip(expected, segments, strict=True):
        if pattern.startswith("{"):
            found[pattern[1:-1]] = segment
        elif pattern != segment:
            return None
    return found


async def _form(request: Request, visit: Visit) -> dict[str, str]:
    """Return what a person filled in; raise for what no page of this site sent."""
    _expect_own_page(request)
    kind = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if kind != FORM:
        raise MediaTypeError(
            "unsupported_media_type",
            f"A body of {kind!r} is not read.",
            "Content-Type",
            f"Send {FORM}.",
        )
    body = await whole_body(request.stream(), request.headers)
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise InvalidRequestError(
            "invalid_form", "The form cannot be read.", None, "Send it in UTF-8."
        ) from None
    form = dict(pairs)
    if visit.session is not None and not visit.framed:  # no browser adds a frame's token by itself
        visit.session.expect_proof(request.headers.get("x-csrf-token") or form.get("csrf", ""))
    return form


def _expect_own_page(request: Request) -> None:
    """Raise `forged_request` for what a page of another site sent."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    if (site is not None and site not in SAME) or (site is None and origin not in (None, own)):
        raise ForbiddenError(
            "forged_request",
            "This was sent from a page of another site.",
            None,
            "Open the page here and send it again.",
        )


def _signed_out() -> OvertideError:
    return UnauthorizedError("unauthorized", "Nobody is signed in.", None, "Sign in.")
