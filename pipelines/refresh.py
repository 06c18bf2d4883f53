"""The refresh: publishes what its sources say, by whatever way costs least.

What has not changed since the run in force is published again (`unchanged`); else all is computed
(`computing`). Until the publish nothing that a reader sees has changed.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from overtide.eventlog.contract import expect_same_log
from overtide.eventlog.sqlite import log_to_read
from overtide.lake.activity_build import remove_activities
from overtide.lake.activity_files import named_by
from overtide.lake.catalog import Publish, connect, expect_no_catalog
from overtide.lake.coordination import Lock, coordination
from overtide.lake.damage import NO_DAMAGE, Damage, damage_of, look_for_damage, mendable
from overtide.lake.decide.present import history_begins
from overtide.lake.generation_build import remove_generations
from overtide.lake.history import forget_history
from overtide.lake.orphans import remove_orphans
from overtide.lake.sealed import with_those_beneath
from overtide.lake.snapshots import READING_SECONDS, forget_old_publishes
from overtide.lake.standing import committing, current_standing
from overtide.pipelines.computing import Computing
from overtide.pipelines.inputs import Inputs
from overtide.pipelines.progress import Follower
from overtide.pipelines.publishing import Refreshed
from overtide.pipelines.unchanged import publish_unchanged
from overtide.runner_configs import RunnerConfig
from overtide.schemas.configuration import Configuration
from overtide.schemas.crash import crash_point
from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import Instant, format_instant
from overtide.schemas.paths import Paths
from overtide.schemas.progress import Report, silent
from overtide.transforms.kernel import out_of_memory, stop_kernels

__all__ = ["Refreshed", "refresh"]

DAMAGE_MAY_BE_WHY = ("lake_unreadable", "pipeline_failed")
"""Codes of errors that a damaged file of the lake may have made."""


def refresh(
    configuration: Configuration,
    paths: Paths,
    runner: RunnerConfig,
    clock: Callable[[], Instant],
    report: Report = silent,
    reading_seconds: float = READING_SECONDS,
    allow_shrink: bool = False,
    job: str | None = None,
    full: bool = False,
) -> Refreshed:
    """Read the sources, unify them, and publish.

    Raise and leave the old base when anything is wrong.

    One refresh at a time per lake (`locked` otherwise). The same inputs and registry give the same
    rows. Files of older bases go once readers had them for `reading_seconds` after they were
    replaced. `allow_shrink` passes sources that have far fewer rows than the last published run
    had. The manifest names the `job` that it runs for. Where nothing has changed since the run in
    force, its base is published again, unless `full` says that all is to be computed.
    """
    # 1. Nobody else refreshes this lake now.
    since = format_instant(clock())
    with coordination(paths).hold(Lock.REFRESH, "overtide refresh", since):
        # 2. What an earlier refresh left when it was killed is nobody's.
        before, damage = _begin(paths, full)
        asked = configuration, paths, runner, clock, report, allow_shrink, job, full, before
        try:
            refreshed = _refreshed(*asked, damage)
        except Exception as error:  # noqa: BLE001 - raised again, unless damage is why
            damage = _noticed(paths, error, damage)
            refreshed = _refreshed(*asked, damage)
        # 5. Readers have the new base: what goes wrong from here on is no failure of the refresh.
        try:
            keep = configuration.lake.keep_generations
            _forget_old(paths, keep, refreshed.publish, clock(), reading_seconds)
        except Exception as error:  # noqa: BLE001 - told to whoever asked for the refresh
            return replace(refreshed, uncleaned=error)
    return refreshed


def _refreshed(
    configuration: Configuration,
    paths: Paths,
    runner: RunnerConfig,
    clock: Callable[[], Instant],
    report: Report,
    allow_shrink: bool,
    job: str | None,
    full: bool,
    before: Publish | None,
    damage: Damage,
) -> Refreshed:
    """Publish what is in force again where that may be, else what is computed."""
    run = before.run + 1 if before else 1
    with (
        _old_base_stays(paths, before, runner.memory_limit),
        Follower(paths.scratch_of(run), report) as follower,
    ):
        # 3. What is read is known, so that what is not changed need not be read.
        now = max(clock(), before.published_at) if before else clock()
        inputs = Inputs.of(configuration, paths, now)
        if not full and not damage.files:
            refreshed = publish_unchanged(inputs, before, runner, clock, follower, job)
            if refreshed is not None:
                return refreshed
        # 4. Else it is computed, and the publish makes it the base.
        asked = paths, inputs, before, runner, clock, follower
        return Computing(configuration, *asked, allow_shrink, job, full, now, damage).published()


def _noticed(paths: Paths, error: Exception, known: Damage) -> Damage:
    """Return the damage of the lake that made a refresh fail; raise its error where none did.

    What nobody has but a backup is told by an error of its own.
    """
    if isinstance(error, OvertideError) and error.code not in DAMAGE_MAY_BE_WHY:
        raise error
    damage = look_for_damage(paths)
    if damage == known:
        raise error
    remove_left(paths)
    return damage


def _begin(paths: Paths, full: bool) -> tuple[Publish | None, Damage]:
    """Return what is published, and what of it is damaged, without what earlier refreshes left.

    All files are read to their end if all is to be computed in `full`.
    """
    standing = current_standing(paths)
    with closing(log_to_read(paths.log)) as log:
        expect_same_log(log, standing.marks)
    seen = remove_left(paths)
    return standing.publish, look_for_damage(paths) if full else mendable(seen)


def remove_left(paths: Paths) -> Damage:
    """Remove what earlier refreshes left that died: scratch, and files that no commit names.

    Return which files that the lake needs are missing or of another size.
    """
    damage = NO_DAMAGE
    shutil.rmtree(paths.scratch, ignore_errors=True)
    crash_point("refresh.scratch_cleared")
    if paths.catalog.exists():
        with committing(paths):
            connection = connect(paths, read_only=False, threads=1)
            try:
                remove_orphans(connection, paths.storage)
                damage = damage_of(connection, paths.storage)
            finally:
                connection.close()
    else:
        expect_no_catalog(paths)
    crash_point("refresh.begun")
    return damage


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


def _forget_old(
    paths: Paths, keep: int, last: Publish, now: Instant, reading_seconds: float
) -> None:
    """Remove what no reader needs any more.

    Scratch, older serving generations, history, snapshots and their files.
    """
    shutil.rmtree(paths.scratch, ignore_errors=True)
    crash_point("refresh.scratch_removed")
    with committing(paths):
        connection = connect(paths, read_only=False, threads=1)
        try:
            kept = connection.execute(
                'SELECT "Generation" FROM lake.runs GROUP BY 1 ORDER BY max("Run") DESC LIMIT ?',
                [keep],
            )
            served = {last.generation, *(name for (name,) in kept.fetchall())}
            remove_generations(paths.serving, with_those_beneath(paths, served))
            remove_activities(paths.serving, named_by(paths, served))
            crash_point("refresh.generations_removed")
            forget_history(connection, history_begins(now, last))
            forget_old_publishes(connection, keep, reading_seconds)
        finally:
            connection.close()
