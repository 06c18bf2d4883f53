"""The event log: order, durability, group commit and clear failures.

Several processes use it, too.
"""

import gc
import pickle
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from overtide.eventlog import read_connections
from overtide.eventlog.sqlite import SqliteEventLog
from overtide.schemas.errors import OvertideError
from overtide.schemas.events import Outcome
from overtide.schemas.instants import HOUR
from tests.small_log import NOW, activity, again, clock, log, update

__all__ = ["clock", "log"]


ROOT = Path(__file__).parent.parent


def test_an_empty_log_answers_without_creating_a_file(log):
    assert (
        log.read(0, 10),
        log.end(),
        log.tail().accepted_at,
        log.of_customer(["c"]),
        log.decided_before(activity("a")),
    ) == ([], 0, 0, [], None)
    assert (log.durable_until(NOW), log.is_idle()) == ((NOW - 1, 0), True)
    assert log.append([]) == []
    assert log.decided_before(update(idempotency_key="k", request_hash="h")) is None
    assert log.forget(NOW, 10) == 0
    assert not log.path.exists()


@pytest.mark.parametrize("tables", [False, True])
def test_a_log_that_is_begun_while_it_is_looked_for_is_not_taken_for_a_lost_one(
    log, clock, monkeypatch, tables
):
    """Crash seed 5005: another process appends the first event between two looks of a reader."""
    reader = again(log, clock)
    if tables:  # the file is there, and its tables are not yet
        log.path.parent.mkdir(parents=True)
        sqlite3.connect(log.path).execute("VACUUM")
    name = "layout_of" if tables else "signature"
    look = getattr(read_connections, name)

    def looked(path, *more):
        found = look(path, *more)
        if not found:
            monkeypatch.setattr(read_connections, name, look)
            log.append([update()])
        return found

    monkeypatch.setattr(read_connections, name, looked)
    assert reader.end() in (0, 1)
    assert reader.end() == 1
    reader.close()


def test_events_come_back_in_order_with_dense_positions(log):
    accepted = [
        answer.event for answer in log.append([update(f"c{number}") for number in range(5)])
    ]
    assert [event.position for event in accepted] == [0, 1, 2, 3, 4]
    assert log.read(0, 10) == accepted
    assert log.read(1, 2) == accepted[1:3]
    assert log.read(5, 10) == []
    assert (log.end(), log.tail().accepted_at) == (5, accepted[-1].accepted_at)


def test_acceptance_strictly_increases_even_when_the_clock_stands_or_is_set_back(log, clock):
    log.append([update(), update()])
    clock[0] = NOW - HOUR
    log.append([update()])
    clock[0] = NOW + HOUR
    log.append([update()])
    assert [event.accepted_at for event in log.read(0, 10)] == [NOW, NOW + 1, NOW + 2, NOW + HOUR]
    assert [event.event_id for event in log.read(0, 10)] == sorted(
        event.event_id for event in log.read(0, 10)
    )


def test_another_process_goes_on_where_the_last_one_ended(log, clock):
    log.append([update()])
    log.close()
    clock[0] = NOW - 5
    event = again(log, clock).append([update()])[0].event
    assert (event.position, event.accepted_at) == (1, NOW + 1)


def test_every_column_survives(log):
    drafts = [
        update(
            "c",
            entity=None,
            caller="app",
            event_time=NOW - 5,
            valid_until=NOW + 7,
            ttl=None,
            body='{"fields":{"Name":"Zoë \\" \u2028"}}',
        ),
        update(None, kind="withdrawal", entity="E_é", key="k'1", body='{"field":null}'),
        activity(),
    ]
    answers = log.append(drafts)
    assert log.read(0, 10) == [answer.event for answer in answers]
    assert [answer.outcome for answer in answers] == [
        Outcome.CHANGED,
        Outcome.CHANGED,
        Outcome.CREATED,
    ]


def test_events_of_a_customer_are_those_of_its_ids_and_records(log):
    log.append(
        [
            update("c1"),
            update("c2"),
            update("c3"),
            activity("a1"),
            activity("a2", key="2"),
            update(None, kind="withdrawal", entity="Shop_Contacts", key="1"),
            update("c1"),
        ]
    )
    positions = [
        event.position for event in log.of_customer(["c1", "c3"], [("Shop_Contacts", "1")])
    ]
    assert positions == [0, 2, 3, 5, 6]
    kinds = ("update", "withdrawal")
    assert [
        event.position for event in log.of_customer(["c1"], [("Shop_Contacts", "1")], kinds)
    ] == [0, 5, 6]
    assert [
        event.position for event in log.of_customer([], [("Shop_Contacts", "1")], ["activity"])
    ] == [3]
    assert log.of_customer([], []) == []


def test_ids_that_begin_alike_are_told_apart(log):
    log.append([update("0123456789ab-1"), update("0123456789ab-2")])
    assert [event.position for event in log.of_customer(["0123456789ab-2"])] == [1]


def test_customers_are_found_in_every_chunk_of_a_long_log(log):
    log.append([update("c")])
    log.append([update(f"x{number}") for number in range(70_000)])
    log.append([update("c")])
    assert [event.position for event in log.of_customer(["c"])] == [0, 70_001]
    log.forget(NOW + 5 * HOUR, 68_000)
    assert [event.position for event in log.of_customer(["c"])] == [70_001]


def test_many_ids_and_records_are_looked_up_at_once(log):
    ids, records = [f"{number:032x}" for number in range(150)], [("Shop_Contacts", "1")]
    accepted = log.append([*(update(one) for one in ids), activity(), update("other")])
    found = log.of_customer(ids, records * 150)
    assert found == [one.event for one in accepted[:-1]]
    assert log.of_customer(ids, records, ("activity",)) == found[-1:]


