"""Beam's runner and its options, as a runner's configuration names them."""

from pathlib import Path
from typing import TYPE_CHECKING

import overtide.pipelines.importing_beam  # noqa: F401 - Beam is first imported as it says

# isort: split

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult, PipelineRunner, create_runner
from apache_beam.transforms.window import WindowFn

from overtide.runner_configs import RunnerConfig

if TYPE_CHECKING:
    from apache_beam.runners.dask.transform_evaluator import DaskBagWindowedIterator
    from dask.bag import Bag


def runner_of(config: RunnerConfig) -> PipelineRunner:
    """Return the runner that a configuration names."""
    runner: PipelineRunner = create_runner(config.runner)
    return runner


def options_of(config: RunnerConfig) -> PipelineOptions:
    """Return the pipeline options of a configuration."""
    return PipelineOptions(config.flags)


def new_pipeline(runner: PipelineRunner | str, options: PipelineOptions) -> beam.Pipeline:
    """Return a pipeline without Beam's temporary folder for other languages' transforms.

    Beam removes it when a run ends well, and leaves it behind where the process is stopped.
    """
    _keep_no_side_inputs()
    pipeline = beam.Pipeline(runner=runner, options=options)
    Path(pipeline.local_tempdir).rmdir()
    if type(pipeline.runner).__name__ == "DaskRunner":
        _compute_side_inputs_once(pipeline.runner)
    return pipeline


def _keep_no_side_inputs() -> None:
    """Let the embedded runner give side inputs as it has them, and not from a memory of its own.

    It would weigh what it remembers by a walk through what all modules hold, 10 ms for each side
    input; each is read by one bundle, and what was kept of it never asked for again.
    """
    from apache_beam.runners.portability.fn_api_runner import worker_handlers

    worker_handlers.STATE_CACHE_SIZE_MB = 0


def _compute_side_inputs_once(runner: PipelineRunner) -> None:
    """Let Dask compute a side input when a pipeline begins, and keep it while its result is there.

    It would compute it anew for each bucket of each step that reads it, with the side inputs that
    are behind it: of 1,000 people that takes four times the processor time.
    """
    from apache_beam.runners.dask import dask_runner

    run, plain = runner.run_pipeline, dask_runner.DaskBagWindowedIterator

    def run_pipeline(pipeline: beam.Pipeline, options: PipelineOptions) -> PipelineResult:
        held: list[Bag] = []

        def computed(bag: "Bag", window: WindowFn) -> "DaskBagWindowedIterator":
            held.append(bag.persist())
            return plain(held[-1], window)

        dask_runner.DaskBagWindowedIterator = computed
        try:
            result = run(pipeline, options)
        finally:
            dask_runner.DaskBagWindowedIterator = plain
        result.side_inputs = held  # Dask forgets what nobody here holds
        return result

    runner.run_pipeline = run_pipeline
