"""An event that was changed is never shown as truth, and none disappears.

Whatever byte of the log is another.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from random import Random

import pytest

from overtide.eventlog import read_connections
from overtide.eventlog.extent import read_extent
from overtide.eventlog.layout import DDL, DDLS, ENTRY, ONE_INDEX, UNCHECKED, VERSION
from overtide.eventlog.queries import tail_of
from overtide.schemas.errors import OvertideError
from overtide.schemas.events import DAMAGED, Draft, Outcome
from overtide.schemas.instants import HOUR
from tests.damage import FILES, IDS, KEYS, RECORDS, ask, drafts, faults, make_log, opened

ANN, BEN = IDS[0], IDS[1]


@pytest.mark.parametrize(("journal", "name"), FILES)
def test_a_changed_byte_is_answered_rightly_or_refused(tmp_path, journal, name):
    assert list(faults(tmp_path, journal, name, 0.003, Random(1))) == []


def test_the_campaign_notices_what_is_answered_wrongly(tmp_path):
    whole, truth = make_log(tmp_path, journal=False)
    assert ask(whole / "events.sqlite").differs(truth) is None
    with sqlite3.connect(whole / "events.sqlite") as connection:
        connection.execute("UPDATE event SET body = '{}', checksum = NULL WHERE position = 0")
    assert ask(whole / "events.sqlite").differs(truth) is not None


def behind_the_indexes(path, statement, *parameters):
    """Run a statement that no index notices, as if only the events' bytes were changed."""

    def schema(change, *rows):
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA writable_schema = ON")
        found = connection.execute(
            "SELECT * FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        connection.executemany(change, rows or [()])
        connection.commit()
        connection.close()
        return found

    indexes = schema("DELETE FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
    with sqlite3.connect(path) as connection:
        changed = connection.execute(statement, parameters).rowcount
    connection.close()
    schema("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", *indexes)
    return changed


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A log that tests copy, and what it says."""
    return make_log(tmp_path_factory.mktemp("made"), journal=False)


@pytest.mark.parametrize("value", ["'forged'", "x'00ff'"])
@pytest.mark.parametrize("column", [name.strip() for name in ENTRY.split(",")][1:])
def test_no_column_of_an_event_can_be_changed_unnoticed(made, tmp_path, column, value):
    path = shutil.copytree(made[0], tmp_path / "changed") / "events.sqlite"
    behind_the_indexes(path, f"UPDATE event SET {column} = {value} WHERE position IN (0, 3, 6)")
    said = ask(path)
    assert said.differs(made[1]) is None
    assert [event.position for event in said.events if event.kind == DAMAGED] == [0, 3, 6]
    assert "log_corrupt" in said.found


@pytest.mark.parametrize(
    "column", ["customer_id", "entity", "key", "activity", "idempotency_key", "valid_until"]
)
def test_no_value_of_an_event_can_be_taken_away_unnoticed(made, tmp_path, column):
    path = shutil.copytree(made[0], tmp_path / "changed") / "events.sqlite"
    behind_the_indexes(path, f"UPDATE event SET {column} = NULL WHERE position IN (0, 3, 6)")
    said = ask(path)
    assert said.differs(made[1]) is None
    assert {event.position for event in said.events if event.kind == DAMAGED} < {0, 3, 6}
    assert "log_corrupt" in said.found


def log_with_damage(folder, position=0):
    """Return the path of a log whose event at a position was changed."""
    whole, _ = make_log(folder, journal=False)
    with sqlite3.connect(whole / "events.sqlite") as connection:
        connection.execute("UPDATE event SET body = ? WHERE position = ?", ("forged", position))
    return whole / "events.sqlite"


def test_a_changed_event_is_refused_by_its_readers_with_its_position_and_no_other(tmp_path):
    log = opened(log_with_damage(tmp_path, 1))
    with pytest.raises(
        OvertideError, match=r"The event at position 1 of the event log .* is not as it was"
    ) as one:
        log.of_customer([BEN])
    assert (one.value.code, one.value.status) == ("log_corrupt", 500)
    assert [event.position for event in log.of_customer([ANN])][:1] == [0]
    assert [event.kind for event in log.read(0, 3)] == ["update", DAMAGED, "update"]
    again = Draft(
        "update",
        BEN,
        None,
        None,
        "{}",
        caller="crm",
        idempotency_key=KEYS[1],
        request_hash="hk2",
        ttl=HOUR,
    )
    for asked in (lambda: log.decided_before(again), lambda: log.append([again])):
        with pytest.raises(OvertideError, match="position 1"):
            asked()
    assert log.append([Draft("update", ANN, None, None, "{}", ttl=HOUR)])[0].event is not None
    log.close()


def test_a_changed_event_was_accepted_when_the_one_before_it_was(tmp_path):
    log = opened(log_with_damage(tmp_path, 2))
    whole = [event.accepted_at for event in log.read(0, 2)]
    assert [event.accepted_at for event in log.read(2, 1)] == whole[1:]
    assert [
        event.accepted_at for event in opened(log_with_damage(tmp_path / "first", 0)).read(0, 1)
    ] == [0]
    log.close()


def test_a_log_that_was_cut_is_refused(tmp_path):
    whole, _ = make_log(tmp_path, journal=True)
    for name, size in (
        ("events.sqlite-wal", 100),
        ("events.sqlite-wal", 0),
        ("events.sqlite", 8192),
    ):
        folder = shutil.copytree(whole, tmp_path / f"{name} {size}")
        os.truncate(folder / name, size)
        with pytest.raises(OvertideError) as error:
            opened(folder / "events.sqlite").of_customer(IDS)
        assert error.value.code in ("log_replaced", "log_corrupt")


def test_an_index_that_lacks_an_event_is_refused_and_not_believed(tmp_path):
    whole, truth = make_log(tmp_path, journal=False)
    path = whole / "events.sqlite"
    connection = sqlite3.connect(path)
    (index,) = connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'event_of_record'"
    ).fetchone()
    connection.close()
    content = bytearray(path.read_bytes())
    page = (index - 1) * 4096
    content[page + 4] -= 1  # the number of cells of the index' page
    path.write_bytes(content)
    said = ask(path)
    assert said.differs(truth) is None
    assert "log_corrupt" in said.found


def test_a_log_is_looked_through_once(tmp_path, monkeypatch):
    whole, truth = make_log(tmp_path, journal=False)
    looked = []
    faults_of = read_connections.faults
    monkeypatch.setattr(
        read_connections, "faults", lambda connection: looked.append(1) or faults_of(connection)
    )
    os.utime(whole / "events.sqlite")
    for _ in range(3):
        assert ask(whole / "events.sqlite") == truth
    assert looked == [1]


def test_writers_and_readers_of_one_process_and_of_others_need_no_look(tmp_path, monkeypatch):
    looked = []
    monkeypatch.setattr(
        "overtide.eventlog.read_connections.faults", lambda _connection: looked.append(1)
    )
    for number in range(3):
        log, other = opened(tmp_path / "events.sqlite"), opened(tmp_path / "events.sqlite")
        for one in (log, other, log):
            one.append([Draft("update", f"c{number}", None, None, "{}", ttl=HOUR)])
            assert (log.end(), len(other.of_customer([f"c{number}"]))) == (
                other.end(),
                log.end() - number * 3,
            )
        log.forget(0, 1)
        other.close()
        log.close()
    assert looked == []


def test_how_far_a_log_reached_is_known_after_every_commit(tmp_path):
    log = opened(tmp_path / "events.sqlite")
    for number in range(1, 4):
        log.append([Draft("update", "c", None, None, "{}", ttl=HOUR)])
        extent = read_extent(log.path)
        assert (extent.position, extent.accepted_at, extent.fits(log.path)) == (
            number,
            log.tail().accepted_at,
            True,
        )
    log.close()
    assert read_extent(log.path).fits(log.path)
    assert not (tmp_path / "events.sqlite-wal").exists()


def test_an_event_whose_position_was_changed_is_not_passed_over(tmp_path):
    whole, truth = make_log(tmp_path, journal=False)
    path = whole / "events.sqlite"
    last = truth.found[0][-1]
    assert last.position == truth.end[0] - 1
    record = last.event_id[:8].encode()
    content = path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        (root, size) = connection.execute(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema "
            "WHERE name = 'event'"
        ).fetchone()
    page = content[(root - 1) * size : root * size]
    place = (root - 1) * size + page.index(record) - 20
    assert content[place] == last.position, "the row begins otherwise"
    path.write_bytes(content[:place] + bytes([last.position + 1]) + content[place + 1 :])
    assert ask(path).found[0] == "log_corrupt"


def test_a_commit_while_a_log_is_looked_through_loses_nothing(tmp_path, monkeypatch):
    path = tmp_path / "events.sqlite"
    log, other = opened(path), opened(path)
    draft = Draft("update", "c", None, None, "{}", ttl=HOUR)
    log.append([draft])
    os.utime(path)  # the file is not as the commit left it: who reads it looks through it
    others = [other]

    def tail_before_a_commit(connection):
        found = tail_of(connection)
        if others:
            others.pop().append([draft])
        return found

    monkeypatch.setattr(read_connections, "tail_of", tail_before_a_commit)
    reader = opened(path)
    assert [event.position for event in reader.of_customer(["c"])] == [0, 1]
    for one in (log, other, reader):
        one.close()


CHECKSUMS = (", checksum INTEGER", "\n        sent_checksum INTEGER,")


def old_log(folder, version=UNCHECKED):
    """Return the path of a log as an earlier version wrote it, and what it says.

    Its events are the same.
    """
    whole, truth = make_log(folder, journal=False)
    path = whole / "events.sqlite"
    with sqlite3.connect(path) as connection:
        rows = {
            name: connection.execute(f"SELECT * FROM {name}").fetchall()
            for name in ("event", "repeat", "tail")
        }
    connection.close()
    for file in whole.iterdir():
        file.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in DDLS[ONE_INDEX]:
            for added in CHECKSUMS if version == UNCHECKED else ():
                statement = statement.replace(added, "")
            connection.execute(statement)
        for name, found in rows.items():
            for row in found:
                values = [*row[:11], row[17], *row[12:17]] if name == "event" else row
                values = values[:-1] if version == UNCHECKED else values
                connection.execute(
                    f"INSERT INTO {name} VALUES ({', '.join('?' * len(values))})", values
                )
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    return path, truth


def test_outcomes_lie_in_the_log_as_the_numbers_they_always_were(tmp_path):
    path, _ = old_log(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        assert dict(connection.execute("SELECT kind, min(status) FROM event GROUP BY kind")) == {
            "activity": 201,
            "update": 204,
            "withdrawal": 204,
        }
    assert [(one.name, one.value) for one in Outcome] == [
        ("CHANGED", 204),
        ("CREATED", 201),
        ("HELD", 202),
    ]


def test_a_number_that_is_no_outcome_was_not_written(tmp_path):
    path, truth = old_log(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE event SET status = 500 WHERE position = 1")
    assert ask(path).events[1].kind == DAMAGED
    assert truth.events[1].kind != DAMAGED


@pytest.mark.parametrize("version", [UNCHECKED, ONE_INDEX])
def test_a_log_of_an_earlier_version_is_read_as_it_is_and_goes_on_in_this_one(tmp_path, version):
    path, truth = old_log(tmp_path, version)
    before = path.read_bytes()
    assert ask(path) == truth
    assert path.read_bytes() == before
    log = opened(path)
    added = log.append([Draft("update", ANN, None, None, "{}", ttl=HOUR, outcome=Outcome.CHANGED)])[
        0
    ].event
    log.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert connection.execute("SELECT count(*), count(checksum) FROM event").fetchone() == (
            added.position + 1,
            1 if version == UNCHECKED else added.position + 1,
        )
        assert {
            sql
            for (sql,) in connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
        } == set(DDL)
    said = ask(path)
    assert (said.events[:-1], said.events[-1], said.found[1:]) == (
        truth.events,
        added,
        truth.found[1:],
    )


def test_a_log_that_is_begun_while_it_is_read_is_taken(tmp_path):
    reader, writer = opened(tmp_path / "events.sqlite"), opened(tmp_path / "events.sqlite")
    assert (reader.end(), reader.of_customer([ANN])) == (0, [])
    writer.append(drafts())
    assert (reader.end(), len(reader.of_customer([], RECORDS))) == (writer.end(), 6)
    reader.close()
    writer.close()
