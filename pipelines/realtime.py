"""The stream: events of the log become rows of the lake's overlay.

It works in bounded runs ("ticks") of one Beam pipeline.

A driver loop reads a range of the log, runs the pipeline over it and commits rows and positions
together. The length of a tick follows the load; while nothing arrives only the log's end is asked
for, and no pipeline runs.
"""

import shutil
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import overtide.pipelines.importing_beam  # noqa: F401 - Beam is first imported as it says

# isort: split

from apache_beam.options.pipeline_options import PipelineOptions, TypeOptions
from apache_beam.runners.runner import PipelineRunner

from overtide.eventlog.contract import CarriedLog, expect_same_log
from overtide.eventlog.failures import another
from overtide.lake.anew import begin_anew
from overtide.lake.coordination import Lock, coordination
from overtide.lake.decide.present import history_begins
from overtide.lake.held_open import held_open
from overtide.lake.maintenance import Keeper, Upkeep
from overtide.lake.orphans import remove_orphans
from overtide.lake.overlay import Span, commit, committed_position, open_overlay
from overtide.lake.sealed import open_generation
from overtide.lake.standing import committing, current_publish, standing_of
from overtide.pipelines.runners import new_pipeline
from overtide.schemas import spans
from overtide.schemas.crash import crash_point
from overtide.schemas.errors import GenerationError, ReplacedLogError
from overtide.schemas.instants import Clock, Instant, format_instant
from overtide.schemas.paths import Paths
from overtide.schemas.tables import OVERLAY
from overtide.transforms.realtime import Fields
from overtide.transforms.realtime_steps import (
    DecodeEvents,
    ReadLog,
    ReadRange,
    WriteBatches,
    read_batches,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Tick:
    """How the length of ticks follows the load: seconds, and events per tick."""

    shortest: float = 0.25
    longest: float = 1.0
    poll: float = 0.05
    events: int = 20_000

    def pause(self, took: float, events: int) -> float:
        """Return the seconds to wait after a tick.

        None after a full one, and some idle time after a slow one.
        """
        if events >= self.events:
            return 0.0
        return max(0.0, min(self.longest, max(self.shortest, 1.2 * took)) - took)


@dataclass(frozen=True)
class Progress:
    """What a stream has done since it started; events below `position` are in the lake.

    `late` are those whose validity had ended when they were carried: they are there for questions
    about the past, and changed nothing.
    """

    position: int
    events: int = 0
    ticks: int = 0
    late: int = 0


Watch = Callable[[Progress], None]
"""Told after each tick how far the stream is; must return at once."""


def stream(
    paths: Paths,
    log: CarriedLog,
    clock: Clock,
    runner: PipelineRunner,
    options: PipelineOptions | None = None,
    until_caught_up: bool = False,
    tick: Tick | None = None,
    stop: threading.Event | None = None,
    watch: Watch = lambda _progress: None,
    upkeep: Upkeep | None = None,
    accept_log: bool = False,
) -> Progress:
    """Carry events into the lake until `stop` is set, or until the log's present end.

    Return what was done.

    One stream per lake: raises `locked` (exit 75) while another runs. Dying at any instant loses
    nothing: the next stream goes on at the committed position. With `accept_log` it first removes
    from the lake what came from another log, and begins anew with the one that is there; else it
    raises `log_replaced`.
    """
    driver = Driver(
        paths,
        log,
        clock,
        runner,
        options or PipelineOptions([]),
        tick or Tick(),
        upkeep or Upkeep(),
    )
    since = format_instant(clock())
    with coordination(paths).hold(Lock.STREAM, "overtide stream", since):
        return driver.run(stop or threading.Event(), until_caught_up, watch, accept_log)


class Driver:
    """The loop of ticks over one lake; `run` is called with the stream's lock held."""

    def __init__(
        self,
        paths: Paths,
        log: CarriedLog,
        clock: Clock,
        runner: PipelineRunner,
        options: PipelineOptions,
        tick: Tick,
        upkeep: Upkeep,
    ) -> None:
        self._paths, self._log, self._clock, self._tick = paths, log, clock, tick
        self._runner, self._options, self._upkeep = runner, options, upkeep
        self._folder = paths.tick

    def run(
        self, stop: threading.Event, until_caught_up: bool, watch: Watch, accept_log: bool = False
    ) -> Progress:
        """Run ticks until told to stop, or until the log has no more."""
        connection, holding = open_overlay(self._paths), ExitStack()
        try:
            # What an earlier stream wrote before it died is nobody's.
            with committing(self._paths):
                remove_orphans(connection, self._paths.storage, [table.name for table in OVERLAY])
            if accept_log:
                self._accept_log(connection)
            crash_point("stream.begun")
            holding.enter_context(held_open(self._paths.catalog))
            return self._loop(connection, stop, until_caught_up, watch)
        finally:
            # Whoever closes the catalog as the last writes its journal into it: that is known to be
            # ours.
            with committing(self._paths):
                holding.close()
                connection.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _loop(
        self,
        connection: "DuckDBPyConnection",
        stop: threading.Event,
        until_caught_up: bool,
        watch: Watch,
    ) -> Progress:
        progress, keeper = (
            Progress(committed_position(connection)),
            Keeper(connection, self._paths, self._upkeep),
        )
        self._expect_same_log(connection)
        while not stop.is_set():
            began = time.monotonic()
            span = self._next_span(progress.position)
            if span is None:
                if until_caught_up:
                    self._upkept(keeper.finish, progress.position)
                    break
                stop.wait(self._tick.poll)
                continue
            late = self.carry(connection, span)
            events = span.end - span.start
            progress = replace(
                progress,
                position=span.end,
                events=progress.events + events,
                ticks=progress.ticks + 1,
                late=progress.late + late,
            )
            watch(progress)
            self._upkept(keeper.committed, span.end)
            stop.wait(self._tick.pause(time.monotonic() - began, events))
        return progress

    def _accept_log(self, connection: "DuckDBPyConnection") -> None:
        """Begin anew with the log that is there, unless it is the one that belongs to the lake."""
        self._log.take_for_whole()
        try:
            self._expect_same_log(connection)
        except ReplacedLogError:
            tail = self._log.tail()
            begin_anew(connection, self._paths, tail.position, tail.accepted_at)

    def _upkept(self, work: Callable[[Instant], bool], position: int) -> None:
        """Do some upkeep of the lake, and that of the log below a position.

        The log's upkeep is done where the lake's was thorough.
        """
        horizon = self._history_begins()
        if work(horizon):
            self._log.forget(horizon, position)

    def _history_begins(self) -> Instant:
        """Return the instant before which no reader may ask.

        There is none before the first publish.
        """
        published = current_publish(self._paths)
        return history_begins(self._clock(), published) if published else 0

    def _expect_same_log(self, connection: "DuckDBPyConnection") -> None:
        """Raise when the log lacks events that the lake holds.

        New ones at their positions would never be carried.
        """
        expect_same_log(self._log, standing_of(connection).marks)

    def _next_span(self, position: int) -> Span | None:
        """Return the next range of the log, at most a tick long, or None at its end."""
        there = self._log.end()
        if there < position:
            raise another(position)
        end = min(there, position + self._tick.events)
        return Span(position, end) if end > position else None

    def carry(self, connection: "DuckDBPyConnection", span: Span) -> int:
        """Run the pipeline over a range, commit what it wrote, and return how many were late.

        A range that was committed before is left out.
        """
        with spans.span("stream tick", {"overtide.events": span.end - span.start}):
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(mode=0o700, parents=True)
            crash_point("stream.before_pipeline")
            with spans.span("stream pipeline"):
                self._run_pipeline(span)
            crash_point("stream.after_pipeline")
            written = read_batches(self._folder)
            with spans.span("stream commit"):
                commit(connection, self._paths, span, written.groups)
        return written.late

    def _run_pipeline(self, span: Span) -> None:
        """Write the rows of a range into the folder."""
        run_pipeline(
            self._log.reader(),
            span,
            profile_types(self._paths),
            self._clock(),
            self._folder,
            self._runner,
            self._options,
        )


def run_pipeline(
    read: ReadLog,
    span: Span,
    fields: Fields | None,
    at: Instant,
    folder: Path,
    runner: PipelineRunner,
    options: PipelineOptions,
) -> None:
    """Run the stream's pipeline over one range of the log at the instant `at`.

    The overlay's rows are in `folder` when this returns (`read_batches`).

    Types are checked by tests and not in every tick: that takes a third of a small tick.
    """
    options.view_as(TypeOptions).pipeline_type_check = False
    pipeline = new_pipeline(runner, options)
    _ = (
        pipeline
        | "Read events" >> ReadRange(read, span.start, span.end)
        | "Decode" >> DecodeEvents(fields, at)
        | "Write" >> WriteBatches(str(folder))
    )
    pipeline.run().wait_until_finish()


def profile_types(paths: Paths) -> Fields | None:
    """Return the updatable columns of the published Customer with their types.

    None while there is none to read.
    """
    published = current_publish(paths)
    if published is None:
        return None
    try:
        return _types_of(paths, published.generation)
    except GenerationError:
        # The generation went while a newer one was published: the events are stored all the same,
        # unchecked.
        return None


@cache
def _types_of(paths: Paths, generation: str) -> Fields:
    fields = open_generation(paths, generation).profile_fields.values()
    return {field.name: field.type for field in fields if field.updatable}
