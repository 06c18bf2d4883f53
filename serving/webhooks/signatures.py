"""Signatures of what is delivered, as https://www.standardwebhooks.com specifies them."""

import base64
import binascii
import hashlib
import hmac

from overtide.schemas.errors import UsageError

PREFIX = "whsec_"
LEAST, MOST = 24, 64
"""Bytes of a secret."""


def secret_of(key: bytes) -> str:
    """Return a secret as it is written."""
    return PREFIX + base64.b64encode(key).decode()


def checked_secret(text: str) -> str:
    """Return a secret that signatures can be made with; raise `invalid_parameter`."""
    try:
        fits = text.startswith(PREFIX) and LEAST <= len(_key(text)) <= MOST
    except (binascii.Error, ValueError):
        fits = False
    if not fits:
        raise UsageError(
            "invalid_parameter",
            f"It is no secret: {PREFIX} and {LEAST} to {MOST} bytes in base64.",
            "secret",
            "Leave it out: then one is made, and shown once.",
        )
    return text


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


def signed_headers(secret: str, message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """Return the headers of a message that is sent at an instant, in seconds since 1970."""
    content = b".".join((message_id.encode(), str(seconds).encode(), body))
    digest = hmac.digest(_key(secret), content, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
