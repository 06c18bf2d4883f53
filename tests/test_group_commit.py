"""The group commit: one for all who wait, and the effect of errors and interruptions."""

import gc
import sys
import threading
import time
import weakref
from pathlib import Path

from overtide.eventlog import group_commit
from overtide.eventlog.group_commit import GroupCommit
from overtide.schemas.errors import OvertideError, UnavailableError


def test_an_error_reaches_every_thread_of_its_group():
    entered, go_on = threading.Event(), threading.Event()

    def commit(requests):
        entered.set()
        go_on.wait(5)
        if "bad" in requests:
            raise UnavailableError("log_unwritable", "Disk full.")
        return requests

    group = GroupCommit(commit, lambda _: 1, 10)
    outcomes = []

    def submit(request):
        try:
            outcomes.append(group.submit(request))
        except OvertideError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=submit, args=("first",))]
    threads[0].start()
    entered.wait(5)
    threads += [threading.Thread(target=submit, args=(request,)) for request in ("good", "bad")]
    for thread in threads[1:]:
        thread.start()
    time.sleep(0.1)
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert sorted(outcomes) == ["first", "log_unwritable", "log_unwritable"]
    assert group.submit("after") == "after"


class Request:
    """Something that is sent."""


def test_what_was_sent_is_gone_with_its_answer_and_waits_for_no_collection():
    group, request = (
        GroupCommit(lambda requests: [None for _ in requests], lambda _: 1, 10),
        Request(),
    )
    there = weakref.ref(request)
    gc.disable()
    try:
        group.submit(request)
        del request
        assert there() is None
    finally:
        gc.enable()


class Interruption:
    """Raises a KeyboardInterrupt before the n-th line of the group commit reached.

    The lines are those that this thread comes to.

    Not where a `with` is left: the interpreter takes no signal there before the lock is free.
    """

    def __init__(self, line):
        self.lines_left = line
        with Path(group_commit.__file__).open() as file:
            self.withs = {
                number for number, text in enumerate(file, 1) if text.strip().startswith("with ")
            }

    def __enter__(self):
        sys.settrace(self.trace)

    def __exit__(self, *_error):
        sys.settrace(None)

    def trace(self, frame, event, _argument):
        if frame.f_code.co_filename != group_commit.__file__:
            return None
        if event == "line" and frame.f_lineno not in self.withs:
            self.lines_left -= 1
            if self.lines_left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self.trace


def outcomes_beside_an_interruption(line):
    """Return what becomes of an interrupted thread and what those queued beside it get.

    One thread is before it in the queue, and one after it.
    """
    entered, go_on, outcomes = threading.Event(), threading.Event(), {}

    def commit(requests):
        entered.set()
        go_on.wait(5)
        return requests

    def submit(request):
        try:
            outcomes[request] = group.submit(request)
        except OvertideError as error:
            outcomes[request] = error.code

    def follow():
        until(lambda: group._queue or "interrupted" in outcomes)
        for follower in followers:
            follower.start()
        until(lambda: len(group._queue) >= len(followers))
        go_on.set()

    group = GroupCommit(commit, lambda _: 1, 10)
    first, *followers = (
        threading.Thread(target=submit, args=(name,), daemon=True) for name in ("a", "b", "c")
    )
    first.start()
    entered.wait(5)
    followed = threading.Thread(target=follow, daemon=True)
    followed.start()
    try:
        with Interruption(line):
            outcomes["interrupted"] = group.submit("interrupted")
    except KeyboardInterrupt:
        outcomes["interrupted"] = None
    for thread in (followed, first, *followers):
        thread.join(5)
    after = threading.Thread(target=submit, args=("after",), daemon=True)
    after.start()
    after.join(5)
    return outcomes


def until(condition):
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)


def test_an_interrupted_thread_hinders_no_other_wherever_it_is():
    seen = set()
    for line in range(1, 200):
        outcomes = outcomes_beside_an_interruption(line)
        assert outcomes.keys() == {"a", "b", "c", "interrupted", "after"}, line
        assert (outcomes["a"], outcomes["after"]) == ("a", "after"), line
        for name in ("b", "c"):
            assert outcomes[name] in (name, "log_unwritable"), line
        seen.add((outcomes["b"], outcomes["interrupted"]))
        if outcomes["interrupted"] is not None:
            break
    assert seen == {("b", None), ("log_unwritable", None), ("b", "interrupted")}
