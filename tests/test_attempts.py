"""Who tries tokens is slowed down, by address, and others are not."""

import asyncio
import os

import pytest

from overtide.schemas.errors import TooManyRequestsError
from overtide.serving import windows
from overtide.serving.access.attempts import WINDOW, Attempts
from overtide.serving.access.used_once import UsedOnce
from overtide.serving.telemetry.shared_windows import ATTEMPTS, SharedWindows, shared_memory
from overtide.serving.windows import Windows
from overtide.serving.wire.refusals import refusal_headers


class Side:
    def __init__(self, most: int = 3, windows: Windows | None = None, name: str = "") -> None:
        self.now = 100.0
        self.attempts = Attempts(most, lambda: self.now, windows, name)

    def refused(self, address: str) -> bool:
        return self.wait(address) is not None

    def wait(self, address: str) -> int | None:
        """Return the seconds after which a refused address may try again."""
        try:
            self.attempts.expect_few(address)
        except TooManyRequestsError as error:
            if error.code != "too_many_attempts":
                raise
            return int(refusal_headers(error)["Retry-After"])
        return None


def test_an_address_waits_until_its_attempts_are_forgotten():
    side = Side()
    for _ in range(3):
        assert not side.refused("192.0.2.1")
        side.attempts.note("192.0.2.1")
        side.now += 1
    wait = side.wait("192.0.2.1")
    assert wait is not None
    assert WINDOW - 3 <= wait <= WINDOW
    assert not side.refused("192.0.2.2")
    side.now += wait - 1
    assert side.wait("192.0.2.1") == 1
    side.now += 1
    assert not side.refused("192.0.2.1")


def test_processes_count_together_and_kinds_apart():
    memory = shared_memory()
    try:
        one, other, apart = (
            Side(3, SharedWindows(memory, ATTEMPTS), name) for name in ("a", "a", "b")
        )
        limits = SharedWindows(memory)
        for side in (one, other, one):
            assert not other.refused("192.0.2.1")
            side.attempts.note("192.0.2.1")
        assert (one.refused("192.0.2.1"), other.refused("192.0.2.1")) == (True, True)
        assert not apart.refused("192.0.2.1")
        with limits.window(("a", "192.0.2.1")) as window:
            assert window.total == 0
        states = [UsedOnce(600, lambda: 5.0, SharedWindows(memory, ATTEMPTS)) for _ in range(2)]
        assert [one.take("y") for one in states] == [True, False]
    finally:
        os.close(memory)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("", "192.0.2.1", False),
    ],
)
def test_a_network_of_ipv6_is_one_address(one, other, same):
    side = Side(1)
    side.attempts.note(one)
    assert side.refused(other) is same


def test_many_strangers_take_no_memory(monkeypatch):
    monkeypatch.setattr(windows, "MOST_WINDOWS", 2)
    side = Side(1)
    for address in ("a", "b", "c"):
        side.attempts.note(address)
    assert [side.refused(one) for one in ("b", "c", "a")] == [True, True, False]


def test_programs_are_told_late_what_is_wrong_with_their_tokens(monkeypatch):
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    side = Side(2)
    for _ in range(3):
        asyncio.run(side.attempts.told_late("192.0.2.1"))
    assert waited == [0.0, 1.0, 1.0]
