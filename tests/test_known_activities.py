"""Activities are found by their identities, in whatever run they are, and whoever moves them."""

import sqlite3
from contextlib import closing
from hashlib import md5
from random import Random

import pytest

from overtide.eventlog import known_activities
from overtide.eventlog.extent import place
from overtide.eventlog.known_activities import MAIN
from overtide.schemas.errors import OvertideError
from overtide.schemas.events import Draft
from overtide.schemas.instants import HOUR
from tests.damage import IDS, NOW, opened
from tests.test_log_damage import ONE_INDEX, old_log

ANN = IDS[0]


@pytest.fixture(autouse=True)
def short_runs(monkeypatch):
    monkeypatch.setattr(known_activities, "YOUNG", 40)
    monkeypatch.setattr(known_activities, "STEP", 8)


def posted(number, ttl=HOUR):
    identity = md5(str(number).encode(), usedforsecurity=False).hexdigest()
    return Draft("activity", ANN, None, None, "{}", ttl=ttl, body_hash="b", activity_id=identity)


UPDATE = Draft("update", ANN, None, None, "{}", ttl=HOUR)


def entries(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT run, position FROM known_activity").fetchall()


@pytest.mark.parametrize("seed", range(5))
def test_an_activity_is_accepted_once_wherever_it_is(tmp_path, seed):
    chance, path, accepted = Random(seed), tmp_path / "events.sqlite", {}
    logs = [opened(path), opened(path)]
    new, runs = 0, set()
    for _ in range(60):
        log, count = chance.choice(logs), chance.choice((1, 1, 3, 20))
        again = chance.sample(sorted(accepted), min(len(accepted), 5))
        fresh = range(new, new + count)
        new += count
        decisions = log.append([*map(posted, [*again, *fresh]), UPDATE])
        for number, decision in zip([*again, *fresh], decisions[:-1], strict=True):
            assert decision.repeated == (number in accepted)
            assert accepted.setdefault(number, decision.event) == decision.event
        assert log.decided_before(posted(new)) is None
        runs.add(len({run for run, _ in entries(path)}))
    assert all(log.decided_before(posted(one)).event == accepted[one] for one in accepted)
    assert runs == {1, 2, 3}
    found = entries(path)
    assert sorted(position for _, position in found) == sorted(
        event.position for event in accepted.values()
    )
    assert sum(run == MAIN for run, _ in found) > len(found) / 2
    for log in logs:
        log.close()
    assert opened(path).damage() is None


def test_what_retention_removes_is_forgotten_in_every_run(tmp_path):
    log = opened(tmp_path / "events.sqlite")
    for begin in range(0, 130, 10):
        log.append([posted(one, HOUR if one % 3 else 2 * HOUR) for one in range(begin, begin + 10)])
    assert len({run for run, _ in entries(log.path)}) == 3
    assert log.forget(NOW + HOUR + 200, 130) == 86
    assert len(entries(log.path)) == 44
    decisions = log.append([posted(1), posted(3)])
    assert [one.repeated for one in decisions] == [False, True]
    log.close()


def test_an_activity_that_would_not_be_found_is_a_fault_of_the_log(tmp_path):
    log = opened(tmp_path / "events.sqlite")
    log.append([posted(one) for one in range(3)])
    log.close()
    with closing(sqlite3.connect(log.path)) as connection, connection:
        connection.execute("DELETE FROM known_activity WHERE position = 1")
    with pytest.raises(OvertideError, match="would not be found") as refused:
        opened(log.path).end()
    assert refused.value.code == "log_corrupt"


def test_who_reads_a_log_while_it_is_brought_up_to_date_reads_on(tmp_path):
    path, truth = old_log(tmp_path, ONE_INDEX)
    reading, writing = opened(path), opened(path)
    assert reading.read(0, 100) == truth.events
    decision = writing.append([posted(1)])[0]
    assert reading.read(0, 100) == [*truth.events, decision.event]
    assert reading.decided_before(posted(1)).event == decision.event
    earlier = next(event for event in truth.events if event.activity_id is not None)
    again = posted(0)._replace(activity_id=earlier.activity_id, body_hash="other")
    assert writing.append([again])[0].refusal.code == "activity_conflict"
    place(path).unlink()
    assert opened(path).damage() is None
    reading.close()
    writing.close()
