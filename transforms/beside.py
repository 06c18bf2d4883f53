"""Work that threads of this process do beside the steps of a refresh.

What a step will be asked for may begin before it is, and what nobody needs before the end may be
done while steps that take one core go on. What takes all memory that there is comes one after the
other; of what takes little, which is what changed, two are done at once, since none of them takes
all cores all the time. Where a runner's workers are other processes nothing is done beside: each
step does its own work (docs/decisions/beside-the-steps.md).
"""

import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from overtide.transforms.kernel import KernelSettings, interrupt_kernels

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Threads:
    """The threads of a block, and what they do or did."""

    one: ThreadPoolExecutor
    two: ThreadPoolExecutor
    begun: dict[Hashable, Future[Any]] = field(default_factory=dict)


_BEGUN: dict[KernelSettings, _Threads] = {}


@contextmanager
def working_beside(settings: KernelSettings) -> Iterator[None]:
    """Let work be done beside the steps with these settings for as long as the block runs."""
    with ThreadPoolExecutor(1, "beside") as one, ThreadPoolExecutor(2, "beside") as two:
        _BEGUN[settings] = threads = _Threads(one, two)
        try:
            yield
        except BaseException:
            for pool in (one, two):
                pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in list(threads.begun.values())):
                interrupt_kernels()
                time.sleep(0.01)
            raise
        finally:
            del _BEGUN[settings]


def begin(
    settings: KernelSettings, key: Hashable, work: Callable[[], object], little: bool = False
) -> bool:
    """Begin work that will be asked for by a key; say whether anything is done beside here.

    Two works that take `little` memory are done at once.
    """
    if settings not in _BEGUN:
        return False
    threads = _BEGUN[settings]
    threads.begun[key] = (threads.two if little else threads.one).submit(work)
    return True


def finished(settings: KernelSettings, key: Hashable, work: Callable[[], Result]) -> Result:
    """Return the result of what was begun, once; of what was not, do it now."""
    begun = _BEGUN[settings].begun if settings in _BEGUN else {}
    future: Future[Result] | None = begun.get(key)
    if future is None:
        return work()
    result = future.result()
    begun.pop(key, None)
    return result
