"""Entities whose rows are in databases: the same as from files, out of one state, read only."""

import json
import os
import re
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
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
from tests.postgres_server import PASSWORD, postgres_server

PAGE = Path(__file__).parent.parent / "docs" / "databases.md"
TABLES = re.compile(r"<!-- values of: (\w+) -->\n\n((?:\|.*\n)+)")
ROW = re.compile(r"^\| `(.*?)` \| `(.*?)` \| (?:`(.*)`|(named)) \|$", re.MULTILINE)
DATABASES = {
    "postgres": {"kind": "postgres", "connection_variable": "CRM_DATABASE"},
    "sqlite": {"kind": "sqlite", "path": "rows.sqlite"},
    "duckdb": {"kind": "duckdb", "path": "rows.duckdb"},
    "delta": {"kind": "delta", "path": "delta"},
}
PEOPLE = [
    {"Id": 1, "Name": "Ann", "Mail": "ann@x", "Amount": "12.50", "Since": "2020-01-02"},
    {"Id": 2, "Name": "Bén", "Mail": None, "Amount": "0.10", "Since": None},
    {"Id": 3, "Name": "n/a", "Mail": "cé\n,\"d'", "Amount": "-7.00", "Since": "1969-12-31"},
    {"Id": 4, "Name": "  ", "Mail": "dan@x", "Amount": None, "Since": "2024-02-29"},
]
ATTRIBUTES = {
    "Id": "integer",
    "Name": {"type": "string", "null_words": ["n/a"]},
    "Mail": "string",
    "Amount": "decimal(12, 2)",
    "Since": "date",
    "Half": {"type": "string", "expression": "upper(Name)"},
}


def rules() -> dict[str, list[tuple[str, str, object]]]:
    """The tables of the page: by kind, SQL of a value, the attribute's type, what it becomes."""
    return {
        kind: [(value, of, None if named else json.loads(text)) for value, of, text, named in rows]
        for kind, table in TABLES.findall(PAGE.read_text(encoding="utf-8"))
        for rows in [ROW.findall(table)]
    }


RULES = rules()


@pytest.fixture(scope="module")
def server():
    with postgres_server() as found:
        yield found


def entity(**more: object) -> dict[str, object]:
    return {"primary_key": "Id", "attributes": ATTRIBUTES, "filter": "Id <> '4'"} | more


def write_project(
    folder: Path,
    entities: dict[str, dict[str, object]],
    databases: dict[str, dict[str, str]] = DATABASES,
) -> None:
    first = f"S_{next(iter(entities))}"
    key = str(next(iter(entities.values()))["primary_key"])
    document = {
        "instance": {"name": "d", "id": "5d0f0f3c-1e1b-4f8e-9c53-3f6f0a6b9f11"},
        "databases": databases,
        "sources": {"S": entities},
        "unification": {
            "entities": [{"entity": first}],
            "merge": {"fields": [{"name": "Key", "from": [f"{first}.{key}"]}]},
        },
    }
    (folder / "overtide.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


def literal(value: object) -> str:
    return "NULL" if value is None else "'{}'".format(str(value).replace("'", "''"))


def inserted(columns: str) -> list[str]:
    values = ", ".join(f"({', '.join(map(literal, row.values()))})" for row in PEOPLE)
    return [f"CREATE TABLE people ({columns})", f"INSERT INTO people VALUES {values}"]


def write_files(folder: Path) -> None:
    lines = [",".join(PEOPLE[0])]
    for row in PEOPLE:
        texts = ('"{}"'.format(str(one).replace('"', '""')) for one in row.values())
        lines.append(",".join(texts).replace('"None"', ""))
    (folder / "people.csv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "people.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in PEOPLE), encoding="utf-8"
    )
    pq.write_table(pa.Table.from_pylist(PEOPLE), folder / "people.parquet")


def write_delta(table: Path) -> None:
    """Write the people as a Delta table of two files, one of which its log has removed."""
    (table / "_delta_log").mkdir(parents=True)
    types = {"Id": "long", "Name": "string", "Mail": "string", "Amount": "string", "Since": "date"}
    rows = pa.Table.from_pylist(PEOPLE)
    since = rows["Since"].cast(pa.date32())
    rows = rows.set_column(rows.schema.get_field_index("Since"), "Since", since)
    for name in ("kept", "gone"):
        pq.write_table(rows, table / f"{name}.parquet")
    fields = [
        {"name": name, "type": kind, "nullable": True, "metadata": {}}
        for name, kind in types.items()
    ]
    metadata = {
        "id": "5d0f0f3c-1e1b-4f8e-9c53-3f6f0a6b9f13",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
        "partitionColumns": [],
        "configuration": {},
    }
    added = {
        name: {
            "path": f"{name}.parquet",
            "partitionValues": {},
            "size": (table / f"{name}.parquet").stat().st_size,
            "modificationTime": 0,
            "dataChange": True,
        }
        for name in ("kept", "gone")
    }
    versions = [
        [
            {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
            {"metaData": metadata},
            *({"add": one} for one in added.values()),
        ],
        [{"remove": {"path": "gone.parquet", "dataChange": True, "deletionTimestamp": 0}}],
    ]
    for number, actions in enumerate(versions):
        text = "\n".join(map(json.dumps, actions))
        (table / "_delta_log" / f"{number:020d}.json").write_text(text)


def write_databases(folder: Path, server: object) -> None:
    server.run(
        "CREATE SCHEMA shop",
        *(
            one.replace("people", 'shop."People"')
            for one in inserted(
                '"Id" bigint, "Name" text, "Mail" varchar(90), "Amount" numeric, "Since" date'
            )
        ),
    )
    write_delta(folder / "delta" / "crm" / "people.v1")
    columns = "Id INTEGER, Name VARCHAR, Mail VARCHAR, Amount {}, Since DATE"
    with closing(sqlite3.connect(folder / "rows.sqlite")) as connection:
        for statement in inserted(columns.format("NUMERIC")):
            connection.execute(statement)
        connection.commit()
    with closing(duckdb.connect(str(folder / "rows.duckdb"))) as connection:
        for statement in inserted(columns.format("DECIMAL(20, 4)")):
            connection.execute(statement)


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
