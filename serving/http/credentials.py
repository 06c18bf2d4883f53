"""What a request says of who sends it, and who that is; and the challenge where it is nobody."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
from starlette.datastructures import Headers

from overtide.schemas.errors import (
    InvalidRequestError,
    OvertideError,
    UnauthorizedError,
)
from overtide.serving.access.admission import Admission
from overtide.serving.access.principals import Principal
from overtide.serving.access.subscription_keys import HEADER, QUERY

VERIFYING = anyio.CapacityLimiter(8)
"""How many tokens are verified at once, beside what waits for disks: some wait for a provider."""
TOO_LITTLE = ("forbidden", "no_role", "owner_needed")
"""The codes of what another token could do."""
UNQUOTED = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
"""What may not stand in a challenge (RFC 6750, section 3)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The secrets of a request, as they were sent."""

    token: str | None
    key: str | None

    @classmethod
    def of(cls, headers: Headers, query: bytes) -> "Credentials":
        """Read them; raise `repeated_credentials` where it is not clear which are meant."""
        scheme, _, token = (_one("Authorization", headers) or "").partition(" ")
        in_query = _one_of(QUERY, {text for name, text in _pairs(query) if name == QUERY})
        keys = {one for one in (_one(HEADER, headers), in_query) if one is not None}
        bearer = scheme.lower() == "bearer" and token.strip()
        return cls(token.strip() if bearer else None, _one_of(HEADER, keys))


def _one(name: str, headers: Headers) -> str | None:
    found = headers.getlist(name)
    if len(found) > 1:
        raise _repeated(name)
    return found[0] if found else None


def _one_of(name: str, found: set[str]) -> str | None:
    if len(found) > 1:
        raise _repeated(name)
    return next(iter(found), None)


def _repeated(name: str) -> OvertideError:
    return InvalidRequestError(
        "repeated_credentials", f"{name} is given more than once.", name, "Send one."
    )


def _pairs(query: bytes) -> list[tuple[str, str]]:
    """Return the parameters of a query, none of one that is long or broken: it is refused later."""
    if QUERY.encode() not in query:
        return []
    try:
        return parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=100)
    except ValueError:
        return []


async def sender(admission: Admission, credentials: Credentials) -> Principal:
    """Return who sends a request.

    Raise `unauthorized`, `invalid_token`, `invalid_subscription_key`, `no_role` or
    `issuer_unavailable`.
    """
    token = credentials.token
    if token is None:
        raise UnauthorizedError(
            "unauthorized",
            "A token is needed.",
            "Authorization",
            "Send `Authorization: Bearer TOKEN`; `overtide token create` makes one.",
        )
    admission.expect_key(credentials.key)
    verifier = admission.verifier_of(token)
    if verifier is None:
        return admission.local(token)
    identity = verifier.remembered(token)
    if identity is None:
        identity = await anyio.to_thread.run_sync(verifier.verified, token, limiter=VERIFYING)
    return admission.admitted(identity)


def challenge(error: OvertideError) -> dict[str, str]:
    """Return the header that says how to be let in, as RFC 6750 writes it; none for others."""
    if error.code in TOO_LITTLE:
        return {"WWW-Authenticate": _bearer("insufficient_scope", error.message)}
    if not isinstance(error, UnauthorizedError):
        return {}
    said = error.code == "invalid_token"
    return {"WWW-Authenticate": _bearer("invalid_token", error.message) if said else "Bearer"}


def _bearer(code: str, text: str) -> str:
    return f'Bearer error="{code}", error_description="{UNQUOTED.sub("?", text)}"'
