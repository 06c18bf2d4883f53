"""Spans reach a real receiver of OTLP over HTTP where they are asked for, and tell of no person."""

import http.server
import importlib.util
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from overtide.project import Project
from overtide.schemas import spans
from overtide.schemas.errors import FailedError, OvertideError
from overtide.tracing import traced
from tests import shop
from tests.command_line import call
from tests.served import serving

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CONTACTS = [(shop.CONTACTS, "1", {"EMail": "ann@x", "FullName": "Ann", "Points": 7})]


@dataclass
class Receiver:
    """What came: bodies, and the spans in them."""

    url: str
    bodies: list[bytes] = field(default_factory=list)

    def spans(self) -> dict[str, object]:
        """Return the last span of each name."""
        found = {}
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    found |= {one.name: one for one in scope.spans}
        return found

    def wait_for(self, name: str, before: object = None) -> object:
        """Return a span once it is there, behind one that was there before."""
        until = time.monotonic() + 60
        while self.spans().get(name, before) == before:
            assert time.monotonic() < until, sorted(self.spans())
            time.sleep(0.05)
        return self.spans()[name]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on a free port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/v1/traces"
            found.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Receiver(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


def made(folder: Path, endpoint: str) -> Path:
    """Write a project that sends spans to an address."""
    folder.mkdir()
    configuration = shop.configuration() | {"service": {"otlp_endpoint": endpoint}}
    (folder / "overtide.yaml").write_text(json.dumps(configuration))
    shop.write_sources(folder, shop.sources(*CONTACTS))
    return folder


def test_refreshes_requests_commits_and_ticks_are_told(tmp_path, receiver):
    folder = made(tmp_path / "shop", receiver.url)
    assert call("-q", "-C", folder, "refresh").code == 0
    found = receiver.spans()
    refresh, publish = found["refresh"], found["refresh publish"]
    assert (publish.trace_id, publish.parent_span_id) == (refresh.trace_id, refresh.span_id)
    assert refresh.start_time_unix_nano <= publish.end_time_unix_nano
    with serving(folder, shop.INSTANCE) as served, served.client() as client:
        given = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        path = f"/data/{shop.CONTACTS}/1"
        assert client.patch(path, json={"FullName": "Zoe"}, headers=given).status_code == 204
        request, commit = receiver.wait_for("Update-an-entity"), receiver.wait_for("commit")
        assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
        assert (commit.trace_id, commit.parent_span_id) == (request.trace_id, request.span_id)
        told = {one.key: one.value for one in request.attributes}
        assert told["http.response.status_code"].int_value == 204
        tick, pipeline = receiver.wait_for("stream tick"), receiver.wait_for("stream pipeline")
        assert pipeline.parent_span_id == tick.span_id
        assert client.get("/data/Customer('nobody')").status_code == 404
        stranger = httpx.patch(f"{client.base_url}data/Made_up/1", json={})
        assert stranger.status_code == 401
        refused = receiver.wait_for("Update-an-entity", request)
        attributes = {one.key: one.value for one in refused.attributes}
        assert told["overtide.entity"].string_value == shop.CONTACTS
        assert attributes["overtide.entity"].string_value == "(unknown)"
        assert served.stop() == 0
    assert "Get-a-customer" in receiver.spans()  # what is left is sent at the end
    whole = b"".join(receiver.bodies)
    assert not any(text in whole for text in (b"Zoe", b"Ann", b"ann@x", b"nobody", b"Made_up"))


def test_what_fails_is_told_by_its_code_alone(tmp_path, receiver):
    with Project(made(tmp_path / "shop", receiver.url)) as project:
        with traced(project, "test"), pytest.raises(FailedError), spans.span("work"):
            raise FailedError("internal_error", "Ann is secret.")
        assert not spans.watched()
    (kind,) = [one for one in receiver.spans()["work"].attributes if one.key == "error.type"]
    assert kind.value.string_value == "internal_error"
    assert b"secret" not in b"".join(receiver.bodies)


def test_a_receiver_that_does_not_answer_holds_nothing_up(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        folder = made(tmp_path / "shop", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with Project(folder) as project:
            began = time.monotonic()
            with traced(project, "test"), spans.span("work"):
                pass
            assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}, False),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
            False,
        ),
    ],
)
def test_spans_are_sent_where_the_variables_say_so(tmp_path, variables, expected):
    (tmp_path / "overtide.yaml").write_text(json.dumps(shop.configuration()))
    with Project(tmp_path, environ=variables) as project, traced(project, "test"):
        assert spans.watched() is expected


def test_a_missing_extra_is_said(tmp_path, monkeypatch):
    folder = made(tmp_path / "shop", "http://127.0.0.1:1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with (
        Project(folder) as project,
        pytest.raises(OvertideError, match="OpenTelemetry is not installed") as refused,
        traced(project, "test"),
    ):
        pass
    assert refused.value.code == "missing_extra"
