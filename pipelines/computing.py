"""A refresh that computes its base: the pipeline, the serving generation, and the publish."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from overtide.lake.catalog import Publish
from overtide.lake.publish import Change
from overtide.pipelines.batch import Found, run_pipeline
from overtide.pipelines.generation import build_serving, comparing_told, fields_of, serving_metadata
from overtide.pipelines.inputs import Inputs
from overtide.pipelines.manifest import manifest
from overtide.pipelines.planning import make_plan, paths_of, rows_to_read, source_files
from overtide.pipelines.progress import Follower
from overtide.pipelines.publishing import Base, Refreshed, publish_base
from overtide.runner_configs import RunnerConfig
from overtide.schemas.configuration import Configuration
from overtide.schemas.crash import crash_point
from overtide.schemas.instants import Instant
from overtide.schemas.paths import Paths
from overtide.transforms.kernel import shared_kernels
from overtide.transforms.plan import Plan
from overtide.transforms.sources.files import reading_ahead
from overtide.transforms.unify import SourceFiles


@dataclass(frozen=True)
class Built:
    """What is ready to be published: files, the serving generation, and what the run's row says."""

    found: Found
    generation: str
    content: dict[str, object]


def publish_computed(
    configuration: Configuration,
    paths: Paths,
    inputs: Inputs | None,
    before: Publish | None,
    runner: RunnerConfig,
    clock: Callable[[], Instant],
    follower: Follower,
    allow_shrink: bool,
    job: str | None,
) -> Refreshed:
    """Read the sources, unify them, and publish what was found."""
    # All sources are there and have their columns, or nothing starts.
    files = source_files(configuration, paths.project)
    run = before.run + 1 if before else 1
    plan = make_plan(configuration, paths, runner, run, files, allow_shrink)
    follower.expect("ingest", rows_to_read(configuration, files))
    built = _build(plan, files, inputs, runner, follower, before)
    content = built.content | ({} if job is None else {"job": job})
    return _publish(plan, Built(built.found, built.generation, content), clock, follower, before)


def _build(
    plan: Plan,
    files: list[SourceFiles],
    inputs: Inputs | None,
    runner: RunnerConfig,
    follower: Follower,
    before: Publish | None,
) -> Built:
    """Do all that nobody sees yet."""
    if inputs is not None:  # read before anybody else does, and again behind it
        inputs.read(inputs.racy)
    unknown = inputs.unknown if inputs else []
    with shared_kernels(plan.settings):
        with reading_ahead(paths_of(files), unknown) as contents:
            # The pipeline writes files that nobody reads yet.
            found = run_pipeline(plan, files, runner)
            content = manifest(plan, found) | {"runner": runner.runner}
            content |= comparing_told(plan, found)
        content |= _told(inputs, contents)
        crash_point("refresh.pipeline_done")
        # The serving generation is complete before the run is published, so the run can name it.
        with follower.stage("serving generation", found.identified.profiles):
            generation = build_serving(plan, found, before)
        crash_point("refresh.generation_done")
    return Built(found, generation, content)


def _told(inputs: Inputs | None, contents: dict[Path, str]) -> dict[str, object]:
    """Return what the manifest says of the inputs: their hash, where they stayed what they were."""
    same = None
    if inputs is not None:
        inputs.learn(contents)
        if inputs.stayed():
            same = inputs.hash()
            inputs.note()
    return {"inputs": same, "unchanged_since": None}


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
    gone = plan.hashes.keys() - {output.table.name for output in outputs}
    base = Base(
        plan.run,
        changes,
        sorted(gone),
        built.generation,
        serving_metadata(plan, fields),
        built.content | follower.measured(),
    )
    rows = sum(output.content.rows for output in outputs if output.files is not None)
    with follower.stage("publish", rows):
        return publish_base(plan.configuration, plan.paths, base, before, clock)
