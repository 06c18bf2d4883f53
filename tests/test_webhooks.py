"""Webhooks: what is told once, and what becomes of what does not arrive."""

import itertools
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from overtide.lake.catalog import Publish
from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import SECOND, parse_instant
from overtide.serving.webhooks.destinations import Destinations
from overtide.serving.webhooks.events import Event, Standing
from overtide.serving.webhooks.notifier import Notifier
from overtide.serving.webhooks.signatures import secret_of
from overtide.serving.webhooks.webhook import MOST_ATTEMPTS, pause
from overtide.serving.webhooks.webhooks import CLAIM, MOST, MOST_WAITING, TABLES, Webhooks
from overtide.serving.workflows.database import Database
from overtide.serving.workflows.job import Job, Status, Submission
from tests import shop

START = parse_instant("2026-11-29T10:00:00Z")
HERE = Destinations(local=True)
SECRET = secret_of(bytes(range(32)))
URL = "https://flows.example.com/a?sig=s3cret"


class Project:
    """What a project's webhooks see of it, changed by hand."""

    def __init__(self, folder: Path) -> None:
        self.now, self.publish, self.failed = START, None, []
        self.folder = folder
        self.webhooks = self.server("a")

    def server(self, name: str) -> Webhooks:
        numbers = itertools.count(1)
        return Webhooks(
            Database(self.folder / "webhooks" / "webhooks.sqlite", TABLES),
            shop.INSTANCE,
            lambda: self.now,
            lambda: f"{name}{next(numbers)}",
            lambda: Standing(self.publish, self.failed),
            HERE,
        )

    def published(self, run: int) -> None:
        self.now += SECOND
        self.publish = Publish(run, self.now, "g")

    def job_failed(self, name: str) -> None:
        asked = Submission("ann", "api")
        error = {"code": "no_files", "message": "It has ann@example.com."}
        job = Job(name, Status.FAILED, asked, self.now, self.now, self.now, error=error)
        self.failed = [*self.failed, job]


@pytest.fixture
def project(tmp_path) -> Project:
    """A project that nobody watches yet."""
    return Project(tmp_path)


def told(webhooks: Webhooks) -> list[tuple[str, str]]:
    """Deliver all that is due, and return the webhook and the event of each."""
    webhooks.observe()
    found = []
    while (delivery := webhooks.claim(())) is not None:
        webhooks.delivered(delivery)
        found.append((delivery.webhook.id, delivery.webhook.event.value))
    return found


# What is told


def test_a_publish_is_told_once_to_each_that_was_there_before_it(project):
    project.published(1)
    for event in (Event.REFRESH_FINISHED, Event.UNIFICATION_FINISHED, Event.REFRESH_FAILED):
        project.webhooks.subscribe(event, URL, SECRET, "ann")
    assert told(project.webhooks) == []
    project.published(2)
    assert sorted(told(project.webhooks)) == [
        ("a1", "refreshFinished"),
        ("a2", "unificationFinished"),
    ]
    assert told(project.server("b")) == []


def test_the_first_publish_is_told_and_a_restored_one_is_not(project):
    project.webhooks.subscribe(Event.REFRESH_FINISHED, URL, SECRET, "ann")
    project.published(1)
    first = project.publish
    assert len(told(project.webhooks)) == 1
    project.published(2)
    assert len(told(project.webhooks)) == 1
    project.publish = first
    assert told(project.webhooks) == []
    project.published(2)
    assert len(told(project.webhooks)) == 1


def test_a_look_that_was_overtaken_by_another_s_tells_nothing_twice(project):
    project.webhooks.subscribe(Event.REFRESH_FINISHED, URL, SECRET, "ann")
    project.published(1)
    early, found = Standing(project.publish), []

    def overtaken() -> Standing:
        """Say what was so a moment ago; meanwhile another server tells what is so now."""
        if found:
            return Standing(project.publish)
        project.published(2)
        found.extend(told(project.server("b")))
        return early

    replace(project.webhooks, standing=overtaken).observe()
    assert [*found, *told(project.webhooks)] == [("a1", "refreshFinished")]


def test_a_job_that_failed_is_told_once_without_any_data(project):
    project.job_failed("before")
    project.webhooks.subscribe(Event.REFRESH_FAILED, URL, SECRET, "ann")
    project.job_failed("one")
    project.webhooks.observe()
    delivery = project.webhooks.claim(())
    assert '"jobId":"one","errorCode":"no_files"' in delivery.body
    assert "ann@" not in delivery.body
    project.webhooks.delivered(delivery)
    project.failed = project.failed[1:]  # the oldest jobs are forgotten
    assert told(project.webhooks) == []


def test_secrets_are_not_shown_and_only_the_owner_may_read_the_file(project):
    made = project.webhooks.subscribe(Event.REFRESH_FINISHED, URL, SECRET, "ann")
    shown = str(project.webhooks.all()[0].as_json())
    assert ("s3cret" in shown, SECRET in shown) == (False, False)
    file = project.webhooks.database.path
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert project.webhooks.unsubscribe(made.id).id == made.id
    with pytest.raises(OvertideError, match="There is no webhook"):
        project.webhooks.unsubscribe(made.id)


