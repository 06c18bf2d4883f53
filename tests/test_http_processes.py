"""The processes of a service: several that answer as one, its stream, and how they end."""

import json
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from overtide.project import Project
from overtide.serving.access.roles import Role
from overtide.serving.access.tokens import Tokens
from tests import shop
from tests.command_line import call
from tests.served import Served, serving
from tests.test_http import ORDER, ann, client, project, served

__all__ = ["ann", "client", "project", "served"]


Found = TypeVar("Found")


def test_the_stream_ends_with_a_server_that_was_killed(project, served):
    with serving(project, shop.INSTANCE) as other:
        (stream,) = _until(lambda: [one for one in _children(other) if "stream" in one.cmdline()])
        assert other.stop(signal.SIGKILL) == -signal.SIGKILL
        psutil.wait_procs([stream], timeout=120)
        assert not stream.is_running()
        assert served.process.poll() is None


def test_several_processes_answer_as_one(project, served, ann):
    with serving(project, shop.INSTANCE, "--only", "api", "--workers", "3") as many:
        workers = _until(lambda: len(_children(many)) == 2 and _children(many))
        path = f"/v1/instances/{shop.INSTANCE}/data/Customer"
        headers = {"Authorization": f"Bearer {served.token}"}

        def ask(method: str, where: str, **more: object) -> httpx.Response:
            with httpx.Client(base_url=many.url, headers=headers, timeout=60) as fresh:
                return fresh.request(method, path + where, **more)

        address = urlsplit(many.url)
        with ExitStack() as opened:
            servers = [psutil.Process(many.process.pid), *workers]

            def every_process_has_one() -> bool:
                place = address.hostname, address.port
                for _ in range(len(servers)):  # those that still start take none
                    opened.enter_context(socket.create_connection(place, timeout=60))
                return all(_connections(one, address.port) for one in servers)

            assert _until(every_process_has_one)
        for number in range(20):
            assert ask("PATCH", f"/{ann}", json={"Points": number}).status_code == 204
            assert ask("GET", f"('{ann}')").json()["Points"] == number
        assert ask("DELETE", f"/{ann}/overrides").status_code == 204
        with Project(project) as opened:
            token, _ = Tokens(opened.access, opened.clock).create("connector", Role.VIEWER)
        asked = {"headers": {"Authorization": f"Bearer {token}"}}
        statuses = [httpx.get(f"{many.url}/v1/instances", **asked).status_code for _ in range(110)]
        assert statuses == [200] * 100 + [429] * 10  # of all processes together
        workers[0].kill()
        psutil.wait_procs(workers[:1], timeout=120)
        assert ask("GET", f"('{ann}')").status_code == 200
        workers = _until(lambda: len(_children(many)) == 2 and _children(many))
        assert many.stop(signal.SIGKILL) == -signal.SIGKILL
        _, alive = psutil.wait_procs(workers, timeout=120)
        assert alive == []


def _connections(process: psutil.Process, port: int) -> int:
    """Return how many clients a process of a server has."""
    return sum(
        one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port
        for one in process.net_connections("tcp")
    )


def _children(served: Served) -> list[psutil.Process]:
    return psutil.Process(served.process.pid).children()


def _until(look: Callable[[], Found]) -> Found:
    """Look until something is there."""
    deadline = time.monotonic() + 120
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@pytest.mark.slow
def test_the_stream_runs_beside_the_service_and_both_end_together(project):
    words = ["-C", project, "--json", "sql", "SELECT max(Position) AS p FROM overlay_state"]
    before = call("-C", project, "--json", "token", "list").document["tokens"]
    made = call("-C", project, "--json", "token", "create", "--role", "owner", "--name", "x")
    with serving(project, shop.INSTANCE) as served:
        assert (served.token is None) == bool(before)
        with served.client(made.document["token"]) as client:
            posted = client.post(f"/data/{shop.ORDERS}", json={**ORDER, "OrderId": "streamed"})
            position = posted.json()["value"]["position"]
        for _ in range(100):
            if (call(*words).document["rows"][0]["p"] or 0) > position:
                break
        assert call(*words).document["rows"][0]["p"] > position
        assert served.stop(signal.SIGTERM) == 0
    assert call("-C", project, "--json", "status").document["locks"]["stream"] is None


def test_a_fresh_project_is_served_and_says_that_it_is_not_ready(tmp_path):
    (tmp_path / "overtide.yaml").write_text(json.dumps(shop.configuration()))
    with serving(tmp_path, shop.INSTANCE, "--only", "api") as served, served.client() as client:
        ready = client.get(f"{served.url}/health/ready")
        assert (ready.status_code, ready.json()["error"]["code"]) == (503, "nothing_published")
        found = client.get("/data/Customer('0')")
        assert (found.status_code, found.json()["errorCode"]) == (404, "nothing_published")
        assert served.stop(signal.SIGINT) == 130
