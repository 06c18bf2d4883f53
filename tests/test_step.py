"""What a step gives its function, and what it tells and leaves of it."""

import json
from pathlib import Path

import duckdb
import pytest

from overtide.schemas.errors import SourceError
from overtide.transforms.kernel import KernelSettings
from overtide.transforms.left_errors import left_error
from overtide.transforms.step import Stage, guarded, step


@pytest.fixture
def settings(tmp_path) -> KernelSettings:
    return KernelSettings(1, "500MB", tmp_path)


def wrong(*_):
    raise SourceError("no_rows", "Bad.")


def one_by_one(*_):
    yield 1
    wrong()


def told(scratch: Path) -> list[tuple[str, int, dict[str, int]]]:
    """Return stage, rows and rows ahead of every line of progress."""
    lines = map(json.loads, (scratch / "progress.jsonl").read_text().splitlines())
    return [(line["stage"], line["rows"], line["ahead"]) for line in lines]


def test_a_function_gets_a_kernel_and_a_new_folder_every_time(settings):
    def work(connection, folder, number):
        (folder / "file").touch(exist_ok=False)
        return connection.execute("SELECT 2 * ?", [number]).fetchone()[0], folder

    double = step(settings, "doubles", work)
    (two, first), (four, second) = double(1), double(2)
    assert (two, four) == (2, 4)
    assert first != second
    assert first.parent == second.parent == settings.scratch / "doubles"


def test_what_it_gives_one_by_one_is_made_while_the_kernel_is_open(settings):
    def work(connection, _folder):
        yield from (connection.execute(f"SELECT {number}").fetchone()[0] for number in range(3))

    assert step(settings, "numbers", work)() == [0, 1, 2]


def test_its_stage_is_told_before_and_after(settings):
    stage = Stage("letters", len, lambda found: {"words": 2 * len(found)})
    assert step(settings, "s", lambda *_: "abc", stage)() == "abc"
    assert told(settings.scratch) == [("letters", 0, {}), ("letters", 3, {"words": 6})]


def test_a_stage_may_depend_on_the_arguments(settings):
    step(settings, "s", lambda *_: "abc", lambda name: Stage(f"of {name}", len))("x")
    assert [stage for stage, *_ in told(settings.scratch)] == ["of x", "of x"]


def test_what_is_attached_is_there(settings):
    def work(connection, _folder):
        return connection.execute("FROM other.numbers").fetchall()

    attach = ["ATTACH ':memory:' AS other", "CREATE TABLE other.numbers AS SELECT 1"]
    assert step(settings, "s", work, attach=attach)() == [(1,)]


@pytest.mark.parametrize("work", [wrong, one_by_one])
def test_an_error_is_raised_and_left(settings, work):
    for run in (step(settings, "s", work), guarded(settings, work)):
        with pytest.raises(SourceError, match="Bad"):
            run()
        assert left_error(settings.scratch) == SourceError("no_rows", "Bad.")
        (settings.scratch / "error.json").unlink()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data of size 1 KiB"),
        OSError("Out of Memory Error: failed to allocate data of size 1 KiB"),  # through Arrow
    ],
)
def test_too_little_memory_is_left_as_what_to_do(settings, error):
    def work(*_):
        raise error

    with pytest.raises(type(error)):
        guarded(settings, work)()
    assert left_error(settings.scratch).code == "out_of_memory"


def test_what_arrow_hands_on_of_another_failure_is_no_want_of_memory(settings):
    def work(connection, _):
        wrong = "SELECT CASE WHEN i > 1000000 THEN error('boom') END FROM range(2000000) r(i)"
        return [len(batch) for batch in connection.execute(wrong).to_arrow_reader(2_048)]

    with pytest.raises(OSError, match="boom"):
        step(settings, "s", work)()
    assert left_error(settings.scratch) is None


def test_an_error_of_the_code_is_left_to_the_runner(settings):
    run = step(settings, "s", lambda connection, _: connection.execute("FROM nowhere"))
    with pytest.raises(duckdb.CatalogException):
        run()
    assert left_error(settings.scratch) is None
