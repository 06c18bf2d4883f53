"""A customer's card in a page of another system: a token for that customer alone."""

from urllib.parse import quote

from overtide.schemas.errors import ConflictError, UsageError
from overtide.schemas.instants import HOUR, MINUTE, SECOND, Instant, format_instant, parse_duration
from overtide.serving.acceptance import Target
from overtide.serving.access.identities import Identity
from overtide.serving.access.principals import Principal
from overtide.serving.access.roles import Role, role_of
from overtide.serving.access.sessions import Only
from overtide.serving.operations.contract import (
    CUSTOMER_ID,
    INSTANCE,
    Body,
    Call,
    Operation,
    Reply,
)
from overtide.serving.operations.customers import CUSTOMER
from overtide.serving.operations.members import members, parsed
from overtide.serving.terms import parameter

USUAL, MOST, LEAST = 30 * MINUTE, HOUR, SECOND
ROLES = (Role.VIEWER, Role.CONTRIBUTOR)
FRAME, SCRIPT = "/embed/customers/", "/static/overtide-card.js"


def embed(call: Call) -> Reply:
    """Return a token for the card of one customer, and where a frame shows it."""
    if not call.service.admission.settings.pages.embed_origins:
        raise ConflictError(
            "no_embed_origins",
            "No page of another site may show a customer here.",
            "service.pages.embed_origins",
            "Name the origins of those pages there, and serve again.",
        )
    lasting, role = _wanted(call)
    card = call.service.reader.get(Target(call.path["entityId"]))
    only = Only(card.customer_id, role)
    session = call.service.sessions.begin(_who(call), lasting, only, until=_end(call))
    document = {
        "customerId": card.customer_id,
        "token": session.secret,
        "url": f"{call.root}{FRAME}{quote(card.customer_id, safe='')}",
        "script": f"{call.root}{SCRIPT}",
        "role": role.label,
        "expiresAt": format_instant(session.expires_at),
    }
    told = {name: document[name] for name in ("role", "expiresAt")}
    return Reply(201, document, changed=(None, told))


def _who(call: Call) -> Principal | Identity:
    """Return who makes the token: what they may do is looked up whenever it is used."""
    return call.principal if call.principal.identity is None else call.principal.identity


def _end(call: Call) -> Instant | None:
    """Return when the token that asks ends by itself, None where it does not."""
    if call.principal.identity is not None:
        return call.principal.identity.until
    known = call.service.admission.tokens.find(call.principal.id)
    return None if known is None else known.expires_at


def _wanted(call: Call) -> tuple[int, Role]:
    """Return how long a token is to last, and its role; raise `invalid_parameter`."""
    given = members(parsed(call.body or b"{}"), {"lasting", "role"})
    role = role_of(str(given.get("role", Role.VIEWER.label)))
    if role not in ROLES or role > call.principal.role:
        raise _invalid(
            "role", f"{role.label} is no role of a frame.", "Give Viewer or Contributor."
        )
    if "lasting" not in given:
        return USUAL, role
    lasting = parameter("lasting", parse_duration, str(given["lasting"]))
    if not LEAST <= lasting <= MOST:
        raise _invalid("lasting", "It is not from 1s to 1h.", "Give a duration such as 30m.")
    return lasting, role


def _invalid(target: str | None, message: str, hint: str) -> UsageError:
    return UsageError("invalid_parameter", message, target, hint)


OPERATIONS = (
    Operation(
        "Embed-a-customer",
        "POST",
        f"{CUSTOMER}/embed",
        Role.CONTRIBUTOR,
        "Embed a customer's card",
        "Makes a token with which a page of another system shows the card of one customer, and "
        "nothing else, in a frame; it lasts at most an hour.",
        embed,
        {201: "The token, which is shown only now, and the address of the frame."},
        (INSTANCE, CUSTOMER_ID),
        Body(
            "How long it lasts (1s to 1h, default 30m), and whether values may be changed with it: "
            "role Viewer (default) or Contributor.",
            {"lasting": "30m", "role": "Viewer"},
            required=False,
        ),
        blocks=True,
        statuses=(400, 404, 409),
    ),
)
