"""What a query of `overtide sql` and of `Project.sql` may take.

Memory to a limit, and a temporary folder that goes.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from overtide.lake import session
from overtide.project import Project
from overtide.schemas.errors import OvertideError

SORTED = (
    "SELECT count(*) AS n FROM (SELECT row_number() OVER (ORDER BY hash(i)) FROM "
    "range(6000000) AS r(i))"
)
HELD = (
    "SELECT i % 3 AS n, string_agg(repeat('x', 100) || i) FROM range(3000000) AS r(i) GROUP BY ALL"
)


@pytest.fixture
def opened(project_folder, tmp_path, monkeypatch):
    """A project, and an empty folder for what is temporary."""
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    with Project(project_folder) as project:
        yield project


def refused(call, *arguments, **options) -> OvertideError:
    with pytest.raises(OvertideError) as caught:
        call(*arguments, **options)
    return caught.value


def test_a_query_that_does_not_fit_says_what_to_do(opened, tmp_path):
    error = refused(opened.sql, HELD, memory_limit="60MB")
    assert (error.code, error.status) == ("out_of_memory", 503)
    assert "limit of 57.2 MiB" in error.message
    assert "--memory-limit" in (error.hint or "")
    assert list((tmp_path / "temp").iterdir()) == []


@pytest.mark.parametrize("limit", ["1KB", "0GB"])
def test_a_limit_below_what_a_lake_needs_is_told_in_the_same_way(opened, limit):
    assert refused(opened.sql, "SELECT 1", memory_limit=limit).code == "out_of_memory"


@pytest.mark.parametrize(
    "limit", ["", "much", "4", "-1GB", "4GBs", "80%", "'; --", "１GB", "9" * 14 + "TB"]
)
def test_what_is_no_size_is_refused(opened, limit):
    error = refused(opened.sql, "SELECT 1", memory_limit=limit)
    assert (error.code, error.exit_code) == ("invalid_value", 2)
    assert repr(limit) in error.message


@pytest.mark.parametrize("limit", ["500MB", "1.5 GiB", "2gb", "1TB"])
def test_sizes_are_written_as_duckdb_does(opened, limit):
    assert opened.sql("SELECT 1 AS n", memory_limit=limit).to_pylist() == [{"n": 1}]


def test_what_does_not_fit_is_put_aside_and_removed(opened, tmp_path, project_folder):
    before = {
        path
        for path in project_folder.rglob("*")
        if "-wal" not in path.name and "-shm" not in path.name
    }
    with session.session(opened.paths, "100MB") as connection:
        folder = Path(connection.execute("SELECT current_setting('temp_directory')").fetchone()[0])
        assert folder.parent == tmp_path / "temp"
        assert folder.stat().st_mode & 0o077 == 0
        assert connection.execute(SORTED).fetchall() == [(6_000_000,)]
    assert list((tmp_path / "temp").iterdir()) == []
    assert before >= {
        path
        for path in project_folder.rglob("*")
        if "-wal" not in path.name and "-shm" not in path.name
    }


def test_without_a_temporary_folder_queries_run_in_memory(opened, monkeypatch):
    def none(**_options):
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", none)
    assert opened.sql(SORTED).to_pylist() == [{"n": 6_000_000}]
    assert refused(opened.sql, SORTED, memory_limit="60MB").code == "out_of_memory"


def test_half_of_the_memory_is_the_default(opened):
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with session.session(opened.paths) as connection:
        number, unit = (
            connection.execute("SELECT current_setting('memory_limit')").fetchone()[0].split()
        )
    limit = float(number) * 1024 ** (" KMGT".index(unit[0]))
    assert (
        0.05 * total < limit <= 0.51 * total
    )  # less than half where a container has less than the machine


def test_pivot_finds_its_columns_by_itself(opened):
    found = opened.sql("PIVOT (FROM (VALUES ('a', 1), ('b', 2)) t(k, v)) ON k USING sum(v)")
    assert found.to_pylist() == [{"a": 1, "b": 2}]


@pytest.mark.parametrize(
    "source",
    ["query('SELECT 1 AS k')", "sqlite_scan('x', 'y')"],
)
def test_pivot_hides_no_function_that_is_refused(opened, source):
    error = refused(opened.sql, f"PIVOT (FROM {source}) ON k USING count(*)")
    assert error.code == "sql_not_read_only"


def without_metadata(content: bytes) -> bytes:
    """Return a Parquet file whose metadata are letters, of the same length."""
    length = int.from_bytes(content[-8:-4], "little")
    return content[: -8 - length] + b"x" * length + content[-8:]


def test_a_query_with_a_letter_that_ends_it_is_refused(opened):
    assert refused(opened.sql, "SELECT 1\0 WHERE false").code == "invalid_sql"


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"x"),
        lambda path: path.write_bytes(path.read_bytes()[:-4]),
        lambda path: path.write_bytes(without_metadata(path.read_bytes())),
    ],
)
def test_a_damaged_file_of_the_lake_is_told_as_such(opened, tmp_path, damage):
    folder = Path(shutil.copytree(opened.folder, tmp_path / "damaged"))
    for path in folder.rglob("*.parquet"):
        damage(path)
    with Project(folder) as project:
        assert refused(project.sql, "FROM Customer").code == "lake_unreadable"
