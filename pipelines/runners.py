"""Beam's runner and its options, as a runner's configuration names them."""

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineRunner, create_runner

from runner_configs import RunnerConfig


def runner_of(config: RunnerConfig) -> PipelineRunner:
    """Return the runner that a configuration names."""
    runner: PipelineRunner = create_runner(config.runner)
    return runner


def options_of(config: RunnerConfig) -> PipelineOptions:
    """Return the pipeline options of a configuration."""
    return PipelineOptions(config.flags)