@pytest.mark.parametrize("number", [1, 5, 84, 285])
def test_an_append_of_any_size_is_there_as_it_was_answered(log, number):
    accepted = log.append([update(f"{one:032x}") for one in range(number)])
    assert log.read(0, 1000) == [one.event for one in accepted]
    assert len(accepted) == number


def test_retention_removes_what_ended_and_keeps_the_order(log, clock):
    log.append(
        [
            update(ttl=1),
            activity(ttl=2),
            update(None, kind="withdrawal", entity="E", key="1"),
            update(ttl=HOUR),
        ]
    )
    assert log.forget(NOW + 10, 1) == 1
    assert log.forget(NOW + 10, 4) == 1
    assert [event.position for event in log.read(0, 10)] == [2, 3]
    assert log.forget(NOW + 2 * HOUR, 4) == 1
    clock[0] = NOW - HOUR
    event = again(log, clock).append([update()])[0].event
    assert (event.position, event.accepted_at) == (4, NOW + 4)


def test_the_end_stays_when_retention_removed_every_event(log, clock):
    log.append([update(), update()])
    assert log.forget(NOW + 2 * HOUR, 2) == 2
    assert (log.read(0, 10), log.end(), log.tail().accepted_at) == ([], 2, NOW + 1)


def test_an_event_is_remembered_until_it_ends(log):
    log.append([activity(ttl=10)])
    assert log.forget(NOW + 9, 1) == 0
    assert log.append([activity()])[0].repeated


def test_threads_share_commits_and_every_one_gets_its_own_answer(log):
    answers: dict[int, int] = {}

    def work(thread):
        for number in range(20):
            event = log.append([update(f"{thread}-{number}")])[0].event
            answers[event.position] = (thread, number, event.customer_id)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == list(range(400))
    assert all(customer == f"{thread}-{number}" for thread, number, customer in answers.values())
    for thread in range(20):
        mine = [number for _, (owner, number, _) in sorted(answers.items()) if owner == thread]
        assert mine == list(range(20))


def test_closing_closes_the_files_of_every_thread(log):
    log.append([update()])
    looked, closed, codes = threading.Event(), threading.Event(), []

    def read():
        log.end()
        looked.set()
        closed.wait(5)
        with pytest.raises(OvertideError) as error:
            log.end()
        codes.append(error.value.code)

    reader = threading.Thread(target=read)
    reader.start()
    looked.wait(5)
    log.close()
    closed.set()
    reader.join()
    assert codes == ["log_unwritable"]


def test_the_files_of_a_thread_are_closed_when_it_ends(log):
    log.append([update()])
    assert log.end() == 1
    for _ in range(3):
        reader = threading.Thread(target=log.end)
        reader.start()
        reader.join()
    gc.collect()
    assert len(log._readers.opened) == 1


def test_files_are_for_their_owner_alone(log):
    log.append([update()])
    assert {file.stat().st_mode & 0o777 for file in log.path.parent.iterdir()} == {0o600}


def test_a_file_that_is_no_log_is_named(log):
    log.path.parent.mkdir()
    log.path.write_bytes(b"no database at all" * 100)
    for failing in (lambda: log.append([update()]), lambda: log.read(0, 1), log.end):
        with pytest.raises(OvertideError) as error:
            failing()
        assert error.value.code == "log_corrupt"


def test_a_log_of_another_version_is_named(log):
    log.path.parent.mkdir()
    with sqlite3.connect(log.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    for failing in (lambda: log.append([update()]), log.end):
        with pytest.raises(OvertideError) as error:
            failing()
        assert error.value.code == "log_version"


def test_a_log_whose_folder_cannot_be_made_is_unwritable(tmp_path, clock):
    (tmp_path / "file").write_text("")
    log = SqliteEventLog(tmp_path / "file" / "events.sqlite", lambda: NOW, lambda _: "e")
    with pytest.raises(OvertideError) as error:
        log.append([update()])
    assert error.value.code == "log_unwritable"


def test_a_log_that_another_program_keeps_locked_says_so(log, monkeypatch):
    monkeypatch.setattr("overtide.eventlog.opening.BUSY_MILLISECONDS", 50)
    log.append([update()])
    log.close()
    other = sqlite3.connect(log.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OvertideError) as error:
        log.append([update()])
    assert (error.value.code, error.value.exit_code) == ("log_busy", 75)
    other.execute("ROLLBACK")
    assert log.append([update()])[0].event.position == 1


def test_an_append_that_fails_leaves_nothing_and_the_next_one_works(log, clock):
    def broken(_):
        raise OSError(28, "No space left on device")

    log.append([update()])
    log._ids, whole = broken, log._ids
    with pytest.raises(OvertideError) as error:
        log.append([update(), update()])
    assert error.value.code == "log_unwritable"
    log._ids = whole
    assert log.append([update()])[0].event.position == 1


def test_another_process_reads_the_log_through_what_it_is_handed(log):
    event = log.append([update()])[0].event
    read = pickle.loads(pickle.dumps(log.reader()))  # noqa: S301 - what this test wrote itself
    assert read(0, 10) == [event]


def test_a_log_that_took_the_place_of_another_has_another_identity(log, tmp_path):
    nothing = log.identity()
    log.append([update()])
    first = log.identity()
    log.append([update()])
    assert nothing != first == log.identity()
    shutil.copy(log.path, tmp_path / "copy")
    (tmp_path / "copy").replace(log.path)
    assert log.identity() != first
