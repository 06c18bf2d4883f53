"""The refresh: builds and runs the batch pipeline on a named runner, then publishes what it found.

Steps 1 to 7 of `refresh` are the whole job; until the sixth nothing that a reader sees has changed.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import AsList, AsSingleton, PCollection
from pydantic import TypeAdapter

from overtide.eventlog.contract import expect_same_log
from overtide.eventlog.sqlite import log_to_publish, log_to_read
from overtide.lake.catalog import Publish, attach_statements, connect, expect_no_catalog, extension
from overtide.lake.definitions import last_manifest, table_columns
from overtide.lake.generation_build import GenerationSources, build_generation, remove_generations
from overtide.lake.history import forget_history
from overtide.lake.locks import hold, refresh_lock
from overtide.lake.orphans import remove_orphans
from overtide.lake.publish import Change, RunRow, publish
from overtide.lake.published import committing, current_publish, current_standing
from overtide.lake.snapshots import READING_SECONDS, forget_old_publishes
from overtide.lake.views import define_views
from overtide.pipelines.manifest import kept_before, manifest
from overtide.pipelines.progress import Follower
from overtide.pipelines.runners import new_pipeline
from overtide.runner_configs import RunnerConfig
from overtide.schemas.configuration import Configuration
from overtide.schemas.crash import crash_point
from overtide.schemas.errors import FAILED, OvertideError
from overtide.schemas.folders import make_folder
from overtide.schemas.instants import DAY, Instant, format_instant
from overtide.schemas.loading import configuration_hash
from overtide.schemas.names import literal, parquet_rows
from overtide.schemas.paths import Paths
from overtide.schemas.progress import Report, silent
from overtide.schemas.tables import IGNORED_VALUES, OVERSIZED_BLOCKS, ProfileField
from overtide.transforms import outputs, told, unify
from overtide.transforms.identities import Identified
from overtide.transforms.kernel import (
    KernelSettings,
    kernel,
    out_of_memory,
    shared_kernels,
    stop_kernels,
)
from overtide.transforms.keys import EntityTable
from overtide.transforms.outputs import Output, profile_json
from overtide.transforms.plan import Plan, left_error
from overtide.transforms.refresh import BuildTables, FindPairs, GiveIdentities, ReadSources, guarded
from overtide.transforms.sources import about_rows, check_columns, files_of, reading_ahead
from overtide.transforms.unify import PairTable, SourceFiles, in_batches

SURE = 100_000
"""Up to so many rows the number of rows is not rounded."""
BYTES_PER_RECORD = 200
"""Size on disk of a record that is unified, for the number of buckets before anything is read."""


@dataclass(frozen=True)
class Found:
    """Everything that the pipeline found: the one element of its one leaf."""

    tables: list[EntityTable]
    pairs: list[PairTable]
    identified: Identified
    outputs: list[Output]


FOUND = TypeAdapter(Found)
"""Writes and reads what the pipeline found as JSON.

