"""Whom the claims of a verified token name, and which role they speak for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from overtide.schemas.instants import Instant
from overtide.schemas.values import checked_text
from overtide.serving.access.principals import Kind
from overtide.serving.access.roles import Role, role_of

Claims = Mapping[str, object]
LONGEST = 256
"""Characters of an id or a name: what a caller's name may have."""
NAMES = ("name", "preferred_username", "upn", "email", "app_displayname")
CLIENTS = ("appid", "azp", "client_id")
"""The claims of an application's own id: Entra's, OpenID Connect's, RFC 9068's."""


class RoleClaims(Protocol):
    """Where roles and groups stand: the part of `service.oidc` that is needed here."""

    @property
    def role_claim(self) -> str: ...  # noqa: D102 - a setting, documented where it is declared

    @property
    def roles(self) -> Mapping[str, str]: ...  # noqa: D102 - the same

    @property
    def group_claim(self) -> str: ...  # noqa: D102 - the same


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a token of an identity provider names; the first of `ids` is shown.

    `until` is when the token that was sent is taken no more, None where none was.
    """

    ids: tuple[str, ...]
    name: str
    kind: Kind
    groups: frozenset[str]
    claimed: Role | None
    until: Instant | None = None


@dataclass(frozen=True, slots=True)
class AtProvider:
    """A session at the provider: whose it is there, its id if it has one, the ID token."""

    subject: str
    sid: str | None
    id_token: str


def identity_of(claims: Claims, where: RoleClaims) -> Identity | None:
    """Return whom claims name, None where that is nobody whose id can be kept."""
    client = next((one for name in CLIENTS if (one := _text(claims.get(name)))), None)
    own = [one for name in ("oid", "sub") if (one := _text(claims.get(name)))]
    if not own:
        return None
    is_app = _is_app(claims, client)
    # An app's id names who signed in only where no user did: else each user would be the app.
    ids = [*own, client] if is_app and client else own
    return Identity(
        tuple(dict.fromkeys(ids)),
        next((one for name in NAMES if (one := _text(claims.get(name)))), client or own[0]),
        "app" if is_app else "user",
        frozenset(_texts(_at(claims, where.group_claim))),
        _claimed(_at(claims, where.role_claim), where.roles),
    )


def _is_app(claims: Claims, client: str | None) -> bool:
    """Say whether an application signed in by itself, as providers tell it."""
    kind, subject = claims.get("idtyp"), claims.get("sub")
    if kind is not None:
        return kind == "app"
    if claims.get("gty") == "client-credentials":
        return True
    return client is not None and (subject == client or subject == claims.get("oid"))


def _claimed(found: object, roles: Mapping[str, str]) -> Role | None:
    """Return the greatest role that the values of a claim stand for."""
    values = set(_texts(found))
    if isinstance(found, str):
        values |= set(found.split(" "))  # as scopes are written
    return max((role_of(roles[one]) for one in values if one in roles), default=None)


def _at(claims: Claims, path: str) -> object:
    """Return the claim of a name, or what its points lead to."""
    if path in claims:
        return claims[path]
    found: object = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _texts(found: object) -> Iterable[str]:
    every = found if isinstance(found, list) else [found]
    return [one for one in every if isinstance(one, str)]


def _text(found: object) -> str | None:
    fits = isinstance(found, str) and 0 < len(found) <= LONGEST
    return checked_text(found) if fits and isinstance(found, str) else None
