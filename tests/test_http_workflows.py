"""Jobs and schedules over HTTP: a real service, a real scheduler, and refreshes of contoso."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from overtide.cli.project_commands import init_project
from tests.command_line import begin, call
from tests.served import Served, serving

INSTANCE = "3b1f0c9e-52f4-4a3e-9d0a-8a5f7f6c2d11"
MAIN = "/workflows/main"
BERLIN = {"cronSchedules": ["30 2 * * MON-FRI"], "timezoneId": "W. Europe Standard Time"}
OVER = ("successful", "failed", "aborted")


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    """The service of a project that was never refreshed, without stream and scheduler."""
    folder = tmp_path_factory.mktemp("served") / "contoso"
    init_project(folder, "contoso")
    with serving(folder, INSTANCE, "--only", "api") as found:
        yield found


@pytest.fixture
def client(served) -> Iterator[httpx.Client]:
    """A client of the owner."""
    with served.client() as found:
        yield found


@contextmanager
def scheduling(folder: Path) -> Iterator[subprocess.Popen]:
    """Run the scheduler for as long as the block runs."""
    with begin("-C", folder, "serve", "--only", "scheduler") as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(120)


def submitted(client: httpx.Client, **query: str) -> str:
    """Submit a job and return its id."""
    return client.post(f"{MAIN}/jobs", params=query).raise_for_status().json()["jobId"]


def shown(client: httpx.Client, job: str) -> dict[str, Any]:
    """Return a job with its tasks."""
    asked = {"includeTasks": "true"}
    return client.get(f"{MAIN}/jobs/{job}", params=asked).raise_for_status().json()


def watched(
    client: httpx.Client, job: str, until: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Return a job as soon as it is as it should be."""
    for _ in range(600):
        document = shown(client, job)
        if until(document):
            return document
        assert document["jobStatus"] not in OVER, document
        time.sleep(0.1)
    raise AssertionError(document)


def is_over(document: dict[str, Any]) -> bool:
    return document["jobStatus"] in OVER


def is_busy(document: dict[str, Any]) -> bool:
    """Say whether a job is in the midst of its refresh."""
    return document["jobStatus"] == "running" and bool(document["tasks"])


def holder(folder: Path) -> int:
    """Return the process that runs a job."""
    locks = call("-C", folder, "--json", "status").document["locks"]
    return int(locks["job"]["pid"])


@pytest.mark.slow
def test_a_job_waits_runs_and_shows_its_stages(served, client):
    job = submitted(client)
    assert submitted(client, operationType="match", forceRunRequested="false") == job
    assert shown(client, job)["jobStatus"] == "queued"
    assert client.get(f"{MAIN}/status").json() == []
    with scheduling(served.folder):
        busy = watched(client, job, is_busy)
        assert busy["run"] is None
        ended = watched(client, job, is_over)
    assert (ended["jobStatus"], ended["run"], ended["ciError"]) == ("successful", 1, None)
    stages = {one["friendlyName"]: one for one in ended["tasks"]}
    assert {"ingest", "match", "build Customer", "serving generation", "publish"} <= set(stages)
    assert {one["taskStatus"] for one in ended["tasks"]} == {"successful"}
    assert stages["ingest"]["rows"] == 62_415
    nodes = client.get(f"{MAIN}/status").json()
    assert [one["identifier"] for one in nodes] == [one["friendlyName"] for one in ended["tasks"]]
    assert {one["lastSuccessJobIds"][0] for one in nodes} == {job}
    assert len(client.get(f"{MAIN}/history", params={"top": "3"}).json()) == 3
    query = """SELECT "Manifest"->>'job' AS job FROM runs"""
    assert call("-C", served.folder, "--json", "sql", query).document["rows"] == [{"job": job}]
    assert client.get(f"{served.url}/health/ready").json() == {
        "status": "ready",
        "run": 1,
        "stream": "stopped",
    }


@pytest.mark.slow
def test_a_job_that_runs_is_cancelled_and_the_base_stays(served, client):
    before = client.get(f"{served.url}/health/ready").json().get("run")
    with scheduling(served.folder):
        job = submitted(client, forceRunRequested="true")
        watched(client, job, is_busy)
        client.post(f"{MAIN}/jobs/{job}/cancel").raise_for_status()
        ended = watched(client, job, is_over)
    assert (ended["jobStatus"], ended["run"]) == ("aborted", None)
    assert ended["ciError"]["errorCode"] == "interrupted"
    assert ended["tasks"][-1]["taskStatus"] == "aborted"
    nodes = client.get(f"{MAIN}/status").json()
    assert nodes
    assert all(job not in one["lastSuccessJobIds"] for one in nodes)
    assert client.post(f"{MAIN}/jobs/{job}/cancel").json()["jobStatus"] == "aborted"
    assert client.get(f"{served.url}/health/ready").json().get("run") == before


