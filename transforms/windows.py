"""TTL is a window: an event lies in the window [valid_from, valid_until), exact to the microsecond.

The window's end is the expiry. An event whose window has closed is late: it is stored for as-of and
changes nothing now. Correctness never rests on a runner's watermark: validity is data too, and SQL
uses the same half-open interval.
"""

import struct
from collections.abc import Iterable

import apache_beam as beam
from apache_beam.coders import Coder
from apache_beam.transforms.window import GlobalWindow, IntervalWindow, NonMergingWindowFn, WindowFn
from apache_beam.utils.timestamp import Timestamp

from overtide.schemas.events import Event

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


def validity(event: Event) -> IntervalWindow:
    """Return the window in which an event holds."""
    end = NEVER if event.valid_until is None else Timestamp(micros=event.valid_until)
    return IntervalWindow(Timestamp(micros=event.valid_from), end)


def at_its_start(event: Event) -> beam.window.TimestampedValue:
    """Return the event with its valid_from as its event time."""
    return beam.window.TimestampedValue(event, Timestamp(micros=event.valid_from))
