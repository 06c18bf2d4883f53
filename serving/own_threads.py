"""Threads for work that is done in turn, so that it waits for no other work.

What a loop does in its usual threads waits where all of them are busy, however short it is.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TypeVar
from weakref import WeakSet

Result = TypeVar("Result")


class OwnThread:
    """A thread that makes one call after the other; it is begun with the first of them."""

    def __init__(self, name: str) -> None:
        self._name, self._calls = name, _one(name)
        _known.add(self)

    async def run(self, call: Callable[..., Result], *arguments: object) -> Result:
        """Return what a call returns, made once the calls before it are over."""
        whole = partial(copy_context().run, call, *arguments)
        return await asyncio.get_running_loop().run_in_executor(self._calls, whole)

    def end(self) -> None:
        """Wait for the call that is made, and drop those behind it; a later call begins anew."""
        ended, self._calls = self._calls, _one(self._name)
        ended.shutdown(cancel_futures=True)


_known: WeakSet[OwnThread] = WeakSet()


def end_all() -> None:
    """End the threads of this process, before what they use is closed."""
    for one in list(_known):
        one.end()


def _one(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix=name)