So workers elsewhere can hand it over in a file.
"""


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
) -> Refreshed:
    """Read the sources, unify them, and publish.

    Raise and leave the old base when anything is wrong.

    One refresh at a time per lake (`locked` otherwise). The same inputs and registry give the same
    rows. Files of older bases go once readers had them for `reading_seconds` after they were
    replaced. `allow_shrink` passes sources that have far fewer rows than the last published run
    had.
    """
    # 1. Nobody else refreshes this lake now.
    with hold(refresh_lock(paths), "overtide refresh", format_instant(clock())):
        # 2. What an earlier refresh left when it was killed is nobody's.
        standing = current_standing(paths)
        before = standing.publish
        with closing(log_to_read(paths.log)) as log:
            expect_same_log(log, standing.marks)
        remove_left(paths)
        with _old_base_stays(paths, before, runner.memory_limit):
            # 3. All sources are there and have their columns, or nothing starts.
            files = source_files(configuration, paths.project)
            plan = make_plan(
                configuration, paths, runner, before.run + 1 if before else 1, files, allow_shrink
            )
            with Follower(plan.scratch, report) as follower:
                follower.expect("ingest", rows_to_read(configuration, files))
                with shared_kernels(plan.settings), reading_ahead(paths_of(files)):
                    # 4. The pipeline writes files that nobody reads yet.
                    found = run_pipeline(plan, files, runner)
                    content = manifest(
                        plan, found.tables, found.pairs, found.identified, found.outputs
                    )
                    crash_point("refresh.pipeline_done")
                    # 5. The serving generation is complete before the run is published, so the run
                    # can name it.
                    with follower.stage("serving generation", found.identified.profiles):
                        generation = build_serving(plan, found)
                    crash_point("refresh.generation_done")
                # 6. The publish makes it the base.
                content |= {"runner": runner.runner}
                refreshed = _publish(plan, found, generation, content, clock, follower, before)
        # 7. Readers have the new base: what goes wrong from here on is no failure of the refresh.
        try:
            _forget_old(plan, generation, clock(), reading_seconds)
        except Exception as error:  # noqa: BLE001 - told to whoever asked for the refresh
            return replace(refreshed, uncleaned=error)
    return refreshed


def remove_left(paths: Paths) -> None:
    """Remove what earlier refreshes left that died: scratch, and files that no commit names."""
    shutil.rmtree(paths.scratch, ignore_errors=True)
    crash_point("refresh.scratch_cleared")
    if paths.catalog.exists():
        with committing(paths):
            connection = connect(paths, read_only=False)
            try:
                remove_orphans(connection, paths)
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
            failed.hint = f"{failed.hint} {served}" if failed.hint else served
        if failed is not error:
            raise failed from error
        raise


def source_files(configuration: Configuration, project: Path) -> list[SourceFiles]:
    """Return every source file, after checking all headers.

    Raise one error that lists everything wrong.
    """
    files: list[SourceFiles] = []
    wrong: list[OvertideError] = []
    for name, entity in configuration.entities().items():
        found = [
            finding.error(name)
            for finding in check_columns(project, entity)
            if finding.severity == "mistake"
        ]
        wrong += found
        if not found:
            files += in_batches(name, files_of(project, entity), len(files))
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise OvertideError(
            "sources_wrong", f"The source files have {len(wrong)} mistakes.", None, details=wrong
        )
    return files


def paths_of(files: list[SourceFiles]) -> list[Path]:
    """Return all files, in their order."""
    return [Path(path) for batch in files for path in batch.paths]


def rows_to_read(configuration: Configuration, files: list[SourceFiles]) -> int:
    """Return about how many rows the sources have.

    Three digits of it are right where files are large.
    """
    entities = configuration.entities()
    rows = sum(
        about_rows(path, entities[batch.entity]) for batch in files for path in paths_of([batch])
    )
    return round(rows, 3 - len(str(rows))) if rows >= SURE else rows


def make_plan(
    configuration: Configuration,
    paths: Paths,
    runner: RunnerConfig,
    run: int,
    files: list[SourceFiles],
    allow_shrink: bool = False,
) -> Plan:
    """Return the plan of a run: what is published now, and how much there is to read."""
    scratch = paths.scratch / f"run{run:06d}"
    make_folder(scratch)
    published, last = published_tables(paths)
    unified = {one.entity for one in configuration.unification.entities}
    size = sum(
        path.stat().st_size
        for batch in files
        if batch.entity in unified
        for path in paths_of([batch])
    )
    settings = KernelSettings(runner.kernel_threads, runner.memory_limit, scratch)
    hashes = {name: str(table["hash"]) for name, table in last.get("tables", {}).items()}
    return Plan(
        configuration,
        paths,
        settings,
        run,
        runner.rows_per_bucket,
        size // BYTES_PER_RECORD,
        published,
        hashes,
        tuple(attach_statements(paths, read_only=True)),
        kept_before(last),
        allow_shrink,
    )


def published_tables(paths: Paths) -> tuple[dict[str, dict[str, str]], dict[str, Any]]:
    """Return the columns of the published tables and the manifest of their run.

    Nothing before the first publish.
    """
    if current_publish(paths) is None:
        return {}, {}
    connection = connect(paths)
    try:
        return table_columns(connection), last_manifest(connection)
    finally:
        connection.close()


def build(pipeline: beam.Pipeline, plan: Plan, files: list[SourceFiles]) -> PCollection[Found]:
    """Build the pipeline's graph.

    One root (the names of the source files), one element at its end.
    """
    tables = (
        pipeline | "Name source files" >> beam.Create(files) | "Read sources" >> ReadSources(plan)
    )
    pairs = tables | "Match records" >> FindPairs(plan)
    identified = pairs | "Unify records" >> GiveIdentities(plan, tables)
    base = identified | "Build base tables" >> BuildTables(plan, tables)
    typed = tables | "Describe entities" >> beam.FlatMap(guarded(outputs.entity_outputs, plan))
    matched = identified | "Describe matches" >> beam.FlatMap(
        guarded(outputs.match_outputs, plan), AsList(pairs), AsList(tables)
    )
    return (
        (base, typed, matched)
        | "Join tables" >> beam.Flatten()
        | "Collect tables" >> beam.combiners.ToList()
        | "Gather results"
        >> beam.Map(_gather, AsList(tables), AsList(pairs), AsSingleton(identified))
    )


def _gather(
    found: list[Output], tables: list[EntityTable], pairs: list[PairTable], identified: Identified
) -> Found:
    return Found(
        sorted(tables, key=lambda table: table.entity),
        sorted(pairs, key=lambda table: table.pair),
        identified,
        sorted(found, key=lambda output: output.table.name),
    )


def run_pipeline(plan: Plan, files: list[SourceFiles], runner: RunnerConfig) -> Found:
    """Run the pipeline on the named runner and return what it found."""
    result = plan.scratch / "found.json"
    options = PipelineOptions(runner.flags)
    try:
        with new_pipeline(runner.runner, options) as pipeline:
            build(pipeline, plan, files) | "Keep results" >> beam.Map(_keep, str(result))
    except Exception as error:
        raise left_error(plan.scratch) or _failed(error) from error
    return FOUND.validate_json(result.read_bytes())


def _keep(found: Found, path: str) -> None:
    draft = Path(path + ".part")
    draft.write_bytes(FOUND.dump_json(found))
    draft.replace(path)


def _failed(error: Exception) -> OvertideError:
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    named = [line for line in lines if re.match(r"[\w. ]*(Error|Exception): ", line)] or lines
    reason = named[-1].partition(" [while running '")[0].strip().removesuffix(".")
    return OvertideError(
        "pipeline_failed",
        f"The refresh failed: {reason[:300]}.",
        None,
        "Run again with -v to see more.",
        500,
        FAILED,
    )


def fields_of(plan: Plan, found: Found) -> list[ProfileField]:
    """Return the columns of Customer."""
    return outputs.profile_fields(plan, plan.unified(found.tables))


def build_serving(plan: Plan, found: Found) -> str:
    """Build the serving generation of the run from its tables; return its name."""
    files = {output.table.name: output.files for output in found.outputs}
    fields = fields_of(plan, found)
    with kernel(plan.settings) as connection:
        unify.attach(connection, plan)
        connection.execute(f"LOAD {literal(str(extension('sqlite_scanner')))}")
        customers, keys, vanished, aliases = (
            _rows(table, files[table])
            for table in ("Customer", "AlternateKey", "VanishedKey", "IdentityAlias")
        )
        profiles = profile_json(fields, plan.unified(found.tables), customers)
        sources = GenerationSources(profiles, keys, vanished, aliases)
        return build_generation(
            connection,
            plan.paths.generation(f"run{plan.run:06d}"),
            serving_meta(plan, fields),
            sources,
        )


def _rows(table: str, files: tuple[str, ...] | None) -> str:
    return f"SELECT * FROM {f'lake.{table}' if files is None else parquet_rows(files)}"


def serving_meta(plan: Plan, fields: list[ProfileField]) -> dict[str, object]:
    """Return the metadata that acceptance and reading need.

    `overtide.lake.generation` describes it.
    """
    profile = [{"name": one.name, "type": one.type, "updatable": one.updatable} for one in fields]
    entities = {
        name: {
            "attributes": {
                column: entity.attribute(column).model_dump() for column in entity.attributes
            },
            "time_zone": entity.time_zone,
            "primary_key": entity.primary_key,
            "unified": name in plan.options,
        }
        for name, entity in plan.entities.items()
    }
    activities = {
        activity.entity: activity.model_dump()
        | {"foreign_key": relationship.foreign_key, "to": relationship.to}
        for activity, relationship in plan.activities
    }
    return {
        "run": plan.run,
        "instance": str(plan.configuration.instance.id),
        "profile": profile,
        "entities": entities,
        "activities": activities,
        "real_time": plan.configuration.real_time.model_dump(),
    }


def _publish(
    plan: Plan,
    found: Found,
    generation: str,
    content: dict[str, object],
    clock: Callable[[], Instant],
    follower: Follower,
    before: Publish | None,
) -> Refreshed:
    changes = [
        Change(output.table, output.files, not output.append)
        for output in found.outputs
        if output.files is not None
    ]
    content |= comparing_told(plan, found) | follower.measured()
    history_days = plan.configuration.lake.history_days
    fields = fields_of(plan, found)
    gone = plan.hashes.keys() - {output.table.name for output in found.outputs}
    rows = sum(output.content.rows for output in found.outputs if output.files is not None)
    with follower.stage("publish", rows), closing(log_to_publish(plan.paths.log, clock)) as log:
        row = RunRow(
            plan.run,
            generation,
            configuration_hash(plan.configuration),
            version("overtide"),
            content,
            history_days,
            before,
            log.end(),
            log.last_accepted_at(),
            serving_meta(plan, fields),
        )
        published = publish(
            plan.paths,
            changes,
            row,
            clock,
            log.taking,
            lambda connection, forgotten: define_views(
                connection, plan.run, fields, history_days, forgotten
            ),
            sorted(gone),
        )
    return Refreshed(published, content)


def comparing_told(plan: Plan, found: Found) -> dict[str, object]:
    """Return what the manifest says of large blocks and customers, and ignored values."""
    files = {output.table.name: output.files for output in found.outputs}
    large, ignored = (
        _rows(table.name, files[table.name]) for table in (OVERSIZED_BLOCKS, IGNORED_VALUES)
    )
    with kernel(plan.settings) as connection:
        unify.attach(connection, plan)
        return told.told(connection, large, ignored)


def _forget_old(plan: Plan, generation: str, now: Instant, reading_seconds: float) -> None:
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
            remove_generations(
                plan.paths.serving, {generation, *(name for (name,) in kept.fetchall())}
            )
            crash_point("refresh.generations_removed")
            forget_history(connection, now - plan.configuration.lake.history_days * DAY)
            forget_old_publishes(connection, keep, reading_seconds)
        finally:
            connection.close()
