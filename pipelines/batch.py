"""The batch pipeline: its graph, running it, and what it found."""

import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import overtide.pipelines.importing_beam  # noqa: F401 - Beam is first imported as it says

# isort: split

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, TypeOptions
from apache_beam.pvalue import AsList, AsSingleton, PCollection

from overtide.pipelines.found import FOUND, Found
from overtide.pipelines.runners import new_pipeline
from overtide.runner_configs import RunnerConfig
from overtide.schemas.errors import FailedError, OvertideError
from overtide.transforms.identities import Identified
from overtide.transforms.keys import EntityTable
from overtide.transforms.left_errors import left_error
from overtide.transforms.matching.contract import PairTable
from overtide.transforms.plan import Plan
from overtide.transforms.refresh import BuildTables, FindPairs, GiveIdentities, ReadSources
from overtide.transforms.steps import Steps
from overtide.transforms.tables.contract import BuiltTable
from overtide.transforms.tables.identity_tables import learnt_tables
from overtide.transforms.unify import SourceFiles


def build(pipeline: beam.Pipeline, plan: Plan, files: list[SourceFiles]) -> PCollection[Found]:
    """Build the pipeline's graph.

    One root (the names of the source files), one element at its end.
    """
    steps = Steps(plan)
    gather = partial(_gather, steps.describe_entity, steps.reading.hashed, steps.written_whole)
    describe = steps.describe_matches
    numbered = [(batch.number, batch) for batch in files]
    tables = (
        pipeline
        | "Name source files" >> beam.Create(numbered, reshuffle=False)
        | "Read sources" >> ReadSources(steps)
    )
    pairs = tables | "Match records" >> FindPairs(steps)
    identified = pairs | "Unify records" >> GiveIdentities(steps, tables)
    base = identified | "Build base tables" >> BuildTables(steps, tables)
    matched = identified | "Describe matches" >> beam.FlatMap(
        lambda *found: [(None, one) for one in describe(*found)], AsList(pairs), AsList(tables)
    )
    return (
        (base, matched)
        | "Join tables" >> beam.Flatten()
        | "Collect tables" >> beam.GroupByKey()
        | "Gather results"
        >> beam.Map(
            lambda entry, *found: gather(entry[1], *found),
            AsList(tables),
            AsList(pairs),
            AsSingleton(identified),
        )
    )


def _gather(
    describe_entity: Callable[[EntityTable], list[BuiltTable]],
    hashed: Callable[[EntityTable], EntityTable],
    written_whole: Callable[[BuiltTable], BuiltTable],
    built: Iterable[BuiltTable],
    tables: list[EntityTable],
    pairs: list[PairTable],
    identified: Identified,
) -> Found:
    tables = [hashed(table) for table in tables]
    entities = [output for table in tables for output in describe_entity(table)]
    outputs = [*map(written_whole, built), *learnt_tables(identified), *entities]
    return Found(
        sorted(tables, key=lambda table: table.entity),
        sorted(pairs, key=lambda table: table.pair),
        identified,
        sorted(outputs, key=lambda output: output.table.name),
    )


def run_pipeline(plan: Plan, files: list[SourceFiles], runner: RunnerConfig) -> Found:
    """Run the pipeline on the named runner and return what it found.

    Types are checked by tests and not in every refresh: that takes a tenth of a small one.
    """
    result = plan.scratch / "found.json"
    options = PipelineOptions(runner.flags)
    options.view_as(TypeOptions).pipeline_type_check = False
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
    return FailedError(
        "pipeline_failed",
        f"The refresh failed: {reason[:300]}.",
        None,
        "Run again with -v to see more.",
    )
