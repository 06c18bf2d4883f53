"""How a connector reaches the service, and says who it is: what an import of it asks for."""

from dataclasses import dataclass
from typing import Any

from overtide.serving.access.subscription_keys import HEADER

REDIRECT = "https://global.consent.azure-apim.net/redirect"
"""Where Power Platform takes an identity provider's answers, as for every custom connector."""
TOKEN, KEY, OAUTH = "token", "subscription_key", "oauth"
"""The connection's parameters; a secret of the project, the subscription key, a sign-in."""
BRAND = "#0b6e75"
PUBLISHER = "Overtide"


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where an identity provider signs a person in, and for which scopes."""

    authorization: str
    token: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the service is, how one signs in (None: by a token), whether it takes a key."""

    scheme: str
    netloc: str
    sign_in: SignIn | None = None
    takes_key: bool = False

    @property
    def root(self) -> str:
        """The service's address."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def host(self) -> str | None:
        """The host as Swagger 2.0 can have it: an IPv6 address it cannot, then it is left out."""
        return None if self.netloc.startswith("[") else self.netloc

    def security(self) -> dict[str, Any]:
        """Return what Swagger says of who may call."""
        schemes: dict[str, Any] = {
            TOKEN: {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Bearer` and a token.",
            }
        }
        if self.sign_in is not None:
            schemes = {
                OAUTH: {
                    "type": "oauth2",
                    "flow": "accessCode",
                    "authorizationUrl": self.sign_in.authorization,
                    "tokenUrl": self.sign_in.token,
                    "scopes": {one: one for one in self.sign_in.scopes},
                }
            }
        if self.takes_key:
            schemes[KEY] = {"type": "apiKey", "in": "header", "name": HEADER}
        scopes = list(self.sign_in.scopes) if self.sign_in else []
        needed = {one: scopes if one == OAUTH else [] for one in schemes}
        return {"securityDefinitions": schemes, "security": [needed]}

    def parameters(self) -> dict[str, Any]:
        """Return what a person is asked for when a connection is made."""
        asked = (
            {TOKEN: _secret("Token", "A token, without `Bearer`: `overtide token create`.", 1)}
            if self.sign_in is None
            else {TOKEN: _signed_in(self.sign_in)}
        )
        if self.takes_key:
            text = "A key of the service: `overtide key regenerate primary`."
            asked[KEY] = _secret("Subscription key", text, 2)
        return asked

    def headers(self) -> dict[str, str]:
        """Return the headers that carry what was given, each with how it is written."""
        found = {}
        if self.sign_in is None:
            found["Authorization"] = f"Bearer @connectionParameters('{TOKEN}')"
        if self.takes_key:
            found[HEADER] = f"@connectionParameters('{KEY}')"
        return found


def api_properties(connection: Connection, pages: list[str], next_link: str) -> dict[str, Any]:
    """Return `apiProperties.json`; `pages` are the operations whose answers have a next link."""
    return {
        "properties": {
            "connectionParameters": connection.parameters(),
            "iconBrandColor": BRAND,
            "capabilities": ["actions", "triggers"],
            "publisher": PUBLISHER,
            "stackOwner": PUBLISHER,
            "policyTemplateInstances": [
                *(_header(name, value) for name, value in connection.headers().items()),
                {
                    "templateId": "updatenextlink",
                    "title": "Next pages by way of the connector",
                    "parameters": {
                        "x-ms-apimTemplate-operationName": pages,
                        "x-ms-apimTemplateParameter.nextLinkPropertyName": next_link,
                    },
                },
            ],
        }
    }


def _secret(title: str, text: str, place: int) -> dict[str, Any]:
    constraints = {"required": "true", "clearText": False, "tabIndex": place}
    return {
        "type": "securestring",
        "uiDefinition": {
            "displayName": title,
            "description": text,
            "tooltip": text,
            "constraints": constraints,
        },
    }


def _signed_in(sign_in: SignIn) -> dict[str, Any]:
    return {
        "type": "oauthSetting",
        "oAuthSettings": {
            "identityProvider": "oauth2",
            "clientId": "",
            "scopes": list(sign_in.scopes),
            "redirectMode": "Global",
            "redirectUrl": REDIRECT,
            "properties": {"IsFirstParty": "False"},
            "customParameters": {
                "authorizationUrl": {"value": sign_in.authorization},
                "tokenUrl": {"value": sign_in.token},
                "refreshUrl": {"value": sign_in.token},
            },
        },
    }


def _header(name: str, value: str) -> dict[str, Any]:
    return {
        "templateId": "setheader",
        "title": name,
        "parameters": {
            "x-ms-apimTemplateParameter.name": name,
            "x-ms-apimTemplateParameter.value": value,
            "x-ms-apimTemplateParameter.existsAction": "override",
            "x-ms-apimTemplate-policySection": "Request",
        },
    }
