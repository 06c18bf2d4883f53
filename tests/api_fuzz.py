"""`python -m tests.api_fuzz N`: send generated requests of every operation to a real service.

Schemathesis, in an environment of its own that `make fuzz-api` sets up, makes them from the OpenAPI
document and then from that of the connector, N per operation, right and wrong ones, with the
owner's token. A traceback, an answer 500
or 503, one that the document does not know or that is not of the shape that it says is a fault.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from overtide.serving.operations.registered import OPERATIONS
from tests.api_fuzz_words import RIGHT, settings_of, words_of
from tests.command_line import call
from tests.served import Served, serving

ROOT = Path(__file__).parent.parent
SCHEMATHESIS = ROOT / ".venv" / "schemathesis" / "bin" / "schemathesis"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
DOCUMENTS = (
    ("/openapi.json", CHECKS),
    ("/connector/apiDefinition.swagger.json", CHECKS[:2] + CHECKS[3:]),
)
"""The documents of the service, and what is checked: Swagger 2.0 cannot say that of the answers of
an operation one has no body, and no type of one."""
BASE = "/v1"
"""What stands before their paths."""
HOOKS = """import itertools
import json
import schemathesis

RIGHT, TURNS = {right}, itertools.count()

@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    if isinstance(value, bytes):
        return value
    rows = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(row).encode() + b"\\n" for row in rows)

@schemathesis.hook
def before_call(context, case, kwargs):
    known = RIGHT.get(case.operation.label)
    if known is not None and next(TURNS) % 4 == 0:
        case.path_parameters = {{**case.path_parameters, **PATHS, **known[0]}}
        case.body, case.query = known[1], {{}}

PATHS = {paths}
"""
"""What is sent as lines, and right requests of operations of which hardly any would be right."""
UNREAD = {"Watch-a-customer"}
"""Operations whose answers do not end; they are left out."""
NEVER = r"/live$"


def main() -> int:
    """Serve the Contoso example and send the requests; return what Schemathesis does."""
    parser = argparse.ArgumentParser(prog="python -m tests.api_fuzz", description=__doc__)
    parser.add_argument("examples", type=int, nargs="?", default=25)
    parser.add_argument(
        "--only", metavar="REGEX", help="only of operations of the service with such a path"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "contoso"
        call("-q", "init", folder, "--example", "contoso")
        with (folder / "overtide.yaml").open("a") as file:
            file.write("\nservice: {pages: {embed_origins: ['https://crm.example.com']}}\n")
        call("-q", "-C", folder, "refresh")
        instance = yaml.safe_load((folder / "overtide.yaml").read_text())["instance"]["id"]
        with serving(folder, instance, "--only", "api") as served:
            documents = DOCUMENTS if arguments.only is None else DOCUMENTS[:1]
            code = max(_sent(Path(temporary), served, arguments, one) for one in documents)
            missed = _without_success(served) if arguments.only is None else []
            if missed:
                print(f"No request had a success for an answer of: {', '.join(missed)}.")
            return code or int(bool(missed))


def _without_success(served: Served) -> list[str]:
    """Return the operations of which nothing was tried but their refusals."""
    with served.client() as client:
        asked = {"groupBy": "operation,result"}
        rows = client.get("/usage", params=asked).raise_for_status().json()["rows"]
    reached = {one["operation"] for one in rows if one["result"] == "Success"}
    offered = {one.name for one in OPERATIONS if one.offered}
    return sorted(offered - reached - UNREAD)


def _sent(
    folder: Path, served: Served, arguments: argparse.Namespace, document: tuple[str, Sequence[str]]
) -> int:
    place, checks = document
    words = words_of(served)
    paths = {one.partition(".")[2]: words[one][0] for one in words if one.startswith("path.")}
    (folder / "hooks.py").write_text(HOOKS.format(right=repr(RIGHT), paths=repr(paths)))
    (folder / "schemathesis.toml").write_text(_settings() + settings_of(words))
    command = [SCHEMATHESIS, "--config-file", folder / "schemathesis.toml", "run"]
    command += [f"{served.url}{place}", "--url", f"{served.url}{BASE}"]
    command += ["--header", f"Authorization: Bearer {served.token}"]
    command += [
        "--exclude-path-regex",
        NEVER,
        "--max-examples",
        arguments.examples,
        "--checks",
        ",".join(checks),
    ]
    if arguments.only is not None:
        command += ["--include-path-regex", arguments.only]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(list(map(str, command)), env=environment, check=False).returncode


def _settings() -> str:
    """Return the settings: what is no fault."""
    return """hooks = "hooks"
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "501"]
"""


if __name__ == "__main__":
    sys.exit(main())
