"""Threads of one's own: a call after the other, and none once they were ended."""

import asyncio
import threading

import pytest

from overtide.serving.own_threads import OwnThread, end_all


def test_calls_are_made_in_turn_by_one_thread():
    own = OwnThread("own")

    async def story() -> list[tuple[int, str]]:
        calls = (
            own.run(lambda one: (one, threading.current_thread().name), one) for one in range(9)
        )
        return await asyncio.gather(*calls)

    assert asyncio.run(story()) == [(one, "own_0") for one in range(9)]


def test_what_a_call_raises_is_raised_to_who_waits_for_it():
    async def story() -> None:
        await OwnThread("own").run(int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        asyncio.run(story())


def test_an_end_waits_for_the_call_that_is_made_and_drops_those_behind_it():
    """A log must not be closed under who appends to it."""
    own, begun, over, done = OwnThread("own"), threading.Event(), threading.Event(), list[str]()

    def first() -> None:
        begun.set()
        over.wait()
        done.append("first")

    def second() -> None:
        done.append("second")

    async def story() -> None:
        calls = [
            asyncio.create_task(own.run(one)) for one in (first, lambda: done.append("second"))
        ]
        await asyncio.to_thread(begun.wait)
        for one in calls:
            one.cancel()  # as a loop does that ends
        ending = asyncio.create_task(asyncio.to_thread(end_all))
        await asyncio.sleep(0)
        assert not ending.done()
        over.set()
        await ending
        assert done == ["first"]
        assert await own.run(lambda: "again") == "again"

    asyncio.run(story())
