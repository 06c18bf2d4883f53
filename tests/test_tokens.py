"""Tokens: who they name, that only hashes are kept, and that other processes see changes."""

import sqlite3
import threading
from pathlib import Path

import pytest

from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import MINUTE, SECOND
from overtide.serving.access.database import AccessDatabase
from overtide.serving.access.last_use import LastUse
from overtide.serving.access.roles import Role, role_of
from overtide.serving.access.tokens import Tokens, hashed

NOW = 10 * MINUTE
BEFORE = """CREATE TABLE token (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, role INTEGER NOT NULL, hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL, revoked_at INTEGER) STRICT, WITHOUT ROWID"""
"""The table as it was before tokens could end."""


class Time:
    """A clock that is set by hand."""

    now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def database(tmp_path) -> AccessDatabase:
    return AccessDatabase(tmp_path / "access" / "tokens.sqlite")


@pytest.fixture
def tokens(database, clock) -> Tokens:
    return Tokens(database, clock)


def code(refused: pytest.ExceptionInfo[OvertideError]) -> str:
    return refused.value.code


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
    assert [one.revoked_at for one in tokens.all() if one.principal == info.principal] == [NOW]


def test_a_token_ends_at_its_instant(tokens, clock):
    secret, info = tokens.create("guest", Role.VIEWER, 5 * SECOND)
    clock.now = NOW + 5 * SECOND - 1
    assert tokens.principal(secret) == info.principal
    clock.now += 1
    assert tokens.principal(secret) is None
    assert tokens.all()[0].expires_at == clock.now


def test_what_one_process_changes_the_next_look_up_of_another_sees(tokens, database):
    """Also within one tick of the file system's clock, in which many commits have one time."""
    other = Tokens(AccessDatabase(database.path), lambda: 2)
    for number in range(50):
        secret, info = tokens.create(f"c{number}", Role.VIEWER)
        assert other.principal(secret) == info.principal
        tokens.revoke(info.principal.id)
        assert other.principal(secret) is None


def test_threads_that_look_while_tokens_change_never_keep_an_old_answer(tokens):
    secrets = [tokens.create(f"c{number}", Role.VIEWER) for number in range(20)]
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            tokens.principal(secrets[0][0])

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for secret, info in secrets:
        tokens.revoke(info.principal.id)
        assert tokens.principal(secret) is None
    ended.set()
    for thread in threads:
        thread.join()
    assert [tokens.principal(secret) for secret, _ in secrets] == [None] * 20


@pytest.mark.parametrize("name", ["", "x" * 257, "\0", "\ud800"])
def test_a_name_that_cannot_be_kept_is_refused(tokens, name):
    with pytest.raises(OvertideError) as refused:
        tokens.create(name, Role.VIEWER)
    assert code(refused) == "invalid_parameter"


def test_a_token_that_is_not_there_cannot_be_revoked(tokens):
    with pytest.raises(OvertideError) as refused:
        tokens.revoke("none")
    assert code(refused) == "unknown_token"


def test_a_role_is_known_in_any_case_and_suggested():
    assert role_of("OWNER") is Role.OWNER
    with pytest.raises(OvertideError) as refused:
        role_of("viewr")
    assert refused.value.hint == "Did you mean viewer?"


def older_database(path: Path, secret: str) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute(BEFORE)
        row = ("abc", "crm", int(Role.ADMIN), hashed(secret), 5, None)
        connection.execute("INSERT INTO token VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.close()


def test_a_database_of_before_is_read_as_it_is_and_migrated_by_the_first_change(database, tokens):
    older_database(database.path, "ovt_old")
    before = database.path.read_bytes()
    found = tokens.principal("ovt_old")
    assert found is not None
    assert (found.id, found.role) == ("abc", Role.ADMIN)
    assert [one.expires_at for one in tokens.all()] == [None]
    assert database.path.read_bytes() == before
    new, _ = tokens.create("new", Role.VIEWER, SECOND)
    assert tokens.principal("ovt_old") == found
    assert tokens.principal(new) is not None
    assert [one.expires_at for one in tokens.all()] == [None, NOW + SECOND]


def test_a_migration_that_is_cut_off_has_not_happened(database, tokens):
    older_database(database.path, "ovt_old")
    with pytest.raises(RuntimeError), database.writing():
        raise RuntimeError
    assert tokens.principal("ovt_old") is not None
    tokens.revoke("abc")
    assert tokens.principal("ovt_old") is None


def test_what_is_no_database_is_named(database, tokens):
    database.path.parent.mkdir()
    database.path.write_bytes(b"no database" * 100)
    with pytest.raises(OvertideError) as refused:
        tokens.principal("ovt_x")
    assert (code(refused), refused.value.target) == ("access_unavailable", str(database.path))


def test_the_last_use_is_written_once_a_minute_however_many_requests_there_are(
    database, tokens, clock
):
    _, info = tokens.create("crm", Role.VIEWER)
    last_use = LastUse(database, clock)
    written: list[int | None] = []
    for _ in range(180):
        clock.now += SECOND
        last_use.note(info.principal.id)
        before = database.signature()
        last_use.write()
        if database.signature() != before:
            written.append(tokens.all()[0].last_used_at)
    assert written == [NOW, NOW + MINUTE, NOW + 2 * MINUTE, NOW + 3 * MINUTE]


def test_what_was_noted_is_written_at_the_end_and_never_goes_back(database, tokens, clock):
    _, info = tokens.create("crm", Role.VIEWER)
    with LastUse(database, clock).writing():
        pass
    assert tokens.all()[0].last_used_at is None
    for now, expected in ((NOW, NOW), (NOW - 5 * MINUTE, NOW)):
        clock.now = now
        last_use = LastUse(database, clock)
        with last_use.writing():
            last_use.note(info.principal.id)
        assert tokens.all()[0].last_used_at == expected
