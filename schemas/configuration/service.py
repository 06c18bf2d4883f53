"""The section `service`: who may use the HTTP service, and from where."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from overtide.schemas.addresses import is_safe
from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.model import Model, Text
from overtide.schemas.configuration.rate_limits import RateLimit
from overtide.schemas.configuration.sign_in import SignIn, check_sign_in
from overtide.schemas.errors import InvalidValueError
from overtide.schemas.instants import HOUR, MINUTE, SECOND, parse_duration
from overtide.schemas.mistakes import Path

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
"""Signatures by a key pair alone: what verifies a token must not be able to make one."""
RoleName = Literal["Viewer", "Contributor", "Admin", "Owner"]


class Bounds(NamedTuple):
    """Between which a duration must lie, in microseconds, and how that is said."""

    least: int
    most: int
    spoken: str
    expected: str


LEEWAY = Bounds(0, 5 * MINUTE, "at most 5 minutes", "0s to 5m")
SLOW_READERS = Bounds(SECOND, HOUR, "1 second to 1 hour", "1s to 1h")
ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")
ADDRESS = re.compile(r"https?://[^/?#\s]+(?:/[^?#\s]*)?")
HOST = re.compile(r"[a-z0-9.-]+|\[[0-9a-f:]+\]")


class Oidc(Model):
    """The identity provider whose tokens are taken, besides those of `overtide token`."""

    issuer: Text = Field(
        description="who makes the tokens, exactly as their `iss` says; its keys are found by "
        "`/.well-known/openid-configuration` below it",
        examples=["https://login.example.com/realms/shop"],
    )
    audience: Text | list[Text] = Field(
        description="for whom the tokens must be made: one of these stands in their `aud`",
        examples=["api://overtide"],
    )
    algorithms: Annotated[list[Algorithm], Field(min_length=1)] = Field(
        default=["RS256", "ES256"],
        description="the signatures that are taken",
        examples=[["PS256"]],
    )
    leeway: str = Field(
        default="60s",
        description="how far the provider's clock may be off, at most 5m",
        examples=["5s"],
    )
    role_claim: Text = Field(
        default="roles",
        description="the claim whose values `roles` maps; points lead into objects",
        examples=["realm_access.roles"],
    )
    roles: dict[str, RoleName] = Field(
        default={},
        description="value of the role claim -> role; who has several has the greatest",
        examples=[{"crm-writers": "Contributor"}],
    )
    group_claim: Text = Field(
        default="groups",
        description="the claim with the groups, each of which may have an assignment",
        examples=["https://shop.example.com/groups"],
    )
    jwks_uri: Text | None = Field(
        default=None,
        description="where the keys are, where the provider has no discovery document",
        examples=["https://login.example.com/keys"],
    )
    sign_in: SignIn | None = Field(
        default=None,
        description="how people sign in to the pages with this provider",
        examples=[{"client_id": "overtide-pages", "client_secret": "${OVERTIDE_CLIENT_SECRET}"}],
    )

    @property
    def audiences(self) -> list[str]:
        """For whom tokens may be made."""
        return [self.audience] if isinstance(self.audience, str) else self.audience

    @property
    def leeway_seconds(self) -> float:
        """How far the provider's clock may be off."""
        return parse_duration(self.leeway) / SECOND


class WebhookSettings(Model):
    """Where webhooks may lead besides the internet."""

    allowed_hosts: list[Text] = Field(
        default=[],
        description="names and addresses of this network that webhooks may lead to, also by http",
        examples=[["flows.shop.internal", "10.0.0.7"]],
    )


class Pages(Model):
    """What other sites may do with the pages."""

    embed_origins: list[Text] = Field(
        default=[],
        description="the origins whose pages may show a customer's card in a frame",
        examples=[["https://crm.example.com"]],
    )


