"""The PTransforms of the stream.

Events are read, carried in the window of their validity, and become overlay rows.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import PBegin, PCollection
from apache_beam.transforms.window import GlobalWindows, TimestampedValue

from overtide.schemas.events import Event
from overtide.transforms.realtime import Fields, OverlayRow, overlay_rows, to_batch
from overtide.transforms.windows import ValidityWindows, at_its_start

ReadLog = Callable[[int, int], list[Event]]
"""Reads up to so many events of the log from a position on; must be picklable."""


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

    This is done within the window of the event's validity.
    """

    fields: Fields | None

    def expand(self, events: PCollection[Event]) -> PCollection[OverlayRow]:
        """Wire the step."""
        return (
            events
            | "Lay into windows of validity" >> beam.WindowInto(ValidityWindows())
            | "Decode events"
            >> beam.FlatMap(overlay_rows, self.fields).with_output_types(OverlayRow)
        )


@dataclass(eq=False)
class WriteBatches(beam.PTransform):
    """Gather each table's rows in one Arrow file `{table}.arrow` of a folder.

    The files of a folder are for one commit.
    """

    folder: str

    def expand(self, rows: PCollection[OverlayRow]) -> PCollection[str]:
        """Wire the step."""
        return (
            rows
            | "Leave the windows" >> beam.WindowInto(GlobalWindows())
            | "Gather rows by table" >> beam.GroupByKey()
            | "Write batches" >> beam.Map(_write, self.folder).with_output_types(str)
        )


def _events(_begin: bytes, read: ReadLog, start: int, end: int) -> Iterable[TimestampedValue]:
    return (at_its_start(event) for event in read(start, end - start) if event.position < end)


def _write(gathered: tuple[str, Iterable[tuple[object, ...]]], folder: str) -> str:
    table, rows = gathered
    batch = to_batch(table, rows)
    with pa.ipc.new_file(Path(folder) / f"{table}.arrow", batch.schema) as file:
        file.write_batch(batch)
    return table
