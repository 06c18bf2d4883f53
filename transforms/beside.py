"""Work that a thread of this process does beside the steps of a refresh.

What a step will be asked for may begin before it is, and what nobody needs before the end may be
done while steps that take one core go on. Where a runner's workers are other processes nothing is
done beside: each step does its own work.
"""

import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from overtide.transforms.kernel import KernelSettings, interrupt_kernels

Result = TypeVar("Result")
_BEGUN: dict[KernelSettings, tuple[ThreadPoolExecutor, dict[Hashable, Future[Any]]]] = {}


@contextmanager
def working_beside(settings: KernelSettings) -> Iterator[None]:
    """Let work be done beside the steps with these settings for as long as the block runs."""
    begun: dict[Hashable, Future[Any]] = {}
    with ThreadPoolExecutor(2, "beside") as thread:
        _BEGUN[settings] = thread, begun
        try:
            yield
        except BaseException:
            thread.shutdown(wait=False, cancel_futures=True)
            while not all(one.done() for one in list(begun.values())):
                interrupt_kernels()
                time.sleep(0.01)
            raise
        finally:
            del _BEGUN[settings]


def begin(settings: KernelSettings, key: Hashable, work: Callable[[], object]) -> bool:
    """Begin work that will be asked for by a key; say whether anything is done beside here."""
    if settings not in _BEGUN:
        return False
    thread, begun = _BEGUN[settings]
    begun[key] = thread.submit(work)
    return True


def finished(settings: KernelSettings, key: Hashable, work: Callable[[], Result]) -> Result:
    """Return the result of what was begun, once; of what was not, do it now."""
    _, begun = _BEGUN.get(settings, (None, {}))
    future: Future[Result] | None = begun.get(key)
    if future is None:
        return work()
    result = future.result()
    begun.pop(key, None)
    return result
