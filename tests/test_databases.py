"""Entities whose rows are in databases: the same as from files, out of one state, read only."""

import os
import threading
import time

import pyarrow.parquet as pq
import pytest
import yaml

from overtide.schemas.configuration.databases import Database
from overtide.schemas.configuration.entities import Entity
from overtide.transforms.sources.databases.contract import Located
from overtide.transforms.sources.databases.copying import copy_entities
from overtide.transforms.sources.fetching import tell_nobody
from overtide.transforms.sources.staged import origin_of, staged_path
from tests.command_line import Answer, call
from tests.database_projects import (
    DATABASES,
    RULES,
    entity,
    write_databases,
    write_files,
    write_project,
)
from tests.postgres_server import PASSWORD, postgres_server


@pytest.fixture(scope="module")
def server():
    with postgres_server() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory, server):
    """One project: the same people six times, and every row of the page's tables."""
    folder = tmp_path_factory.mktemp("databases")
    write_files(folder)
    write_databases(folder, server)
    people = {
        "Csv": entity(path="people.csv"),
        "Json": entity(path="people.jsonl", format="jsonl"),
        "Parquet": entity(path="people.parquet", format="parquet"),
        "Postgres": entity(database="postgres", table="shop.People"),
        "Sqlite": entity(database="sqlite", table="people"),
        "Duckdb": entity(database="duckdb", query="SELECT * FROM people"),
        "Delta": entity(database="delta", table="crm/people.v1"),
    }
    values = {
        f"Of_{kind}": {
            "database": kind,
            "query": "SELECT 1 AS id, "
            + ", ".join(f"{value} AS v{place}" for place, (value, _, _) in enumerate(rows)),
            "primary_key": "id",
            "time_zone": "Europe/Amsterdam",
            "attributes": {"id": "string"}
            | {f"v{place}": of for place, (_, of, _) in enumerate(rows)},
        }
        for kind, rows in RULES.items()
        if kind in DATABASES
    }
    write_project(folder, people | values)
    return folder


@pytest.fixture(scope="module")
def refreshed(folder, server) -> Answer:
    os.environ["CRM_DATABASE"] = server.url()
    answer = call("-C", folder, "--json", "refresh")
    assert answer.code == 0, answer
    return answer


def test_the_same_rows_have_the_same_hash_whatever_they_come_from(refreshed):
    names = ("Csv", "Json", "Parquet", "Postgres", "Sqlite", "Duckdb", "Delta")
    manifest = refreshed.document["manifest"]
    tables = [manifest["tables"][f"S_{name}"] for name in names]
    assert {table["hash"] for table in tables} == {tables[0]["hash"]}
    assert {table["rows"] for table in tables} == {3}
    counts = [manifest["entities"][f"S_{name}"] for name in names]
    assert counts == [counts[0]] * len(names)
    assert counts[0]["rows_read"] == 4
    assert counts[0]["filtered_rows"] == 1


@pytest.mark.parametrize("kind", sorted(RULES.keys() & DATABASES))
def test_every_value_becomes_what_the_page_says(folder, refreshed, kind):
    rows = RULES[kind]
    assert len(rows) > 10
    found = call("-C", folder, "--json", "sql", f"SELECT * FROM S_Of_{kind}").document["rows"][0]
    becomes = {f"v{place}": becomes for place, (_, _, becomes) in enumerate(rows)}
    shown = {name: found[name] for name in becomes}
    assert {n: str(v) for n, v in shown.items()} == {n: str(v) for n, v in becomes.items()}


@pytest.fixture
def project(tmp_path, server, monkeypatch):
    """Write a project of one entity, `S_People`, and return what runs commands in it."""
    monkeypatch.setenv("CRM_DATABASE", server.url())

    def project(**more: object):
        attributes = {"id": "string", "name": "string"}
        one = {"database": "postgres", "primary_key": "id", "attributes": attributes} | more
        write_project(tmp_path, {"People": one})
        return lambda *words: call("-q", "-C", tmp_path, "--json", *words)

    return project


ROWS = "SELECT i::text AS id, 'n'::text AS name FROM generate_series(1, 3) AS i"


def refused(run, code: str, told: str) -> None:
    """A refresh and `validate` fail with that code, and tell it."""
    for command in ("refresh", "validate"):
        answer = run(command)
        errors = answer.document.get("mistakes") or [answer.document["error"]]
        assert answer.code != 0
        assert [error["code"] for error in errors] == [code], answer
        assert told in errors[0]["message"], answer
        assert "geheim" not in answer.out + answer.err


