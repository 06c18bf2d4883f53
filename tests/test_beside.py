"""Work beside the steps of a refresh is done once, and ends with the refresh."""

import threading
import time
from pathlib import Path

import pytest

from overtide.transforms.beside import begin, finished, working_beside
from overtide.transforms.kernel import KernelSettings, kernel


@pytest.fixture
def settings(tmp_path: Path) -> KernelSettings:
    return KernelSettings(1, "1GB", tmp_path)


def thread() -> str:
    return threading.current_thread().name


def test_what_is_begun_is_done_by_another_thread_and_once(settings):
    with working_beside(settings):
        assert begin(settings, "one", thread)
        assert finished(settings, "one", thread).startswith("beside")
        assert finished(settings, "one", thread) == thread()
        assert finished(settings, "other", thread) == thread()


def test_where_nothing_is_done_beside_each_step_does_its_own_work(settings):
    assert not begin(settings, "one", thread)
    assert finished(settings, "one", thread) == thread()
    with working_beside(settings):
        pass
    assert not begin(settings, "one", thread)


def test_two_works_that_take_little_are_done_at_once_beside_one_that_takes_more(settings):
    met = threading.Barrier(3)
    with working_beside(settings):
        begin(settings, "large", lambda: met.wait(60))
        begin(settings, "one", lambda: met.wait(60), little=True)
        begin(settings, "two", lambda: met.wait(60), little=True)
        assert {finished(settings, key, thread) for key in ("large", "one", "two")} == {0, 1, 2}


def test_works_that_take_much_are_done_one_after_the_other(settings):
    doing: list[int] = []

    def work() -> int:
        doing.append(1)
        time.sleep(0.05)
        found = len(doing)
        doing.pop()
        return found

    with working_beside(settings):
        for key in "abc":
            begin(settings, key, work)
        assert [finished(settings, key, work) for key in "abc"] == [1, 1, 1]


def test_work_may_begin_more_work_and_nothing_more_where_the_refresh_failed(settings):
    with working_beside(settings):
        begin(settings, "one", lambda: begin(settings, "two", thread, little=True), little=True)
        assert finished(settings, "one", thread)
        assert finished(settings, "two", thread).startswith("beside")
    failed, more = threading.Event(), []

    def late() -> None:
        failed.wait(60)
        time.sleep(0.1)
        more.append("begun")
        begin(settings, "two", lambda: more.append("done"), little=True)

    def fail() -> None:
        with working_beside(settings):
            begin(settings, "one", late, little=True)
            failed.set()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert more == ["begun"]


def test_an_error_is_raised_where_the_result_is_asked_for(settings):
    def fail() -> None:
        raise LookupError("nothing there")

    with working_beside(settings):
        begin(settings, "one", fail)
        with pytest.raises(LookupError, match="nothing there"):
            finished(settings, "one", thread)


def test_a_refresh_that_fails_stops_what_runs_beside_it_and_begins_no_more(settings):
    running, done = threading.Event(), []

    def work() -> None:
        with kernel(settings) as connection:
            running.set()
            connection.execute("SELECT sum(hash(a.range)) FROM range(1000000) a, range(1000000) b")
            done.append("all")

    def fail() -> None:
        with working_beside(settings):
            begin(settings, "one", work)
            begin(settings, "two", lambda: done.append("two"))
            assert running.wait(10)
            time.sleep(0.1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert done == []


def test_results_are_asked_for_by_the_settings_they_belong_to(settings, tmp_path):
    others = KernelSettings(2, "1GB", tmp_path)
    with working_beside(settings), working_beside(others):
        begin(settings, "one", lambda: "this")
        begin(others, "one", lambda: "that")
        found = finished(settings, "one", thread), finished(others, "one", thread)
    assert found == ("this", "that")
