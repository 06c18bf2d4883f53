"""The two files of the connector, for a host, as the project's settings have it."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from overtide.schemas.errors import UnavailableError
from overtide.serving.access.provider_documents import (
    Fetch,
    ProviderError,
    fetched,
    sign_in_addresses,
)
from overtide.serving.connector.actions import ACTIONS
from overtide.serving.connector.connection import Connection, SignIn, api_properties
from overtide.serving.connector.swagger import NEXT, definition
from overtide.serving.operations.registered import OPERATIONS

if TYPE_CHECKING:  # pydantic is loaded where it is used
    from overtide.schemas.configuration.service import Oidc, Service

DEFINITION, PROPERTIES = "apiDefinition.swagger.json", "apiProperties.json"
ENTRA = "api://"
"""How audiences of Microsoft's identity platform begin, which has a scope for each."""
PAUSE = 10.0
"""Seconds between two questions to a provider that does not answer."""


class Connector:
    """Makes the files; the identity provider is asked once where it says how one signs in."""

    def __init__(
        self,
        settings: "Service",
        fetch: Fetch = fetched,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._fetch, self._seconds = settings, fetch, seconds
        self._asking = threading.Lock()
        self._known: SignIn | None = None
        self._failed = float("-inf")

    def documents(self, scheme: str, netloc: str) -> dict[str, dict[str, Any]]:
        """Return the files by name; raise `issuer_unavailable`."""
        settings = self._settings
        connection = Connection(scheme, netloc, self._sign_in(), settings.require_subscription_key)
        pages = [one.id for one in ACTIONS if one.pages]
        return {
            DEFINITION: definition(OPERATIONS, connection),
            PROPERTIES: api_properties(connection, pages, NEXT),
        }

    def _sign_in(self) -> SignIn | None:
        """Return how one signs in, None where it is by a token.

        It is that, too, with a provider without a discovery document, which says nowhere how.
        """
        oidc = self._settings.oidc
        if oidc is None or oidc.jwks_uri is not None:
            return None
        return self._known or self._asked(oidc)

    def _asked(self, oidc: "Oidc") -> SignIn:
        """Ask the provider, one request at a time and now and then: anybody may make us ask."""
        if not self._asking.acquire(blocking=False):
            raise _unavailable("it is being asked")
        try:
            if self._seconds() - self._failed < PAUSE:
                raise _unavailable("it did not answer a moment ago")
            self._known = _signing_in(oidc, self._fetch)
        except ProviderError as error:
            self._failed = self._seconds()
            raise _unavailable(str(error)) from None
        finally:
            self._asking.release()
        return self._known


def _signing_in(oidc: "Oidc", fetch: Fetch) -> SignIn:
    """Return how a provider says that one signs in; raise `ProviderError`."""
    authorization, token = sign_in_addresses(oidc.issuer, fetch)
    of_api = [f"{one}/.default" for one in oidc.audiences if one.startswith(ENTRA)]
    return SignIn(authorization, token, ("openid", "offline_access", *of_api[:1]))


def _unavailable(why: str) -> UnavailableError:
    return UnavailableError(
        "issuer_unavailable",
        f"The identity provider does not say how one signs in: {why}.",
        "service.oidc.issuer",
        "Ask again later.",
    )
