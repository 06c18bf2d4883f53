"""People sign in with the identity provider: the code flow of OpenID Connect, with PKCE.

Sources: OpenID Connect Core 1.0, RFC 7636 (PKCE), RFC 9207 (`iss` of what comes back), OpenID
Connect RP-Initiated Logout 1.0 and Back-Channel Logout 1.0.
"""

import base64
import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode, urlsplit

from overtide.schemas.errors import (
    ForbiddenError,
    InvalidRequestError,
    UnauthorizedError,
    UnavailableError,
)
from overtide.schemas.instants import Clock
from overtide.serving.access.identities import AtProvider, Identity, identity_of
from overtide.serving.access.provider_documents import (
    Fetch,
    Post,
    ProviderError,
    SignInDocument,
    sign_in_document,
)
from overtide.serving.access.provider_keys import FRESH, PAUSE, ProviderKeys
from overtide.serving.access.verification import TYPES, Expected, Verifier

if TYPE_CHECKING:  # pydantic is loaded where it is used
    from overtide.schemas.configuration.service import Oidc
    from overtide.schemas.configuration.sign_in import SignIn

LOG = logging.getLogger("overtide.access")
LONGEST = 300
"""Characters of what a provider says of why it refuses."""
LONGEST_HINT = 4000
"""Characters of a token that is sent along in an address."""
ENDED = "http://schemas.openid.net/event/backchannel-logout"
OF_ENDED = ("iss", "aud", "iat", "jti", "events")
"""The claims of a token that says that somebody has signed out at the provider."""


