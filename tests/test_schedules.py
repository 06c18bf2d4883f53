"""Schedules: when they are due, once, whoever looks, and the versions that are kept of them."""

import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import DAY, HOUR, MINUTE, SECOND
from overtide.serving.workflows.job import Job
from overtide.serving.workflows.schedules import LATE, Planned
from overtide.serving.workflows.workflows import Workflows
from tests.small_workflows import AT_11, START, Clock, clock, workflows, workflows_in

__all__ = ["clock", "workflows"]


def test_a_schedule_is_due_once_whoever_looks(tmp_path, workflows, clock):
    (made,) = workflows.schedules.put([(None, AT_11)], "ann", "api")
    assert made.next_at == START + HOUR
    assert workflows.schedules.fire() == []
    clock.now += HOUR + SECOND
    other = workflows_in(tmp_path, clock, "other")
    fired = [*workflows.schedules.fire(), *other.schedules.fire(), *workflows.schedules.fire()]
    assert [(one.submission.schedule, one.submission.origin) for one in fired] == [
        (made.id, "schedule")
    ]
    assert workflows.schedules.all()[0].next_at == START + HOUR + DAY


def test_servers_that_look_at_one_instant_submit_one_job(tmp_path, clock):
    many = [workflows_in(tmp_path, clock, name) for name in "abcdefgh"]
    many[0].schedules.put([(None, AT_11)], "ann", "api")
    clock.now += HOUR
    fired: list[Job] = []
    together = threading.Barrier(len(many))

    def look(workflows: Workflows) -> None:
        together.wait()
        fired.extend(workflows.schedules.fire())

    threads = [threading.Thread(target=look, args=(one,)) for one in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fired) == len(many[0].jobs.recent(9)) == 1


@pytest.mark.parametrize(
    ("late", "jobs"), [(0, 1), (LATE - MINUTE, 1), (LATE + MINUTE, 0), (3 * DAY + 30 * MINUTE, 1)]
)
def test_what_was_missed_is_made_up_for_once_and_within_an_hour(workflows, clock, late, jobs):
    workflows.schedules.put([(None, AT_11)], "ann", "api")
    clock.now += HOUR + late
    assert len(workflows.schedules.fire()) == jobs
    assert workflows.schedules.fire() == []


@settings(deadline=None)
@given(st.lists(st.integers(0, 5 * HOUR), max_size=12))
def test_at_any_look_a_schedule_is_due_if_a_time_of_it_has_come_since_and_is_not_too_late(steps):
    clock, every_second_hour = Clock(), Planned(("0 */2 * * *",))
    with tempfile.TemporaryDirectory() as folder:
        workflows = workflows_in(Path(folder), clock)
        workflows.schedules.put([(None, every_second_hour)], "ann", "api")
        for step in steps:
            before, clock.now = clock.now, clock.now + step
            last = clock.now - clock.now % (2 * HOUR)
            expected = before < last and clock.now - last < LATE
            assert len(workflows.schedules.fire()) == expected


def test_a_clock_that_is_set_back_makes_nothing_due_again(workflows, clock):
    workflows.schedules.put([(None, AT_11)], "ann", "api")
    clock.now += HOUR
    assert len(workflows.schedules.fire()) == 1
    clock.now -= 2 * HOUR
    assert workflows.schedules.fire() == []
    clock.now += 2 * HOUR
    assert workflows.schedules.fire() == []


def test_a_schedule_that_is_not_active_or_deleted_is_never_due(workflows, clock):
    idle, gone = Planned(("* * * * *",), active=False), Planned(("* * * * *",))
    made = workflows.schedules.put([(None, idle), (None, gone)], "ann", "api")
    workflows.schedules.delete(made[1].id, "bo", "command")
    clock.now += DAY
    assert workflows.schedules.fire() == []
    assert [one.id for one in workflows.schedules.all()] == [made[0].id]
    with pytest.raises(OvertideError) as refused:
        workflows.schedules.delete(made[1].id, "bo", "command")
    assert refused.value.code == "unknown_schedule"


def test_every_version_of_a_schedule_is_kept_with_who_made_it(tmp_path, workflows, clock):
    (made,) = workflows.schedules.put([(None, AT_11)], "ann", "api")
    changed = Planned(("0 12 * * *",), "Pacific Standard Time")
    workflows.schedules.put([(made.id, changed)], "bo", "command")
    workflows.schedules.delete(made.id, "cy", "api")
    again = workflows_in(tmp_path, clock, "again")
    found = again.schedules.versions(made.id)
    shown = [(one.version, one.updated_by, one.origin, one.deleted) for one in found]
    assert shown == [
        (1, "ann", "api", False),
        (2, "bo", "command", False),
        (3, "cy", "api", True),
    ]
    assert found[1].planned == changed


@pytest.mark.parametrize(
    ("planned", "code"),
    [
        (Planned(()), "invalid_parameter"),
        (Planned(("* * * * *",) * 51), "invalid_parameter"),
        (Planned(("every day",)), "invalid_cron"),
        (Planned(("* * * * *",), "Mars"), "unknown_time_zone"),
    ],
)
def test_of_several_schedules_all_are_made_or_none(workflows, planned, code):
    with pytest.raises(OvertideError) as refused:
        workflows.schedules.put([(None, AT_11), (None, planned)], "ann", "api")
    assert refused.value.code == code
    assert workflows.schedules.all() == []
