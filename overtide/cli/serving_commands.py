"""The command `serve`: the HTTP service and the stream, until stopped."""

import importlib.util
import ipaddress
import json
import secrets
import ssl
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.child_process import ChildProcess
from overtide.cli.audited import audited
from overtide.cli.output import Output
from overtide.cli.signals import stopping
from overtide.job_process import job_process
from overtide.lake.standing import current_publish
from overtide.project import Project
from overtide.schemas.errors import DONE, INTERRUPTED, SetupError, UsageError
from overtide.serving.access.admission import Admission
from overtide.serving.access.roles import Role
from overtide.serving.telemetry.audit import Change

if TYPE_CHECKING:
    import socket

    from overtide.serving.http.server import HttpServer
    from overtide.serving.service import Service

FIRST = "owner"
"""The name of the token that a first `serve` makes."""


def serve(project: Project, arguments: Namespace, output: Output) -> int:
    """Answer the HTTP API and run the stream until stopped."""
    with stopping() as stop:
        if arguments.only in ("stream", "scheduler"):
            with _parts_beside(project, arguments.only, stop.event):
                stop.event.wait()
        else:
            _serve_api(project, arguments, output, stop.event)
    return INTERRUPTED if stop.interrupted else DONE


def _serve_api(
    project: Project, arguments: Namespace, output: Output, stop: threading.Event
) -> None:
    expect_service()
    service = project.service()
    server, listener, url = _listening(service, arguments)
    _announce(project, service.admission, output, url)
    _warn_of_address(arguments, output)
    parts = _parts_beside(project, arguments.only, stop)
    with parts, service.admission.last_use.writing(), _stopped_by(stop, server):
        server.serve(listener)


def _listening(service: "Service", arguments: Namespace) -> "tuple[HttpServer, socket.socket, str]":
    """Return the server, the socket on which it will serve, and its address."""
    from overtide.serving.http.application import Application
    from overtide.serving.http.browsers import Browsers, names_of
    from overtide.serving.http.server import HttpServer, listening, url_of

    certificate, key = _tls(arguments)
    if arguments.log == "json":
        service.telemetry.log_requests(sys.stderr)
    settings = service.admission.settings
    browsers = Browsers(
        frozenset(settings.cors_origins), names_of(settings.hosts, _is_local(arguments.host))
    )
    application = Application(service, lambda: secrets.token_hex(8), browsers)
    server = HttpServer(application, certificate, key)
    listener = listening(arguments.host, _port(arguments.port))
    return server, listener, url_of(listener, certificate is not None)


def expect_service() -> None:
    """Raise `missing_extra` where the service's parts are not installed."""
    if importlib.util.find_spec("uvicorn") is None:
        raise SetupError(
            "missing_extra",
            "The HTTP service is not installed.",
            None,
            "Install it with `pip install 'overtide[serve]'`.",
        )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65_536):
        raise UsageError(
            "invalid_value", f"{text!r} is no port.", "--port", "Give a number from 0 to 65535."
        )
    return int(text)


def _tls(arguments: Namespace) -> tuple[Path | None, Path | None]:
    given = [arguments.tls_cert, arguments.tls_key]
    if given.count(None) == 1:
        raise UsageError(
            "usage", "A certificate and its key belong together.", None, "Give both or none."
        )
    certificate, key = (None if path is None else Path(path) for path in given)
    if certificate is not None:
        _expect_certificate(certificate, key)
    return certificate, key


def _expect_certificate(certificate: Path, key: Path | None) -> None:
    """Raise `invalid_value` for what a server could not use: it is read here for that alone."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, lambda: "")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            "invalid_value",
            f"{certificate} and {key} are no certificate with its key: {reason}.",
            "--tls-cert",
            "Give PEM files that belong together; the key has no password.",
        ) from None


def _announce(project: Project, admission: Admission, output: Output, url: str) -> None:
    """Say where the service is, and the owner's token where nobody has one yet."""
    document = {"url": url}
    if not admission.tokens.all():
        document["token"], info = admission.tokens.create(FIRST, Role.OWNER)
        change = Change("token create", info.principal.id, after=info.as_json())
        audited(project, output, change)
    if output.as_json:
        print(json.dumps(document), flush=True)
        return
    print(f"Serving {project.folder.name} at {url}; stop it with ctrl-C.", flush=True)
    if "token" in document:
        print(
            f"The owner's token, shown only now: {document['token']}\n"
            f"  curl -H 'Authorization: Bearer {document['token']}' {url}/v1/instances",
            flush=True,
        )
    if current_publish(project.paths) is None:
        output.note("Nothing is published yet: run `overtide refresh` beside it.")
    if admission.lacks_keys():
        output.note("Requests need a subscription key: run `overtide key regenerate primary`.")


def _warn_of_address(arguments: Namespace, output: Output) -> None:
    if arguments.tls_cert is None and not _is_local(arguments.host):
        output.note(
            f"{arguments.host} is not this machine alone. Every request needs a token, as always, "
            "but without --tls-cert tokens and customers pass the network as they are."
        )


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _parts_beside(project: Project, only: str | None, stop: threading.Event) -> Iterator[None]:
    """Run the stream and the scheduler, or the one that is asked for."""
    with ExitStack() as parts:
        if only in (None, "stream"):
            parts.enter_context(_stream_beside(project))
        if only in (None, "scheduler"):
            parts.enter_context(_scheduler_beside(project, stop))
        yield


@contextmanager
def _scheduler_beside(project: Project, stop: threading.Event) -> Iterator[None]:
    """Run the scheduler until `stop`, at which it ends its job at once."""
    expect_service()
    from overtide.service import workflows_of
    from overtide.serving.workflows.scheduler import Scheduler

    scheduler = Scheduler(workflows_of(project), partial(job_process, project.folder))
    running = threading.Thread(target=scheduler.run, args=(stop,), daemon=True, name="scheduler")
    running.start()
    try:
        yield
    finally:
        stop.set()
        running.join()


@contextmanager
def _stream_beside(project: Project) -> Iterator[None]:
    stream = ChildProcess(project.folder, ["stream"])
    stream.start()
    try:
        yield
    finally:
        stream.stop()


@contextmanager
def _stopped_by(stop: threading.Event, server: "HttpServer") -> Iterator[None]:
    """Stop a server once a signal has come."""

    def wait() -> None:
        stop.wait()
        server.stop()

    watching = threading.Thread(target=wait, daemon=True)
    watching.start()
    yield
    stop.set()
