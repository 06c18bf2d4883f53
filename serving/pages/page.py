"""The contract of a page: its address, and a function from a visit to what is shown.

A page has nothing of its own to show: whatever it says of customers it asks of the operations, in
the name of whoever is signed in. A new page is one module with `PAGES`, a template, its texts, and
one line in `registered`.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from overtide.schemas.errors import OvertideError
from overtide.serving.access.principals import Principal
from overtide.serving.access.roles import Role
from overtide.serving.access.sessions import Session
from overtide.serving.operations.contract import Reply
from overtide.serving.pages.cookies import SESSION, cookie_of
from overtide.serving.pages.frame_rights import ALLOWED
from overtide.serving.pages.preferences import Preferences
from overtide.serving.pages.rendering import Rendering
from overtide.serving.wire.refusals import refusal_headers

HTML = "text/html; charset=utf-8"
SIGN_IN = "/sign-in"
ENDED, UNSENT = "ended", "unsent"
"""What an address says of a session that has ended: that it has, or that a form was not taken."""


class Asking(Protocol):
    """Performs an operation in the name of a principal, as over HTTP."""

    async def __call__(
        self,
        name: str,
        path: Mapping[str, str],
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        /,
    ) -> Reply:
        """Return its reply; raise what it refuses, `forbidden` for a role that is too small."""


async def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a person: where it goes, what was filled in, who is signed in.

    `fragment`: a part of a page that is there asks; it gets that part alone. `form` and `query`
    have the last value of each name, `given` all of the query in order. `sent`: it is a form that
    is sent. `framed`: it comes from a frame in another site's page. `client` is the address of
    the person's machine. `lasts` says whether who is signed in still is: what is sent for long asks
    it now and then.
    """

    address: str
    preferences: Preferences
    rendering: Rendering
    ask_of: Asking
    roles: Mapping[str, Role]
    root: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    given: Sequence[tuple[str, str]] = ()
    form: Mapping[str, str] = field(default_factory=dict)
    client: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    session: Session | None = None
    principal: Principal | None = None
    fragment: bool = False
    sent: bool = False
    framed: bool = False
    lasts: Callable[[], Awaitable[bool]] = _never

    @property
    def section(self) -> str:
        """Which of the pages' parts this is: the first segment of its address."""
        first = self.address.partition("?")[0].strip("/").partition("/")[0]
        return "/" if first in ("", "customers") else f"/{first}"

    @property
    def next(self) -> str:
        """Where to go on after signing in: the page, also where a part or a form of it asks."""
        if not self.fragment and not self.sent:
            return self.address
        shown = "hx-current-url" if self.fragment else "referer"
        parts = urlsplit(self.headers.get(shown, ""))
        return f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"

    async def reply(
        self,
        name: str,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Perform an operation by its name; the instance is filled in. Raise what it refuses."""
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        return await self.ask_of(name, path or {}, query or {}, headers or {}, content)

    async def ask(
        self,
        name: str,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Perform an operation as `reply` does and return its document."""
        reply = await self.reply(name, path, query, body)
        return reply.document if reply.content is None else json.loads(reply.content)

    def cookie(self, name: str) -> str | None:
        """Return what a cookie of ours holds."""
        return cookie_of(self.root, name, self.headers.get("cookie", ""))

    def may(self, name: str) -> bool:
        """Say whether who is signed in may call an operation."""
        if self.framed and name not in ALLOWED:
            return False
        return self.principal is not None and self.principal.role >= self.roles[name]

    def shown(
        self,
        template: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> Reply:
        """Return a page, or a part of one, from its template."""
        text = self.rendered(template, **values)
        return Reply(status, headers={"Content-Type": HTML, **(headers or {})}, content=text)

    def rendered(self, template: str, **values: object) -> bytes:
        """Return a template's text with values, every one of them escaped."""
        return self.rendering.rendered(template, self.preferences, {"visit": self, **values})

    def text(self, name: str, **values: object) -> str:
        """Return a text of the person's language."""
        return self.rendering.texts.text(self.preferences.language, name, values)

    def leading(self, address: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Return what leads a browser to another page of this site."""
        if self.fragment:
            return Reply(204, headers={"HX-Redirect": address, **(headers or {})})
        return Reply(303, headers={"Location": address, **(headers or {})})

    def problem(self, error: OvertideError) -> Reply:
        """Return a refusal as a part of the page that stays where it is, or as a page of its own.

        Where nobody is signed in any more it leads to where one signs in, but for a frame, whose
        page gives it another token.
        """
        if error.status == 401 and not self.framed:
            return self.leading(f"{SIGN_IN}?{urlencode(self._onward(), safe='/')}")
        headers = refusal_headers(error)
        if self.fragment:
            aim = {"HX-Retarget": "#problem", "HX-Reswap": "innerHTML"}
            return self.shown("_problem.html", error.status, {**headers, **aim}, error=error)
        page = "no_role.html" if error.code == "no_role" else "problem.html"
        return self.shown(page, error.status, headers, error=error)

    def _onward(self) -> dict[str, str]:
        """Return what the page on which one signs in is to know: where to go on, and what ended.

        Whoever signs out has no cookie any more; its session ends before it does.
        """
        if self.sent:
            return {"next": self.next, ENDED: UNSENT}
        was_in = self.fragment or self.cookie(SESSION) is not None
        return {"next": self.next, **({ENDED: "session"} if was_in else {})}


@dataclass(frozen=True, slots=True)
class Page:
    """One page: a method, an address in which `{name}` stands for a segment, and what it shows.

    `open`: nobody needs to be signed in. `embedded`: other sites may frame it, if configured.
    `refused` shows what `run` refuses; by default the visit does, as a problem.
    """

    method: str
    path: str
    run: Callable[[Visit], Reply | Awaitable[Reply]]
    open: bool = False
    embedded: bool = False
    refused: Callable[[Visit, OvertideError], Reply] | None = None