@pytest.mark.parametrize(
    ("connection", "code", "told"),
    [
        ("password=geheim2", "database_refused", "password authentication failed"),
        ("port=1", "database_unreachable", "Connection refused"),
        ("dbname=nix", "database_unreachable", 'database "nix" does not exist'),
        ("host=geheim.invalid", "database_unreachable", "its host is not known"),
        ("geheim", "database_unreachable", "its connection cannot be read"),
    ],
)
def test_a_database_that_gives_nothing_is_told_without_its_connection(
    project, server, monkeypatch, connection, code, told
):
    monkeypatch.setenv("CRM_DATABASE", f"{server.url()} {connection}")
    refused(project(query=ROWS), code, told)


def test_a_connection_that_is_not_set_is_told_by_the_name_of_its_variable(project, monkeypatch):
    monkeypatch.delenv("CRM_DATABASE")
    refused(project(query=ROWS), "connection_missing", "CRM_DATABASE")


@pytest.mark.parametrize(
    ("rows", "code", "told"),
    [
        ({"table": "shop.people"}, "missing_table", "no table shop.people"),
        ({"table": "other.People"}, "missing_table", "no table other.People"),
        ({"query": "SELECT id FROM nowhere"}, "query_failed", '"nowhere" does not exist'),
        ({"query": "SELECT '1' AS id"}, "missing_column", "no column 'name'; it has `id`"),
        ({"query": 'SELECT 1 AS id, 2 AS name, 3 AS "ID"'}, "duplicate_column", "called 'ID'"),
        ({"query": 'DELETE FROM shop."People" RETURNING *'}, "query_failed", "syntax error"),
        ({"query": f'{ROWS}; DELETE FROM shop."People"'}, "query_failed", "syntax error"),
        ({"query": "SELECT nextval('s')::text AS id, '' AS name"}, "query_failed", "read-only"),
        ({"query": "SELECT '1' AS id, (1 / 0)::text AS name"}, "query_failed", "division by zero"),
        ({"database": "sqlite", "table": "peple"}, "missing_table", "no table peple"),
        ({"database": "sqlite", "query": "SELECT id"}, "query_failed", "no such column"),
        ({"database": "sqlite", "query": "DELETE FROM people"}, "query_failed", "not authorized"),
        (
            {"database": "sqlite", "query": "SELECT * FROM pragma_table_info('people')"},
            "query_failed",
            "",
        ),
        (
            {"database": "delta", "table": "crm/people.v2"},
            "missing_table",
            "no table crm/people.v2",
        ),
        ({"database": "duckdb", "table": "peple"}, "missing_table", "no table peple"),
        ({"database": "duckdb", "query": "DROP TABLE people"}, "query_failed", "syntax error"),
        (
            {"database": "duckdb", "query": "SELECT content AS id FROM read_text('/etc/passwd')"},
            "query_failed",
            "disabled",
        ),
    ],
)
def test_rows_that_cannot_be_had_are_told(project, folder, server, tmp_path, rows, code, told):
    server.run("CREATE SEQUENCE IF NOT EXISTS s")
    for name in ("rows.sqlite", "rows.duckdb", "delta"):
        (tmp_path / name).symlink_to(folder / name)
    refused(project(**rows), code, told)
    assert server.asked('SELECT count(*) AS n FROM shop."People"') == [(4,)]


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_file_that_is_no_database_is_told(project, tmp_path, kind):
    run = project(database=kind, table="people")
    refused(run, "database_unreachable", f"there is no file rows.{kind}")
    (tmp_path / f"rows.{kind}").write_text("Id,Name\n" * 1000)
    refused(run, "database_unreachable", "")


def test_the_base_stays_when_the_connection_is_lost_in_the_middle(project, server):
    run = project(query=ROWS)
    assert run("refresh").code == 0
    slow = "SELECT i::text AS id, pg_sleep(0.001)::text AS name FROM generate_series(1, 60000) i"
    run = project(query=slow)

    def cut() -> None:
        cutting = (
            "SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity "
            "WHERE query LIKE 'COPY%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid() "
            "AND query_start < now() - interval '0.3 s'"
        )
        for _ in range(600):
            if server.asked(cutting) != [(0,)]:
                return
            time.sleep(0.1)

    cutter = threading.Thread(target=cut)
    cutter.start()
    answer = run("refresh")
    cutter.join()
    assert answer.document["error"]["code"] == "database_lost", answer
    assert "Run 1 is still served." in answer.document["error"]["hint"]
    assert run("sql", "SELECT count(*) AS n FROM S_People").document["rows"] == [{"n": 3}]


