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
from pathlib import Path

import yaml

from overtide.serving.operations.registered import OPERATIONS
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
DOCUMENTS = (("/openapi.json", "/v1"), ("/connector/apiDefinition.swagger.json", "/v1"))
"""The documents of the service, and what stands before their paths."""
HOOKS = """import json
import schemathesis

@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    if isinstance(value, bytes):
        return value
    rows = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(row).encode() + b"\\n" for row in rows)
"""


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
    return sorted(one.name for one in OPERATIONS if one.offered and one.name not in reached)


def _sent(
    folder: Path, served: Served, arguments: argparse.Namespace, document: tuple[str, str]
) -> int:
    place, base = document
    (folder / "hooks.py").write_text(HOOKS)
    (folder / "schemathesis.toml").write_text(_settings(served))
    command = [SCHEMATHESIS, "--config-file", folder / "schemathesis.toml", "run"]
    command += [f"{served.url}{place}", "--url", f"{served.url}{base}"]
    command += ["--header", f"Authorization: Bearer {served.token}"]
    command += ["--max-examples", arguments.examples, "--checks", ",".join(CHECKS)]
    if arguments.only is not None:
        command += ["--include-path-regex", arguments.only]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(list(map(str, command)), env=environment, check=False).returncode


def _settings(served: Served) -> str:
    """Return the settings: parameters that lead somewhere, and what is no fault."""
    with served.client() as client:
        asked = {"dataSourceName": "eCommerce", "entityName": "eCommerceContacts"}
        ring = client.get("/profile/keyring", params={**asked, "key": "CNTID_1000"}).json()
    entities = ["Customer", "UnifiedActivity", "eCommerce_eCommercePurchases", "nothing"]
    return f"""hooks = "hooks"
[parameters]
"path.instanceId" = "{served.instance}"
"path.entityId" = ["{ring["customerId"]}", "nobody"]
"path.entityName" = {entities}
"path.qualifiedEntityName" = {entities}
"path.workflowName" = ["main", "other"]
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "501"]
"""


if __name__ == "__main__":
    sys.exit(main())
