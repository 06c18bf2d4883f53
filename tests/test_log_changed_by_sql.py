"""Events that were changed by SQL, which changes the indexes too: they are missed and named."""

import shutil
import sqlite3

import pytest

from overtide.eventlog.changed import MOST
from overtide.eventlog.extent import read_extent
from overtide.eventlog.layout import ENTRY
from overtide.project import Project
from overtide.schemas.errors import OvertideError
from overtide.schemas.events import DAMAGED, KINDS, Draft
from overtide.schemas.instants import HOUR
from tests.damage import IDS, RECORDS, ask, drafts, make_log, opened
from tests.shop import ACCOUNTS, CONTACTS, ORDERS

COLUMNS = [*(name.strip() for name in ENTRY.split(",")), "activity"][1:]
NEVER_NULL = {"event_id", "accepted_at", "kind", "valid_from", "body", "status"}
ANN, BEN = IDS[0], IDS[1]
NEW = Draft("update", ANN, None, None, "{}", ttl=HOUR)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A log that tests copy, and what it says."""
    return make_log(tmp_path_factory.mktemp("made"), journal=False)


def changed(made, folder, assignment, *positions):
    """Return the path of a copy of the log in which an assignment was made at positions."""
    path = shutil.copytree(made[0], folder / "changed") / "events.sqlite"
    with sqlite3.connect(path) as connection:
        for position in positions:
            connection.execute(f"UPDATE event SET {assignment} WHERE position = {position}")
    connection.close()
    return path


@pytest.mark.parametrize("position", [0, 3, 6])
@pytest.mark.parametrize(
    "assignment",
    [
        *(f"{column} = 'forged'" for column in COLUMNS),
        *(f"{column} = NULL" for column in COLUMNS if column not in NEVER_NULL),
        *(f"kind = '{kind}'" for kind in KINDS),
        "customer_id = '7'",
    ],
)
def test_no_column_can_be_changed_unnoticed(made, tmp_path, assignment, position):
    said = ask(changed(made, tmp_path, assignment, position))
    assert said.differs(made[1]) is None
    assert said == made[1] or "log_corrupt" in said.found


def code_of(call) -> str:
    try:
        call()
    except OvertideError as error:
        return f"{error.code}: {error.message}"
    return "answered"


def test_who_is_not_concerned_reads_and_writes_on(made, tmp_path):
    log = opened(changed(made, tmp_path, f"customer_id = '{'ef' * 16}'", 1))
    assert "position 1 " in code_of(lambda: log.of_customer([BEN]))
    assert "position 1 " in code_of(lambda: log.of_customer(["ef" * 16]))
    assert code_of(lambda: log.of_customer([BEN], kinds=["activity"])) == "answered"
    assert code_of(lambda: log.of_customer([ANN], RECORDS)) == "answered"
    assert log.append([NEW])[0].event is not None
    assert [event.kind for event in log.read(0, 3)] == ["update", DAMAGED, "update"]


@pytest.mark.parametrize(
    ("assignment", "position"),
    [
        ("activity_id = 'other'", 6),
        ("activity = 'other'", 6),
        ("idempotency_key = 'other'", 0),
        ("caller = 'other'", 0),
    ],
)
def test_what_was_accepted_is_not_accepted_again(made, tmp_path, assignment, position):
    """The first connection to be told is the one that writes."""
    again = drafts()[position]
    log = opened(changed(made, tmp_path, assignment, position))
    assert f"position {position} " in code_of(lambda: log.append([again]))
    assert f"position {position} " in code_of(lambda: log.decided_before(again))
    other = again._replace(activity_id=again.activity_id and "b1", idempotency_key=None)
    assert log.append([other])[0].repeated is False


def test_a_change_is_remembered_by_every_process_until_it_is_mended(made, tmp_path):
    path = changed(made, tmp_path, "key = '9'", 4, 7)
    for _ in range(2):
        log = opened(path)
        assert "at the positions 4, 7 are not as they were written" in str(log.damage())
        log.append([NEW])
        log.forget(0, 1)
        assert list(read_extent(path).changed) == [4, 7]
        assert "position 4 " in code_of(lambda log=log: log.of_customer([], [RECORDS[1]]))
        log.close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE event SET key = '{RECORDS[1][1]}' WHERE position IN (4, 7)")
    connection.close()
    log = opened(path)
    assert (log.damage(), len(log.of_customer([], [RECORDS[1]]))) == (None, 2)
    assert list(read_extent(path).changed) == []
    log.append([NEW])
    assert read_extent(path).fits(path)
    log.close()


def test_a_reader_that_stays_open_notices_what_is_changed_meanwhile(made, tmp_path):
    path = shutil.copytree(made[0], tmp_path / "open") / "events.sqlite"
    log = opened(path)
    assert len(log.of_customer([], [RECORDS[0]])) == 2
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE event SET entity = 'Other' WHERE position = 3")
    connection.close()
    assert "position 3 " in code_of(lambda: log.of_customer([], [RECORDS[0]]))
    log.close()


def test_of_very_many_changed_events_the_log_is_damaged_as_a_whole(tmp_path):
    log = opened(tmp_path / "events.sqlite")
    log.append([NEW] * (MOST + 2))
    log.close()
    for count, told in ((MOST, "answered"), (MOST + 1, f"log_corrupt: The event log {log.path}")):
        with sqlite3.connect(log.path) as connection:
            connection.execute(f"UPDATE event SET customer_id = '{BEN}' WHERE position < {count}")
        connection.close()
        again = opened(log.path)
        assert code_of(lambda again=again: again.of_customer(["nobody"])).startswith(told)
        again.close()


BY_KEY, BY_OTHER_KEY = f"{CONTACTS}=1", f"{ACCOUNTS}=1"
ORDER = {"OrderId": "9", "AccountId": "1", "PlacedAt": "2026-01-01T10:00:00Z"}


@pytest.mark.parametrize(
    ("assignment", "position"),
    [
        ("key = '9'", 0),
        ("entity = 'Shop_Other'", 0),
        ("entity = NULL", 0),
        ("kind = 'activity'", 0),
        ("key = '9'", 1),
        ("entity = 'Shop_Other'", 1),
        ("kind = 'update'", 1),
        ("activity_id = 'other'", 1),
        ("activity = 'other'", 1),
    ],
)
def test_reads_of_a_project_refuse_and_its_state_names_the_event(
    project_folder, assignment, position
):
    with Project(project_folder) as project:
        project.update(key=BY_KEY, fields={"Points": 9})
        project.post(ORDERS, [ORDER])
        project.stream()
        with sqlite3.connect(project.paths.log) as connection:
            connection.execute(f"UPDATE event SET {assignment} WHERE position = {position}")
        connection.close()
        read = (project.get, project.timeline)[position]
        for key in (BY_KEY, BY_OTHER_KEY):
            assert f"position {position} " in code_of(lambda key=key: read(key=key))
            assert code_of(lambda key=key: read(key=key, base=True)) == "answered"
        assert code_of(lambda: read(key=f"{CONTACTS}=2")) == "answered"
        (warning,) = project.status()["warnings"]
        assert warning["code"] == "log_corrupt"
        assert f"position {position} " in warning["message"]
        if position:
            assert "position 1 " in code_of(lambda: project.post(ORDERS, [ORDER]))
        assert project.sql("SELECT Points FROM Customer_live WHERE Points = 9").num_rows == 1
