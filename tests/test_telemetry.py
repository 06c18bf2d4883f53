"""What a real server tells of itself: usage, metrics, a log, an audit."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import shop
from tests.command_line import COMMAND, ROOT, call, environment
from tests.served import Served, serving

ORDER = {"OrderId": "1", "AccountId": "1", "PlacedAt": "2024-03-01T10:00:00Z", "Item": "Cup"}
EMAIL = "ann@private.example"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A published project of one customer."""
    folder = tmp_path_factory.mktemp("telemetry")
    limits = {"rate_limits": {"slow": {"requests": 1, "seconds": 3600}}}
    (folder / "overtide.yaml").write_text(json.dumps(shop.configuration() | {"service": limits}))
    records = [
        (shop.CONTACTS, "1", {"EMail": EMAIL, "FullName": "Ann", "Points": 7}),
        (shop.ACCOUNTS, "1", {"EMail": EMAIL}),
    ]
    shop.write_sources(folder, shop.sources(*records))
    assert call("-q", "-C", folder, "refresh").code == 0
    return folder


@pytest.fixture(scope="module")
def served(project) -> Iterator[Served]:
    """The service of that project, which logs requests."""
    with serving(project, shop.INSTANCE, "--only", "api", "--log", "json") as found:
        yield found


@pytest.fixture
def client(served) -> Iterator[httpx.Client]:
    """A client of the owner."""
    with served.client() as found:
        yield found


@pytest.fixture(scope="module")
def ann(served) -> str:
    """The id of a customer."""
    with served.client() as client:
        asked = {"dataSourceName": "Crm", "entityName": "Contacts", "key": "1"}
        return client.get("/profile/keyring", params=asked).json()["customerId"]


def grouped(client: httpx.Client, by: str) -> dict[tuple, dict]:
    report = client.get("/usage", params={"groupBy": by}).json()
    return {tuple(row[name] for name in report["groupBy"]): row for row in report["rows"]}


def test_every_call_is_counted_by_what_the_product_groups_by(served, client, ann):
    client.patch(f"/data/Customer/{ann}", json={"Points": 9}, params={"caller": "desk"})
    client.patch(f"/data/Customer/{ann}", json={"Pionts": 9}, params={"caller": "desk"})
    client.post("/data/NoSuchThing", json=ORDER, params={"caller": "till"})
    found = grouped(client, "method,entity,caller,result,error_code")
    assert found["PATCH", "Customer", "desk", "Success", ""]["calls"] == 1
    assert found["PATCH", "Customer", "desk", "Success", ""]["requestBytes"] == len('{"Points":9}')
    assert found["PATCH", "Customer", "desk", "ClientError", "unknown_field"]["errors"] == 1
    assert found["POST", "(unknown)", "till", "ClientError", "unknown_entity"]["calls"] == 1
    with sqlite3.connect(served.folder / "telemetry" / "usage.sqlite") as connection:
        text = str(connection.execute("SELECT * FROM usage").fetchall())
    assert EMAIL not in text
    assert ann not in text


def test_usage_takes_a_range_and_says_what_is_wrong(client):
    ends = {"from": "2024-01-01T00:00:00Z", "to": "2024-01-02T00:00:00Z"}
    report = client.get("/usage", params=ends).json()
    assert (report["from"], report["rows"]) == ("2024-01-01T00:00:00.000000Z", [])
    for wrong in ({"groupBy": "colour"}, {"from": "yesterday"}):
        assert client.get("/usage", params=wrong).status_code == 400


def test_the_command_shows_the_same_while_the_server_runs(served, client):
    assert grouped(client, "operation")
    shown = call("-C", served.folder, "--json", "usage", "--by", "operation,errorCode").document
    assert shown["total"]["calls"] > 0
    assert shown["rows"][0].keys() >= {"operation", "errorCode", "calls", "averageMilliseconds"}
    text = call("-C", served.folder, "usage", "--last", "7d", "--by", "entity").out
    assert "Customer" in text
    assert call("-C", served.folder, "usage", "--last", "31d").code == 2
    assert call("-C", served.folder, "usage", "--by", "colour").code == 2


def test_a_stopped_server_has_written_all_that_it_counted(project):
    with serving(project, shop.INSTANCE, "--only", "api") as second:
        for _ in range(3):
            httpx.get(f"{second.url}/no/such/path")
        before = call("-C", project, "--json", "usage", "--by", "operation").document
        assert second.stop() == 0
    after = call("-C", project, "--json", "usage", "--by", "operation").document
    assert after["total"]["calls"] >= before["total"]["calls"] + 3


