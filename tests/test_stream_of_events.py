"""The stream carries the log into the lake, in ticks of any size, and goes on where it stopped."""

import itertools
import threading

import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from overtide.eventlog.sqlite import SqliteEventLog, read_log
from overtide.lake.catalog import METADATA, Publish, connect
from overtide.lake.coordination import Lock, coordination
from overtide.lake.maintenance import Upkeep
from overtide.lake.overlay import committed_position, open_overlay
from overtide.lake.standing import Standing, announce
from overtide.pipelines.realtime import Tick, stream
from overtide.schemas.errors import OvertideError
from overtide.schemas.events import Draft, activity_id, id_source
from overtide.schemas.instants import DAY, HOUR
from overtide.schemas.paths import Paths
from overtide.schemas.values import canonical
from tests.test_realtime import NOW


@pytest.fixture
def paths(tmp_path):
    return Paths.of(tmp_path)


class Project:
    """A log with a clock that stands still, and the stream over it."""

    def __init__(self, paths):
        self.paths, bits = paths, itertools.count()
        paths.log.parent.mkdir(parents=True, exist_ok=True)
        self.log = SqliteEventLog(paths.log, lambda: NOW, id_source(lambda: next(bits)))

    def update(self, **fields):
        return self.log.append(
            [Draft("update", "c1", None, None, canonical({"fields": fields}), ttl=HOUR)]
        )[0].event

    def stream(self, **options):
        return stream(
            self.paths, self.log, lambda: NOW, FnApiRunner(), **{"until_caught_up": True, **options}
        )

    def query(self, statement):
        reader = connect(self.paths)
        try:
            return reader.execute(statement).fetchall()
        finally:
            reader.close()


@pytest.fixture
def project(paths):
    return Project(paths)


def test_the_stream_carries_the_log_into_the_lake(project):
    project.update(City="Oslo", Points=3)
    identity = activity_id("shop_orders", "1")
    body = canonical(
        {"ActivityId": identity, "ActivityType": "Order", "SourceEntityName": "shop_orders"}
    )
    project.log.append(
        [
            Draft("activity", None, "crm_people", "k", body, ttl=HOUR, activity_id=identity),
            Draft("withdrawal", "c1", None, None, '{"field":"City"}'),
        ]
    )
    done = project.stream()
    assert (done.position, done.events, done.ticks) == (3, 3, 1)
    assert project.query('SELECT "Field", "Value" FROM lake.updates ORDER BY 1') == [
        ("City", '"Oslo"'),
        ("Points", "3"),
    ]
    assert project.query(
        'SELECT "EntityName", "PrimaryKey", "ActivityId" FROM lake.realtime_activities'
    ) == [("crm_people", "k", identity)]
    assert project.query('SELECT "Field" FROM lake.withdrawals') == [("City",)]
    assert project.query('SELECT "Position", epoch_us("AcceptedAt") FROM lake.overlay_state') == [
        (3, NOW + 2)
    ]


def test_the_stream_goes_on_where_it_stopped(project):
    project.update(City="a")
    project.stream()
    assert project.stream().events == 0
    project.update(City="b")
    assert project.stream().events == 1
    assert project.query('SELECT "Position" FROM lake.updates ORDER BY 1') == [(0,), (1,)]


def test_the_stream_lays_the_overlay_out_by_the_day_of_expiry(project):
    for days in (1, 2):
        for _ in range(2):
            project.log.append(
                [
                    Draft("update", "c1", None, None, '{"fields":{"City":"x"}}', ttl=days * DAY + n)
                    for n in range(30)
                ]
            )
    assert project.stream().ticks == 1
    assert project.query(
        f"""SELECT f.record_count, s.min_value[:10] = s.max_value[:10]
        FROM {METADATA}.ducklake_data_file f
        JOIN {METADATA}.ducklake_column c USING (table_id)
        JOIN {METADATA}.ducklake_file_column_stats s USING (data_file_id, column_id)
        WHERE c.column_name = 'ValidUntil'"""
    ) == [(60, True), (60, True)]


