"""The commands of the service: `serve`, and `token`, which says who may use it."""

import importlib.util
import ipaddress
import json
import secrets
import ssl
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.cli.output import Output
from overtide.cli.signals import stopping
from overtide.lake.standing import current_publish
from overtide.project import Project
from overtide.schemas.errors import DONE, INTERRUPTED, SetupError, UnavailableError, UsageError
from overtide.serving.access.roles import Role, role_of
from overtide.serving.access.tokens import TokenInfo
from overtide.serving.telemetry.audit import Audit, Change
from overtide.stream_process import StreamProcess

if TYPE_CHECKING:
    import socket

    from overtide.serving.http.server import HttpServer

FIRST = "owner"
"""The name of the token that a first `serve` makes."""


def serve(project: Project, arguments: Namespace, output: Output) -> int:
    """Answer the HTTP API and run the stream until stopped."""
    with stopping() as stop:
        if arguments.only == "stream":
            with _stream_beside(project):
                stop.event.wait()
        else:
            _serve_api(project, arguments, output, stop.event)
    return INTERRUPTED if stop.interrupted else DONE


def _serve_api(
    project: Project, arguments: Namespace, output: Output, stop: threading.Event
) -> None:
    server, listener, url = _listening(project, arguments)
    _announce(project, output, url)
    _warn_of_address(arguments, output)
    streaming = nullcontext() if arguments.only == "api" else _stream_beside(project)
    with streaming, _stopped_by(stop, server):
        server.serve(listener)


def _listening(project: Project, arguments: Namespace) -> "tuple[HttpServer, socket.socket, str]":
    """Return the server, the socket on which it will serve, and its address."""
    if importlib.util.find_spec("uvicorn") is None:
        raise SetupError(
            "missing_extra",
            "The HTTP service is not installed.",
            None,
            "Install it with `pip install 'overtide[serve]'`.",
        )
    from overtide.serving.http.application import Application
    from overtide.serving.http.server import HttpServer, listening, url_of

    certificate, key = _tls(arguments)
    service = project.service()
    if arguments.log == "json":
        service.telemetry.log_requests(sys.stderr)
    application = Application(service, lambda: secrets.token_hex(8))
    server = HttpServer(application, certificate, key)
    listener = listening(arguments.host, _port(arguments.port))
    return server, listener, url_of(listener, certificate is not None)


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


def _announce(project: Project, output: Output, url: str) -> None:
    """Say where the service is, and the owner's token where nobody has one yet."""
    document = {"url": url}
    tokens = project.tokens
    if not tokens.all():
        document["token"], info = tokens.create(FIRST, Role.OWNER)
        _audit(project, output, "token create", info)
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


def _warn_of_address(arguments: Namespace, output: Output) -> None:
    if arguments.tls_cert is None and not _is_local(arguments.host):
        output.note(
            f"{arguments.host} is not this machine alone, and without --tls-cert tokens and "
            "customers pass the network as they are."
        )


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _stream_beside(project: Project) -> Iterator[None]:
    stream = StreamProcess(project.folder)
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


def token(project: Project, arguments: Namespace, output: Output) -> int:
    """Make, list or revoke tokens."""
    run, takes = TOKEN_COMMANDS[arguments.action]
    given = {name for name in ("id", "role", "name") if getattr(arguments, name) is not None}
    if given - takes:
        raise UsageError(
            "usage",
            f"`token {arguments.action}` takes no {min(given - takes)}.",
            None,
            "`overtide token --help` shows how it is used.",
        )
    run(project, arguments, output)
    return DONE


def _create(project: Project, arguments: Namespace, output: Output) -> None:
    if arguments.role is None or arguments.name is None:
        raise UsageError(
            "usage",
            "A token needs a role and a name.",
            None,
            "Write `overtide token create --role contributor --name crm`.",
        )
    secret, info = project.tokens.create(arguments.name, role_of(arguments.role))
    _audit(project, output, "token create", info)
    output.result(
        {"token": secret, **info.as_json()},
        lambda: f"{secret}\nIt is shown only now. Its id is {info.principal.id}.",
    )


def _list(project: Project, arguments: Namespace, output: Output) -> None:
    del arguments
    found = project.tokens.all()
    rows = [list(one.as_json().values()) for one in found]
    headers = ["id", "name", "role", "created", "revoked"]
    output.result(
        {"tokens": [one.as_json() for one in found]},
        lambda: output.table(headers, rows) if rows else "There are no tokens yet.",
    )


def _revoke(project: Project, arguments: Namespace, output: Output) -> None:
    if arguments.id is None:
        raise UsageError(
            "usage", "No token is named.", None, "`overtide token list` shows the ids."
        )
    info = project.tokens.revoke(arguments.id)
    _audit(project, output, "token revoke", info)
    output.confirm(info.as_json(), lambda: _revoked(info))


def _audit(project: Project, output: Output, action: str, info: TokenInfo) -> None:
    """Note what became of a token, before anybody is told of it; it has become so in any case."""
    change = Change(action, info.principal.id, after=info.as_json())
    try:
        Audit(project.paths.audit, project.clock).record(change)
    except UnavailableError as error:
        output.warn(error)


def _revoked(info: TokenInfo) -> str:
    return f"The token {info.principal.id} of {info.principal.name} is revoked."


TOKEN_COMMANDS: dict[str, tuple[Callable[[Project, Namespace, Output], None], set[str]]] = {
    "create": (_create, {"role", "name"}),
    "list": (_list, set()),
    "revoke": (_revoke, {"id"}),
}
"""What each word does, and the arguments that it takes."""
