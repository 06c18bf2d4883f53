"""What an identity provider publishes: where its keys are, and the keys, as it is asked for them.

Only what can come from the provider itself: https, no redirects, in bounds of size and time.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, NoReturn

from overtide.schemas.addresses import is_safe

Fetch = Callable[[str], bytes]
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
    address = jwks_uri or _discovered(issuer, fetch)
    keys = _document(address, fetch).get("keys")
    if not isinstance(keys, list):
        raise ProviderError(f"{address} has no list of keys")
    return [public for key in keys if (public := _public(key)) is not None]


def _discovered(issuer: str, fetch: Fetch) -> str:
    address = issuer.rstrip("/") + WELL_KNOWN
    document = _document(address, fetch)
    if document.get("issuer") != issuer:
        raise ProviderError(f"{address} is of the issuer {document.get('issuer')!r}")
    found = document.get("jwks_uri")
    if not (isinstance(found, str) and is_safe(found)):
        raise ProviderError(f"{address} names no https address of keys")
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
    end = time.monotonic() + SECONDS
    try:
        opener = urllib.request.build_opener(_NoRedirects)
        with opener.open(address, timeout=SECONDS) as answer:
            return _read(address, answer.read1, end)
    except urllib.error.HTTPError as error:
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
