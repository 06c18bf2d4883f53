"""What an identity provider publishes: where its keys are, and the keys, as it is asked for them.

Only what can come from the provider itself: https, no redirects, in bounds of size and time.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, NoReturn

from overtide.schemas.addresses import is_safe

Fetch = Callable[[str], bytes]
Post = Callable[[str, bytes, Mapping[str, str]], bytes]
FORM = "application/x-www-form-urlencoded"
REFUSALS = (400, 401)
"""The statuses with which a token is refused (RFC 6749, section 5.2)."""
WELL_KNOWN = "/.well-known/openid-configuration"
SECONDS = 5.0
MOST_BYTES = 1024 * 1024
PUBLIC = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
"""The members of a public key by its type; whatever else a document has is left out."""
Key = Mapping[str, str]


class ProviderError(Exception):
    """What a provider published could not be had, or is not what it must be."""


def published_keys(issuer: str, jwks_uri: str | None, fetch: Fetch) -> list[Key]:
    """Return the keys with which a provider signs; raise `ProviderError`."""
    address = jwks_uri or _named(_of_issuer(issuer, fetch), "jwks_uri")
    keys = _document(address, fetch).get("keys")
    if not isinstance(keys, list):
        raise ProviderError(f"{address} has no list of keys")
    return [public for key in keys if (public := _public(key)) is not None]


def sign_in_addresses(issuer: str, fetch: Fetch) -> tuple[str, str]:
    """Return where a provider lets people sign in, and where it gives tokens for that.

    Raise `ProviderError`.
    """
    document = _of_issuer(issuer, fetch)
    return _named(document, "authorization_endpoint"), _named(document, "token_endpoint")


@dataclass(frozen=True, slots=True)
class SignInDocument:
    """What a provider says of how people sign in and out; `leaving` is where they sign out."""

    authorization: str
    token: str
    leaving: str | None
    by_body: bool
    names_itself: bool


def sign_in_document(issuer: str, fetch: Fetch) -> SignInDocument:
    """Return how people sign in and out; raise `ProviderError`.

    `by_body`: a client's secret is taken in the body alone. `names_itself`: what comes back says
    who sent it (RFC 9207).
    """
    document = _of_issuer(issuer, fetch)
    leaving = document.get("end_session_endpoint")
    ways = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return SignInDocument(
        _named(document, "authorization_endpoint"),
        _named(document, "token_endpoint"),
        leaving if isinstance(leaving, str) and is_safe(leaving) else None,
        isinstance(ways, list) and "client_secret_basic" not in ways,
        document.get("authorization_response_iss_parameter_supported") is True,
    )


def _of_issuer(issuer: str, fetch: Fetch) -> dict[str, Any]:
    address = issuer.rstrip("/") + WELL_KNOWN
    document = _document(address, fetch)
    if document.get("issuer") != issuer:
        raise ProviderError(f"{address} is of the issuer {document.get('issuer')!r}")
    return document


def _named(document: dict[str, Any], name: str) -> str:
    found = document.get(name)
    if not (isinstance(found, str) and is_safe(found)):
        raise ProviderError(f"{document['issuer']} names no https address as {name}")
    return found


def _document(address: str, fetch: Fetch) -> dict[str, Any]:
    try:
        found = json.loads(fetch(address))
    except (ValueError, RecursionError):
        raise ProviderError(f"{address} is no JSON") from None
    if not isinstance(found, dict):
        raise ProviderError(f"{address} is no JSON object")
    return found


def _public(key: object) -> Key | None:
    """Return what of a key is public; None for one that is not for signatures."""
    if not isinstance(key, dict) or key.get("use", "sig") != "sig":
        return None
    operations = key.get("key_ops", ["verify"])
    if not (isinstance(operations, list) and "verify" in operations):
        return None
    members = PUBLIC.get(str(key.get("kty")), ())
    named = ("kty", *members, *(name for name in ("kid", "alg") if name in key))
    texts = {name: key[name] for name in named if isinstance(key.get(name), str)}
    return texts if members and len(texts) == len(named) else None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What is published stands where it is said to stand."""

    def redirect_request(self, *_: object) -> None:
        """Follow none."""


def fetched(address: str) -> bytes:
    """Return what stands at an address; raise `ProviderError`."""
    return _answer(urllib.request.Request(address), ())  # noqa: S310 - checked by `is_safe`


def posted(address: str, form: bytes, headers: Mapping[str, str]) -> bytes:
    """Return what an address answers to a form, a refusal too; raise `ProviderError`."""
    sent = {**headers, "Content-Type": FORM, "Accept": "application/json"}
    request = urllib.request.Request(address, form, sent)  # noqa: S310 - checked by `is_safe`
    return _answer(request, REFUSALS)


def _answer(request: urllib.request.Request, refusals: Collection[int]) -> bytes:
    address, end = request.full_url, time.monotonic() + SECONDS
    try:
        opener = urllib.request.build_opener(_NoRedirects)
        with opener.open(request, timeout=SECONDS) as answer:
            return _read(address, answer.read1, end)
    except urllib.error.HTTPError as error:
        with error:
            if error.code in refusals:
                return _read(address, error.read1, end)
        raise ProviderError(f"{address} answered {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise ProviderError(f"{address} cannot be reached: {error}") from None


def _read(address: str, read: Callable[[int], bytes], end: float) -> bytes:
    found = b""
    while part := read(65_536):
        found += part
        if len(found) > MOST_BYTES or time.monotonic() > end:
            _too_much(address)
    return found


def _too_much(address: str) -> NoReturn:
    raise ProviderError(f"{address} answered too much, or too slowly")
