"""Progress of a refresh: what workers write, what the follower makes of it, and how it is shown."""

import io
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from overtide.cli.progress import Display, line
from overtide.pipelines.progress import Follower
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.progress import Event, silent
from overtide.transforms.progress import begun, report
from overtide.transforms.sources.files import about_rows
from tests.conftest import make_shop


@pytest.fixture
def scratch(tmp_path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def followed(scratch: Path, *steps) -> list[Event]:
    """Return what a follower reports of steps, each looked at by itself."""
    events: list[Event] = []
    follower = Follower(scratch, events.append)
    for step in steps:
        step(follower)
        follower.measured()
    return [replace(event, seconds=0.0) for event in events]


def test_rows_of_a_stage_add_up_against_what_the_stages_before_announced(scratch):
    assert followed(
        scratch,
        lambda follower: follower.expect("ingest", 100),
        lambda _: begun(scratch, "ingest"),
        lambda _: report(scratch, "ingest", 60, time.perf_counter(), {"keys": 60}),
        lambda _: report(scratch, "ingest", 50, time.perf_counter(), {"keys": 50}),
        lambda _: begun(scratch, "keys"),
        lambda _: report(scratch, "keys", 110, time.perf_counter()),
        lambda _: report(scratch, "match", 7, time.perf_counter()),
    ) == [
        Event("ingest", 0, 100),
        Event("ingest", 60, 100),
        Event("ingest", 110, 110),
        Event("keys", 0, 110),
        Event("keys", 110, 110),
        Event("match", 7, None),
    ]


def test_a_stage_that_the_refresh_runs_itself_is_told_before_and_after(scratch):
    def run(follower: Follower) -> None:
        with follower.stage("publish", 5):
            pass

    assert followed(scratch, run) == [Event("publish", 0, 5), Event("publish", 5, 5)]


def test_half_a_line_waits_for_its_other_half(scratch):
    path = scratch / "progress.jsonl"
    text = '{"stage": "ingest", "rows": 5, "seconds": 1.0, "ahead": {}}\n'
    assert followed(
        scratch, lambda _: path.write_text(text[:20]), lambda _: path.write_text(text)
    ) == [Event("ingest", 5)]


def test_seconds_and_rows_of_every_stage_are_measured(scratch):
    follower = Follower(scratch, silent)
    report(scratch, "ingest", 5, time.perf_counter() - 2)
    report(scratch, "ingest", 6, time.perf_counter() - 1)
    found = follower.measured()
    assert found["stages"]["ingest"]["rows"] == 11
    assert 3.0 <= found["stages"]["ingest"]["seconds"] < 4.0
    assert found["peak_memory"] > 10_000_000


def test_the_memory_of_processes_that_it_starts_counts(scratch):
    alone = Follower(scratch, silent).measured()["peak_memory"]
    code = "held = b'x' * 200_000_000; print(len(held), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        assert Follower(scratch, silent).measured()["peak_memory"] > alone + 150_000_000


def test_a_refresh_knows_the_rows_of_its_stages(tmp_path):
    from overtide.project import Project

    events: list[Event] = []
    with Project(make_shop(tmp_path / "shop")) as project:
        project.refresh(report=events.append)
    first = {event.stage: event for event in reversed(events)}
    last = {event.stage: event for event in events}
    assert (first["ingest"].rows_done, first["ingest"].rows_total) == (0, 10)
    for stage, rows in (("ingest", 10), ("keys", 10), ("blocks", 7), ("build Customer", 4)):
        assert (last[stage].rows_done, last[stage].rows_total) == (rows, rows), stage
    for stage in (
        "identities",
        "build AlternateKey",
        "build UnifiedActivity",
        "serving generation",
        "publish",
    ):
        assert last[stage].rows_total is not None
        assert last[stage].rows_done <= last[stage].rows_total


# -- rows of a file, before it is read


def entity(path: Path, kind: str = "csv") -> Entity:
    return Entity(path=str(path), format=kind, primary_key="a", attributes={"a": "string"})


@pytest.mark.parametrize(
    ("text", "kind", "rows"),
    [
        ("a\n1\n2\n", "csv", 2),
        ("a\n", "csv", 0),
        ("", "csv", 0),
        ('{"a": 1}\n{"a": 2}\n', "jsonl", 2),
    ],
)
def test_the_rows_of_a_small_file_are_counted(tmp_path, text, kind, rows):
    (tmp_path / "file").write_text(text)
    assert about_rows(tmp_path / "file", entity(tmp_path / "file", kind)) == rows


def test_the_rows_of_a_large_file_are_estimated(tmp_path):
    (tmp_path / "file").write_text(
        "a\n" + "".join(f"{number:06d},{'x' * 30}\n" for number in range(200_000))
    )
    assert abs(about_rows(tmp_path / "file", entity(tmp_path / "file")) - 200_000) < 2_000


def test_the_rows_of_a_parquet_file_are_known(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": list(range(1234))}), tmp_path / "file")
    assert about_rows(tmp_path / "file", entity(tmp_path / "file", "parquet")) == 1234


# -- how it is shown

SOME, ALL = Event("ingest", 250_000, 1_000_000, 2.0), Event("ingest", 1_000_000, 1_000_000, 8.0)


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (SOME, "ingest                 250,000 of 1,000,000 rows  125,000 rows/s  2.0 s  6 s left"),
        (ALL, "ingest                 1,000,000 of 1,000,000 rows  125,000 rows/s  8.0 s"),
        (Event("match", 0), "match                  0 rows"),
        (Event("match", 500, None, 0.5), "match                  500 rows  1,000 rows/s  0.5 s"),
        (
            Event("keys", 1, 1000, 1.0),
            "keys                   1 of 1,000 rows  1 rows/s  1.0 s  16 min 39 s left",
        ),
        (
            Event("keys", 999, 1000, 1.0),
            "keys                   999 of 1,000 rows  999 rows/s  1.0 s",
        ),
    ],
)
def test_a_line_says_stage_rows_rate_and_the_time_left(event, shown):
    assert line(event) == shown


def test_a_terminal_shows_one_line_that_changes_and_leaves_a_line_per_stage():
    stream = io.StringIO()
    with Display(stream, terminal=True) as display:
        for event in (SOME, ALL, Event("keys", 0, 10)):
            display(event)
    changing, *left = stream.getvalue().split("\r\x1b[K")[1:]
    assert changing == line(SOME)
    assert left[-1] == (
        "ingest                 1,000,000 rows  125,000 rows/s  8.0 s\nkeys                   "
        "0 rows\n"
    )


def test_elsewhere_a_line_is_left_per_stage_and_every_few_seconds(monkeypatch):
    stream = io.StringIO()
    now = [0.0]
    monkeypatch.setattr("overtide.cli.progress.time.monotonic", lambda: now[0])
    with Display(stream, terminal=False) as display:
        for second in range(13):
            now[0] = float(second)
            display(Event("ingest", second * 10, 200, float(second)))
    assert [text.split("  ")[-1] for text in stream.getvalue().splitlines()] == [
        "15 s left",
        "10 s left",
        "12.0 s",
    ]
    assert "\r" not in stream.getvalue()


def test_nothing_is_shown_of_a_refresh_that_reports_nothing():
    stream = io.StringIO()
    with Display(stream, terminal=True):
        pass
    assert stream.getvalue() == ""
