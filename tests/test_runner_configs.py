"""The ways to run: every shipped file loads and names one Beam runner.

Wrong input is answered in one sentence.
"""

from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.dask.dask_runner import DaskOptions
from apache_beam.runners.runner import create_runner

from overtide import runner_configs
from overtide.schemas.errors import USAGE, OvertideError

VARIABLES = (
    "OVERTIDE_PRISM",
    "OVERTIDE_DASK",
    "OVERTIDE_FLINK",
    "OVERTIDE_GCP_PROJECT",
    "OVERTIDE_GCP_REGION",
    "OVERTIDE_GCP_TEMP",
)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.setenv(name, f"value-of-{name}")


def test_there_is_one_file_per_way_to_run():
    assert runner_configs.names() == ["dask", "dataflow", "embedded", "flink", "prism"]


@pytest.mark.parametrize("name", runner_configs.names())
def test_no_option_is_left_to_chance(name):
    config = runner_configs.load(name)
    assert config.runner.rpartition(".")[2] in {
        "FnApiRunner",
        "PrismRunner",
        "DaskRunner",
        "FlinkRunner",
        "DataflowRunner",
    }
    assert "${" not in str(config.options)
    assert config.kernel_threads >= 1


@pytest.mark.parametrize("name", ["dask", "embedded", "prism"])
def test_beam_knows_the_tested_runners_and_every_option(name):
    config = runner_configs.load(name)
    assert type(create_runner(config.runner)).__name__ == config.runner.rpartition(".")[2]
    options = PipelineOptions(config.flags)
    read = options.get_all_options(drop_default=True) | options.view_as(
        DaskOptions
    ).get_all_options(drop_default=True)
    assert len(read) >= len(
        [value for value in config.options.values() if value not in (1, "in_memory")]
    )


def test_beam_reads_the_address_of_the_scheduler():
    options = PipelineOptions(runner_configs.load("dask").flags).view_as(DaskOptions)
    assert options.get_all_options(drop_default=True)["address"] == "value-of-OVERTIDE_DASK"


def test_options_become_flags():
    options = {"yes": True, "no": False, "number": 3, "several": ["a", "b"]}
    config = runner_configs.RunnerConfig(runner="FnApiRunner", options=options)
    assert config.flags == ["--yes", "--number=3", "--several=a", "--several=b"]


def test_embedded_is_the_default():
    assert runner_configs.load() == runner_configs.load("embedded")
    assert runner_configs.load().runner == "FnApiRunner"


def test_a_path_to_a_file_is_a_runner_too(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text("runner: FnApiRunner\nthreads: 3\nmemory_limit: 512MB\n")
    config = runner_configs.load(str(path))
    assert (config.runner, config.kernel_threads, config.memory_limit) == (
        "FnApiRunner",
        3,
        "512MB",
    )


def refusal(name: str) -> OvertideError:
    with pytest.raises(OvertideError) as caught:
        runner_configs.load(name)
    assert caught.value.exit_code == USAGE
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_misspelt_name_gets_a_suggestion():
    error = refusal("embeded")
    assert error.code == "unknown_runner"
    assert "Did you mean embedded?" in str(error)


def test_an_unknown_name_gets_the_list():
    assert "dask, dataflow, embedded, flink, prism" in str(refusal("spark"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("runner: DirectRunner", "chooses between several runners"),
        ("runner: FnApiRunner\nthread: 2", "thread: Extra inputs"),
        ("runner: FnApiRunner\nmemory_limit: much", "memory_limit"),
        ("runner: [", "is not YAML"),
        ("", "does not describe a runner"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, says: str):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    error = refusal(str(path))
    assert error.code == "invalid_runner"
    assert says in str(error)


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("OVERTIDE_DASK")
    error = refusal("dask")
    assert error.code == "missing_variable"
    assert "OVERTIDE_DASK" in str(error)


RUNNERS_PAGE = (Path(__file__).parent.parent / "docs" / "runners.md").read_text(encoding="utf-8")


def test_the_page_about_runners_names_each_of_them_and_every_key():
    assert [name for name in runner_configs.names() if f"\n## {name}\n" not in RUNNERS_PAGE] == []
    assert [
        key for key in runner_configs.RunnerConfig.model_fields if f"\n{key}: " not in RUNNERS_PAGE
    ] == []


def test_the_example_of_the_page_is_a_runner(tmp_path: Path):
    example = RUNNERS_PAGE.partition("```yaml\n")[2].partition("```")[0]
    path = tmp_path / "example.yaml"
    path.write_text(example)
    assert runner_configs.load(str(path)).runner == "FnApiRunner"


@pytest.mark.parametrize(
    ("runner", "options", "is_embedded"),
    [
        ("FnApiRunner", {}, True),
        ("FnApiRunner", {"direct_running_mode": "in_memory"}, True),
        ("FnApiRunner", {"direct_running_mode": "multi_processing"}, False),
        ("PrismRunner", {}, False),
    ],
)
def test_only_a_runner_within_this_process_is_embedded(runner, options, is_embedded):
    config = runner_configs.RunnerConfig(runner=runner, options=options)
    assert config.is_embedded is is_embedded
