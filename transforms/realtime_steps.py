"""The PTransforms of the stream.

Events are read, carried in the window of their validity, become overlay rows, and are written in
groups by the day in which that window closes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import PBegin, PCollection
from apache_beam.transforms.window import IntervalWindow, TimestampedValue

from overtide.schemas.events import Event
from overtide.schemas.instants import DAY, Instant
from overtide.transforms.realtime import Fields, overlay_rows, to_batch
from overtide.transforms.windows import DaysOfExpiry, ValidityWindows, at_its_start, is_late

ReadLog = Callable[[int, int], list[Event]]
"""Reads up to so many events of the log from a position on; must be picklable."""
Place = tuple[str, bool]
"""Where rows are written: a table of the overlay, and whether their events are late."""
PlacedRow = tuple[Place, tuple[Any, ...]]
"""A place, and the column values of one row for it."""


@dataclass(eq=False)
class ReadRange(beam.PTransform):
    """Read the range [start, end) of the log's positions, each event at its valid_from."""

    read: ReadLog
    start: int
    end: int

    def expand(self, begin: PBegin) -> PCollection[Event]:
        """Wire the step."""
        return (
            begin
            | "Begin once" >> beam.Impulse()
            | "Read the range"
            >> beam.FlatMap(_events, self.read, self.start, self.end).with_output_types(Event)
        )


@dataclass(eq=False)
class DecodeEvents(beam.PTransform):
    """Turn every event into rows of the overlay and the quarantine.

    This is done within the window of the event's validity, which says whether the event is late at
    the instant `at`.
    """

    fields: Fields | None
    at: Instant

    def expand(self, events: PCollection[Event]) -> PCollection[PlacedRow]:
        """Wire the step."""
        return (
            events
            | "Lay into windows of validity" >> beam.WindowInto(ValidityWindows())
            | "Decode events"
            >> beam.FlatMap(_placed_rows, self.fields, self.at).with_output_types(PlacedRow)
        )


@dataclass(eq=False)
class WriteBatches(beam.PTransform):
    """Gather the rows of each place by day of expiry, each group in one Arrow file of a folder.

    The files of a folder are for one commit.
    """

    folder: str

    def expand(self, rows: PCollection[PlacedRow]) -> PCollection[str]:
        """Wire the step."""
        return (
            rows
            | "Lay into days of expiry" >> beam.WindowInto(DaysOfExpiry())
            | "Gather rows by place" >> beam.GroupByKey()
            | "Write batches" >> beam.Map(_write, self.folder).with_output_types(str)
        )


@dataclass(frozen=True)
class Written:
    """What a run of the pipeline wrote: by table its groups, and how many events were late."""

    groups: dict[str, list[pa.Table]]
    late: int


def read_batches(folder: Path) -> Written:
    """Return what a run of the pipeline wrote into a folder."""
    groups: dict[str, list[pa.Table]] = {}
    late: set[int] = set()
    for file in sorted(folder.glob("*.arrow")):
        table, lateness, _day = file.stem.split(".")
        rows = pa.ipc.open_file(file).read_all()
        groups.setdefault(table, []).append(rows)
        if lateness == LATE:
            late.update(rows["Position"].to_pylist())
    return Written(groups, len(late))


LATE, IN_TIME = "late", "in_time"


def _events(_begin: bytes, read: ReadLog, start: int, end: int) -> Iterable[TimestampedValue]:
    return (at_its_start(event) for event in read(start, end - start) if event.position < end)


def _placed_rows(
    event: Event,
    fields: Fields | None,
    at: Instant,
    window: IntervalWindow = beam.DoFn.WindowParam,
) -> Iterable[PlacedRow]:
    late = is_late(window, at)
    return (((table, late), values) for table, values in overlay_rows(event, fields))


def _write(
    gathered: tuple[Place, Iterable[tuple[Any, ...]]],
    folder: str,
    day: IntervalWindow = beam.DoFn.WindowParam,
) -> str:
    (table, late), rows = gathered
    batch = to_batch(table, rows)
    name = f"{table}.{LATE if late else IN_TIME}.{day.start.micros // DAY}.arrow"
    with pa.ipc.new_file(Path(folder) / name, batch.schema) as file:
        file.write_batch(batch)
    return name
