"""Roles that are given and taken, who may do so, and the subscription keys beside them."""

import threading

import pytest

from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import HOUR
from overtide.serving.access.assignments import Assignments
from overtide.serving.access.database import AccessDatabase
from overtide.serving.access.identities import Identity
from overtide.serving.access.principals import Principal
from overtide.serving.access.roles import Role
from overtide.serving.access.subscription_keys import SLOTS, SubscriptionKeys
from overtide.serving.access.tokens import Tokens
from overtide.serving.operations.rbac import asked_assignment

OWNER = Principal("o", "owner", Role.OWNER)
ADMIN = Principal("a", "admin", Role.ADMIN)


@pytest.fixture
def database(tmp_path) -> AccessDatabase:
    return AccessDatabase(tmp_path / "access" / "tokens.sqlite")


@pytest.fixture
def assignments(database) -> Assignments:
    return Assignments(database, lambda: HOUR)


@pytest.fixture
def tokens(database) -> Tokens:
    return Tokens(database, lambda: HOUR)


def who(*ids: str, groups: tuple[str, ...] = (), claimed: Role | None = None) -> Identity:
    return Identity(ids, "Ann", "user", frozenset(groups), claimed)


def refusal(change, *words: object) -> str:
    with pytest.raises(OvertideError) as refused:
        change(*words)
    return refused.value.code


def test_a_role_is_given_changed_and_taken(assignments):
    assert assignments.role_of(who("ann")) is None
    for role in (Role.VIEWER, Role.ADMIN):
        assignments.put("ann", "user", role, OWNER)
        assert assignments.role_of(who("other", "ann")) is role
    assignments.remove("ann", ADMIN)
    assert assignments.role_of(who("ann")) is None
    assert refusal(assignments.remove, "ann", ADMIN) == "unknown_principal"


def test_the_own_role_goes_before_those_of_groups_of_which_the_greatest_counts(assignments):
    assignments.put("g1", "group", Role.VIEWER, OWNER)
    assignments.put("g2", "group", Role.ADMIN, OWNER)
    assert assignments.role_of(who("ann", groups=("g1", "g2", "g3"))) is Role.ADMIN
    assignments.put("ann", "user", Role.VIEWER, OWNER)
    assert assignments.role_of(who("ann", groups=("g1", "g2"))) is Role.VIEWER


def test_nobody_is_a_group_by_being_called_so_nor_a_group_somebody(assignments):
    assignments.put("admins", "group", Role.ADMIN, OWNER)
    assignments.put("ann", "user", Role.ADMIN, OWNER)
    assert assignments.role_of(who("admins")) is None
    assert assignments.role_of(who("eve", groups=("ann",))) is None


def test_a_local_token_has_its_role_changed_and_is_revoked(assignments, tokens):
    tokens.create("owner", Role.OWNER)
    secret, info = tokens.create("crm", Role.VIEWER)
    assignments.put(info.principal.id, "user", Role.CONTRIBUTOR, ADMIN)
    found = tokens.principal(secret)
    assert found is not None
    assert found.role is Role.CONTRIBUTOR
    # A user of the identity provider who is called like it has nothing of it.
    assert assignments.role_of(who(info.principal.id)) is None
    assignments.remove(info.principal.id, ADMIN)
    assert tokens.principal(secret) is None
    assert refusal(assignments.remove, info.principal.id, ADMIN) == "unknown_principal"


def test_all_shows_what_holds(assignments, tokens):
    _, info = tokens.create("crm", Role.VIEWER)
    _, revoked = tokens.create("old", Role.VIEWER)
    tokens.revoke(revoked.principal.id)
    Tokens(tokens._database, lambda: 0).create("ended", Role.VIEWER, 1)
    assignments.put("g1", "group", Role.VIEWER, ADMIN)
    found = [(one.principal, one.kind, one.name) for one in assignments.all()]
    assert found == [(info.principal.id, "app", "crm"), ("g1", "group", None)]


