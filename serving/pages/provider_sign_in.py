"""Sign in with the identity provider, and end what has ended there."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

from overtide.schemas.errors import (
    ForbiddenError,
    InvalidRequestError,
    OvertideError,
    UnauthorizedError,
    UnavailableError,
)
from overtide.schemas.instants import SECOND
from overtide.serving.access.admission import SIGNING_IN_SECONDS, Admission
from overtide.serving.access.sessions import Sessions
from overtide.serving.operations.contract import Reply
from overtide.serving.pages.cookies import SIGNING_IN, cookie
from overtide.serving.pages.page import SIGN_IN, Page, Visit
from overtide.serving.pages.sign_in import SignIn, own_place

if TYPE_CHECKING:  # PyJWT is loaded where there is a provider
    from overtide.serving.access.code_flow import Begun, CodeFlow

BEGIN, RETURN, ENDED = f"{SIGN_IN}/provider", f"{SIGN_IN}/return", "/sign-out/provider"
"""Where one leaves for the provider, comes back from it, and where it says that one signed out."""
PATIENCE = SIGNING_IN_SECONDS * SECOND
"""How long one may take at the provider."""
LONGEST_PLACE = 1500
"""Characters of the address that one is led to afterwards; it is kept in a cookie meanwhile."""
AT_PROVIDER = anyio.CapacityLimiter(8)
"""How many of these pages wait for the provider at once; tokens of the API do not wait for them."""
T = TypeVar("T")


class ProviderSignIn:
    """The pages of signing in with the provider; none where there is no provider for that."""

    def __init__(self, admission: Admission, sessions: Sessions, sign_in: SignIn) -> None:
        self._admission, self._sessions, self._sign_in = admission, sessions, sign_in
        self.pages: tuple[Page, ...] = ()
        if admission.sign_in is not None:
            flow = admission.sign_in
            self.pages = (
                Page("GET", BEGIN, partial(self.begin, flow), open=True, refused=sign_in.refused),
                Page("GET", RETURN, partial(self.back, flow), open=True, refused=self.refused),
                Page("POST", ENDED, partial(self.ended, flow), open=True, refused=told_provider),
            )

    async def begin(self, flow: "CodeFlow", visit: Visit) -> Reply:
        """Send the browser to the provider, with a cookie by which it is known when it is back."""
        from overtide.serving.access.code_flow import Begun

        place, begun = own_place(visit.query.get("next", "/")), Begun(secrets.token_hex(32))
        address = await _waiting(partial(flow.address, begun, visit.root + RETURN))
        kept = f"{begun.secret}.{place.encode().hex() if len(place) <= LONGEST_PLACE else ''}"
        told = {"Set-Cookie": cookie(visit.root, SIGNING_IN, kept, PATIENCE)}
        return visit.leading(address, told)

    async def back(self, flow: "CodeFlow", visit: Visit) -> Reply:
        """Begin a session of whom the provider names.

        Raise `sign_in_expired`, `sign_in_refused`, `issuer_unavailable` or `too_many_attempts`.
        """
        from overtide.serving.access.code_flow import Returned, not_begun, refused_by

        begun, place = _kept(visit)
        attempts, query = self._admission.attempts_of_returns, visit.query
        attempts.expect_few(visit.client)  # each makes us ask the provider
        if not self._admission.used_states.take(begun.state):
            raise not_begun()
        if "error" in query:
            raise refused_by(query["error"], query.get("error_description", ""))
        returned = Returned(query.get("code", ""), query.get("iss"), visit.root + RETURN)
        try:
            who, there = await _waiting(partial(flow.signed_in, begun, returned))
        except (ForbiddenError, UnavailableError):
            attempts.note(visit.client)
            raise
        reply = visit.leading(place, await self._sign_in.begun(visit, who, there))
        return replace(reply, cookies=(_forgotten(visit),))

    def refused(self, visit: Visit, error: OvertideError) -> Reply:
        """Show where one signs in, with what went wrong at the provider."""
        place = _place((visit.cookie(SIGNING_IN) or "").partition(".")[2])
        # A language that is chosen now must not lead back to an address that has done its work.
        shown = self._sign_in.shown(replace(visit, address=SIGN_IN), error.status, place, error)
        # What another page leads here must not end a sign-in that goes on in this browser.
        return replace(shown, cookies=(_forgotten(visit),)) if _is_begun(visit) else shown

    async def ended(self, flow: "CodeFlow", visit: Visit) -> Reply:
        """End the sessions that ended at the provider, as it says itself.

        Raise `invalid_token`, or `too_many_attempts` after many such; whatever holds is done.
        """
        try:
            about = await _waiting(partial(flow.ended, visit.form.get("logout_token", "")))
        except UnauthorizedError:
            # Behind one proxy a stranger and the provider may have one address.
            attempts = self._admission.attempts_of_providers
            attempts.expect_few(visit.client)
            attempts.note(visit.client)
            raise
        await asyncio.to_thread(self._sessions.end_at_provider, *about)
        return Reply(200)


def told_provider(visit: Visit, error: OvertideError) -> Reply:
    """Answer the provider what it cannot be taken at (Back-Channel Logout 1.0, section 2.8)."""
    del visit
    status = 400 if isinstance(error, UnauthorizedError) else error.status
    return Reply(status, {"error": "invalid_request", "error_description": error.message})


def _forgotten(visit: Visit) -> str:
    """Return what ends the cookie of a sign-in, which does for one time alone."""
    return cookie(visit.root, SIGNING_IN, "", 0)


def _is_begun(visit: Visit) -> bool:
    """Say whether what came back was begun in this browser."""
    try:
        _kept(visit)
    except InvalidRequestError:
        return False
    return True


def _kept(visit: Visit) -> "tuple[Begun, str]":
    """Return what the browser began, and where to go on; raise `sign_in_expired`."""
    from overtide.serving.access.code_flow import Begun, not_begun

    secret, _, place = (visit.cookie(SIGNING_IN) or "").partition(".")
    begun = Begun(secret)
    if len(secret) != 64 or not begun.is_of(visit.query.get("state", "")):
        raise not_begun()
    return begun, _place(place)


def _place(text: str) -> str:
    """Return where to go on, as a cookie keeps it."""
    try:
        return own_place(bytes.fromhex(text).decode())
    except ValueError:
        return "/"


async def _waiting(work: Callable[[], T]) -> T:
    """Return what some work that may wait for the provider gives, beside the event loop."""
    return await anyio.to_thread.run_sync(work, limiter=AT_PROVIDER)
