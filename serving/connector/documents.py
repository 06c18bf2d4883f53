"""The two files of the connector, for a host, as the project's settings have it."""

import threading
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


class Connector:
    """Makes the files; the identity provider is asked once where it says how one signs in."""

    def __init__(self, settings: "Service", fetch: Fetch = fetched) -> None:
        self._settings, self._fetch = settings, fetch
        self._asking = threading.Lock()
        self._known: SignIn | None = None

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
        with self._asking:
            if self._known is None:
                self._known = _asked(oidc, self._fetch)
            return self._known


def _asked(oidc: "Oidc", fetch: Fetch) -> SignIn:
    try:
        authorization, token = sign_in_addresses(oidc.issuer, fetch)
    except ProviderError as error:
        raise UnavailableError(
            "issuer_unavailable",
            f"The identity provider does not say how one signs in: {error}.",
            "service.oidc.issuer",
            "Ask again later.",
        ) from None
    of_api = [f"{one}/.default" for one in oidc.audiences if one.startswith(ENTRA)]
    return SignIn(authorization, token, ("openid", "offline_access", *of_api[:1]))
