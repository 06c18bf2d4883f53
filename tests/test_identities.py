"""Whom claims name, as the identity providers write them, and the role that they speak for."""

from dataclasses import dataclass, field

import pytest

from overtide.serving.access.identities import identity_of
from overtide.serving.access.roles import Role


@dataclass
class Where:
    """Where roles and groups stand."""

    role_claim: str = "roles"
    roles: dict[str, str] = field(default_factory=lambda: {"writers": "Contributor", "x": "Viewer"})
    group_claim: str = "groups"


ENTRA_USER = {
    "oid": "o-ann",
    "sub": "pairwise",
    "name": "Ann",
    "preferred_username": "ann@shop.example",
    "azp": "app-1",
    "groups": ["g1", "g2"],
    "roles": ["writers"],
}
ENTRA_APP = {"oid": "o-app", "sub": "o-app", "azp": "app-1", "idtyp": "app", "roles": ["x"]}
ENTRA_APP_OLD = {"oid": "o-app", "sub": "o-app", "appid": "app-1", "app_displayname": "Crm"}
KEYCLOAK = {
    "sub": "k-ann",
    "preferred_username": "ann",
    "azp": "web",
    "realm_access": {"roles": ["writers"]},
}
AUTH0_APP = {"sub": "abc@clients", "azp": "abc", "gty": "client-credentials"}
RFC_9068_APP = {"sub": "crm", "client_id": "crm"}


@pytest.mark.parametrize(
    ("claims", "ids", "name", "kind"),
    [
        (ENTRA_USER, ("o-ann", "pairwise"), "Ann", "user"),
        (ENTRA_APP, ("o-app", "app-1"), "app-1", "app"),
        (ENTRA_APP_OLD, ("o-app", "app-1"), "Crm", "app"),
        (KEYCLOAK, ("k-ann",), "ann", "user"),
        (AUTH0_APP, ("abc@clients", "abc"), "abc", "app"),
        (RFC_9068_APP, ("crm",), "crm", "app"),
    ],
)
def test_principals_are_named_as_providers_name_them(claims, ids, name, kind):
    found = identity_of(claims, Where())
    assert found is not None
    assert (found.ids, found.name, found.kind) == (ids, name, kind)


def test_a_user_never_has_what_the_application_has():
    """Who signs in through an app is not the app, whatever they may call themselves."""
    for claims in (ENTRA_USER, KEYCLOAK, {**ENTRA_USER, "idtyp": "user", "sub": "app-1"}):
        found = identity_of(claims, Where())
        assert found is not None
        assert found.kind == "user"
        assert claims["azp"] not in found.ids[:1]
    named = identity_of({**KEYCLOAK, "preferred_username": "service-account-web"}, Where())
    assert named is not None
    assert named.ids == ("k-ann",)


@pytest.mark.parametrize(
    ("claim", "claims", "role"),
    [
        ("roles", {"roles": ["x", "writers"]}, Role.CONTRIBUTOR),
        ("roles", {"roles": "writers"}, Role.CONTRIBUTOR),
        ("scope", {"scope": "openid x"}, Role.VIEWER),
        ("realm_access.roles", KEYCLOAK, Role.CONTRIBUTOR),
        ("https://shop.example/roles", {"https://shop.example/roles": ["x"]}, Role.VIEWER),
        ("groups", {"groups": ["writers"]}, Role.CONTRIBUTOR),
        ("roles", {"roles": ["Writers", "writer", "Owner"]}, None),
        ("roles", {"roles": [["writers"], None, 5, {"writers": 1}]}, None),
        ("roles", {"roles": {"writers": True}}, None),
        ("roles.x.y", {"roles": ["writers"]}, None),
        ("roles", {}, None),
    ],
)
def test_the_role_is_the_greatest_that_the_claim_stands_for(claim, claims, role):
    found = identity_of({"sub": "ann", **claims}, Where(role_claim=claim))
    assert found is not None
    assert found.claimed is role


def test_names_that_cannot_be_kept_are_passed_over():
    claims = {"sub": "ann", "name": "x" * 300, "preferred_username": "\0", "upn": 5, "email": "a@x"}
    found = identity_of(claims, Where())
    assert found is not None
    assert found.name == "a@x"
    assert identity_of({"sub": None, "oid": ""}, Where()) is None
