"""The command `serve`: the HTTP service and the stream, until stopped."""

import importlib.util
import ipaddress
import json
import logging
import os
import secrets
import ssl
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.child_process import LISTENER, RATES, ChildProcess
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
from overtide.tracing import traced

if TYPE_CHECKING:
    import socket

    from overtide.serving.http.server import HttpServer
    from overtide.serving.service import Service

MOST_WORKERS = 64
BEHIND = 5
"""The niceness of what may wait while requests are answered: SQL shows events a little later."""
FIRST = "owner"
"""The name of the token that a first `serve` makes."""


def serve(project: Project, arguments: Namespace, output: Output) -> int:
    """Answer the HTTP API and run the stream until stopped."""
    log_failures()
    with stopping() as stop:
        if arguments.only in ("stream", "scheduler"):
            with _parts_beside(project, arguments, stop.event):
                stop.event.wait()
        else:
            with traced(project, "serve"):
                _serve_api(project, arguments, output, stop.event)
    return INTERRUPTED if stop.interrupted else DONE


def log_failures() -> None:
    """Let what goes wrong inside be logged: answers lead to it, and other commands say it."""
    logging.getLogger("overtide").setLevel(logging.ERROR)


def _serve_api(
    project: Project, arguments: Namespace, output: Output, stop: threading.Event
) -> None:
    expect_service()
    from overtide.serving.http.server import url_of
    from overtide.serving.telemetry.shared_windows import ATTEMPTS, SharedWindows

    workers = _workers(arguments.workers)
    rates = _rates(workers)
    attempts = None if rates is None else SharedWindows(rates, ATTEMPTS)
    service = project.service(_is_local(arguments.host), attempts)
    server, listener = _server(service, arguments, rates), _listener(arguments)
    if not _is_worker():
        _announce(project, service.admission, output, url_of(listener, bool(arguments.tls_cert)))
        _warn_of_address(arguments, output)
    with ExitStack() as parts:
        parts.enter_context(_parts_beside(project, arguments, stop))
        for _ in range(workers - 1):
            parts.enter_context(_worker_beside(project, arguments, listener, rates, stop))
        parts.enter_context(service.admission.last_use.writing())
        parts.enter_context(_acting_at(stop, server.stop))
        server.serve(listener)


def _is_worker() -> bool:
    """Say whether this process takes requests beside the one that started it."""
    return LISTENER in os.environ


def _workers(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:4]) <= MOST_WORKERS):
        raise UsageError(
            "invalid_value",
            f"{text!r} is no number of processes.",
            "--workers",
            f"Give a number from 1 to {MOST_WORKERS}.",
        )
    return int(text)


def _listener(arguments: Namespace) -> "socket.socket":
    """Return the socket on which requests come; a worker has it from who started it."""
    import socket

    from overtide.serving.http.server import listening

    if _is_worker():
        return socket.socket(fileno=int(os.environ[LISTENER]))
    return listening(arguments.host, _port(arguments.port))


@contextmanager
def _worker_beside(
    project: Project,
    arguments: Namespace,
    listener: "socket.socket",
    rates: int | None,
    stop: threading.Event,
) -> Iterator[None]:
    """Run another process that takes requests from the same socket."""
    words = ["serve", "--only", "api", "--host", arguments.host, "--log", arguments.log]
    if arguments.tls_cert is not None:
        words += ["--tls-cert", arguments.tls_cert, "--tls-key", arguments.tls_key]
    inherited = {LISTENER: listener.fileno(), **({} if rates is None else {RATES: rates})}
    with _running(ChildProcess(project.folder, words, inherited), stop):
        yield


def _rates(workers: int) -> int | None:
    """Return the memory in which several processes count for one limit, None for one process."""
    from overtide.serving.telemetry.shared_windows import shared_memory

    if _is_worker():
        return int(os.environ[RATES])
    return shared_memory() if workers > 1 else None


def _server(service: "Service", arguments: Namespace, rates: int | None) -> "HttpServer":
    from overtide.serving.http.application import Application
    from overtide.serving.http.browsers import Browsers, names_of
    from overtide.serving.http.server import HttpServer
    from overtide.serving.telemetry.shared_windows import SharedWindows

    certificate, key = _tls(arguments)
    if arguments.log == "json":
        service.telemetry.log_requests(sys.stderr)
    settings = service.admission.settings
    browsers = Browsers(
        frozenset(settings.cors_origins), names_of(settings.hosts, _is_local(arguments.host))
    )
    windows = None if rates is None else SharedWindows(rates)
    application = Application(service, lambda: secrets.token_hex(8), browsers, windows=windows)
    shared = _is_worker() or _workers(arguments.workers) > 1
    return HttpServer(application, certificate, key, settings.proxies, shared)


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
def _parts_beside(project: Project, arguments: Namespace, stop: threading.Event) -> Iterator[None]:
    """Run the stream, the scheduler and what tells webhooks, or the part that is asked for."""
    with ExitStack() as parts:
        if arguments.only in (None, "stream"):
            parts.enter_context(_stream_beside(project, stop))
        if arguments.only in (None, "scheduler"):
            parts.enter_context(_scheduler_beside(project, stop))
            parts.enter_context(_notifier_beside(project, _is_local(arguments.host), stop))
        yield


@contextmanager
def _notifier_beside(project: Project, local: bool, stop: threading.Event) -> Iterator[None]:
    """Tell webhooks what happened until `stop`."""
    from overtide.schemas.loading import load
    from overtide.service import webhooks_of
    from overtide.serving.webhooks.notifier import Notifier

    configuration = load(project.folder, project.environ)
    notifier = Notifier(webhooks_of(project, configuration, local))
    with _thread_beside(notifier.run, "webhooks", stop):
        yield


@contextmanager
def _scheduler_beside(project: Project, stop: threading.Event) -> Iterator[None]:
    """Run the scheduler until `stop`, at which it ends its job at once."""
    expect_service()
    from overtide.service import workflows_of
    from overtide.serving.workflows.scheduler import Scheduler

    scheduler = Scheduler(workflows_of(project), partial(job_process, project.folder))
    with _thread_beside(scheduler.run, "scheduler", stop):
        yield


@contextmanager
def _thread_beside(
    run: Callable[[threading.Event], None], name: str, stop: threading.Event
) -> Iterator[None]:
    """Run what ends at `stop` in a thread of its own, and set that when the block ends."""
    running = threading.Thread(target=run, args=(stop,), daemon=True, name=name)
    running.start()
    try:
        yield
    finally:
        stop.set()
        running.join()


@contextmanager
def _stream_beside(project: Project, stop: threading.Event) -> Iterator[None]:
    with _running(ChildProcess(project.folder, ["stream"], niceness=BEHIND), stop):
        yield


@contextmanager
def _running(child: ChildProcess, stop: threading.Event) -> Iterator[None]:
    """Run a child until `stop`; all of them and the server end at the same time, none waits."""
    child.start()
    try:
        with _acting_at(stop, child.ask):
            yield
    finally:
        child.stop()


@contextmanager
def _acting_at(stop: threading.Event, act: Callable[[], None]) -> Iterator[None]:
    """Do something once a signal has come, while the block goes on."""

    def wait() -> None:
        stop.wait()
        act()

    threading.Thread(target=wait, daemon=True).start()
    yield
    stop.set()