def test_entities_of_one_database_are_read_out_of_one_state(server, tmp_path):
    """Whatever is written meanwhile: all see one snapshot."""
    state = "SELECT txid_current_snapshot()::text AS id, pg_sleep(0.1)::text AS name"
    attributes = {"id": "string", "name": "string"}
    one = Entity(database="crm", query=state, primary_key="id", attributes=attributes)
    database = Database(kind="postgres", connection_variable="CRM")
    located = Located("crm", database, tmp_path, {"CRM": server.url()})
    stopped = threading.Event()

    def write() -> None:
        while not stopped.is_set():
            server.run("CREATE TABLE IF NOT EXISTS busy (n int)", "INSERT INTO busy VALUES (1)")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        entities = {f"S_{number}": one for number in range(5)}
        copied = copy_entities(located, entities, tmp_path, None, tell_nobody)
    finally:
        stopped.set()
        writer.join()
    assert copied.wrong == {}
    seen = [pq.read_table(path)["id"][0].as_py() for path in copied.files.values()]
    assert len(seen) == 5
    assert len(set(seen)) == 1
    assert server.asked("SELECT count(*) > 0 AS n FROM busy") == [(True,)]


def test_no_secret_is_left_anywhere(folder, refreshed):
    told = call("-C", folder, "--json", "validate")
    assert PASSWORD not in told.out + refreshed.out + refreshed.err
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    secret = PASSWORD.encode()
    assert [path for path in files if secret in path.read_bytes()] == []
    assert not any(path.name == "staged.overtide" for path in folder.rglob("*"))


def test_rows_set_aside_are_listed_with_table_and_key(folder, refreshed):
    query = "SELECT FileName, LineNumber, PrimaryKey FROM S_Of_postgres_corrupt"
    (row,) = call("-C", folder, "--json", "sql", query).document["rows"]
    assert row == {"FileName": "postgres: query", "LineNumber": None, "PrimaryKey": "1"}


@pytest.mark.parametrize(
    "origin", ["crm: public.x", "s3://b/a//..//./c%d.csv", "a/b", "é ✓", "x%2Ey"]
)
def test_a_copy_tells_where_it_comes_from(tmp_path, origin):
    path = staged_path(tmp_path, "S_E", origin)
    assert origin_of(path) == origin
    assert path.resolve().is_relative_to(tmp_path.resolve() / "staged.overtide" / "S_E")
    assert origin_of(tmp_path / "x.csv") is None


WRONG = {
    "database: crm\ntable: a": ("unknown_name", "`crm` is no database"),
    "database: postgres": ("missing_setting", "a `table` or a `query`"),
    "database: postgres\ntable: a\nquery: b": ("unused_setting", "one of both"),
    "database: postgres\ntable: a\npath: b": ("unused_setting", "`path` is about files"),
    "path: a.csv\ntable: a": ("unused_setting", "`table` is about a database"),
    "database: delta\nquery: a": ("unused_setting", "without a `query`"),
    "": ("missing_setting", "`path` is missing"),
}


@pytest.mark.parametrize("settings", WRONG)
def test_settings_that_contradict_are_told(project, tmp_path, settings):
    run = project(query=ROWS)
    document = yaml.safe_load((tmp_path / "overtide.yaml").read_text())
    people = document["sources"]["S"]["People"]
    for name in ("database", "query"):
        people.pop(name)
    people |= yaml.safe_load(settings) or {}
    (tmp_path / "overtide.yaml").write_text(yaml.safe_dump(document))
    (mistake,) = run("validate").document["mistakes"]
    code, told = WRONG[settings]
    assert mistake["code"] == code
    assert told in mistake["message"]


def test_a_connection_in_the_configuration_is_refused_and_not_shown(project, tmp_path):
    run = project(query=ROWS)
    document = yaml.safe_load((tmp_path / "overtide.yaml").read_text())
    document["databases"]["postgres"]["connection_variable"] = f"postgresql://u:{PASSWORD}@h/d"
    (tmp_path / "overtide.yaml").write_text(yaml.safe_dump(document))
    answer = run("validate")
    (mistake,) = answer.document["mistakes"]
    assert mistake["code"] == "invalid_value"
    assert PASSWORD not in answer.out + answer.err
