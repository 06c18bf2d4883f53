"""Who tries tokens is slowed down, by address, and others are not."""

import asyncio

import pytest

from overtide.schemas.errors import OvertideError
from overtide.serving.access import attempts
from overtide.serving.access.attempts import WINDOW, Attempts


class Side:
    def __init__(self, most: int = 3) -> None:
        self.now = 100.0
        self.attempts = Attempts(most, lambda: self.now)

    def refused(self, address: str) -> bool:
        try:
            self.attempts.expect_few(address)
        except OvertideError as error:
            return error.code == "too_many_attempts"
        return False


def test_an_address_waits_until_its_attempts_are_forgotten():
    side = Side()
    for _ in range(3):
        assert not side.refused("192.0.2.1")
        side.attempts.note("192.0.2.1")
        side.now += 1
    assert side.refused("192.0.2.1")
    assert not side.refused("192.0.2.2")
    side.now = 100.0 + WINDOW
    assert not side.refused("192.0.2.1")


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
    monkeypatch.setattr(attempts, "MOST_ADDRESSES", 2)
    side = Side(1)
    for address in ("a", "b", "c"):
        side.attempts.note(address)
    assert [side.refused(one) for one in ("a", "b", "c")] == [False, True, True]


def test_programs_are_told_late_what_is_wrong_with_their_tokens(monkeypatch):
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    side = Side(2)
    for _ in range(3):
        asyncio.run(side.attempts.told_late("192.0.2.1"))
    assert waited == [0.0, 1.0, 1.0]
