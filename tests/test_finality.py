"""What was answered for a known instant stays the answer, and nobody waits.

Clocks set back, commits in progress.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fcntl import LOCK_EX, flock
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.eventlog.sqlite import SqliteEventLog
from overtide.eventlog.taking import TWICE, taking
from overtide.lake import publish as publishing
from overtide.lake import standing
from overtide.lake.catalog import Publish
from overtide.lake.coordination import coordination
from overtide.lake.decide.present import Now
from overtide.lake.standing import Standing
from overtide.schemas.events import Draft, Outcome, event_id
from overtide.schemas.instants import DAY, HOUR, SECOND, Instant
from overtide.schemas.paths import Paths
from overtide.serving.fields import Target
from overtide.serving.reader import Reader
from tests.engine import TestClock
from tests.engine_by_hand import HandEngine
from tests.histories import Story
from tests.history_steps import START
from tests.shop import CONTACTS

ME = Target(None, CONTACTS, "1")
AT_ONCE = 5.0
"""Seconds: much longer than a read takes, and less than what holds it up here."""
UPDATE = Draft("update", "c", None, None, "{}", ttl=HOUR, outcome=Outcome.CHANGED)


@dataclass
class Machine:
    """A log, a reader and the file that names the publish, over one clock.

    The lake itself is not needed for these.
    """

    paths: Paths
    clock: TestClock = field(default_factory=lambda: TestClock(START))
    run: int = 0

    def __post_init__(self) -> None:
        self.log = SqliteEventLog(
            self.paths.log,
            self.clock,
            lambda at: event_id(at, 0),
            lambda: standing.last_taken(self.paths),
        )
        self.reader = Reader(self.paths, self.log, self.clock)
        self.paths.catalog.file.parent.mkdir()
        self.taken: list[Instant] = []

    def accept(self) -> None:
        event = self.log.append([UPDATE])[0].event
        assert event is not None
        self.taken.append(event.accepted_at)

    @contextmanager
    def publish(self) -> Iterator[Instant]:
        """Publish; the block runs between the announcement and the commit."""
        last = standing.last_taken(self.paths)
        with self.log.taking() as earliest:
            at = max(earliest, last + 1)
            standing.doubt(
                self.paths,
                at,
                standing.known(self.paths) or standing.Note(Standing(None), [], []),
            )
            yield at
            self.run += 1
            self.paths.catalog.file.write_text(f"stands for the catalog of run {self.run}")
            standing.announce(self.paths, Standing(Publish(self.run, at, f"g{self.run}")))
        self.taken.append(at)

    def all_until(self, known: Instant) -> list[Instant]:
        return [one for one in self.taken if one <= known]


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(Paths.of(tmp_path))


def seen(now: Now) -> tuple[Instant, Instant, int]:
    return now.as_of, now.known_at, now.publish.run if now.publish else 0


# ---- instants

STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("clock"), st.sampled_from([0, 1, 1, 2, SECOND, DAY, -1, -1, -2, -SECOND, -DAY])
        ),
        st.tuples(st.just("accept"), st.integers(1, 3)),
        st.tuples(st.just("publish"), st.booleans()),
        st.tuples(st.just("ask"), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_nothing_takes_an_instant_that_was_answered_for(steps):
    """Instants increase and nothing acknowledged is missed, whatever clocks do.

    The instants are those of events and publishes.
    """
    with TemporaryDirectory() as folder:
        machine, asked = Machine(Paths.of(Path(folder))), []
        for name, number in steps:
            if name == "clock":
                machine.clock.now += number
                # What only a clock said that was set back then is the one thing that finality can't
                # cover.
                least = max([machine.clock.now - 1, *machine.taken])
                asked = [(known, found) for known, found in asked if known <= least]
            elif name == "accept":
                for _ in range(number):
                    machine.accept()
            elif name == "publish":
                with machine.publish() as at:
                    if number:
                        asked.append(ask(machine))
                        assert asked[-1][0] < at
            else:
                asked.append(ask(machine))
        machine.log.close()
        assert all(one < two for one, two in zip(machine.taken, machine.taken[1:], strict=False))
        assert [machine.all_until(known) for known, _ in asked] == [found for _, found in asked]


def ask(machine: Machine) -> tuple[Instant, list[Instant]]:
    """Return the instant that is known now, and what lies at or before it.

    All that was acknowledged does.
    """
    now = machine.reader.now()
    last = max(machine.taken, default=0)
    assert (now.as_of, now.known_at) == (max(machine.clock.now, last), now.known_at)
    assert last <= now.known_at <= max(machine.clock.now - 1, last)
    assert (now.publish.run if now.publish else 0) == machine.run
    return now.known_at, machine.all_until(now.known_at)


def test_an_event_is_later_than_every_publish_and_a_publish_than_every_event(machine):
    with machine.publish():
        pass
    machine.clock.now = START - DAY
    machine.accept()
    with machine.publish():
        pass
    machine.clock.now += 1
    machine.accept()
    assert machine.taken == [START, START + 1, START + 2, START + 3]


def test_an_event_is_later_than_a_publish_that_may_have_been_committed(machine):
    with suppress(KeyboardInterrupt), machine.publish() as at:
        raise KeyboardInterrupt
    machine.clock.now = START - DAY
    machine.accept()
    assert machine.taken == [at + 1]


def test_no_instant_is_taken_before_the_one_that_was_said(machine):
    """The clock may be set back while a writer has the lock."""
    machine.accept()
    clocks = iter([START + HOUR, START])
    log = SqliteEventLog(machine.paths.log, lambda: next(clocks), lambda at: event_id(at, 0))
    assert log.append([UPDATE])[0].event.accepted_at == START + HOUR
    log.close()


# ---- nobody waits


@contextmanager
def held(path: Path, content: bytes | None = None) -> Iterator[None]:
    """Hold the lock as a writer does that has written `content` so far."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        flock(descriptor, LOCK_EX)
        if content is not None:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, content, 0)
        yield
    finally:
        os.close(descriptor)


