"""Tokens: who they name, that only hashes are kept, and that other processes see changes."""

import pytest

from overtide.schemas.errors import OvertideError
from overtide.serving.access.roles import Role, role_of
from overtide.serving.access.tokens import Tokens


@pytest.fixture
def tokens(tmp_path) -> Tokens:
    return Tokens(tmp_path / "access" / "tokens.sqlite", lambda: 1_000_000)


def test_a_token_names_its_principal_until_it_is_revoked(tokens):
    assert tokens.principal("ovt_none") is None
    assert tokens.all() == []
    secret, info = tokens.create("crm", Role.CONTRIBUTOR)
    other, _ = tokens.create("crm", Role.VIEWER)
    assert secret != other
    assert tokens.principal(secret) == info.principal
    tokens.revoke(info.principal.id)
    assert tokens.principal(secret) is None
    assert tokens.principal(other) is not None
    assert [one.revoked_at for one in tokens.all() if one.principal == info.principal] == [
        1_000_000
    ]


def test_what_one_process_changes_the_next_look_up_of_another_sees(tokens):
    """Also within one tick of the file system's clock, in which many commits have one time."""
    other = Tokens(tokens._path, lambda: 2)
    for number in range(50):
        secret, info = tokens.create(f"c{number}", Role.VIEWER)
        assert other.principal(secret) == info.principal
        tokens.revoke(info.principal.id)
        assert other.principal(secret) is None


@pytest.mark.parametrize("name", ["", "x" * 257, "\0", "\ud800"])
def test_a_name_that_cannot_be_kept_is_refused(tokens, name):
    with pytest.raises(OvertideError) as refused:
        tokens.create(name, Role.VIEWER)
    assert refused.value.code == "invalid_parameter"


def test_a_token_that_is_not_there_cannot_be_revoked(tokens):
    with pytest.raises(OvertideError) as refused:
        tokens.revoke("none")
    assert refused.value.code == "unknown_token"


def test_a_role_is_known_in_any_case_and_suggested():
    assert role_of("OWNER") is Role.OWNER
    with pytest.raises(OvertideError) as refused:
        role_of("viewr")
    assert refused.value.hint == "Did you mean viewer?"
