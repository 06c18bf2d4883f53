"""The refresh: builds and runs the batch pipeline on a named runner, then publishes what it found.

Steps 1 to 7 of `refresh` are the whole job; until the sixth nothing that a reader sees has changed.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

from overtide.eventlog.contract import expect_same_log
from overtide.eventlog.sqlite import log_to_publish, log_to_read
from overtide.lake.activity_build import remove_activities
from overtide.lake.activity_files import named_by
from overtide.lake.catalog import Publish, connect, expect_no_catalog
from overtide.lake.coordination import Lock, coordination
from overtide.lake.decide.present import history_begins
from overtide.lake.generation_build import remove_generations
from overtide.lake.history import forget_history
from overtide.lake.orphans import remove_orphans
from overtide.lake.publish import Change, RunRow, publish
from overtide.lake.snapshots import READING_SECONDS, forget_old_publishes
from overtide.lake.standing import committing, current_standing
from overtide.lake.views import define_views
from overtide.pipelines.batch import Found, run_pipeline
from overtide.pipelines.generation import build_serving, comparing_told, fields_of, serving_metadata
from overtide.pipelines.manifest import manifest
from overtide.pipelines.planning import make_plan, paths_of, rows_to_read, source_files
from overtide.pipelines.progress import Follower, telling
from overtide.runner_configs import RunnerConfig
from overtide.schemas.configuration import Configuration
from overtide.schemas.crash import crash_point
from overtide.schemas.errors import OvertideError
from overtide.schemas.folders import make_folder
from overtide.schemas.instants import Instant, format_instant
from overtide.schemas.loading import configuration_hash
from overtide.schemas.paths import Paths
from overtide.schemas.progress import Report, silent
from overtide.transforms.kernel import (
    out_of_memory,
    shared_kernels,
    stop_kernels,
)
from overtide.transforms.plan import Plan
from overtide.transforms.sources.files import reading_ahead
from overtide.transforms.unify import SourceFiles

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did: its `publish` and its manifest.

    `publish` holds run, published_at in microseconds, and generation.

    The manifest is that of `overtide refresh --json` (docs/cli.md). `uncleaned` is what kept it
    from removing what no reader needs any more, None when nothing did; the next refresh tries
    again.
    """

    publish: Publish
    manifest: dict[str, object] = field(default_factory=dict)
    uncleaned: Exception | None = None


def refresh(
    configuration: Configuration,
    paths: Paths,
    runner: RunnerConfig,
    clock: Callable[[], Instant],
    report: Report = silent,
    reading_seconds: float = READING_SECONDS,
    allow_shrink: bool = False,
    job: str | None = None,
) -> Refreshed:
    """Read the sources, unify them, and publish.

    Raise and leave the old base when anything is wrong.

    One refresh at a time per lake (`locked` otherwise). The same inputs and registry give the same
    rows. Files of older bases go once readers had them for `reading_seconds` after they were
    replaced. `allow_shrink` passes sources that have far fewer rows than the last published run
    had. The manifest names the `job` that it runs for.
    """
    # 1. Nobody else refreshes this lake now.
    since = format_instant(clock())
    with coordination(paths).hold(Lock.REFRESH, "overtide refresh", since):
        # 2. What an earlier refresh left when it was killed is nobody's.
        before = _begin(paths)
        with _old_base_stays(paths, before, runner.memory_limit):
            # 3. All sources are there and have their columns, or nothing starts.
            make_folder(paths.scratch)
            told = telling(report, "copy")
            files = source_files(configuration, paths.project, paths.scratch, told)
            run = before.run + 1 if before else 1
            plan = make_plan(configuration, paths, runner, run, files, allow_shrink)
            with Follower(plan.scratch, report) as follower:
                follower.expect("ingest", rows_to_read(configuration, files))
                built = _build(plan, files, runner, follower, before, job)
                # 6. The publish makes it the base.
                refreshed = _publish(plan, built, clock, follower, before)
        # 7. Readers have the new base: what goes wrong from here on is no failure of the refresh.
        try:
            _forget_old(plan, refreshed.publish, clock(), reading_seconds)
        except Exception as error:  # noqa: BLE001 - told to whoever asked for the refresh
            return replace(refreshed, uncleaned=error)
    return refreshed


def _begin(paths: Paths) -> Publish | None:
    """Return what is published, after removing what earlier refreshes left."""
    standing = current_standing(paths)
    with closing(log_to_read(paths.log)) as log:
        expect_same_log(log, standing.marks)
    remove_left(paths)
    return standing.publish


