"""The contract of an operation: what it is called, who may call it, what it takes and answers.

From one `Operation` come its HTTP routes, its part of the OpenAPI document and of docs/api.md. A
new operation is one module with an `OPERATIONS`, and one line in `registered`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from overtide.schemas.errors import OvertideError, UsageError
from overtide.serving.access.principals import Principal
from overtide.serving.access.roles import Role
from overtide.serving.service import Service
from overtide.serving.terms import Terms
from overtide.serving.wire.refusals import Errors

Json = Mapping[str, object]
BOOLEANS = {"true": True, "false": False}
KINDS = {str: "string", bool: "boolean", int: "integer"}
"""What JSON Schema calls the kinds of parameters."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: its name, where it stands, and what it means."""

    name: str
    text: str
    place: Literal["path", "query", "header"] = "query"
    kind: type[str | bool | int] = str
    required: bool = False
    example: object = None


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries: its text, an example, and whether it is lines of JSON.

    Lines are not limited in number: they are in `Call.chunks`, everything else is in `Call.body`.
    Where it need not be there, it is not `required`.
    """

    text: str
    example: object
    lines: bool = False
    required: bool = True


async def _no_chunks() -> AsyncIterator[bytes]:
    for chunk in list[bytes]():
        yield chunk


@dataclass(frozen=True, slots=True)
class Call:
    """One request as an operation sees it; names of queries and headers are as declared.

    `root` is the address of the server as the client called it.
    """

    service: Service
    principal: Principal
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunks: AsyncIterator[bytes] = field(default_factory=_no_chunks)
    root: str = ""
    admitted: Callable[[], Awaitable[Principal]] | None = None
    """Asks anew whose the request is, for what goes on: raises where its token has ended."""

    def flag(self, name: str) -> bool:
        """Return a parameter that is true or false, false where it is missing."""
        text = self.query.get(name, "false")
        if text.lower() not in BOOLEANS:
            raise UsageError(
                "invalid_parameter", f"{text!r} is neither true nor false.", name, "Give one."
            )
        return BOOLEANS[text.lower()]

    def number(self, name: str, default: int, most: int) -> int:
        """Return a parameter that is a whole number from 0 to `most`."""
        text = self.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most):
            raise UsageError(
                "invalid_parameter",
                f"{text!r} is no whole number from 0 to {most}.",
                name,
                "Give one.",
            )
        return int(text)

    def terms(self) -> Terms:
        """Return when a change holds and who sent it; by default its principal did."""
        return Terms(
            self.query.get("validUntil"),
            self.query.get("eventTime"),
            self.query.get("caller", self.principal.name),
            self.headers.get("Idempotency-Key"),
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """What an operation answers: a status, a JSON document or None, and headers.

    Instead of a document there may be its text in `content`, or a `stream` of bytes, which are sent
    as they come; `headers` name their type. `changed` is for the audit: what of a setting was there
    before, and what is there since. `cookies` are values of `Set-Cookie` beside one in `headers`.
    """

    status: int
    document: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None
    content: bytes | None = None
    changed: tuple[object, object] = (None, None)
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `answers` maps the statuses of success to what they mean.

    `blocks`: it waits for a disk, so that it must not hold up the others. What is awaitable waits
    by itself. `signed`: the address itself says who may call it, and no token is asked for. One
    that is not `offered` refuses whatever it is sent. `content` are the media types of its answers.
    `refused` gives what the audit keeps of a call that was refused; without it that is nothing.
    """

    name: str
    method: str
    path: str
    role: Role
    title: str
    text: str
    run: Callable[[Call], Reply | Awaitable[Reply]]
    answers: Mapping[int, str]
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    errors: Errors = Errors.ODATA
    blocks: bool = False
    signed: bool = False
    offered: bool = True
    statuses: tuple[int, ...] = ()
    content: tuple[str, ...] = ("application/json",)
    refused: Callable[[Call, OvertideError], object] | None = None

    @property
    def changes(self) -> bool:
        """Whether it changes something, which is then audited; a POST may only ask."""
        return self.method != "GET" and self.role > Role.VIEWER


ENTITY = Parameter(
    "entityName", "Full name of an entity, DataSource_Entity, or UnifiedActivity.", "path"
)
CUSTOMER_ID = Parameter("entityId", "Id of the customer, a current or a previous one.", "path")
INSTANCE = Parameter("instanceId", "Id of the instance, as in overtide.yaml.", "path")
VALID_UNTIL = Parameter(
    "validUntil",
    "When the change ends: an instant with an offset (RFC 3339), at most 30 days ahead, or a "
    "duration from acceptance such as 4h. By default the project's `real_time` setting.",
)
EVENT_TIME = Parameter(
    "eventTime", "When it took effect, also in the past: an instant with an offset. Default: now."
)
CALLER = Parameter("caller", "Who makes the change, kept with it. Default: the token's name.")
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "A repeated request with the same key and caller is answered as the first time, and accepted "
    "only once.",
    "header",
)
WRITE = (VALID_UNTIL, EVENT_TIME, CALLER, IDEMPOTENCY_KEY)
AS_OF = Parameter("asOf", "Show what was true at this instant. Default: now.")
KNOWN_AT = Parameter("knownAt", "Use only what was known at this instant. Default: now.")
BASE = Parameter("base", "Leave real-time changes out.", kind=bool)
READ = (AS_OF, KNOWN_AT, BASE)


def reading(
    name: str,
    path: str,
    title: str,
    text: str,
    run: Callable[[Call], Reply],
    *parameters: Parameter,
    statuses: tuple[int, ...] = (),
) -> Operation:
    """Return an operation with which Viewers read what is of the project; it waits for a disk."""
    return Operation(
        name,
        "GET",
        path,
        Role.VIEWER,
        title,
        text,
        run,
        {200: "As asked for."},
        (INSTANCE, *parameters),
        errors=Errors.MANAGEMENT,
        blocks=True,
        statuses=statuses,
    )