class Service(Model):
    """What `overtide serve` takes from whom."""

    oidc: Oidc | None = Field(
        default=None,
        description="an identity provider whose tokens are taken",
        examples=[{"issuer": "https://login.example.com", "audience": "api://overtide"}],
    )
    require_subscription_key: bool = Field(
        default=False,
        description="whether every request needs a subscription key beside its token",
        examples=[True],
    )
    cors_origins: list[Text] = Field(
        default=[],
        description="the origins whose pages may call the service from a browser",
        examples=[["https://crm.example.com"]],
    )
    hosts: list[Text] = Field(
        default=[],
        description="the names by which the service may be called; where it listens on this "
        "machine alone, those of this machine always are",
        examples=[["customers.example.com"]],
    )
    pages: Pages = Field(
        default=Pages(),
        description="what other sites may do with the pages",
        examples=[{"embed_origins": ["https://crm.example.com"]}],
    )
    proxies: list[Text] = Field(
        default=[],
        description="the addresses, or networks, of proxies: what they say in X-Forwarded-For and "
        "X-Forwarded-Proto is believed, and that of nobody else",
        examples=[["127.0.0.1", "10.0.0.0/8"]],
    )
    webhooks: WebhookSettings = Field(
        default=WebhookSettings(),
        description="where webhooks may lead",
        examples=[{"allowed_hosts": ["flows.shop.internal"]}],
    )
    otlp_endpoint: Text | None = Field(
        default=None,
        description="where the service, the stream and refreshes send spans (OpenTelemetry, OTLP "
        "over HTTP); the variable `OTEL_EXPORTER_OTLP_ENDPOINT` goes before",
        examples=["http://collector.example.com:4318"],
    )
    slow_readers: str = Field(
        default="60s",
        description="after how long a client is cut off that takes nothing of what waits for it, "
        "1s to 1h",
        examples=["10s"],
    )
    rate_limits: dict[str, RateLimit] = Field(
        default={},
        description="caller, or `default` for each principal -> its limit; what is not named has "
        "600,000 requests in 60 seconds, the caller `connector` 100",
        examples=[{"default": {"requests": 6000}, "till": {"requests": 50, "seconds": 1}}],
    )

    @property
    def slow_reader_seconds(self) -> float:
        """After how long a client is cut off that takes nothing of what waits for it."""
        return parse_duration(self.slow_readers) / SECOND


def check_service(checking: Checking, service: Service) -> None:
    """Check addresses, origins, names, the leeway and how people sign in."""
    if service.otlp_endpoint is not None and not ADDRESS.fullmatch(service.otlp_endpoint):
        checking.add(
            "invalid_value",
            ("service", "otlp_endpoint"),
            f"`{service.otlp_endpoint}` is no address.",
            expected="one such as http://collector.example.com:4318, without /v1/traces",
        )
    _check_duration(checking, ("service", "slow_readers"), service.slow_readers, SLOW_READERS)
    if service.oidc is not None:
        _check_provider(checking, service.oidc)
    for place, origins in (
        (("service", "cors_origins"), service.cors_origins),
        (("service", "pages", "embed_origins"), service.pages.embed_origins),
    ):
        _check_texts(
            checking,
            place,
            origins,
            ORIGIN,
            "an origin as browsers send it: https://crm.example.com, in small letters, no path, "
            "no `*`",
        )
    _check_proxies(checking, service.proxies)
    for place, hosts in (
        (("service", "hosts"), service.hosts),
        (("service", "webhooks", "allowed_hosts"), service.webhooks.allowed_hosts),
    ):
        _check_texts(
            checking,
            place,
            hosts,
            HOST,
            "a name such as customers.example.com, in small letters, without a port",
        )


def _check_provider(checking: Checking, oidc: Oidc) -> None:
    for name, text in (("issuer", oidc.issuer), ("jwks_uri", oidc.jwks_uri)):
        if text is not None and not is_safe(text):
            checking.add(
                "invalid_value",
                ("service", "oidc", name),
                f"`{text}` is no https address.",
                expected="an https address; http only for localhost",
            )
    if not oidc.audiences:
        checking.add(
            "invalid_value",
            ("service", "oidc", "audience"),
            "No audience is named.",
            expected="at least one: a token for another service must not do here",
        )
    _check_duration(checking, ("service", "oidc", "leeway"), oidc.leeway, LEEWAY)
    if oidc.sign_in is not None:
        check_sign_in(checking, oidc.sign_in)


def _check_proxies(checking: Checking, proxies: Iterable[str]) -> None:
    for number, text in enumerate(proxies):
        try:
            ipaddress.ip_network(text)
        except ValueError:
            checking.add(
                "invalid_value",
                ("service", "proxies", number),
                f"`{text}` is no address.",
                expected="an address such as 127.0.0.1, or a network such as 10.0.0.0/8",
            )


def _check_duration(checking: Checking, place: Path, text: str, within: Bounds) -> None:
    try:
        fits = within.least <= parse_duration(text) <= within.most
    except InvalidValueError:
        fits = False
    if not fits:
        checking.add(
            "invalid_duration",
            place,
            f"`{text}` is not a duration of {within.spoken}.",
            expected=within.expected,
        )


def _check_texts(
    checking: Checking, place: Path, texts: Iterable[str], form: re.Pattern[str], expected: str
) -> None:
    for number, text in enumerate(texts):
        if not form.fullmatch(text):
            checking.add(
                "invalid_value",
                (*place, number),
                f"`{text}` is not {expected.partition(':')[0].partition(' such')[0]}.",
                expected=expected,
            )
