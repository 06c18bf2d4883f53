"""How people sign in to the pages with the identity provider: a part of `service.oidc`."""

from typing import Literal

from pydantic import Field

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.model import Model, Text

PLACE = ("service", "oidc", "sign_in")
OWN = frozenset(
    (
        "client_id",
        "client_secret",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "redirect_uri",
        "request",
        "request_uri",
        "response_mode",
        "response_type",
        "scope",
        "state",
    )
)
"""What the service itself says when it sends somebody to the provider."""


class SignIn(Model):
    """The client that the pages are at the identity provider (code flow with PKCE)."""

    client_id: Text = Field(
        description="the id that the provider gave to the pages", examples=["overtide-pages"]
    )
    client_secret: Text | None = Field(
        default=None,
        description="the client's secret, from the environment; none for a public client",
        examples=["${OVERTIDE_CLIENT_SECRET}"],
    )
    scopes: list[Text] = Field(
        default=["openid", "profile"],
        description="what is asked for; `openid` must be among it",
        examples=[["openid", "profile", "api://overtide/.default"]],
    )
    name: Text | None = Field(
        default=None,
        description="how the button calls the provider (default: the host of the issuer)",
        examples=["Contoso"],
    )
    claims_from: Literal["id_token", "access_token"] = Field(
        default="id_token",
        description="the token whose claims say roles and groups; an access token must be made "
        "for `audience`, as those of the API",
        examples=["access_token"],
    )
    parameters: dict[str, Text] = Field(
        default={},
        description="what else is sent along when somebody is sent to the provider",
        examples=[{"audience": "https://overtide.example.com"}],
    )


def check_sign_in(checking: Checking, sign_in: SignIn) -> None:
    """Check scopes and parameters."""
    if "openid" not in sign_in.scopes:
        checking.add(
            "invalid_value",
            (*PLACE, "scopes"),
            "The scope `openid` is missing.",
            expected="openid, without which nobody is named",
        )
    for name in sign_in.parameters:
        if name in OWN:
            checking.add(
                "invalid_value",
                (*PLACE, "parameters", name),
                f"`{name}` is said by the service itself.",
                expected="another parameter, such as audience, resource or prompt",
            )
