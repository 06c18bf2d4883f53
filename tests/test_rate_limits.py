"""Never more requests than a limit in any window, and no refusal of who keeps well below it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overtide.schemas.configuration.rate_limits import RateLimit
from overtide.schemas.errors import TooManyRequestsError
from overtide.serving import windows
from overtide.serving.telemetry import shared_windows
from overtide.serving.telemetry.limits import Limits, limits_of
from overtide.serving.telemetry.rate_limits import NANOSECONDS, Policy, RateLimits
from overtide.serving.telemetry.shared_windows import SharedWindows, shared_memory
from overtide.serving.windows import SLOTS

SECONDS = 6
PAUSES = st.one_of(
    st.integers(0, NANOSECONDS // 5),
    st.integers(0, 2 * SECONDS * NANOSECONDS),
    st.sampled_from([0, SECONDS * NANOSECONDS // SLOTS, SECONDS * NANOSECONDS]),
)


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def allowed(limits: RateLimits, principal: str = "p", caller: str = "c") -> bool:
    headers: dict[str, str] = {}
    try:
        limits.take(principal, caller, headers)
    except TooManyRequestsError:
        return int(headers["Retry-After"]) < 1
    assert set(headers) == {"RateLimit-Policy", "RateLimit"}
    return True


@contextmanager
def limits_of_processes(number: int, policy: Policy, clock: Clock) -> Iterator[list[RateLimits]]:
    """Give the limits of processes that count together, or of a single one."""
    if number == 1:
        yield [RateLimits(policy, {}, clock)]
        return
    memory = shared_memory()
    try:
        shared = [SharedWindows(memory) for _ in range(number)]
        yield [RateLimits(policy, {}, clock, one) for one in shared]
    finally:
        os.close(memory)


@given(st.integers(1, 5), st.lists(PAUSES, max_size=60), st.sampled_from([1, 3]))
def test_no_window_ever_holds_more_than_the_limit(most, pauses, processes):
    clock = Clock()
    passed = []
    with limits_of_processes(processes, Policy("default", most, SECONDS), clock) as limits:
        for number, pause in enumerate(pauses):
            clock.now += pause
            if allowed(limits[number % processes]):
                passed.append(clock.now)
    apart = [later - earlier for earlier, later in zip(passed, passed[most:], strict=False)]
    assert all(one >= SECONDS * NANOSECONDS for one in apart)


@given(st.integers(1, 20), st.lists(st.integers(0, NANOSECONDS), max_size=60))
def test_who_keeps_below_the_limit_is_never_refused(most, more):
    clock = Clock()
    limits = RateLimits(Policy("default", most, SECONDS), {}, clock)
    least = -(-SECONDS * NANOSECONDS * (SLOTS + 1) // SLOTS // most) + 1
    for extra in more:
        clock.now += least + extra
        assert allowed(limits)


@given(st.integers(1, 5), st.lists(PAUSES, min_size=6, max_size=40))
def test_after_retry_after_there_is_room(most, pauses):
    clock = Clock()
    limits = RateLimits(Policy("default", most, SECONDS), {}, clock)
    for pause in pauses:
        clock.now += pause
        headers: dict[str, str] = {}
        try:
            limits.take("p", "c", headers)
        except TooManyRequestsError:
            clock.now += int(headers["Retry-After"]) * NANOSECONDS
            assert allowed(limits)


def test_headers_tell_what_is_left():
    clock = Clock()
    limits = RateLimits(Policy("default", 2, 60), {}, clock)
    found = []
    for _ in range(2):
        headers: dict[str, str] = {}
        limits.take("p", "c", headers)
        found.append(headers)
    assert found == [
        {"RateLimit-Policy": '"default";q=2;w=60', "RateLimit": f'"default";r={left};t=61'}
        for left in (1, 0)
    ]


def test_a_caller_with_a_limit_of_its_own_has_it_for_each_principal():
    limits = RateLimits(
        Policy("default", 3, 60), {"connector": Policy("connector", 1, 60)}, Clock()
    )
    asked = [("a", "connector"), ("a", "connector"), ("b", "connector"), ("a", "x"), ("a", "y")]
    found = [allowed(limits, *one) for one in asked]
    assert found == [True, False, True, True, True]
    assert [allowed(limits, "a", "z"), allowed(limits, "a", "z")] == [True, False]


def test_limits_are_those_that_are_configured_and_the_connector_s():
    assert limits_of({}) == Limits()
    found = limits_of({"default": RateLimit(requests=5), 'a "é': RateLimit(requests=2, seconds=1)})
    assert found.usual == Policy("default", 5, 60)
    assert found.of_callers['a "é'] == Policy("a___", 2, 1)
    assert found.of_callers["connector"].requests == 100
    assert limits_of({"connector": RateLimit(requests=7)}).of_callers["connector"].requests == 7


def test_windows_are_bounded(monkeypatch):
    monkeypatch.setattr(windows, "MOST_WINDOWS", 10)
    limits = RateLimits(Policy("default", 1, 60), {}, Clock())
    for number in range(100):
        assert allowed(limits, str(number))
    assert len(limits._windows._windows) == 10


def test_what_processes_count_together_is_bounded_and_the_oldest_goes(monkeypatch):
    monkeypatch.setattr(shared_windows, "SETS", 1)
    with limits_of_processes(2, Policy("default", 1, 60), Clock()) as (first, second):
        for number in range(shared_windows.WAYS):
            assert allowed(first, str(number))
            assert not allowed(second, str(number))
        assert allowed(first, "one more")
        assert not allowed(second, "1")
        assert allowed(second, "0")


@pytest.mark.parametrize("seconds", [1, 7, 60, 86_400])
def test_slots_cover_their_window(seconds):
    assert SLOTS * Policy("p", 1, seconds).slot >= seconds * NANOSECONDS
