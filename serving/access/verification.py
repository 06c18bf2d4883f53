"""Verifies tokens of an identity provider: by its keys, for this service, within their time.

What a token says of itself decides nothing: not its algorithm, which must be an allowed one and fit
its key; not where its key is (`jku`, `x5u`, `jwk`), which is never read.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jwt

from overtide.schemas.errors import UnauthorizedError
from overtide.schemas.instants import SECOND, Clock, Instant
from overtide.serving.access.identities import Identity, RoleClaims, identity_of
from overtide.serving.access.provider_documents import Key
from overtide.serving.access.provider_keys import ProviderKeys

LONGEST = 16 * 1024
"""Characters of a token."""
MOST_REMEMBERED = 10_000
LEAST_BITS = 2048
"""Of an RSA key (NIST SP 800-131A)."""
TYPES = ("jwt", "at+jwt", "application/at+jwt")
"""What a token may say that it is: another kind of signed document is no access token."""
NEVER = ("nonce", "at_hash", "c_hash", "events")
"""Claims of ID tokens and of tokens that tell of events: where the client of a sign-in is also the
audience of the API they would pass as access tokens, which carry none of these.

Sources: OpenID Connect Core 1.0, section 2; RFC 8417, section 2.2.
"""
REQUIRED = ("exp", "iat", "iss", "aud", "sub")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must be."""

    issuer: str
    audiences: Sequence[str]
    algorithms: Sequence[str]
    leeway_seconds: float
    claims: RoleClaims
    types: Sequence[str] = TYPES
    required: Sequence[str] = REQUIRED
    never: Sequence[str] = NEVER


@dataclass(frozen=True, slots=True)
class _Verified:
    identity: Identity
    until: Instant
    generation: int


class Verifier:
    """Verifies each token once, and remembers it for as long as it holds."""

    def __init__(self, expected: Expected, keys: ProviderKeys, clock: Clock) -> None:
        self._expected, self._keys, self._clock = expected, keys, clock
        self._remembered: OrderedDict[bytes, _Verified] = OrderedDict()
        self._lock = threading.Lock()

    def remembered(self, token: str) -> Identity | None:
        """Return whom a token names if it was verified before and need not be again; never wait."""
        digest = _digest(token)
        with self._lock:
            found = self._remembered.get(digest)
            if found is not None:
                self._remembered.move_to_end(digest)
        if found is None or found.until <= self._clock() or self._keys.are_due():
            return None
        return found.identity if found.generation == self._keys.generation else None

    def verified(self, token: str) -> Identity:
        """Return whom a token names; may wait for the provider.

        Raise `invalid_token` or `issuer_unavailable`.
        """
        generation = self._keys.generation  # first: a key may be withdrawn right behind it
        claims = self.claims_of(token)
        identity = identity_of(claims, self._expected.claims)
        if identity is None:
            raise invalid_token("It names nobody in `sub` or `oid`.")
        until = int((int(claims["exp"]) + self._expected.leeway_seconds) * SECOND)
        identity = replace(identity, until=until)
        self._remember(token, _Verified(identity, until, generation))
        return identity

    def claims_of(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that is as expected; may wait for the provider.

        Raise `invalid_token` or `issuer_unavailable`.
        """
        algorithm, key_id = self._header(token)
        claims = self._claims(token, algorithm, self._keys.find(key_id, algorithm))
        of_others = next((name for name in self._expected.never if name in claims), None)
        if of_others is not None:
            raise invalid_token(f"It is no access token: it has `{of_others}`.")
        return claims

    def _header(self, token: str) -> tuple[str, str | None]:
        """Return algorithm and key of a token that is worth a look at its signature."""
        if len(token) > LONGEST or not token.isascii():
            raise invalid_token("It is no token of the identity provider.")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise invalid_token("It is no token of the identity provider.") from None
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in self._expected.algorithms:
            raise invalid_token(f"Its algorithm is none of {', '.join(self._expected.algorithms)}.")
        if str(header.get("typ", "JWT")).lower() not in self._expected.types or "crit" in header:
            raise invalid_token("It is no token of the kind that is read here.")
        return str(algorithm), key_id

    def _claims(self, token: str, algorithm: str, keys: Sequence[Key]) -> dict[str, Any]:
        for key in keys:
            try:
                return self._decoded(token, algorithm, key)
            except (jwt.InvalidSignatureError, jwt.InvalidKeyError):
                continue
            except jwt.PyJWTError as error:
                raise invalid_token(_reason(error)) from None
        raise invalid_token("No key of the identity provider has signed it.")

    def _decoded(self, token: str, algorithm: str, key: Key) -> dict[str, Any]:
        public = jwt.PyJWK(dict(key), algorithm)
        if getattr(public.key, "key_size", LEAST_BITS) < LEAST_BITS and key["kty"] == "RSA":
            raise jwt.InvalidKeyError
        claims: dict[str, Any] = jwt.decode(
            token,
            public,
            algorithms=[algorithm],
            audience=list(self._expected.audiences),
            issuer=self._expected.issuer,
            leeway=self._expected.leeway_seconds,
            options={"require": list(self._expected.required)},
        )
        return claims

    def _remember(self, token: str, verified: _Verified) -> None:
        with self._lock:
            self._remembered[_digest(token)] = verified
            while len(self._remembered) > MOST_REMEMBERED:
                self._remembered.popitem(last=False)


def invalid_token(reason: str) -> UnauthorizedError:
    """Return the error of a token that is not taken."""
    return UnauthorizedError(
        "invalid_token",
        f"The token is not taken. {reason}",
        "Authorization",
        "Get a new one from where it came from.",
    )


def _reason(error: jwt.PyJWTError) -> str:
    """Say what is wrong with a token that is signed as it should be."""
    if isinstance(error, jwt.ExpiredSignatureError):
        return "It has expired."
    if isinstance(error, jwt.ImmatureSignatureError):
        return "It does not hold yet."
    if isinstance(error, jwt.InvalidAudienceError):
        return "It was made for another service (`aud`)."
    if isinstance(error, jwt.InvalidIssuerError):
        return "It was made by another issuer (`iss`)."
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"It has no `{error.claim}`."
    return "Its claims cannot be read."


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