@pytest.mark.slow
def test_a_killed_scheduler_s_job_goes_on_and_the_next_one_runs_none_beside_it(served, client):
    with scheduling(served.folder) as scheduler:
        job, then = (submitted(client, forceRunRequested="true") for _ in range(2))
        watched(client, job, is_busy)
        os.kill(scheduler.pid, signal.SIGKILL)
        scheduler.wait(10)
    pid = holder(served.folder)
    with scheduling(served.folder):
        ended = watched(client, job, is_over)
        assert ended["jobStatus"] == "successful"
        watched(client, then, is_busy)
        assert holder(served.folder) != pid
    # A scheduler that is stopped in order ends its job.
    ended = shown(client, then)
    assert (ended["jobStatus"], ended["ciError"]["errorCode"]) == ("failed", "interrupted")


@pytest.mark.slow
def test_a_job_whose_process_was_killed_with_its_scheduler_has_failed(served, client):
    with scheduling(served.folder) as scheduler:
        job = submitted(client, forceRunRequested="true")
        watched(client, job, is_busy)
        os.kill(scheduler.pid, signal.SIGKILL)
        os.kill(holder(served.folder), signal.SIGKILL)
    assert shown(client, job)["jobStatus"] == "running"  # as far as anybody knows
    with scheduling(served.folder):
        ended = watched(client, job, is_over)
    assert (ended["jobStatus"], ended["ciError"]["errorCode"]) == ("failed", "interrupted")


@pytest.mark.slow
def test_a_whole_service_runs_jobs_too_and_one_that_fails_says_why(served, client):
    source = served.folder / "data" / "Contact.txt"
    moved = source.rename(served.folder / "Contact.txt")
    with serving(served.folder, INSTANCE) as whole:
        ended = watched(client, submitted(client), is_over)
        assert whole.stop() == 0
    moved.rename(source)
    assert (ended["jobStatus"], ended["ciError"]["errorCode"]) == ("failed", "no_files")
    assert "still served" in ended["ciError"]["message"]


def test_a_schedule_is_made_changed_listed_and_deleted(served, client):
    made = client.post(f"{MAIN}/schedules", json=BERLIN).raise_for_status().json()
    assert (made["timezoneId"], made["isActive"], made["version"]) == (
        BERLIN["timezoneId"],
        True,
        1,
    )
    assert made["nextRun"] is not None
    changed = client.post(f"{MAIN}/schedules", json={**made, "isActive": False}).json()
    assert (changed["scheduleId"], changed["version"]) == (made["scheduleId"], 2)
    assert (changed["nextRun"], changed["origin"], changed["updatedBy"]) == (None, "api", "owner")
    several = client.post(f"{MAIN}/schedules/batch", json=[BERLIN, BERLIN]).json()
    listed = client.get(f"{MAIN}/schedules").json()
    assert {one["scheduleId"] for one in listed} >= {one["scheduleId"] for one in several}
    there = call("-C", served.folder, "--json", "schedule", "list").document["schedules"]
    assert [one["id"] for one in there] == [one["scheduleId"] for one in listed]
    for one in listed:
        client.delete(f"{MAIN}/schedules/{one['scheduleId']}").raise_for_status()
    assert client.get(f"{MAIN}/schedules").json() == []
    versions = client.get(f"{MAIN}/schedules/{made['scheduleId']}/versions").json()
    assert [one["isDeleted"] for one in versions] == [False, False, True]


def test_time_zones_are_those_of_windows_and_of_iana(client):
    found = client.get(f"{MAIN}/schedules/supportedTimezones").json()
    assert {"Pacific Standard Time", "Europe/Berlin"} <= {one["id"] for one in found}


def test_a_job_is_submitted_where_the_documents_say_and_by_a_command(served, client):
    asked = {"operationType": "all", "forceRunRequested": "true"}
    one = client.post(f"/manage{MAIN}/jobs", params=asked).raise_for_status().json()
    assert (one["shouldForceRunRequestedNodes"], one["jobStatus"]) == (True, "queued")
    named = {"operationType": "Merge", "identifiers": ["a"], "forceRunRequested": True}
    two = client.post(f"{MAIN}/jobs", json=named).json()
    assert (two["operationType"], two["requestedOperationType"]) == ("all", "merge")
    assert (two["idList"], two["submittedBy"]) == (["a"], "owner")
    words = ("-C", served.folder, "--json", "jobs")
    assert call(*words, "submit").document["id"] == one["jobId"]
    assert call(*words, "cancel", one["jobId"]).document["status"] == "aborted"
    client.post(f"{MAIN}/jobs/{two['jobId']}/cancel").raise_for_status()
    assert call(*words, "show", two["jobId"]).document["tasks"] == []