def test_metrics_are_open_to_this_machine_and_name_nobody(served, client, ann):
    client.get(f"/data/Customer('{ann}')").raise_for_status()
    page = httpx.get(f"{served.url}/metrics")
    assert page.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    labels = 'method="GET",operation="Get-a-customer",status="200"'
    assert f"overtide_http_request_duration_seconds_count{{{labels}}}" in page.text
    for gauge in ("live_updates", "held", "stream_lag_seconds", "base_age_seconds"):
        assert f"\novertide_{gauge} " in page.text
    assert "overtide_project_readable 1.0" in page.text
    assert 'overtide_jobs{status="queued"} 0.0' in page.text
    assert ann not in page.text
    assert EMAIL not in page.text


def test_the_dashboard_asks_for_metrics_that_there_are(served, client):
    client.get("/no-such-path")
    page = httpx.get(f"{served.url}/metrics").text
    dashboard = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"overtide_\w+", target["expr"])
    }
    shown = set(re.findall(r"^(overtide_\w+)", page, re.MULTILINE))
    assert asked - shown == set()
    text = (ROOT / "docs" / "operations.md").read_text()
    gauges = set(re.findall(r"^# TYPE (overtide_\w+) (?:gauge|histogram)", page, re.MULTILINE))
    assert {name for name in gauges if name not in text} == set()


def test_readiness_tells_of_the_stream(served):
    ready = httpx.get(f"{served.url}/health/ready").json()
    assert (ready["status"], ready["stream"]) == ("ready", "stopped")


def test_answers_tell_what_is_left_of_the_limit(client):
    headers = client.get("").headers
    assert headers["RateLimit-Policy"] == '"default";q=600000;w=60'
    assert headers["RateLimit"].startswith('"default";r=5')