def test_a_reader_takes_an_instant_before_an_append_in_progress(machine):
    machine.accept()
    machine.clock.now = START + HOUR
    descriptor = os.open(machine.log.lock_path, os.O_RDWR)
    with taking(descriptor, machine.clock):
        machine.clock.now = START + 2 * HOUR
        assert seen(machine.reader.now()) == (START + 2 * HOUR, START + HOUR - 1, 0)
        assert not machine.log.is_idle()
    assert seen(machine.reader.now()) == (START + 2 * HOUR, START + 2 * HOUR - 1, 0)
    os.close(descriptor)


def test_a_writer_that_has_said_nothing_yet_takes_no_instant_before_the_reader_s_clock(machine):
    machine.accept()
    machine.clock.now = START + HOUR
    with held(machine.log.lock_path, TWICE.pack(START + DAY, START + DAY)):
        assert machine.reader.now().known_at == START + HOUR - 1


@pytest.mark.parametrize("content", [b"", b"\0" * 7, TWICE.pack(START + 1, START + 2)])
def test_what_says_no_instant_leaves_only_what_was_committed(machine, content):
    machine.accept()
    machine.clock.now = START + HOUR
    with held(machine.log.lock_path, content):
        assert machine.reader.now().known_at == START


def test_a_read_goes_on_beside_a_commit_to_the_lake(machine):
    with machine.publish():
        pass
    with coordination(machine.paths).commit():
        assert within(AT_ONCE, machine.reader.now) == Now(START, START, Publish(1, START, "g1"))


# ---- a publish in progress, and one that died


class Died(BaseException):
    """A process that ended at a step, with what its locks did then."""


@pytest.fixture
def story(tmp_path) -> Iterator[Story]:
    story = Story.begin(HandEngine, tmp_path)
    story.refresh(
        [(CONTACTS, "1", {"EMail": "a@x", "FullName": "Ann", "Points": 1, "Since": None})]
    )
    story.clock.now += HOUR
    yield story
    story.engine.close()


def refresh(story: Story, points: int) -> None:
    story.refresh(
        [(CONTACTS, "1", {"EMail": "a@x", "FullName": "Ann", "Points": points, "Since": None})]
    )


