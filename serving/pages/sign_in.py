"""Sign in with a token of the project, sign out, choose a language."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from overtide.schemas.errors import OvertideError, UnauthorizedError
from overtide.schemas.instants import DAY, HOUR
from overtide.serving.access.admission import Admission
from overtide.serving.access.identities import AtProvider, Identity
from overtide.serving.access.principals import Principal
from overtide.serving.access.sessions import Sessions
from overtide.serving.operations.contract import Reply
from overtide.serving.pages.cookies import SESSION, cookie
from overtide.serving.pages.page import ENDED, SIGN_IN, Page, Visit
from overtide.serving.pages.preferences import LANGUAGE

LASTING = 12 * HOUR
"""How long one stays signed in, unless the token ends before, or the session at the provider."""
KEPT = 30 * DAY
"""How long a browser keeps the cookie, by which it is told that its session has ended."""
A_YEAR = 365 * 24 * 3600


class SignIn:
    """The pages with which one signs in and out."""

    def __init__(self, admission: Admission, sessions: Sessions) -> None:
        self._admission, self._sessions = admission, sessions
        self.pages = (
            Page("GET", SIGN_IN, self.form, open=True),
            Page("POST", SIGN_IN, self.enter, open=True, refused=self.refused),
            Page("POST", "/sign-out", self.leave, open=True),
            Page("POST", "/language", choose_language, open=True),
        )

    def form(self, visit: Visit) -> Reply:
        """Ask for a token; who is signed in already goes on."""
        if visit.principal is not None:
            return visit.leading(own_place(visit.query.get("next", "/")))
        return self.shown(visit, 200, visit.query.get("next", "/"), None)

    def refused(self, visit: Visit, error: OvertideError) -> Reply:
        """Ask again, and say what was wrong."""
        return self.shown(visit, error.status, visit.form.get("next", "/"), error)

    def shown(self, visit: Visit, status: int, place: str, error: OvertideError | None) -> Reply:
        """Return the page on which one signs in, to be led to a place of this site afterwards."""
        flow = self._admission.sign_in
        provider = None if flow is None else flow.name
        where, ended = own_place(place), visit.query.get(ENDED)
        return visit.shown(
            "sign_in.html", status, next=where, error=error, provider=provider, ended=ended
        )

    async def enter(self, visit: Visit) -> Reply:
        """Begin a session with a token; raise `invalid_token` or `too_many_attempts`."""
        attempts = self._admission.attempts_of_people
        attempts.expect_few(visit.client)
        try:
            principal = self._admission.local(visit.form.get("token", "").strip())
        except UnauthorizedError:
            attempts.note(visit.client)
            raise
        begun = await self.begun(visit, principal)
        return visit.leading(own_place(visit.form.get("next", "/")), begun)

    async def begun(
        self, visit: Visit, who: Principal | Identity, at_provider: AtProvider | None = None
    ) -> Mapping[str, str]:
        """Begin a session, end the one there was, and return the header that tells the browser."""
        if visit.session is not None:
            await asyncio.to_thread(self._sessions.end, visit.session)
        session = await asyncio.to_thread(
            self._sessions.begin, who, LASTING, at_provider=at_provider
        )
        return {"Set-Cookie": cookie(visit.root, SESSION, session.secret, KEPT)}

    async def leave(self, visit: Visit) -> Reply:
        """End the session, and then that at the provider, where one signed in with it."""
        ended = {"Set-Cookie": cookie(visit.root, SESSION, "", 0)}
        if visit.session is None:
            return visit.leading(SIGN_IN, ended)
        await asyncio.to_thread(self._sessions.end, visit.session)
        flow, there = self._admission.sign_in, visit.session.at_provider
        if flow is None or there is None:
            return visit.leading(SIGN_IN, ended)
        address = await asyncio.to_thread(flow.leaving, there, visit.root + SIGN_IN)
        if address is None:
            return visit.leading(SIGN_IN, ended)
        # Not by a redirect: the policy lets a form lead nowhere but to this site.
        onward = {**ended, "Refresh": f"0; url={address}"}
        gone = replace(visit, session=None, principal=None)
        return gone.shown("signed_out.html", 200, onward, provider=flow.name, address=address)


def choose_language(visit: Visit) -> Reply:
    """Remember a language, and show the page again in it."""
    chosen = visit.form.get("language", "")
    place = own_place(visit.form.get("next", "/"))
    if chosen not in visit.rendering.texts.languages:
        return visit.leading(place)
    said = f"{LANGUAGE}={chosen}; Path=/; Max-Age={A_YEAR}; SameSite=Lax"
    return visit.leading(place, {"Set-Cookie": said})


def own_place(text: str) -> str:
    """Return an address of this site, the start where a text names none: `//evil` is elsewhere."""
    try:
        parts = urlsplit(text.replace("\\", "/"))
    except ValueError:
        return "/"
    own = not parts.scheme and not parts.netloc and parts.path.startswith("/")
    plain = text.isascii() and text.isprintable() and not text.startswith(("//", "/\\"))
    return text if own and plain else "/"
