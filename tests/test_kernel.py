"""The kernel of batch steps: what stopping a refresh leaves of its folders."""

import shutil
import threading

import duckdb
import pyarrow.compute as pc
import pytest

from overtide.transforms.kernel import define, kernel, shared_kernels, stop_kernels
from overtide.transforms.step import new_folder
from tests.small_plan import configuration, plan_of

ENDLESS = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE hash(a.range, b.range) = 0"


def test_stopping_interrupts_kernels_and_leaves_no_scratch(tmp_path):
    plan = plan_of(tmp_path, configuration({"S_e": {"Id": "string"}}))
    running, stopped = threading.Event(), threading.Event()
    refused = []

    def work():
        with kernel(plan.settings) as connection:
            running.set()
            with pytest.raises(duckdb.InterruptException):
                connection.execute(ENDLESS)
        stopped.wait()  # between two kernels for so long
        with pytest.raises(FileNotFoundError):
            new_folder(plan.scratch, "ingest")
        with pytest.raises(FileNotFoundError), kernel(plan.settings):
            pass
        refused.append(plan)

    thread = threading.Thread(target=work)
    thread.start()
    running.wait()
    stop_kernels(plan.scratch)
    stopped.set()
    thread.join()
    assert refused == [plan]
    assert not plan.scratch.exists()


def test_a_kernel_that_is_stopped_while_it_closes_leaves_no_scratch(tmp_path, monkeypatch):
    plan, remove = plan_of(tmp_path, configuration({"S_e": {"Id": "string"}})), shutil.rmtree

    def stopped(*_, **__):
        monkeypatch.setattr(shutil, "rmtree", remove)
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", stopped)
    with pytest.raises(KeyboardInterrupt), kernel(plan.settings):
        pass
    stop_kernels(plan.scratch, 0.1)
    assert not plan.scratch.exists()


def twice(numbers):
    return pc.multiply(numbers, 2)


def test_shared_kernels_are_connections_of_one_database(tmp_path):
    plan = plan_of(tmp_path, configuration({"S_e": {"Id": "string"}}))
    with shared_kernels(plan.settings):
        with kernel(plan.settings) as first, kernel(plan.settings) as second:
            first.execute("CREATE TEMP TABLE rows AS SELECT 1 AS number")
            second.execute("CREATE TEMP TABLE rows AS SELECT 2 AS number")
            assert first.execute("FROM rows").fetchall() == [(1,)]
            define(first, twice, ["BIGINT"], "BIGINT")
            define(second, twice, ["BIGINT"], "BIGINT")
        with kernel(plan.settings) as third:
            assert third.execute(
                "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'rows'"
            ).fetchall() == [(0,)]
            assert third.execute("SELECT twice(21), current_setting('TimeZone')").fetchall() == [
                (42, "UTC")
            ]
        assert len(list(plan.scratch.glob("spill-*"))) == 1
    assert not list(plan.scratch.glob("spill-*"))
    with kernel(plan.settings) as alone, pytest.raises(duckdb.CatalogException):
        alone.execute("SELECT twice(21)")


def test_shared_kernels_do_not_begin_where_the_refresh_was_stopped(tmp_path):
    plan = plan_of(tmp_path, configuration({"S_e": {"Id": "string"}}))
    with shared_kernels(plan.settings):
        stop_kernels(plan.scratch)
        with pytest.raises(FileNotFoundError), kernel(plan.settings):
            pass
    assert not plan.scratch.exists()