@dataclass(frozen=True)
class Built:
    """What is ready to be published: files, the serving generation, and what the run's row says."""

    found: Found
    generation: str
    content: dict[str, object]


def _build(
    plan: Plan,
    files: list[SourceFiles],
    runner: RunnerConfig,
    follower: Follower,
    before: Publish | None,
    job: str | None,
) -> Built:
    """Do all that nobody sees yet (steps 4 and 5)."""
    with shared_kernels(plan.settings), reading_ahead(paths_of(files)):
        # 4. The pipeline writes files that nobody reads yet.
        found = run_pipeline(plan, files, runner)
        content = manifest(plan, found) | {"runner": runner.runner} | comparing_told(plan, found)
        content |= {} if job is None else {"job": job}
        crash_point("refresh.pipeline_done")
        # 5. The serving generation is complete before the run is published, so the run can name it.
        with follower.stage("serving generation", found.identified.profiles):
            generation = build_serving(plan, found, before)
        crash_point("refresh.generation_done")
    return Built(found, generation, content)


def remove_left(paths: Paths) -> None:
    """Remove what earlier refreshes left that died: scratch, and files that no commit names."""
    shutil.rmtree(paths.scratch, ignore_errors=True)
    crash_point("refresh.scratch_cleared")
    if paths.catalog.exists():
        with committing(paths):
            connection = connect(paths, read_only=False)
            try:
                remove_orphans(connection, paths.storage)
            finally:
                connection.close()
    else:
        expect_no_catalog(paths)
    crash_point("refresh.begun")


@contextmanager
def _old_base_stays(paths: Paths, before: Publish | None, memory_limit: str) -> Iterator[None]:
    """Leave no intermediate files when a refresh fails or is stopped; say what is served."""
    try:
        yield
    except BaseException as error:
        stop_kernels(paths.scratch)
        failed = out_of_memory(memory_limit, error) or error
        if isinstance(failed, OvertideError):
            served = f"Run {before.run} is still served." if before else "Nothing is published yet."
            raise failed.advising(f"{failed.hint or ''} {served}".lstrip()) from error
        raise


def _publish(
    plan: Plan,
    built: Built,
    clock: Callable[[], Instant],
    follower: Follower,
    before: Publish | None,
) -> Refreshed:
    """Publish what was built, as one transaction of the lake."""
    outputs, fields = built.found.outputs, fields_of(plan, built.found)
    changes = [
        Change(output.table, output.files, not output.append)
        for output in outputs
        if output.files is not None
    ]
    content, days = built.content | follower.measured(), plan.configuration.lake.history_days
    gone = plan.hashes.keys() - {output.table.name for output in outputs}
    rows = sum(output.content.rows for output in outputs if output.files is not None)
    with follower.stage("publish", rows), closing(log_to_publish(plan.paths.log, clock)) as log:
        tail = log.tail()
        row = RunRow(
            plan.run,
            built.generation,
            configuration_hash(plan.configuration),
            version("overtide"),
            content,
            days,
            before,
            tail.position,
            tail.accepted_at,
            serving_metadata(plan, fields),
        )

        def define(connection: "DuckDBPyConnection", forgotten: Instant) -> None:
            define_views(connection, plan.run, fields, days, forgotten)

        published = publish(plan.paths, changes, row, clock, log.taking, define, sorted(gone))
    return Refreshed(published, content)


def _forget_old(plan: Plan, last: Publish, now: Instant, reading_seconds: float) -> None:
    """Remove what no reader needs any more.

    Scratch, older serving generations, history, snapshots and their files.
    """
    shutil.rmtree(plan.paths.scratch, ignore_errors=True)
    crash_point("refresh.scratch_removed")
    keep = plan.configuration.lake.keep_generations
    with committing(plan.paths):
        connection = connect(plan.paths, read_only=False)
        try:
            kept = connection.execute(
                'SELECT "Generation" FROM lake.runs ORDER BY "Run" DESC LIMIT ?', [keep]
            )
            served = {last.generation, *(name for (name,) in kept.fetchall())}
            remove_generations(plan.paths.serving, served)
            remove_activities(plan.paths.serving, named_by(plan.paths, served))
            crash_point("refresh.generations_removed")
            forget_history(connection, history_begins(now, last))
            forget_old_publishes(connection, keep, reading_seconds)
        finally:
            connection.close()
