"""Runs, the state of the project and SQL over HTTP: what people see when they look after it."""

import io
import json
import time
from collections.abc import Iterator

import httpx
import pyarrow.parquet as pq
import pytest

from overtide.project import Project
from overtide.schemas.plain_values import plain_value
from overtide.schemas.statements_without_values import without_values
from tests import shop
from tests.people import token_of
from tests.served import Served, serving

FIRST = (
    (shop.CONTACTS, "1", {"EMail": "ann@x"}),
    (shop.ACCOUNTS, "1", {"EMail": "ann@x"}),
    (shop.CONTACTS, "2", {"EMail": "ben@x"}),
    (shop.ACCOUNTS, "2", {"EMail": "cy@x"}),
    (shop.CONTACTS, "3", {"EMail": "dot@x"}),
)
THEN = (
    (shop.CONTACTS, "1", {"EMail": "ann@x"}),
    (shop.ACCOUNTS, "1", {"EMail": "alone@x"}),
    (shop.CONTACTS, "2", {"EMail": "ben@x"}),
    (shop.ACCOUNTS, "2", {"EMail": "ben@x"}),
    (shop.CONTACTS, "4", {"EMail": "eve@x", "Points": "many"}),
)
"""Ann is split, Ben and Cy are merged, Dot is gone, Eve is new and has no number of points."""


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    """The shop after two runs, without stream and scheduler."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "overtide.yaml").write_text(json.dumps(shop.configuration()))
    for records in (FIRST, THEN):
        shop.write_sources(folder, shop.sources(*records))
        with Project(folder) as project:
            project.refresh()
    with serving(folder, shop.INSTANCE, "--only", "api") as found:
        yield found


@pytest.fixture
def client(served) -> Iterator[httpx.Client]:
    """A client of the owner."""
    with served.client() as found:
        yield found


def test_runs_say_what_they_changed_and_lost(client):
    second, first = client.get("/runs").raise_for_status().json()
    assert (second["run"], first["run"]) == (2, 1)
    assert first["changes"] == {"new": 6, "changed": 0, "gone": 0, "merged": 0, "split": 0}
    assert second["changes"] == {"new": 2, "changed": 2, "gone": 2, "merged": 1, "split": 1}
    assert second["customers"] == 6
    assert second["rows"] == {
        "rowsRead": 9,
        "rowsKept": 9,
        "setAside": 0,
        "exactRepeats": 0,
        "lostRows": 0,
        "corruptRecords": 1,
    }
    assert [one["kind"] for one in second["loss"]] == ["corrupt_values", "of_nobody"]
    assert "manifest" not in second
    assert len(client.get("/runs", params={"top": 1}).json()) == 1


def test_a_run_has_its_manifest(client):
    found = client.get("/runs/1").raise_for_status().json()
    assert found["run"] == 1
    assert found["manifest"]["tables"]["Customer"]["rows"] == 6


@pytest.mark.parametrize("name", ["3", "0", "x", "-1", "99999999999"])
def test_a_run_that_was_not_published_is_not_found(client, name):
    refused = client.get(f"/runs/{name}")
    assert (refused.status_code, refused.json()["errorCode"]) == (404, "unknown_run")


def test_the_state_tells_neither_folders_nor_processes(client, served):
    found = client.get("/status").raise_for_status().json()
    assert found["published"]["run"] == 2
    assert found["locks"]["refresh"] is False
    assert str(served.folder) not in json.dumps(found)


def test_calls_are_counted_of_one_operation_too(client):
    client.get("/runs/1").raise_for_status()
    asked = {"operation": "Get-a-run", "groupBy": "hour,method"}
    found = client.get("/usage", params=asked).raise_for_status().json()
    assert {row["method"] for row in found["rows"]} == {"GET"}
    assert found["total"]["calls"] == sum(row["calls"] for row in found["rows"]) >= 1
    everything = client.get("/usage").raise_for_status().json()
    assert everything["total"]["calls"] > found["total"]["calls"]


def test_the_begin_of_a_range_may_be_a_duration(client):
    found = client.get("/usage", params={"from": "7d", "to": "2026-01-08T00:00:00Z"}).json()
    assert found["from"] == "2026-01-01T00:00:00.000000Z"
    assert client.get("/usage", params={"from": "a week"}).status_code == 400


def test_entities_are_listed_with_their_sizes_where_asked_for(client):
    asked = {"includeSizes": "true", "includeQuarantined": "true"}
    found = client.get("/manage/entities", params=asked).raise_for_status().json()["entities"]
    sizes = {one["qualifiedEntityName"]: (one["rowCount"], one["size"]) for one in found}
    assert sizes["Customer"][0] == 6
    assert sizes["Customer"][1] > 0
    assert sizes["Crm_Contacts_corrupt"][0] == 1
    assert "rowCount" not in client.get("/manage/entities").json()["entities"][0]


def test_the_next_times_of_a_schedule_are_told_before_it_is_made(client):
    times = "/workflows/main/schedules/nextTimes"
    query = {"cronSchedules": "0 12 24 12 *;0 12 25 12 *", "timezoneId": "Europe/Amsterdam"}
    found = client.get(times, params={**query, "count": 2}).raise_for_status().json()
    assert [one[5:] for one in found] == ["12-24T11:00:00.000000Z", "12-25T11:00:00.000000Z"]
    assert len(client.get(times, params={"cronSchedules": "* * * * *"}).json()) == 5
    for wrong in ({"cronSchedules": "x"}, {**query, "timezoneId": "Mars"}, {}):
        assert client.get(times, params=wrong).status_code == 400


def asked(client: httpx.Client, statement: str, accept: str = "", **query: int) -> httpx.Response:
    headers = {"Accept": accept} if accept else {}
    return client.post("/sql", json={"sql": statement}, params=query, headers=headers)


def test_sql_answers_a_page_of_rows_with_their_types(client):
    found = asked(client, "SELECT range AS n, 1.50 AS d, now() > 0::TIMESTAMPTZ_NS FROM range(3)")
    assert found.status_code == 400
    found = asked(client, "SELECT range AS n, 1.50 AS d, NULL AS x FROM range(3)", top=2)
    assert found.raise_for_status().json() == {
        "columns": [
            {"name": "n", "type": "BIGINT"},
            {"name": "d", "type": "DECIMAL(3,2)"},
            {"name": "x", "type": "INTEGER"},
        ],
        "rows": [[0, "1.50", None], [1, "1.50", None]],
        "more": True,
    }
    assert asked(client, "FROM range(2)", top=2).json()["more"] is False
    assert asked(client, "PIVOT (SELECT 1 a, 2 b) ON a USING sum(b)").status_code == 200


def test_sql_gives_files_of_all_rows(client):
    query = 'SELECT "EMail", \'a;"b\' AS t FROM Customer ORDER BY ALL LIMIT 2'
    found = asked(client, query, "text/csv", top=1).raise_for_status()
    assert found.text == 'EMail,t\r\nalone@x,"a;""b"\r\nann@x,"a;""b"\r\n'
    found = asked(client, query, "application/vnd.apache.parquet").raise_for_status()
    assert pq.read_table(io.BytesIO(found.content)).num_rows == 2
    query = "SELECT 'infinity'::TIMESTAMPTZ, sum(range), 1.0::DOUBLE FROM range(3)"
    assert asked(client, query, "text/csv").text.endswith("\ninfinity,3,1.0\r\n")
    refused = asked(client, query, "image/png")
    assert (refused.status_code, refused.json()["errorCode"]) == (406, "not_acceptable")


@pytest.mark.parametrize(
    ("statement", "code", "place"),
    [
        ("SELECT 1,\n  nothing FROM Customer", "invalid_sql", "line 2, column 3"),
        ("SELEC 1", "invalid_sql", "line 1, column 1"),
        ("SELECT " + "1, " * 90 + "nothing, 2", "invalid_sql", "line 1, column 278"),
        ("SELECT 1; SELECT 2", "invalid_sql", None),
        ("", "invalid_sql", None),
        ("DELETE FROM Customer", "sql_not_read_only", None),
        ("COPY Customer TO '/tmp/x.csv'", "sql_not_read_only", None),
        ("SELECT * FROM read_csv('/etc/passwd')", "invalid_sql", "line 1, column 15"),
        ("SELECT * FROM read_text('https://example.com/')", "invalid_sql", "line 1, column 15"),
        ("SELECT repeat('x', 1000000) FROM range(120)", "result_too_large", None),
    ],
)
def test_sql_refuses_with_the_place_of_what_is_wrong(client, statement, code, place):
    refused = asked(client, statement)
    document = refused.json()
    assert (document["errorCode"], document["name"]) == (code, place), document
    assert refused.status_code == 400


def test_sql_is_stopped_when_its_time_is_over(client):
    slow = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range = 7"
    refused = asked(client, slow, seconds=1)
    assert refused.json()["errorCode"] == "query_too_slow"
    began = time.monotonic()
    refused = asked(client, "SELECT levenshtein(repeat('a', 90000), repeat('b', 90000))", seconds=1)
    assert refused.json()["errorCode"] == "query_too_slow"
    assert time.monotonic() - began < 8
    for more in ("FROM range(1000001)", "SELECT repeat('x', 1000) FROM range(200000)"):
        assert asked(client, more, "text/csv").json()["errorCode"] == "result_too_large"


def test_refused_sql_is_audited_and_tells_little(client):
    inner = "(SELECT string_agg(i || 'ann@x') FROM range(400) t(i))"
    for told in (f"SELECT error({inner})", f"SELECT CAST({inner} AS INT)", "SELECT 'lost"):
        refused = asked(client, told)
        assert refused.status_code == 400
        assert len(refused.json()["message"]) < 400
    kept = asked(
        client, 'SELECT "After" FROM audit WHERE "After" LIKE \'%errorCode%\''
    ).raise_for_status()
    said = [json.loads(one) if isinstance(one, str) else one for (one,) in kept.json()["rows"]]
    assert any("error (" in one["sql"] and one["errorCode"] == "invalid_sql" for one in said)
    assert any("AS INT" in one["sql"] and one["errorCode"] == "invalid_sql" for one in said)
    assert {"sql": "SELECT …", "errorCode": "invalid_sql"} in said
    assert "ann@x" not in json.dumps(said)


def test_sql_has_no_more_memory_than_its_own(client):
    large = "SELECT length(repeat('x' || i, 40000000)) FROM range(40) t(i)"
    refused = asked(client, large)
    assert (refused.status_code, refused.json()["errorCode"]) == (503, "out_of_memory")


def test_sql_is_for_admins_and_audited_without_values(client, served):
    asked(client, "SELECT 'ann@secret', 4711 -- hush").raise_for_status()
    kept = asked(
        client, 'SELECT "After" FROM audit WHERE "Action" = \'Query-with-SQL\''
    ).raise_for_status()
    said = json.dumps(kept.json()["rows"])
    assert "SELECT ? , ?" in said
    assert "secret" not in said
    assert "4711" not in said
    assert "hush" not in said
    with served.client(token_of(served, "contributor")) as other:
        assert asked(other, "SELECT 1").status_code == 403
        assert other.get("/runs").status_code == 200


@pytest.mark.parametrize(
    ("statement", "kept"),
    [
        ("SELECT 0x1F, 1_000, 'x' /* ann */ 'y'", "SELECT ? , ? , ? ?"),
        ("SELECT /* a */ City /* ann */ FROM t -- ann", "SELECT City FROM t"),
        ('SELECT "a--b" /* ann */ , "c""/*d" -- ann', 'SELECT "a--b" , "c""/*d"'),
        ("SELECT $1 + $$ann$$ -- ann", "SELECT $1 + ?"),
        ("SELECT 'ann", "SELECT …"),
        ("SELECT U&'ann', 1", "SELECT …"),
        ("SELECT a,U&'ann', 1", "SELECT a , …"),
        ('SELECT "ann', "SELECT …"),
    ],
)
def test_comments_and_values_are_left_out_wherever_they_stand(statement, kept):
    assert without_values(statement) == kept


def test_texts_and_numbers_of_a_statement_are_left_out():
    said = without_values("SELECT $$secret$$, E'x', 1e5, \"Naïve\" /* y */ FROM t -- z")
    assert "secret" not in said
    assert '"Naïve"' in said
    assert plain_value({"a": [b"\x01"]}) == {"a": ["01"]}
