"""Show how far a refresh is: one line that changes on a terminal, plain lines elsewhere."""

import sys
import time
from dataclasses import replace
from typing import Self, TextIO

from overtide.cli.output import discard
from overtide.schemas.progress import Event

SHORTEST = 0.5
"""Seconds left that are worth telling."""
PLAIN_EVERY = 5.0
"""Seconds between two plain lines of one stage."""


class Display:
    """Shows the progress of a command on `stream`; a context manager around the command."""

    def __init__(self, stream: TextIO | None = None, terminal: bool | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty() if terminal is None else terminal
        self._latest: dict[str, Event] = {}
        self._shown: dict[str, tuple[float, Event | None]] = {}

    def __call__(self, event: Event) -> None:
        """Take note of one stage's progress."""
        self._latest[event.stage] = event
        self._shown.setdefault(event.stage, (time.monotonic(), None))
        if self._terminal:
            self._write(f"\r\033[K{line(event)}")
        elif time.monotonic() - self._shown[event.stage][0] >= PLAIN_EVERY:
            self._plain(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave a line per stage with how far it came."""
        if self._terminal and self._latest:
            self._write("\r\033[K")
        for event in self._latest.values():
            if self._shown[event.stage][1] != event:
                self._plain(replace(event, rows_total=None))

    def _plain(self, event: Event) -> None:
        self._shown[event.stage] = (time.monotonic(), event)
        self._write(line(event) + "\n")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:  # nobody sees it; what is done goes on
            discard(self._stream)


def line(event: Event) -> str:
    """Return a stage, its rows, its rate and the time left, where they are known."""
    rows = (
        f"{event.rows_done:,}"
        + (f" of {event.rows_total:,}" if event.rows_total is not None else "")
        + " rows"
    )
    parts = [f"{event.stage:<22} {rows}"]
    if event.seconds > 0 and event.rows_done:
        parts += [f"{event.rate:,.0f} rows/s", f"{event.seconds:.1f} s"]
    left = event.seconds_left
    if left is not None and left >= SHORTEST:
        parts.append(f"{_duration(left)} left")
    return "  ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds + 0.5), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