def test_the_stream_counts_what_came_too_late_to_change_anything(project):
    project.update(City="ended")
    project.log.append([Draft("update", "c1", None, None, '{"fields":{"City":"x"}}', ttl=DAY)])
    project.log.append([Draft("withdrawal", "c1", None, None, '{"field":"City"}')])
    done = stream(
        project.paths, project.log, lambda: NOW + 2 * HOUR, FnApiRunner(), until_caught_up=True
    )
    assert (done.events, done.late) == (3, 1)
    assert project.query("SELECT count(*) FROM lake.updates") == [(2,)]


def test_the_size_of_ticks_changes_nothing(tmp_path):
    answers = []
    for number, events in enumerate((1, 3, 100)):
        project = Project(Paths.of(tmp_path / str(number)))
        for value in range(7):
            project.update(City=str(value))
        done = project.stream(tick=Tick(shortest=0, events=events))
        assert done.ticks == -(-7 // events)
        answers.append(
            project.query('SELECT * EXCLUDE ("EventId") FROM lake.updates ORDER BY "Position"')
        )
    assert answers[0] == answers[1] == answers[2]


def test_an_event_that_cannot_be_decoded_does_not_stop_the_stream(project):
    project.log.append([Draft("update", "c1", None, None, "not JSON", ttl=HOUR)])
    project.update(City="Oslo")
    project.stream()
    assert project.query('SELECT "Position", "Code" FROM lake.realtime_quarantine') == [
        (0, "undecodable")
    ]
    assert project.query('SELECT "Position" FROM lake.updates') == [(1,)]


def test_one_stream_per_lake(project):
    with (
        coordination(project.paths).hold(Lock.STREAM, "overtide stream", "earlier"),
        pytest.raises(OvertideError) as refused,
    ):
        project.stream()
    assert (refused.value.code, refused.value.exit_code) == ("locked", 75)


def test_an_open_stream_takes_what_comes_and_stops_when_told(project):
    stop, seen = threading.Event(), threading.Event()
    running = threading.Thread(
        target=project.stream,
        kwargs={"until_caught_up": False, "stop": stop, "watch": lambda _progress: seen.set()},
    )
    running.start()
    project.update(City="Oslo")
    assert seen.wait(60)
    stop.set()
    running.join(60)
    connection = open_overlay(project.paths)
    assert committed_position(connection) == 1
    connection.close()


def test_a_worker_reads_the_log_by_its_path(project):
    event = project.update(City="Oslo")
    assert read_log(project.paths.log, 0, 10) == [event]


def test_a_log_that_took_the_place_of_another_is_the_one_that_is_read(tmp_path):
    for folder in ("first", "second"):
        project = Project(Paths.of(tmp_path / folder))
        event = project.update(City=folder)
        project.log.close()
        (tmp_path / folder / "log" / "events.sqlite").replace(tmp_path / "events.sqlite")
        assert read_log(tmp_path / "events.sqlite", 0, 10) == [event]


@pytest.mark.parametrize(
    ("took", "events", "pause"), [(0.05, 10, 0.2), (0.5, 10, 0.1), (2.0, 10, 0), (0.05, 20_000, 0)]
)
def test_ticks_follow_the_load(took, events, pause):
    assert Tick().pause(took, events) == pytest.approx(pause)


def test_the_log_forgets_what_no_question_may_ask_for(project):
    project.update(City="old")
    project.log.append([Draft("withdrawal", "c1", None, None, '{"field":"City"}')])
    open_overlay(project.paths).close()
    announce(project.paths, Standing(Publish(1, NOW + 9 * DAY, "none", history_days=2)))
    late = NOW + 2 * DAY + HOUR
    for now, left in ((late - 1, ["update", "withdrawal"]), (late, ["withdrawal"])):
        project.log.append(
            [Draft("activity", "c1", None, None, "{}", valid_until=now + 1, activity_id=str(now))]
        )
        stream(
            project.paths,
            project.log,
            lambda now=now: now,
            FnApiRunner(),
            until_caught_up=True,
            upkeep=Upkeep(commits=1),
        )
        assert [event.kind for event in project.log.read(0, 2) if event.position < 2] == left