def within(seconds: float, call: Callable[[], object]) -> object:
    """Return what a call in a thread of its own gives, which must not take longer."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(call()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert found, "it waited"
    return found[0]


@pytest.mark.parametrize("step", ["publish.before_commit", "publish.doubted", "publish.committed"])
def test_reads_go_on_beside_a_publish_and_an_event_comes_after_it(story, monkeypatch, step):
    reached, go_on = threading.Event(), threading.Event()

    def pause(name: str) -> None:
        if name == step:
            reached.set()
            assert go_on.wait(60)

    monkeypatch.setattr(publishing, "crash_point", pause)
    publisher = threading.Thread(target=refresh, args=(story, 2))
    publisher.start()
    assert reached.wait(60)
    try:
        card = within(AT_ONCE, lambda: story.engine.reader.get(ME))
        assert (card["Points"], card.run, card.as_of) == (1, 1, story.clock.now)
        accepted: list[Instant] = []
        writer = threading.Thread(
            target=lambda: accepted.append(
                story.engine.acceptance.update(ME, {"FullName": "Anna"}).event.accepted_at
            )
        )
        writer.start()
        writer.join(0.2)
        assert accepted == []
    finally:
        go_on.set()
        publisher.join()
    writer.join()
    assert card.known_at < story.truth.bases[-1].published_at < accepted[0]
    assert story.engine.reader.get(ME, card.as_of, card.known_at) == card
    now = story.engine.reader.get(ME)
    assert (now["Points"], now["FullName"], now.known_at) == (2, "Anna", accepted[0])


@pytest.mark.parametrize(
    ("step", "published_run"),
    [("publish.before_commit", 1), ("publish.doubted", 1), ("publish.committed", 2)],
)
@pytest.mark.parametrize("back", [0, DAY])
def test_a_publish_that_died_was_committed_or_was_not_also_where_the_clock_is_set_back(
    story, monkeypatch, step, published_run, back
):
    def die(name: str) -> None:
        if name == step:
            raise Died

    before = story.engine.reader.get(ME)
    with monkeypatch.context() as dying, suppress(Died):
        dying.setattr(publishing, "crash_point", die)
        refresh(story, 2)
    would_be = story.truth.bases[-1].published_at
    story.clock.now -= back
    card = story.engine.reader.get(ME)
    assert (card.run, card["Points"]) == (published_run, published_run)
    assert card.known_at >= (
        would_be if published_run == 2 else before.known_at if not back else START
    )
    accepted = story.engine.acceptance.update(ME, {"FullName": "Anna"}).event.accepted_at
    assert accepted > card.known_at
    assert story.engine.reader.get(ME, card.as_of, card.known_at) == card
    if not back or published_run == 2:
        assert story.engine.reader.get(ME, before.as_of, before.known_at) == before


def test_a_publish_that_died_is_found_out_beside_another_commit_once_an_event_came_after_it(
    story, monkeypatch
):
    def die(name: str) -> None:
        if name == "publish.committed":
            raise Died

    with monkeypatch.context() as dying, suppress(Died):
        dying.setattr(publishing, "crash_point", die)
        refresh(story, 2)
    story.clock.now -= DAY
    accepted = story.engine.log.append([UPDATE])[0].event.accepted_at
    assert accepted == story.truth.bases[-1].published_at + 1
    with held(story.engine.log.lock_path):
        card = story.engine.reader.get(ME)
    assert (card.run, card.known_at) == (2, accepted)


def test_a_timeline_beside_a_publish_that_was_committed_and_not_named_yet_is_that_of_the_old_base(
    story, monkeypatch
):
    from tests.shop import ACCOUNTS, ORDERS

    story.refresh(
        [
            (ACCOUNTS, "1", {"EMail": "a@x", "FullName": "Ann", "Spent": None, "Member": None}),
            (ORDERS, "1", {"AccountId": "1", "PlacedAt": None, "Item": "Pen"}),
        ]
    )
    story.clock.now += HOUR
    found = []

    def look(name: str) -> None:
        if name in ("publish.doubted", "publish.committed"):
            found.append([entry["Title"] for entry in story.engine.reader.timeline(ME).entries])

    monkeypatch.setattr(publishing, "crash_point", look)
    story.refresh([(ORDERS, "1", None)])
    assert found == [["Pen"], ["Pen"]]
    assert story.engine.reader.timeline(ME).entries == ()
