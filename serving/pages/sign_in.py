"""Sign in with a token of the project, sign out, choose a language."""

import asyncio
from urllib.parse import urlsplit

from overtide.schemas.errors import UnauthorizedError
from overtide.schemas.instants import HOUR
from overtide.serving.access.admission import Admission
from overtide.serving.operations.contract import Reply
from overtide.serving.pages.page import SIGN_IN, Page, Visit
from overtide.serving.pages.preferences import LANGUAGE
from overtide.serving.pages.sessions import COOKIE, Session, Sessions

LASTING = 12 * HOUR
"""How long one stays signed in, unless the token ends before."""
A_YEAR = 365 * 24 * 3600
SECOND = 1_000_000


class SignIn:
    """The pages with which one signs in and out."""

    def __init__(self, admission: Admission, sessions: Sessions) -> None:
        self._admission, self._sessions = admission, sessions
        self.pages = (
            Page("GET", SIGN_IN, self.form, open=True),
            Page("POST", SIGN_IN, self.enter, open=True),
            Page("POST", "/sign-out", self.leave),
            Page("POST", "/language", choose_language, open=True),
        )

    def form(self, visit: Visit) -> Reply:
        """Ask for a token; who is signed in already goes on."""
        if visit.principal is not None:
            return visit.leading(_next(visit.query.get("next", "/")))
        return visit.shown("sign_in.html", next=_next(visit.query.get("next", "/")), error=None)

    async def enter(self, visit: Visit) -> Reply:
        """Begin a session with a token; say what is wrong with one that is refused."""
        place = _next(visit.form.get("next", "/"))
        try:
            principal = self._admission.local(visit.form.get("token", "").strip())
        except UnauthorizedError as error:
            return visit.shown("sign_in.html", error.status, next=place, error=error)
        session = await asyncio.to_thread(self._sessions.begin, principal, LASTING)
        return visit.leading(place, {"Set-Cookie": cookie(visit, session)})

    async def leave(self, visit: Visit) -> Reply:
        """End the session."""
        if visit.session is not None:
            await asyncio.to_thread(self._sessions.end, visit.session)
        return visit.leading(SIGN_IN, {"Set-Cookie": f"{COOKIE}=; Path=/; Max-Age=0"})


def choose_language(visit: Visit) -> Reply:
    """Remember a language, and show the page again in it."""
    chosen = visit.form.get("language", "")
    place = _next(visit.form.get("next", "/"))
    if chosen not in visit.rendering.texts.languages:
        return visit.leading(place)
    said = f"{LANGUAGE}={chosen}; Path=/; Max-Age={A_YEAR}; SameSite=Lax"
    return visit.leading(place, {"Set-Cookie": said})


def cookie(visit: Visit, session: Session) -> str:
    """Return what makes a browser send a session's secret, to this site alone."""
    secure = "; Secure" if visit.root.startswith("https:") else ""
    lasting = LASTING // SECOND
    return f"{COOKIE}={session.secret}; Path=/; Max-Age={lasting}; HttpOnly; SameSite=Lax{secure}"


def _next(text: str) -> str:
    """Return an address of this site, the start where a text names none: `//evil` is elsewhere."""
    parts = urlsplit(text.replace("\\", "/"))
    own = not parts.scheme and not parts.netloc and parts.path.startswith("/")
    return text if own and not text.startswith(("//", "/\\")) and text.isprintable() else "/"