def test_webhooks_are_bounded(project):
    for _ in range(MOST):
        project.webhooks.subscribe(Event.REFRESH_FAILED, URL, SECRET, "ann")
    with pytest.raises(OvertideError) as refused:
        project.webhooks.subscribe(Event.REFRESH_FAILED, URL, SECRET, "ann")
    assert refused.value.code == "too_many_webhooks"


def test_what_waits_is_bounded_and_what_is_given_up_is_counted(project):
    project.webhooks.subscribe(Event.REFRESH_FAILED, URL, SECRET, "ann")
    for number in range(MOST_WAITING + 2):
        project.job_failed(str(number))
    project.webhooks.observe()
    (webhook,) = project.webhooks.all()
    assert (webhook.waiting, webhook.given_up) == (MOST_WAITING, 2)


# Deliveries


def published_to_one(project: Project) -> None:
    project.webhooks.subscribe(Event.REFRESH_FINISHED, URL, SECRET, "ann")
    project.published(1)
    project.webhooks.observe()


def test_a_delivery_is_one_server_s_until_it_may_have_died(project):
    published_to_one(project)
    other = project.server("b")
    first = project.webhooks.claim(())
    assert other.claim(()) is None
    project.now += CLAIM
    second = other.claim(())
    assert (second.message_id, second.attempts) == (first.message_id, 2)
    project.webhooks.failed(first, "late")  # by now it is the other one's
    assert other.all()[0].failures == 0
    other.delivered(second)
    project.now += CLAIM
    assert project.webhooks.claim(()) is None


def test_servers_that_look_at_once_deliver_once(project):
    published_to_one(project)
    servers = [project.server(str(number)) for number in range(4)]
    claimed = []

    def look(server: Webhooks) -> None:
        server.observe()
        claimed.append(server.claim(()))

    threads = [threading.Thread(target=look, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one is not None for one in claimed) == 1


def test_attempts_are_further_and_further_apart_and_then_the_webhook_is_disabled(project):
    published_to_one(project)
    for number in range(1, MOST_ATTEMPTS):
        delivery = project.webhooks.claim(())
        project.webhooks.failed(delivery, "the receiver answered 503")
        project.now += pause(number) - 1
        assert project.webhooks.claim(()) is None
        project.now += 1
    assert project.webhooks.all()[0].state == "failing"
    project.published(2)
    project.webhooks.observe()
    project.webhooks.failed(project.webhooks.claim(()), "the receiver answered 503")
    shown = project.webhooks.all()[0].as_json()
    assert (shown["state"], shown["failures"], shown["waiting"]) == ("disabled", MOST_ATTEMPTS, 0)
    assert (shown["givenUp"], shown["lastError"]) == (2, "the receiver answered 503")
    project.published(3)
    assert told(project.webhooks) == []
    hours = sum(map(pause, range(1, MOST_ATTEMPTS))) / 3600 / SECOND
    assert 12 < hours < 24


def test_a_message_that_alone_is_refused_disables_nothing(project):
    published_to_one(project)
    bad = project.webhooks.claim(())
    project.published(2)
    assert len(told(project.webhooks)) == 1
    for _ in range(MOST_ATTEMPTS):
        project.webhooks.failed(bad, "the receiver answered 400")
        project.now += pause(MOST_ATTEMPTS)
        bad = project.webhooks.claim(()) or bad
    (webhook,) = project.webhooks.all()
    assert (webhook.state, webhook.given_up, webhook.waiting) == ("failing", 1, 0)
    project.published(3)
    assert len(told(project.webhooks)) == 1
    assert project.webhooks.all()[0].state == "active"


def test_a_clock_that_is_set_back_holds_nothing_up(project):
    published_to_one(project)
    project.webhooks.failed(project.webhooks.claim(()), "no")
    project.now -= 10**6 * SECOND
    assert project.webhooks.claim(()) is not None


def test_a_receiver_that_is_gone_is_told_no_more(project):
    published_to_one(project)
    statuses = []
    notifier = Notifier(project.webhooks, lambda *_: statuses.append(1) or 410)
    notifier.look()
    until = time.monotonic() + 120
    while project.webhooks.all() and time.monotonic() < until:
        time.sleep(0.01)
    assert (project.webhooks.all(), statuses) == ([], [1])


def test_a_slow_receiver_holds_up_no_other(project):
    for _ in range(2):
        project.webhooks.subscribe(Event.REFRESH_FINISHED, URL, SECRET, "ann")
    project.published(1)
    go, sent = threading.Event(), []

    def send(*_: object) -> int:
        sent.append(1)
        if len(sent) == 1:
            go.wait(10)
        return 200

    notifier, stop = Notifier(project.webhooks, send), threading.Event()
    running = threading.Thread(target=notifier.run, args=(stop,), daemon=True)
    running.start()
    until, waiting = time.monotonic() + 120, []
    while waiting != [0, 1] and time.monotonic() < until:
        project.webhooks.observe()
        waiting = sorted(one.waiting for one in project.webhooks.all())
    assert waiting == [0, 1]
    go.set()
    stop.set()
    running.join()