REFUSED = [
    ("POST", "/workflows/other/jobs", {}, 404, "unknown_workflow"),
    ("GET", "/workflows/other/schedules", {}, 404, "unknown_workflow"),
    ("POST", f"{MAIN}/jobs", {"json": {"graphName": "other"}}, 404, "unknown_workflow"),
    ("GET", f"{MAIN}/jobs/x", {}, 404, "unknown_job"),
    ("POST", f"{MAIN}/jobs/x/cancel", {}, 404, "unknown_job"),
    ("POST", f"{MAIN}/jobs?operationType=measures", {}, 501, "not_offered"),
    ("POST", f"{MAIN}/jobs", {"json": {"operationType": "export"}}, 501, "not_offered"),
    ("POST", f"{MAIN}/jobs?operationType=everything", {}, 400, "invalid_parameter"),
    ("POST", f"{MAIN}/jobs", {"json": {"operation": "all"}}, 400, "invalid_parameter"),
    ("POST", f"{MAIN}/jobs", {"json": []}, 400, "invalid_parameter"),
    ("POST", f"{MAIN}/jobs", {"json": {"identifiers": "x"}}, 400, "invalid_parameter"),
    ("POST", f"{MAIN}/jobs", {"json": {"forceRunRequested": 1}}, 400, "invalid_parameter"),
    ("POST", f"{MAIN}/jobs", {"json": {"identifiers": ["x" * 1025]}}, 400, "invalid_parameter"),
    ("POST", f"{MAIN}/jobs", {"content": '{"identifiers": ["\\ud800"]}'}, 400, "invalid_parameter"),
    ("POST", f"{MAIN}/jobs", {"content": "{"}, 400, "invalid_json"),
    ("GET", f"{MAIN}/jobs?top=-1", {}, 400, "invalid_parameter"),
    ("POST", f"{MAIN}/schedules", {"json": {}}, 400, "invalid_parameter"),
    ("POST", f"{MAIN}/schedules", {"json": {"cronSchedules": ["x"]}}, 400, "invalid_cron"),
    (
        "POST",
        f"{MAIN}/schedules",
        {"json": {**BERLIN, "timezoneId": "Mars"}},
        400,
        "unknown_time_zone",
    ),
    (
        "POST",
        f"{MAIN}/schedules",
        {"json": {**BERLIN, "operationType": "segmentation"}},
        501,
        "not_offered",
    ),
    (
        "POST",
        f"{MAIN}/schedules",
        {"json": {**BERLIN, "scheduleId": "1"}},
        400,
        "invalid_parameter",
    ),
    (
        "POST",
        f"{MAIN}/schedules",
        {"json": {**BERLIN, "instanceId": "1"}},
        404,
        "unknown_instance",
    ),
    ("POST", f"{MAIN}/schedules/batch", {"json": BERLIN}, 400, "invalid_parameter"),
    ("POST", f"{MAIN}/schedules/batch", {"json": [BERLIN, {}]}, 400, "invalid_parameter"),
    ("DELETE", f"{MAIN}/schedules/x", {}, 404, "unknown_schedule"),
    ("GET", f"{MAIN}/schedules/x/versions", {}, 404, "unknown_schedule"),
]


@pytest.mark.parametrize(("method", "path", "sent", "status", "code"), REFUSED)
def test_every_refusal_is_an_api_error_result(client, method, path, sent, status, code):
    if "content" in sent:
        sent = {**sent, "headers": {"Content-Type": "application/json"}}
    answer = client.request(method, path, **sent)
    document = answer.json()
    assert (answer.status_code, document["httpStatusCode"]) == (status, status), document
    assert document["errorCode"] == code
    assert client.get(f"{MAIN}/schedules").json() == []


def test_contributors_refresh_admins_schedule_and_viewers_look(served):
    def made(role: str) -> str:
        words = ("token", "create", "--role", role, "--name", role)
        return call("-C", served.folder, "--json", *words).document["token"]

    expected = {"viewer": [200, 403, 403], "contributor": [200, 200, 403], "admin": [200, 200, 200]}
    for role, statuses in expected.items():
        with served.client(made(role)) as client:
            answers = [
                client.get(f"{MAIN}/jobs"),
                client.post(f"{MAIN}/jobs"),
                client.post(f"{MAIN}/schedules", json=BERLIN),
            ]
        assert [one.status_code for one in answers] == statuses
    with served.client() as client:
        job = answers[1].json()["jobId"]
        assert client.post(f"{MAIN}/jobs/{job}/cancel").json()["jobStatus"] == "aborted"
        schedule = answers[2].json()["scheduleId"]
        client.delete(f"{MAIN}/schedules/{schedule}").raise_for_status()
