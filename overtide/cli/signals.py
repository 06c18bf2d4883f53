"""How ctrl-C and the system stop a command: at once, or (the stream) after what it is doing."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import FrameType
from typing import Any

from overtide.schemas.errors import (
    INTERRUPTED,
    TERMINATED,
    InterruptedCommandError,
    OvertideError,
    TerminatedCommandError,
)

ENDS_WITH_STDIN = "OVERTIDE_ENDS_WITH_STDIN"
"""Set in the environment of a process that ends where its standard input does.

That is a pipe from whoever started it: it ends with them, also where they were killed.
"""
AGAIN = 1.0
"""Seconds after which a stop is asked for again.

Code that swallows every exception swallows that of a signal too.
"""
PATIENCE = 5.0
"""Seconds in which a process ends after it has answered a stop."""


@dataclass
class Interruption:
    """The signal that stopped a command, 0 while there was none.

    It is remembered because libraries turn the exception into errors of theirs.
    """

    number: int = 0

    def refusal(
        self, message: str = "Stopped before it was done.", hint: str | None = None
    ) -> OvertideError:
        """Return the error that says so, with the signal's exit code."""
        if self.number == signal.SIGTERM:
            return TerminatedCommandError("interrupted", message, None, hint)
        return InterruptedCommandError("interrupted", message, None, hint)


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Turn SIGINT and SIGTERM into `KeyboardInterrupt`, and remember which of them it was."""
    interruption = Interruption()

    def asked(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGALRM:
            interruption.number = number
            signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
        raise KeyboardInterrupt

    with _handling(asked, signal.SIGINT, signal.SIGTERM, signal.SIGALRM), _without_traces():
        try:
            yield interruption
        finally:
            if interruption.number:
                signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def _without_traces() -> Iterator[None]:
    """Print no traceback of a signal that comes where Python cannot raise.

    That is in callbacks of the garbage collector.
    """
    before = sys.unraisablehook
    sys.unraisablehook = lambda event: (
        None if event.exc_type is KeyboardInterrupt else before(event)
    )
    try:
        yield
    finally:
        sys.unraisablehook = before


def end_soon(code: int) -> None:
    """Let a process whose command has answered end with its code: by itself, or when asked to.

    One that was stopped ends whatever its threads do: Python waits for them, and an exception that
    comes while Beam starts a bundle's sampler leaves its thread running with nobody to end it.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: os._exit(code))
    if code in (INTERRUPTED, TERMINATED):
        # Where the exception left code given as text (as dataclasses make theirs), `python -m` ends
        # by sending itself SIGINT, unless other such code was run since.
        exec("")  # noqa: S102 - no code at all
        threading.Thread(target=_end, args=(code,), daemon=True).start()


def _end(code: int) -> None:
    time.sleep(PATIENCE)
    os._exit(code)


@dataclass
class Stop:
    """Whether to stop, whether a signal has asked for it, and whether that was ctrl-C."""

    event: threading.Event = field(default_factory=threading.Event)
    asked: bool = False
    interrupted: bool = False


@contextmanager
def stopping() -> Iterator[Stop]:
    """Turn the first SIGINT or SIGTERM into a stop; a second ctrl-C interrupts at once.

    The event is set by another thread: a signal may come while this one holds the event's lock, to
    wait for it or to set it itself, and would wait for that for ever.
    """
    stop, signals = Stop(), SimpleQueue[int | None]()

    def asked(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and (stop.asked or stop.event.is_set()):
            raise KeyboardInterrupt
        stop.asked, stop.interrupted = True, stop.interrupted or number == signal.SIGINT
        signals.put(number)

    threading.Thread(target=_pass_on, args=(signals, stop.event), daemon=True).start()
    try:
        with _handling(asked, signal.SIGINT, signal.SIGTERM):
            if os.environ.pop(ENDS_WITH_STDIN, None):
                threading.Thread(target=_end_with_stdin, args=(stop,), daemon=True).start()
            yield stop
    finally:
        signals.put(None)


def _pass_on(signals: "SimpleQueue[int | None]", event: threading.Event) -> None:
    """Set an event once a signal has come; nothing more where none comes."""
    if signals.get() is not None:
        event.set()


def _end_with_stdin(stop: Stop) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    stop.event.set()


@contextmanager
def _handling(handler: Any, *numbers: signal.Signals) -> Iterator[None]:  # noqa: ANN401 - as `signal.signal` takes it
    """Handle signals within a block, except those that it was started to ignore (`nohup`)."""
    before: Mapping[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {
            number: signal.signal(number, handler)
            for number in numbers
            if signal.getsignal(number) is not signal.SIG_IGN
        }
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