@dataclass(frozen=True, slots=True)
class Begun:
    """One time of signing in, known by a secret that the browser keeps meanwhile."""

    secret: str

    @property
    def state(self) -> str:
        """What comes back with the code: only this browser has begun it (CSRF)."""
        return self._derived(b"state")

    @property
    def nonce(self) -> str:
        """What stands in the ID token: it was made for this time."""
        return self._derived(b"nonce")

    @property
    def verifier(self) -> str:
        """What proves that whoever brings the code has asked for it (RFC 7636)."""
        return self._derived(b"verifier")

    @property
    def challenge(self) -> str:
        """What is told of the verifier beforehand."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def is_of(self, state: str) -> bool:
        """Say whether what came back belongs to this time."""
        return hmac.compare_digest(self.state.encode(), state.encode("utf-8", "replace"))

    def _derived(self, what: bytes) -> str:
        return hmac.digest(self.secret.encode(), what, "sha256").hex()


@dataclass(frozen=True, slots=True)
class Returned:
    """What the provider sends a browser back with; `redirect_uri` is where to."""

    code: str
    issuer: str | None
    redirect_uri: str


class CodeFlow:
    """Signs people in with one provider; what it does may wait for it. Usable from every thread."""

    def __init__(
        self,
        oidc: "Oidc",
        sign_in: "SignIn",
        keys: ProviderKeys,
        clock: Clock,
        provider: "ProviderSays",
    ) -> None:
        self._oidc, self._client, self._provider = oidc, sign_in, provider
        expected = Expected(
            oidc.issuer,
            [sign_in.client_id],
            oidc.algorithms,
            oidc.leeway_seconds,
            oidc,
            types=("jwt",),
            never=(),
        )
        of_api = replace(expected, audiences=oidc.audiences, types=TYPES)
        self._id_tokens = Verifier(expected, keys, clock)
        self._access_tokens = Verifier(of_api, keys, clock)
        of_ended = replace(expected, types=("jwt", "logout+jwt"), required=OF_ENDED)
        self._ended_tokens = Verifier(of_ended, keys, clock)
        self.name = sign_in.name or urlsplit(oidc.issuer).hostname or oidc.issuer

    def address(self, begun: Begun, redirect_uri: str) -> str:
        """Return where a browser signs in; raise `issuer_unavailable`."""
        said = {
            **self._client.parameters,
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._client.scopes),
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": begun.challenge,
            "code_challenge_method": "S256",
        }
        return _with(self._provider.now().authorization, said)

    def signed_in(self, begun: Begun, returned: Returned) -> tuple[Identity, AtProvider]:
        """Return who has signed in; raise `sign_in_refused` or `issuer_unavailable`."""
        document = self._provider.now()
        named = returned.issuer
        if named != self._oidc.issuer and (named is not None or document.names_itself):
            raise does_not_hold("Another provider sent you back.")
        tokens = self._tokens(document, begun, returned)
        try:
            claims = self._id_tokens.claims_of(_text(tokens, "id_token"))
            self._expect_mine(claims, begun)
            return self._identity(claims, tokens), _at_provider(claims, tokens)
        except UnauthorizedError as error:
            raise does_not_hold(error.message) from None

    def leaving(self, at_provider: AtProvider, back: str) -> str | None:
        """Return where somebody signs out at the provider, and is then led back; None if nowhere.

        The provider may ask them first where it is not told by an ID token who they are.
        """
        try:
            leaving = self._provider.now().leaving
        except UnavailableError:
            return None
        if leaving is None:
            return None
        said = {"client_id": self._client.client_id, "post_logout_redirect_uri": back}
        if len(at_provider.id_token) <= LONGEST_HINT:
            said["id_token_hint"] = at_provider.id_token
        return _with(leaving, said)

    def ended(self, token: str) -> tuple[str | None, str | None]:
        """Return subject and id of the session that has ended at the provider, as it tells us.

        Either may be None, not both. Raise `invalid_token` or `issuer_unavailable`.
        """
        claims = self._ended_tokens.claims_of(token)
        events = claims["events"]
        about = [claims.get(name) for name in ("sub", "sid")]
        texts = [one if isinstance(one, str) else None for one in about]
        if not (isinstance(events, dict) and ENDED in events) or "nonce" in claims:
            raise _invalid("It does not say that somebody has signed out.")
        if not any(texts):
            raise _invalid("It names neither `sub` nor `sid`.")
        return texts[0], texts[1]

    def _tokens(self, document: SignInDocument, begun: Begun, returned: Returned) -> dict[str, Any]:
        """Return what the provider gives for a code."""
        said = {
            "grant_type": "authorization_code",
            "code": returned.code,
            "redirect_uri": returned.redirect_uri,
            "client_id": self._client.client_id,
            "code_verifier": begun.verifier,
        }
        headers, secret = {}, self._client.client_secret
        if secret is not None and document.by_body:
            said["client_secret"] = secret
        elif secret is not None:
            headers["Authorization"] = _basic(said.pop("client_id"), secret)
        return self._provider.given(document.token, urlencode(said).encode(), headers)

    def _expect_mine(self, claims: Mapping[str, Any], begun: Begun) -> None:
        nonce = str(claims.get("nonce", "")).encode("utf-8", "replace")
        if not hmac.compare_digest(nonce, begun.nonce.encode()):
            raise _invalid("It was made for another time of signing in (`nonce`).")
        audiences, party = claims["aud"], claims.get("azp")
        several = isinstance(audiences, list) and len(audiences) > 1
        if party != self._client.client_id and (party is not None or several):
            raise _invalid("It was made for another client (`azp`).")

    def _identity(self, claims: Mapping[str, Any], tokens: Mapping[str, Any]) -> Identity:
        """Return whom the tokens name; the one that says the roles must be of the same person."""
        identity = identity_of(claims, self._oidc)
        if identity is None:
            raise _invalid("It names nobody in `sub` or `oid`.")
        if self._client.claims_from == "id_token":
            return identity
        token = _text(tokens, "access_token")
        of_api = self._access_tokens.claims_of(token)
        found = identity_of(of_api, self._oidc)
        same = any(of_api.get(one) == claims[one] for one in ("oid", "sub") if one in claims)
        if found is None or not same:
            raise _invalid("ID token and access token name two people.")
        return replace(found, name=identity.name)


class ProviderSays:
    """What the provider says of signing in, asked for now and then; anybody may make us ask."""

    def __init__(self, issuer: str, fetch: Fetch, post: Post, seconds: Callable[[], float]) -> None:
        self._issuer, self._fetch, self._post, self._seconds = issuer, fetch, post, seconds
        self._lock = threading.Lock()
        self._known: SignInDocument | None = None
        self._fetched = self._failed = float("-inf")

    def now(self) -> SignInDocument:
        """Return it; raise `issuer_unavailable` where it cannot be had and is not known."""
        with self._lock:
            now = self._seconds()
            if now - self._fetched >= FRESH and now - self._failed >= PAUSE:
                try:
                    self._known, self._fetched = sign_in_document(self._issuer, self._fetch), now
                except ProviderError as error:
                    self._failed = now
                    LOG.warning("the sign-in of the identity provider: %s", error)
            if self._known is None:
                raise _unavailable()
            return self._known

    def given(self, address: str, form: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """Return the tokens of an answer; raise `sign_in_refused` for one that says why not."""
        try:
            found = json.loads(self._post(address, form, headers))
        except ProviderError as error:
            LOG.warning("the tokens of the identity provider: %s", error)
            raise _unavailable() from None
        except (ValueError, RecursionError):
            raise does_not_hold("Its answer is no JSON.") from None
        if not isinstance(found, dict):
            raise does_not_hold("Its answer is no JSON object.")
        if "error" in found:
            LOG.warning("the identity provider gives no tokens: %s", str(found)[:LONGEST])
            raise refused_by(str(found["error"]), str(found.get("error_description", "")))
        return found


def refused_by(error: str, description: str) -> ForbiddenError:
    """Return what a provider's refusal is to the person; its words are shown as they are."""
    code, said = error[:LONGEST], description[:LONGEST].strip()
    return ForbiddenError(
        "sign_in_refused",
        f"The identity provider says {code}{f': {said}' if said else '.'}",
        code,
        "Sign in again; if it says the same, ask who looks after it.",
    )


