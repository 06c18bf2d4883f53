"""Work on the parts of a whole by threads, in the order of the parts."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    pool: ThreadPoolExecutor, step: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[Result]:
    """Give what a step makes of each item in order, while others are made by the pool's threads."""
    running: deque[Future[Result]] = deque()
    for item in items:
        running.append(pool.submit(step, item))
        if len(running) > ahead:
            yield running.popleft().result()
    yield from (one.result() for one in running)
