"""TTL is a window: an event lies in the window [valid_from, valid_until), exact to the microsecond.

The window's end is the expiry. An event whose window has closed is late: it is stored for as-of and
changes nothing now. What is written is grouped by the day in which its window closes, which is how
the lake lays it out (docs/decisions/days-of-expiry.md). Correctness never rests on a runner's
watermark: validity is data too, and SQL uses the same half-open interval.
"""

import struct
from collections.abc import Iterable

import apache_beam as beam
from apache_beam.coders import Coder
from apache_beam.transforms.window import (
    BoundedWindow,
    GlobalWindow,
    IntervalWindow,
    NonMergingWindowFn,
    WindowFn,
)
from apache_beam.utils.timestamp import Timestamp

from overtide.schemas.events import Event
from overtide.schemas.instants import DAY, Instant

NEVER = GlobalWindow().max_timestamp()
"""The end of a withdrawal's window: it ends updates for ever."""


class ValidityCoder(Coder):
    """Writes the ends of a window in microseconds.

    Beam's own coder of intervals cuts them to milliseconds.
    """

    _ENDS = struct.Struct(">qq")

    def encode(self, value: IntervalWindow) -> bytes:
        """Return both ends."""
        return self._ENDS.pack(value.start.micros, value.end.micros)

    def decode(self, encoded: bytes) -> IntervalWindow:
        """Return the window."""
        start, end = self._ENDS.unpack(encoded)
        return IntervalWindow(Timestamp(micros=start), Timestamp(micros=end))

    def is_deterministic(self) -> bool:
        """Say that equal windows have equal bytes."""
        return True


class ValidityWindows(NonMergingWindowFn):
    """Assigns an event the window of its validity.

    So grouping takes place among events with one validity.
    """

    def assign(self, assign_context: WindowFn.AssignContext) -> Iterable[IntervalWindow]:
        """Return the one window of the event."""
        return [validity(assign_context.element)]

    def get_window_coder(self) -> ValidityCoder:
        """Return the coder that keeps microseconds."""
        return ValidityCoder()


class DaysOfExpiry(NonMergingWindowFn):
    """Assigns what lies in a window of validity the day (UTC) in which that window closes.

    So grouping takes place among what expires on one day.
    """

    def assign(self, assign_context: WindowFn.AssignContext) -> Iterable[IntervalWindow]:
        """Return the one day of an element, which its window until now decides."""
        return [day_of_expiry(assign_context.window)]

    def get_window_coder(self) -> ValidityCoder:
        """Return the coder that keeps microseconds."""
        return ValidityCoder()


def validity(event: Event) -> IntervalWindow:
    """Return the window in which an event holds."""
    end = NEVER if event.valid_until is None else Timestamp(micros=event.valid_until)
    return IntervalWindow(Timestamp(micros=event.valid_from), end)


def day_of_expiry(window: BoundedWindow) -> IntervalWindow:
    """Return the day in which a window closes; that of a withdrawal is the last there is."""
    start = window.end.micros // DAY * DAY
    return IntervalWindow(Timestamp(micros=start), Timestamp(micros=start + DAY))


def is_late(window: BoundedWindow, at: Instant) -> bool:
    """Say whether what lies in a window comes when that has closed: it changes nothing at `at`."""
    return bool(window.end.micros <= at)


def at_its_start(event: Event) -> beam.window.TimestampedValue:
    """Return the event with its valid_from as its event time."""
    return beam.window.TimestampedValue(event, Timestamp(micros=event.valid_from))
