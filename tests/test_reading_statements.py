"""No statement that an analyst's session accepts changes a byte of the project."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from overtide.lake.reading_statements import CALLED, not_called, table_functions
from overtide.lake.session import run_query, session
from overtide.project import Project
from overtide.schemas.errors import OvertideError

NOT_CALLED = {
    *("arrow_scan", "arrow_scan_dumb", "pandas_scan", "python_map_function", "seq_scan"),
    *("checkpoint", "force_checkpoint", "truncate_duckdb_logs"),
    *("enable_logging", "disable_logging", "enable_profiling", "disable_profiling"),
    *("json_execute_serialized_sql", "query", "read_duckdb"),
    *("sqlite_attach", "sqlite_query", "sqlite_scan"),
    *("ducklake_add_data_files", "ducklake_cleanup_old_files", "ducklake_commit"),
    *("ducklake_delete_orphaned_files", "ducklake_expire_snapshots", "ducklake_scan"),
    *("ducklake_flush_inlined_data", "ducklake_merge_adjacent_files"),
    *("ducklake_rewrite_data_files", "ducklake_set_commit_message", "ducklake_set_option"),
}
COPY = "COPY (SELECT 'gone'::BLOB AS b) TO '{}' (FORMAT BLOB, USE_TMP_FILE false)"
WRITES = (
    COPY,
    "COPY (PIVOT (SELECT 1 AS a, 2 AS b) ON a USING sum(b)) TO '{}'",
    "CREATE TABLE lake.main.made AS SELECT '{}'",
    "ATTACH '{}' AS other (TYPE sqlite)",
    "DELETE FROM Customer",
    "CALL lake.set_option('x', '{}')",
    "CHECKPOINT lake",
    "WITH a AS (SELECT 1) INSERT INTO Customer SELECT * FROM a",
    "EXPORT DATABASE '{}.folder'",
    "SET VARIABLE x = '{}'",
    "CREATE TEMP TABLE made AS SELECT 1",
)
EXPLAINS = (
    "EXPLAIN ",
    "EXPLAIN ANALYZE ",
    "explain/* */analyse -- x\n",
    "EXPLAIN (ANALYZE, FORMAT JSON) ",
    "EXPLAIN (ANALYZE) ",
    "EXPLAIN (FORMAT JSON, ANALYZE)(SELECT 1); EXPLAIN ANALYZE ",
)
OTHERS = (
    *(f"PREPARE p AS {COPY}", f"PREPARE p AS {COPY}; EXECUTE p", f"SELECT 1; {COPY}"),
    *(f"EXPLAIN ANALYZE PREPARE p AS {COPY}", f"EXPLAIN EXPLAIN ANALYZE {COPY}"),
    "CALL enable_logging('QueryLog', storage = 'file', storage_path = '{}.logs')",
    "FROM enable_logging('QueryLog', storage = 'file', storage_path = '{}.logs')",
    "FROM \"enable_logging\" /* ( */ (storage = 'file', storage_path = '{}.logs')",
    "FROM system.main.Enable_Logging(storage = 'file', storage_path = '{}.logs')",
    "FROM\u00a0enable_logging\u2003(storage = 'file', storage_path = '{}.logs')",
    "EXPLAIN\u3000ANALYZE\u00a0COPY\u00a0(SELECT 1) TO '{}'",
    "CREATE\u00a0TABLE temp AS SELECT 1",
    "FROM enable_profiling(format = 'json', save_location = '{}.json')",
    "CREATE TEMP MACRO m() AS TABLE FROM enable_logging(storage_path = '{}.logs')",
    *("FROM checkpoint('lake')", "FROM force_checkpoint()", "FROM truncate_duckdb_logs()"),
    *("FROM lake.merge_adjacent_files()", "FROM lake.set_commit_message('a', 'b')"),
    *("PRAGMA enable_logging", "PRAGMA enable_profiling", "PRAGMA force_checkpoint"),
    *("PRAGMA copy_database(lake, memory)", "PRAGMA import_database('{}')"),
    "PRAGMA json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "FROM json_execute_serialized_sql(json_serialize_sql('FROM enable_logging()'))",
    "CREATE PERSISTENT SECRET temp (TYPE http, BEARER_TOKEN '{}')",
    "CREATE TEMP SECRET x (TYPE http, BEARER_TOKEN '{}')",
    "CREATE OR REPLACE TABLE temp AS SELECT 1",
    *("LOAD '{}'", "DETACH lake", "VACUUM", "BEGIN", "INSTALL httpfs"),
)
READS = (
    "EXPLAIN SELECT 1",
    "EXPLAIN (SELECT 1)",
    "EXPLAIN (SELECT 1) UNION ALL (SELECT 2)",
    "EXPLAIN ANALYZE FROM Customer",
    "EXPLAIN (ANALYZE, FORMAT JSON) (SELECT ')')",
    "EXPLAIN (FORMAT JSON) WITH a AS (FROM Customer) FROM a",
    "PRAGMA version",
    "FROM lake.snapshots()",
    "CREATE OR REPLACE TEMP TABLE made AS SELECT 1; FROM made",
    "SUMMARIZE Customer",
    "SET VARIABLE x = 1",
    "EXPLAIN\u00a0ANALYZE\u2003FROM\u3000Customer",
)


@pytest.fixture(scope="module")
def project(refreshed_shop, tmp_path_factory) -> Iterator[Project]:
    """A project with an audit and telemetry, as a server has them."""
    folder = tmp_path_factory.mktemp("reading") / "shop"
    shutil.copytree(refreshed_shop, folder)
    for name in ("audit/audit.sqlite", "telemetry/usage.sqlite"):
        (folder / name).parent.mkdir(exist_ok=True)
        if not (folder / name).exists():
            (folder / name).write_bytes(b"")
    with Project(folder) as opened:
        yield opened


def bytes_within(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def test_every_table_function_is_allowed_or_refused_by_its_name(project):
    with session(project.paths) as connection:
        found = table_functions(connection)
        assert found - CALLED == NOT_CALLED
        assert {"enable_logging", "set_option", "query"} <= not_called(connection)
    assert found >= CALLED


def test_no_statement_changes_a_byte_of_the_project(project):
    folder, before, paths = project.folder, bytes_within(project.folder), project.paths
    targets = (
        folder / "audit" / "audit.sqlite",
        folder / "telemetry" / "usage.sqlite",
        paths.storage.folder / "new",
        paths.catalog.file,
    )
    said = {}
    with session(paths) as connection:
        for statement in (*(e + w for e in EXPLAINS for w in WRITES), *WRITES[:9], *OTHERS):
            for target in targets if "{}" in statement else targets[:1]:
                written = statement.replace("{}", str(target))
                try:
                    run_query(connection, written, lambda r, _: r.fetchall(), paths=paths)
                    said[written] = "accepted"
                except OvertideError as error:
                    said[written] = error.code
    assert bytes_within(folder) == before
    assert [one for one, code in said.items() if code == "accepted"] == []


@pytest.mark.parametrize("statement", READS)
def test_what_reads_is_run(project, statement):
    with session(project.paths) as connection:
        assert (
            run_query(connection, statement, lambda found, _: found.fetchall(), paths=project.paths)
            is not None
        )
