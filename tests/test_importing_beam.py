"""Beam is imported as far as it is used, and what it is spared changes no answer."""

import subprocess
import sys
import weakref
from types import SimpleNamespace

import apache_beam as beam
import pytest
from apache_beam.coders import VarIntCoder
from apache_beam.options.pipeline_options import DebugOptions, DirectOptions, PipelineOptions
from apache_beam.transforms import userstate

from overtide.cli import _NoPandas, _without_pandas
from overtide.pipelines.importing_beam import UndecidedError, is_subhint
from overtide.pipelines.runners import new_pipeline

STARTED = """
import logging, sys
import overtide.pipelines.refresh
assert "apache_beam" not in sys.modules  # sources are being read when it is imported
import overtide.pipelines.batch
print(*sorted({"beartype", "httplib2", "regex", "bson", "pymongo", "requests"} & set(sys.modules)))
from apache_beam.typehints import typehints
assert typehints.is_subhint.__module__ == "overtide.pipelines.importing_beam"
from apache_beam.runners.portability import stager
import beartype.door, httplib2, regex
assert isinstance(stager.get_new_http(), httplib2.Http)
assert httplib2.Http and regex.compile and beartype.door.is_subhint(bool, int)
assert not logging.getLogger().handlers
"""


def test_a_refresh_starts_without_what_it_does_not_use_and_all_of_it_can_be_imported():
    found = subprocess.run(
        [sys.executable, "-c", STARTED], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == []


@pytest.mark.parametrize(
    ("sub", "base", "is_one"),
    [(bool, int, True), (int, str, False), (type[bool], type[int], True)],
)
def test_beartype_is_asked_when_beam_asks(sub, base, is_one):
    assert is_subhint(sub, base) is is_one


def test_what_beartype_cannot_compare_is_said_by_the_exception_that_beam_catches():
    with pytest.raises(UndecidedError, match="unsupported"):
        is_subhint(int, 0.1)


COUNT = userstate.ReadModifyWriteStateSpec("count", VarIntCoder())
END = userstate.TimerSpec("end", beam.TimeDomain.WATERMARK)
PARAMETERS = beam.DoFn.StateParam(COUNT), beam.DoFn.TimerParam(END)


class Stateful(beam.DoFn):
    """Has a state and a timer."""

    def process(self, element, count=PARAMETERS[0], end=PARAMETERS[1]):
        del element, count, end


def test_state_and_timers_of_a_class_are_found_each_time():
    for _ in range(2):
        states, timers = userstate.get_dofn_specs(Stateful())
        assert (states, timers) == ({COUNT}, {END})
        states.clear()  # whoever gets them may do so
    assert userstate.get_dofn_specs(beam.DoFn()) == (set(), set())


def test_a_function_with_a_bound_method_of_its_own_is_looked_at_by_itself():
    plain, own = beam.DoFn(), beam.DoFn()
    own.process = Stateful().process
    assert userstate.get_dofn_specs(plain) == (set(), set())
    assert userstate.get_dofn_specs(own) == ({COUNT}, {END})
    assert userstate.get_dofn_specs(plain) == (set(), set())


def test_views_of_options_say_what_their_flags_say_and_share_what_is_set():
    flags = ["--direct_num_workers=3", "--experiments=first"]
    one, other = PipelineOptions(flags), PipelineOptions(flags)
    one.view_as(DirectOptions).direct_num_workers = 7
    one.view_as(DebugOptions).add_experiment("second")
    for options, workers, experiments in (
        (one, 7, ["first", "second"]),
        (other, 3, ["first"]),
        (PipelineOptions(flags), 3, ["first"]),
        (PipelineOptions(["--direct_num_workers=2"]), 2, None),
        (PipelineOptions(flags, direct_num_workers=5), 5, ["first"]),
    ):
        assert options.view_as(DirectOptions).direct_num_workers == workers
        assert options.view_as(DebugOptions).experiments == experiments
        assert options.get_all_options()["direct_num_workers"] == workers
    flags.append("--direct_num_workers=4")
    assert PipelineOptions(flags).view_as(DirectOptions).direct_num_workers == 4


def test_views_follow_the_command_line_where_no_flags_are_given(monkeypatch):
    for workers in (2, 5):
        monkeypatch.setattr(sys, "argv", ["command", f"--direct_num_workers={workers}"])
        assert PipelineOptions().view_as(DirectOptions).direct_num_workers == workers
        assert PipelineOptions([]).view_as(DirectOptions).direct_num_workers == 1


def test_what_cannot_be_pickled_fails_before_anything_runs(tmp_path):
    ran, once = tmp_path / "ran", (one for one in ())
    pipeline = beam.Pipeline("FnApiRunner", PipelineOptions([]))
    began = pipeline | beam.Create([1]) | beam.Map(lambda _: ran.touch())
    began | beam.Map(lambda _: list(once))
    with pytest.raises(RuntimeError, match="Unable to translate"):
        pipeline.run()
    assert list(tmp_path.iterdir()) == []


def test_pandas_is_absent_as_python_says_it():
    with pytest.raises(ModuleNotFoundError, match="No module named 'pandas'") as caught:
        _NoPandas.find_spec("pandas")
    assert caught.value.name == "pandas"
    assert _NoPandas.find_spec("numpy") is None


def test_pandas_is_said_to_be_absent_once_however_often_that_is_begun():
    for _ in range(2):
        _without_pandas()
    assert sys.meta_path.count(_NoPandas) <= 1


def test_side_inputs_on_dask_are_held_while_the_result_is_there_and_no_longer(monkeypatch):
    from apache_beam.runners.dask import dask_runner

    class Bag:
        """Stands for a bag of Dask."""

        def persist(self) -> "Bag":
            computed.append(weakref.ref(kept := Bag()))
            return kept

    def run_pipeline(*_: object) -> SimpleNamespace:
        dask_runner.DaskBagWindowedIterator(Bag(), None)
        return SimpleNamespace()

    computed: list[weakref.ref[Bag]] = []
    monkeypatch.setattr(dask_runner.DaskRunner, "run_pipeline", run_pipeline)
    plain = dask_runner.DaskBagWindowedIterator
    one, _other = (new_pipeline(dask_runner.DaskRunner(), PipelineOptions([])) for _ in range(2))
    result = one.run()
    (side_input,) = computed
    assert side_input() is not None
    del result
    assert side_input() is None
    assert dask_runner.DaskBagWindowedIterator is plain
