"""A refresh that computes its base: the pipeline, the serving generation, and the publish."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from overtide.lake.catalog import Publish
from overtide.lake.damage import Damage
from overtide.lake.publish import Change
from overtide.pipelines.differences import (
    activities_taken_over,
    records_taken_over,
    rows_taken_over,
)
from overtide.pipelines.engine import engine
from overtide.pipelines.found import Found
from overtide.pipelines.generation import build_serving, comparing_told, fields_of, serving_metadata
from overtide.pipelines.inputs import Inputs
from overtide.pipelines.kept_rows import keep
from overtide.pipelines.manifest import manifest
from overtide.pipelines.planning import (
    make_plan,
    paths_of,
    rows_to_read,
    settings_of,
    source_files,
    without_kept,
)
from overtide.pipelines.progress import Follower, telling
from overtide.pipelines.publishing import Base, Refreshed, publish_base
from overtide.runner_configs import RunnerConfig
from overtide.schemas.configuration import Configuration
from overtide.schemas.crash import crash_point
from overtide.schemas.folders import make_folder
from overtide.schemas.instants import Instant
from overtide.schemas.paths import Paths
from overtide.transforms.beside import working_beside
from overtide.transforms.kernel import shared_kernels
from overtide.transforms.plan import Plan
from overtide.transforms.reading_steps import ReadingSteps
from overtide.transforms.sources.databases.look_back import KeptTables, forget_others
from overtide.transforms.sources.files import reading_ahead
from overtide.transforms.unify import SourceFiles


@dataclass(frozen=True)
class Built:
    """What is ready to be published: files, the serving generation, and what the run's row says."""

    found: Found
    generation: str
    content: dict[str, object]


@dataclass(frozen=True)
class Computing:
    """A refresh that computes, and all that it was asked."""

    configuration: Configuration
    paths: Paths
    inputs: Inputs | None
    before: Publish | None
    runner: RunnerConfig
    clock: Callable[[], Instant]
    follower: Follower
    allow_shrink: bool
    job: str | None
    full: bool
    now: Instant
    """Hours of changes count that have ended by then."""
    damage: Damage
    """Which files of the lake are damaged."""

    def published(self) -> Refreshed:
        """Read the sources, unify them, and publish what was found."""
        # All sources are there and have their columns, or nothing starts.
        make_folder(self.paths.scratch)
        told = telling(self.follower.report, "copy")
        tables = KeptTables(self.paths.tables, engine(), self.now, self.full)
        files = source_files(
            self.configuration,
            self.paths.project,
            self.paths.scratch,
            self.now,
            told,
            tables=tables,
        )
        forget_others(tables.folder, [*tables.told])
        run = self.before.run + 1 if self.before else 1
        settings = settings_of(self.runner, self.paths.scratch_of(run), files)
        rows, shrink = self.runner.rows_per_bucket, self.allow_shrink
        with shared_kernels(settings), working_beside(settings):
            asked = self.configuration, self.paths, settings, rows, run, files, shrink
            plan = make_plan(*asked, self.full, self.damage)
            built = self._built(plan, files, tables.told)
        replaced = self.damage.replaced(self.full)
        return _publish(plan, built, self.clock, self.follower, self.before, replaced)

    def _to_read(
        self, plan: Plan, files: list[SourceFiles]
    ) -> tuple[list[SourceFiles], frozenset[str]]:
        """Return what is to be read, and the entities of which nothing is.

        Files that could change unseen are read before anybody else does, and again behind it.
        """
        if self.inputs is None:
            return files, frozenset()
        self.inputs.read(self.inputs.racy)
        if self.full:
            return files, frozenset()
        self.inputs.read(self.inputs.touched)
        return without_kept(plan, self.inputs, files)

    def _built(
        self, plan: Plan, files: list[SourceFiles], fetched: Mapping[str, Mapping[str, object]]
    ) -> Built:
        """Do all that nobody sees yet; what was `fetched` of tables goes into the manifest."""
        batches, kept = self._to_read(plan, files)
        self.follower.expect("ingest", rows_to_read(self.configuration, batches))
        unknown = self.inputs.unknown if self.inputs else []
        with reading_ahead(paths_of(batches), unknown) as contents:
            if self.runner.is_embedded:
                ReadingSteps(plan).begin_reading(batches)
            # Beam is imported by one core, while others read.
            from overtide.pipelines.batch import run_pipeline

            # The pipeline writes files that nobody reads yet.
            found = run_pipeline(plan, batches, self.runner)
            content = manifest(plan, found) | {"runner": self.runner.runner}
            content |= comparing_told(plan, found)
        number = len(paths_of(files))
        known = number - len(paths_of(batches))
        taken = activities_taken_over(plan, found)
        same = {
            "rows": rows_taken_over(found),
            "activities": taken,
            "records": records_taken_over(found),
        }
        content |= {"reused": {"files": known, "of": number} | same}
        content |= self._inputs_told(plan, found, contents, kept)
        crash_point("refresh.pipeline_done")
        # The generation is complete before the run is published, so the run can name it.
        with self.follower.stage("serving generation", found.identified.profiles):
            generation = build_serving(plan, found, self.before)
        crash_point("refresh.generation_done")
        waiting = self.inputs.waiting if self.inputs else {}
        content |= {"waiting": waiting} if waiting else {}
        content |= {"fetched": dict(fetched)} if fetched else {}
        told = self.damage.told(self.full)
        content |= {"damaged": told} if told else {}
        content |= {} if self.job is None else {"job": self.job}
        return Built(found, generation, content)

    def _inputs_told(
        self, plan: Plan, found: Found, contents: dict[Path, str], kept: frozenset[str]
    ) -> dict[str, object]:
        """Return what the manifest says of the inputs, and keep what they gave.

        That is their hash, where they stayed what they were; else nothing is known of them.
        """
        inputs = self.inputs
        if inputs is None:
            return {"inputs": None, "unchanged_since": None}
        inputs.learn(contents)
        if not inputs.stayed():
            return {"inputs": None, "unchanged_since": None}
        inputs.note()
        known = {name: inputs.contents_of(name) for name in plan.entities if name in inputs.files}
        keep(self.paths.results, plan, found.tables, known, kept)
        return {"inputs": inputs.hash(), "unchanged_since": None}


def _publish(
    plan: Plan,
    built: Built,
    clock: Callable[[], Instant],
    follower: Follower,
    before: Publish | None,
    replaced: Mapping[str, tuple[str, ...]],
) -> Refreshed:
    """Publish what was built, as one transaction of the lake; damaged tables are `replaced`."""
    outputs, fields = built.found.outputs, fields_of(plan, built.found)
    changes = [
        Change(
            output.table,
            output.files,
            not output.append and not output.stays and output.gone is None,
            output.gone,
        )
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
        replaced,
        plan.settings.threads,
        [output.table for output in outputs],
    )
    rows = sum(output.content.rows for output in outputs if output.files is not None)
    with follower.stage("publish", rows):
        return publish_base(plan.configuration, plan.paths, base, before, clock)
