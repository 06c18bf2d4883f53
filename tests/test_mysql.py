"""Entities whose rows are in MySQL: values, one state, and what cannot be had."""

import json
import re

import pytest

from overtide.schemas.configuration.databases import Database
from overtide.schemas.configuration.entities import Entity
from overtide.transforms.sources.databases.contract import Located
from overtide.transforms.sources.databases.copying import copy_entities
from tests.command_line import call
from tests.database_projects import PAGE, RULES, write_project
from tests.mysql_server import PASSWORD, mysql_server
from tests.test_databases import refused
from tests.test_look_back import Shop, expect_the_same

ATTRIBUTES = {"id": "string", "name": "string"}
DATABASES = {"crm": {"kind": "mysql", "connection_variable": "CRM_DATABASE"}}


@pytest.fixture(scope="module")
def server():
    with mysql_server() as found:
        found.run(
            "CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(20) CHARACTER SET latin1)",
            "INSERT INTO people VALUES (1, 'Ann'), (2, 'Bén'), (3, NULL)",
            "CREATE VIEW named AS SELECT id, upper(name) AS name FROM people WHERE id < 3",
            "CREATE TABLE `my.People` (id INT, name VARCHAR(20))",
            "CREATE VIEW stale AS SELECT * FROM `my.People`",
            "DROP TABLE `my.People`",
            "CREATE TABLE `my.People` (id INT)",
            "CREATE TABLE `Twice` (id INT, name INT)",
            "CREATE TABLE `twice` (id INT, name INT)",
            "CREATE TABLE digits (id INT, name DECIMAL(39, 1))",
            "INSERT INTO digits VALUES (1, 1.5)",
        )
        yield found


@pytest.fixture
def project(tmp_path, server, monkeypatch):
    """Write a project of one entity, and return what runs commands in it."""
    monkeypatch.setenv("CRM_DATABASE", server.connection())

    def project(**more: object):
        one = {"database": "crm", "primary_key": "id", "attributes": ATTRIBUTES} | more
        write_project(tmp_path, {"People": one}, DATABASES)
        return lambda *words: call("-q", "-C", tmp_path, "--json", *words)

    return project


def test_every_value_becomes_what_the_page_says(project, server):
    rows = RULES["mysql"]
    assert len(rows) > 20
    made = [re.fullmatch(r"(.*?): (.*)", value) for value, _, _ in rows]
    columns = ", ".join(f"v{place} {one[1]}" for place, one in enumerate(made) if one)
    values = ", ".join(one[2] for one in made if one)
    server.run(
        f"CREATE TABLE `all` (id INT, {columns}) CHARACTER SET utf8mb4",
        f"INSERT INTO `all` VALUES (1, {values})",
    )
    attributes = {"id": "string"} | {f"v{place}": of for place, (_, of, _) in enumerate(rows)}
    run = project(table="all", attributes=attributes, time_zone="Europe/Amsterdam")
    answer = run("refresh")
    assert answer.code == 0, answer
    found = run("sql", "FROM S_People").document["rows"][0]
    assert {name: str(found[name]) for name in attributes if name != "id"} == {
        f"v{place}": str(becomes) for place, (_, _, becomes) in enumerate(rows)
    }
    wrong = run("sql", "SELECT Record, CorruptionDetails FROM S_People_corrupt").document["rows"]
    named = [f"v{place}: " in wrong[0]["CorruptionDetails"] for place in range(len(rows))]
    table = PAGE.read_text(encoding="utf-8").partition("values of: mysql")[2].partition("###")[0]
    assert named.count(True) == table.count("| named |")


def test_tables_and_views_are_read(project):
    run = project(table="crm.named")
    assert run("validate").document["mistakes"] == []
    assert run("refresh").code == 0
    rows = run("sql", "FROM S_People ORDER BY id").document["rows"]
    assert [(row["id"], row["name"]) for row in rows] == [("1", "ANN"), ("2", "BÉN")]


def test_all_entities_are_read_out_of_one_state(server, tmp_path):
    server.run("CREATE TABLE one (id INT)", "CREATE TABLE other (id INT)")
    server.run("INSERT INTO one VALUES (1)", "INSERT INTO other VALUES (1)")
    database = Database(kind="mysql", connection_variable="CRM")
    located = Located("crm", database, tmp_path, {"CRM": server.connection()})
    entities = {
        name: Entity(database="crm", table=name, primary_key="id", attributes={"id": "integer"})
        for name in ("one", "other")
    }
    read: dict[str, int] = {}

    def told(name: str, rows: int) -> None:
        read[name] = rows
        server.run("INSERT INTO other VALUES (2)")

    assert copy_entities(located, entities, tmp_path, None, told).wrong == {}
    assert read == {"one": 1, "other": 1}


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ({"password": "geheim2"}, "database_refused", "Access denied for user"),
        ({"database": "nix"}, "database_refused", "to database 'nix'"),
        ({"port": "1"}, "database_unreachable", "Can't connect"),
        ({"host": "geheim.invalid"}, "database_unreachable", "its host is not known"),
        ({"port": "x"}, "database_unreachable", "its connection cannot be read"),
        ({"geheim": "x"}, "database_unreachable", "its connection cannot be read"),
    ],
)
def test_a_database_that_gives_nothing_is_told_without_its_connection(
    project, server, monkeypatch, change, code, told
):
    run = project(table="people")
    asked = dict(one.split("=", 1) for one in server.connection().split()) | change
    monkeypatch.setenv("CRM_DATABASE", " ".join(f"{name}={one}" for name, one in asked.items()))
    refused(run, code, told)


@pytest.mark.parametrize(
    ("table", "code", "told"),
    [
        ("peple", "missing_table", "no table peple"),
        ("People", "missing_table", "no table People"),
        ("other.people", "missing_table", "no table other.people"),
        ('"my.People"', "missing_column", "no column 'name'"),
        ("stale", "query_failed", "a view of what is not there any more"),
        ("twice", "query_failed", "but for the case of letters"),
        ("digits", "query_failed", "name has more than 38 digits; CAST it to CHAR in a view"),
        ("people'; DROP TABLE people; --", "missing_table", "no table"),
    ],
)
def test_rows_that_cannot_be_had_are_told(project, table, code, told):
    refused(project(table=table), code, told)


def test_a_user_whose_transactions_see_several_states_is_refused(project, server):
    server.run("SET GLOBAL tx_isolation = 'READ-COMMITTED'")
    try:
        refused(project(table="people"), "query_failed", "its transactions are READ-COMMITTED")
    finally:
        server.run("SET GLOBAL tx_isolation = 'REPEATABLE-READ'")
    assert project(table="people")("validate").document["mistakes"] == []


def test_a_query_is_no_setting_of_mysql(project):
    (mistake,) = project(query="SELECT 1 AS id, 2 AS name")("validate").document["mistakes"]
    assert (mistake["code"], mistake["target"]) == ("unused_setting", "sources.S.People.query")
    assert "a view that holds the query" in json.dumps(mistake)
    assert PASSWORD not in json.dumps(mistake)


@pytest.mark.parametrize("column", ["TIMESTAMP(3) NULL", "DATETIME(6)"])
def test_what_changed_makes_of_the_kept_rows_what_a_fetch_of_all_gives(server, tmp_path, column):
    server.run("DROP TABLE IF EXISTS people")
    expect_the_same(Shop("mysql", column, tmp_path, server, {"CRM": server.connection()}))
