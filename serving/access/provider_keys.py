"""The keys of an identity provider: kept, renewed in passing, and used on while it is down."""

import logging
import threading
from collections.abc import Callable, Sequence

from overtide.schemas.errors import UnavailableError
from overtide.serving.access.provider_documents import Fetch, Key, ProviderError, published_keys

LOG = logging.getLogger("overtide.access")
FRESH = 600.0
"""Seconds after which the keys are asked for anew: so long a key that was withdrawn still holds."""
PAUSE = 10.0
"""Seconds between two looks at the provider, however many tokens name keys that it may not have."""
RETRY = 2.0
"""The same while no keys are known at all."""
PATIENCE = 15.0
"""Seconds that one request waits for another one's look."""
SIGNED_BY = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Type and curve of the key for each algorithm: a key does for no other."""


class ProviderKeys:
    """Finds the keys that a token may be signed with; usable from every thread."""

    def __init__(
        self, issuer: str, jwks_uri: str | None, fetch: Fetch, seconds: Callable[[], float]
    ) -> None:
        self._issuer, self._jwks_uri = issuer, jwks_uri
        self._fetch, self._seconds = fetch, seconds
        self._keys: Sequence[Key] | None = None
        self._fetched = self._looked = float("-inf")
        self._failure: str | None = None
        self._looking = threading.Lock()
        self.generation = 0
        """Grows when a key was withdrawn: what was verified before has to be verified again."""

    def are_due(self) -> bool:
        """Say whether it is time to look whether the keys are still the same."""
        return self._seconds() - self._fetched >= FRESH and self._may_look()

    def find(self, key_id: str | None, algorithm: str) -> list[Key]:
        """Return the keys that fit; may ask the provider, and waits for it only if it must.

        Raise `issuer_unavailable` where the provider does not say which keys it has.
        """
        if self._keys is not None and self.are_due() and self._looking.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._looking.release()
        return self._fitting(key_id, algorithm) or self._sought(key_id, algorithm)

    def _sought(self, key_id: str | None, algorithm: str) -> list[Key]:
        """Look for a key that is not known, once for all who wait for it."""
        if not self._looking.acquire(timeout=PATIENCE):
            raise self._unavailable()
        try:
            found = self._fitting(key_id, algorithm)
            if not found and self._may_look():
                self._look()
                found = self._fitting(key_id, algorithm)
        finally:
            self._looking.release()
        if not found and (self._keys is None or self._failure is not None):
            raise self._unavailable()
        return found

    def _may_look(self) -> bool:
        return self._seconds() - self._looked >= (RETRY if self._keys is None else PAUSE)

    def _look(self) -> None:
        """Ask the provider; what was known holds on where it does not answer."""
        self._looked = self._seconds()
        try:
            keys = published_keys(self._issuer, self._jwks_uri, self._fetch)
        except ProviderError as error:
            self._failure = str(error)
            LOG.warning("the keys of the identity provider: %s", error)
            return
        withdrawn = [key for key in self._keys or () if key not in keys]
        self._keys, self._fetched, self._failure = keys, self._looked, None
        self.generation += bool(withdrawn)

    def _fitting(self, key_id: str | None, algorithm: str) -> list[Key]:
        kind, curve = SIGNED_BY[algorithm]
        fitting = [
            key
            for key in self._keys or ()
            if (key["kty"], key.get("crv")) == (kind, curve)
            and key.get("alg", algorithm) == algorithm
            and (key_id is None or key.get("kid") == key_id)
        ]
        # A token may be silent on its key only where there is no choice.
        return fitting if key_id is not None or len(fitting) == 1 else []

    def _unavailable(self) -> UnavailableError:
        return UnavailableError(
            "issuer_unavailable",
            "The identity provider does not say which keys it has; the token cannot be verified.",
            "Authorization",
            "Send the request again; tokens of `overtide token` hold meanwhile.",
        )