def does_not_hold(reason: str) -> ForbiddenError:
    """Return the refusal of what a provider sent."""
    return ForbiddenError(
        "sign_in_refused",
        f"What the identity provider sent does not hold. {reason}",
        None,
        "Sign in again; if it says the same, ask who looks after it.",
    )


def not_begun() -> InvalidRequestError:
    """Return the refusal of one who has not begun here, or long ago, or comes back again."""
    return InvalidRequestError(
        "sign_in_expired",
        "Signing in was not begun in this browser, was done already, or began too long ago.",
        None,
        "Sign in again.",
    )


def _at_provider(claims: Mapping[str, Any], tokens: Mapping[str, Any]) -> AtProvider:
    sid = claims.get("sid")
    return AtProvider(str(claims["sub"]), sid if isinstance(sid, str) else None, tokens["id_token"])


def _text(tokens: Mapping[str, Any], name: str) -> str:
    found = tokens.get(name)
    if not isinstance(found, str):
        raise _invalid(f"There is no {name}.")
    return found


def _invalid(reason: str) -> UnauthorizedError:
    return UnauthorizedError("invalid_token", reason, "Authorization", "Sign in again.")


def _unavailable() -> UnavailableError:
    return UnavailableError(
        "issuer_unavailable",
        "The identity provider does not answer.",
        "service.oidc.issuer",
        "Try again in a moment; tokens of `overtide token` hold meanwhile.",
    )


def _basic(name: str, secret: str) -> str:
    """Return a client's credentials as RFC 6749, section 2.3.1 writes them."""
    both = f"{quote_plus(name)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(both.encode()).decode()}"


def _with(address: str, said: Mapping[str, str]) -> str:
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(said)}"
