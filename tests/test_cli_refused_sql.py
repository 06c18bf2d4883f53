"""SQL that writes, or that reads beside the lake, is refused."""

import shutil

import pytest

from tests.command_line import call, expect_refusal


@pytest.fixture(scope="module")
def folder(refreshed_shop, tmp_path_factory):
    """A refreshed project that no test changes."""
    return shutil.copytree(refreshed_shop, tmp_path_factory.mktemp("wrong") / "shop")


WRITING = [
    "DELETE FROM Customer",
    "UPDATE Customer SET FullName = ''",
    "INSERT INTO Customer SELECT * FROM Customer",
    "DROP TABLE Customer",
    "DROP VIEW Customer_live",
    "ALTER TABLE Customer ADD COLUMN x INT",
    "CREATE TABLE x (a INT)",
    "CREATE VIEW x AS SELECT 1",
    "CREATE TABLE lake.main.x AS SELECT 1",
    "TRUNCATE Customer",
    "BEGIN; DELETE FROM Customer; COMMIT",
    "SELECT 1; DELETE FROM Customer",
    "EXPLAIN ANALYZE DELETE FROM Customer",
    "PREPARE x AS DELETE FROM Customer",
    "CALL ducklake_expire_snapshots('lake', older_than => now())",
    "VACUUM",
    "COPY Customer TO 'out.csv'",
    "EXPORT DATABASE 'out'",
    "ATTACH 'other.db'",
    "DETACH lake",
    "LOAD httpfs",
    "INSTALL httpfs",
    "CHECKPOINT lake",
    "FROM ducklake_expire_snapshots('lake', older_than => now())",
    "FROM ducklake_cleanup_old_files('lake', cleanup_all => true)",
]
OUTSIDE = [
    "FROM read_csv('/etc/passwd')",
    "FROM '/etc/passwd'",
    "FROM read_text('overtide.yaml')",
    "FROM glob('*')",
    "FROM sqlite_scan('log/events.sqlite', 'event')",
    "SELECT * FROM read_blob('/etc/hostname')",
    "FROM \"sqlite_scan\" /* x */ ('log/events.sqlite', 'event')",
    "FROM query('FROM glob(''*'')')",
    "IMPORT DATABASE '/'",
    "SET enable_external_access = true",
    "SET threads = 1",
    "FROM read_parquet('https://example.com/x.parquet')",
]


@pytest.mark.parametrize("query", WRITING)
def test_sql_that_writes_is_refused(folder, query):
    before = files(folder)
    answer = call("-C", folder, "--json", "sql", query)
    assert (answer.code, answer.document["error"]["code"]) == (1, "sql_not_read_only")
    assert files(folder) == before


@pytest.mark.parametrize("query", OUTSIDE)
def test_sql_reads_nothing_beside_the_lake_and_its_settings_are_locked(folder, query, monkeypatch):
    monkeypatch.chdir(folder)
    expect_refusal(call("sql", query), 1)


def files(folder) -> set[str]:
    return {str(path) for path in folder.rglob("*") if not path.name.endswith(("-shm", "-wal"))}