def test_the_connector_is_held_to_the_product_s_limit(client, ann):
    found = [
        client.get(f"/data/Customer('{ann}')", params={"caller": "connector"}).status_code
        for _ in range(101)
    ]
    assert found == [*[400] * 100, 429]  # a read has no caller, but counts as its own
    refused = client.post("/data/x", json={}, params={"caller": "connector"})
    assert (refused.status_code, refused.json()["errorCode"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["Retry-After"]) <= 61
    assert refused.headers["RateLimit"].startswith('"connector";r=0;t=')
    assert client.get("").status_code == 200


def test_a_caller_has_the_limit_that_is_configured(client):
    found = [client.get("", params={"caller": "slow"}) for _ in range(2)]
    assert [one.headers["RateLimit-Policy"] for one in found] == ['"slow";q=1;w=3600'] * 2
    assert [one.status_code for one in found] == [400, 429]


def test_changes_are_audited_by_who_made_them(served, client, ann):
    changed = client.patch(f"/data/Customer/{ann}", json={"Points": 5})
    made = call(
        "-C", served.folder, "--json", "token", "create", "--role", "viewer", "--name", "guest"
    ).document
    call("-C", served.folder, "token", "revoke", made["id"])
    grouped(client, "operation")
    with sqlite3.connect(served.folder / "audit" / "audit.sqlite") as connection:
        changes = connection.execute("SELECT action, target, after FROM change").fetchall()
        senders = connection.execute("SELECT event_id, principal, request_id FROM sender")
        sender = (changed.headers["Overtide-Event-Id"], "owner", changed.headers["X-Request-ID"])
        assert sender in senders.fetchall()
    assert [one[:2] for one in changes[-2:]] == [
        ("token create", made["id"]),
        ("token revoke", made["id"]),
    ]
    assert json.loads(changes[-2][2])["name"] == "guest"
    assert made["token"] not in str(changes)


def test_a_setting_is_audited_with_what_it_was(served, client):
    for name in ("First", "Second"):
        client.patch("/V2", json={"instanceMetadata": {"name": name}}).raise_for_status()
    found = rows(served.folder, "SELECT * FROM audit WHERE Action = 'Update-an-instance'")
    assert [(one["Before"], one["After"]) for one in found][-1:] == [
        ('{"name": "First"}', '{"name": "Second"}')
    ]
    assert {one["Principal"] for one in found} == {"owner"}
    assert client.patch("/V2", json={"name": ""}).status_code == 400
    assert len(rows(served.folder, "SELECT * FROM audit WHERE Action = 'Update-an-instance'")) == 2


def test_roles_and_the_search_index_are_audited_with_what_they_were(served, client):
    path = "/rbac/principals/g1/assignment"
    for role in ("Viewer", "Contributor"):
        body = {"principalType": "group", "roles": [role]}
        client.put(path, json=body).raise_for_status()
    client.delete(path).raise_for_status()
    found = rows(served.folder, "SELECT * FROM audit WHERE Action LIKE '%role-assignment%'")
    roles = [
        [None if one is None else json.loads(one)["roles"] for one in (row["Before"], row["After"])]
        for row in found
    ]
    assert roles == [[None, ["Viewer"]], [["Viewer"], ["Contributor"]], [["Contributor"], None]]
    fields = {"qualifiedEntityName": "Customer", "attributes": [{"name": "EMail"}]}
    client.put("/manage/search", json={"entityConfig": [fields]}).raise_for_status()
    (written,) = rows(
        served.folder, "SELECT * FROM audit WHERE Action = 'Update-search-configuration'"
    )
    assert "FullName" in json.loads(written["Before"])["fields"]["Customer"]
    assert json.loads(written["After"])["fields"] == {"Customer": ["EMail"]}


def test_a_token_is_made_also_where_the_audit_cannot_be_written(tmp_path):
    (tmp_path / "overtide.yaml").write_text(json.dumps(shop.configuration()))
    (tmp_path / "audit").write_text("in the way")
    words = ("token", "create", "--role", "viewer", "--name", "x")
    made = call("-C", tmp_path, "--json", *words)
    assert (made.code, made.document["name"]) == (0, "x")
    assert [one["code"] for one in made.document["warnings"]] == ["file_unusable"]


@pytest.mark.parametrize("as_json", [False, True])
def test_a_server_logs_its_failures_and_where_they_came_from(as_json):
    program = f"""
import logging, sys
from overtide.cli.serving_commands import log_failures
from overtide.serving.telemetry.telemetry import Telemetry
logging.basicConfig(level=logging.CRITICAL)
log_failures()
if {as_json}:
    Telemetry.log_requests(type("Telling", (), {{"clock": lambda: 0}}), sys.stderr)
try:
    raise ValueError("broken")
except ValueError as error:
    logging.getLogger("overtide.http").error("request %s failed", "r1", exc_info=error)
logging.getLogger("another").error("quiet")
"""
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "quiet" not in told.stderr
    if as_json:
        document = json.loads(told.stderr)
        assert document["message"] == "request r1 failed"
        assert "ValueError: broken" in document["trace"]
    else:
        assert "request r1 failed" in told.stderr
        assert "ValueError: broken" in told.stderr


def test_a_line_of_json_tells_of_each_request_and_of_no_person(project):
    words = ["-C", str(project), "--json", "serve", "--port", "0", "--only", "api", "--log", "json"]
    with subprocess.Popen(
        [*COMMAND, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        url = json.loads(process.stdout.readline())["url"]
        httpx.get(f"{url}/v1/instances/{shop.INSTANCE}/data/Customer('{EMAIL}')")
        httpx.get(f"{url}/health/live", headers={"X-Request-ID": "mine"})
        process.terminate()
        _, logged = process.communicate(timeout=120)
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    assert [(one["operation"], one["status"], one["errorCode"]) for one in lines] == [
        ("Get-a-customer", 401, "unauthorized"),
        ("/health/live", 200, None),
    ]
    assert lines[1]["requestId"] == "mine"
    assert EMAIL not in logged


def rows(folder: Path, query: str) -> list[dict]:
    return call("-C", folder, "--json", "sql", query).document["rows"]


def test_sql_shows_usage_while_the_server_runs(served, client, ann):
    client.patch(f"/data/Customer/{ann}", json={"Points": 2}, params={"caller": "sql"})
    grouped(client, "operation")
    found = rows(
        served.folder,
        """SELECT u.Entity, u.Result, u.Status, sum(u.Calls)::INTEGER AS calls, min(Seconds) > 0
           AND max(UpTo5ms + UpTo25ms + UpTo100ms + UpTo1s + Longer) > 0 AS timed
           FROM "API_usage" u WHERE Caller = 'sql' AND Minute > now() - INTERVAL 1 DAY
           GROUP BY ALL""",
    )
    assert found == [
        {"Entity": "Customer", "Result": "Success", "Status": 204, "calls": 1, "timed": True}
    ]


def test_sql_shows_who_changed_what_and_who_was_refused(served, client, ann):
    changed = client.patch(f"/data/Customer/{ann}", json={"Points": 3}, params={"caller": "desk"})
    httpx.get(f"{served.url}/v1/instances")
    grouped(client, "operation")
    assert call("-q", "-C", served.folder, "stream", "--until-caught-up").code == 0
    found = rows(served.folder, "SELECT * EXCLUDE (DoneAt) FROM audit ORDER BY DoneAt")
    event = changed.headers["Overtide-Event-Id"]
    assert [one for one in found if one["EventId"] == event] == [
        {
            "PrincipalId": rows(
                served.folder, "SELECT PrincipalId FROM audit WHERE Principal = 'owner'"
            )[0]["PrincipalId"],
            "Principal": "owner",
            "Caller": "desk",
            "Action": "update",
            "Target": ann,
            "Before": None,
            "After": None,
            "RequestId": changed.headers["X-Request-ID"],
            "EventId": event,
            "Times": 1,
        }
    ]
    refused = [one for one in found if one["Action"] == "refused"]
    assert ("Get-all-instances", "") in [(one["Target"], one["PrincipalId"]) for one in refused]
    assert "token create" in [one["Action"] for one in found]
