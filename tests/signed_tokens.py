"""An identity provider made by hand: keys, what it publishes, and the tokens that it signs."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://login.example.com", "api://overtide"
RSA_KEY, OTHER_RSA_KEY = (rsa.generate_private_key(65_537, 2048) for _ in range(2))
EC_KEY = ec.generate_private_key(ec.SECP256R1())
NOBODY: Mapping[str, Any] = {}


def jwk(key: Any, kid: str, **more: object) -> dict[str, Any]:
    """Return the public part of a key as a provider publishes it."""
    form = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**form.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", **more}


def claims(**more: object) -> dict[str, Any]:
    """Return the claims of a token that is taken, with some changed; None leaves one out."""
    now = int(time.time())
    whole = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ann",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        **more,
    }
    return {name: value for name, value in whole.items() if value is not None}


def signed(
    payload: Mapping[str, Any] | None = None,
    key: Any = RSA_KEY,
    algorithm: str = "RS256",
    **header: object,
) -> str:
    """Return a token as the provider signs it."""
    given = claims() if payload is None else dict(payload)
    return jwt.encode(given, key, algorithm, headers={"kid": "one", **header})


@dataclass
class Provider:
    """What the provider publishes: changed, taken down, and counted."""

    keys: list[dict[str, Any]] = field(default_factory=lambda: [jwk(RSA_KEY, "one")])
    down: bool = False
    asked: int = 0
    document: dict[str, Any] = field(
        default_factory=lambda: {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}
    )

    def fetch(self, address: str) -> bytes:
        """Answer as the provider does."""
        from overtide.serving.access.provider_documents import ProviderError

        if self.down:
            raise ProviderError("down")
        if address.endswith("/keys"):
            self.asked += 1
            return json.dumps({"keys": self.keys}).encode()
        return json.dumps(self.document).encode()