def test_only_an_owner_makes_or_changes_owners(assignments):
    assert refusal(assignments.put, "ann", "user", Role.OWNER, ADMIN) == "owner_needed"
    assignments.put("ann", "user", Role.OWNER, OWNER)
    assignments.put("bo", "user", Role.OWNER, OWNER)
    assert refusal(assignments.put, "ann", "user", Role.VIEWER, ADMIN) == "owner_needed"
    assert refusal(assignments.put, "ann", "group", Role.OWNER, ADMIN) == "owner_needed"
    assert refusal(assignments.remove, "ann", ADMIN) == "owner_needed"
    assert assignments.role_of(who("ann")) is Role.OWNER


def test_the_last_owner_stays_whatever_is_tried(assignments, tokens):
    _, info = tokens.create("owner", Role.OWNER)
    last = info.principal.id
    assignments.put("owners", "group", Role.OWNER, OWNER)  # in which nobody may be
    Tokens(tokens._database, lambda: 0).create("ended", Role.OWNER, 1)
    assert refusal(assignments.remove, last, OWNER) == "last_owner"
    assert refusal(assignments.put, last, "user", Role.ADMIN, OWNER) == "last_owner"
    assignments.put(last, "user", Role.OWNER, OWNER)
    assignments.put("ann", "user", Role.OWNER, OWNER)
    assignments.remove(last, OWNER)
    assert refusal(assignments.put, "ann", "group", Role.OWNER, OWNER) == "last_owner"
    assert refusal(assignments.remove, "ann", OWNER) == "last_owner"


def test_two_owners_who_remove_each_other_at_once_leave_one(assignments):
    for _ in range(10):
        for name in ("ann", "bo"):
            assignments.put(name, "user", Role.OWNER, OWNER)
        codes: list[str] = []

        def remove(name: str, codes: list[str] = codes) -> None:
            try:
                assignments.remove(name, OWNER)
            except OvertideError as error:
                codes.append(error.code)

        threads = [threading.Thread(target=remove, args=(name,)) for name in ("ann", "bo")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert codes == ["last_owner"]


@pytest.mark.parametrize("principal", ["", "x" * 257, "a\0", "\ud800"])
def test_an_id_that_cannot_be_kept_is_refused(assignments, principal):
    assert refusal(assignments.put, principal, "user", Role.VIEWER, OWNER) == "invalid_parameter"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (None, "invalid_assignment"),
        ([], "invalid_assignment"),
        ({}, "invalid_assignment"),
        ({"roles": []}, "invalid_assignment"),
        ({"roles": "Viewer"}, "invalid_assignment"),
        ({"roles": [5]}, "invalid_assignment"),
        ({"roles": ["Wiever"]}, "unknown_role"),
        ({"roles": ["Viewer"], "principalId": "bo"}, "invalid_assignment"),
        ({"roles": ["Viewer"], "principalType": "robot"}, "invalid_assignment"),
        ({"roles": ["Viewer"], "principalType": ["user"]}, "invalid_assignment"),
        ({"roles": ["Viewer"], "rolez": 1}, "invalid_assignment"),
        ("{", "invalid_json"),
        ('"x"', "invalid_assignment"),
    ],
)
def test_a_body_that_is_no_assignment_is_refused(body, code):
    assert refusal(asked_assignment, body, "ann") == code


def test_an_assignment_is_read_as_the_product_s_clients_send_it():
    whole = {"principalId": "ann", "principalType": "group", "roles": ["viewer", "Admin"]}
    assert asked_assignment({**whole, "instanceId": "i"}, "ann") == ("group", Role.ADMIN)
    assert asked_assignment('{"roles": ["Viewer"]}', "ann") == ("user", Role.VIEWER)


def test_one_key_is_renewed_while_the_other_holds(database):
    keys = SubscriptionKeys(database, lambda: HOUR)
    assert refusal(keys.expect, None) == refusal(keys.expect, "") == "invalid_subscription_key"
    first = {slot: keys.regenerate(slot, "me") for slot in SLOTS}
    keys.expect(first["primary"])
    keys.expect(first["secondary"])
    again = keys.regenerate("primary", "me")
    keys.expect(again)
    keys.expect(first["secondary"])
    for wrong in (first["primary"], None, "", "ovk_", again + "x", "\ud800", "x" * 100_000):
        assert refusal(keys.expect, wrong) == "invalid_subscription_key"
    assert [one.changed_by for one in keys.states()] == ["me", "me"]
    for secret in (*first.values(), again):
        assert secret.encode() not in database.path.read_bytes()
