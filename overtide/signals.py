"""How a long command is stopped: by ctrl-C or by the system, after what it is doing."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

INTERRUPTED = 130
"""Exit code after ctrl-C."""


@dataclass
class Stop:
    """Whether to stop, and whether ctrl-C asked for it."""

    event: threading.Event = field(default_factory=threading.Event)
    interrupted: bool = False


@contextmanager
def stopping() -> Iterator[Stop]:
    """Turn the first SIGINT or SIGTERM into a stop; a second ctrl-C interrupts at once."""
    stop = Stop()

    def asked(number: int, _frame: FrameType | None) -> None:
        if stop.event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.interrupted = stop.interrupted or number == signal.SIGINT
        stop.event.set()

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
