"""Three clients of OData that no one here wrote read the metadata, filter, page and expand."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import shop
from tests.absent import absent
from tests.identity_provider import node as node_of_tests
from tests.served import Served, publish_shop, serving
from tests.test_odata import records, rows

HERE = Path(__file__).parent / "odata_clients"
VENV = Path(__file__).parent.parent / ".venv"
"""Each client has an environment of its own, which `make odata-clients` sets up."""


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    project: Path = tmp_path_factory.mktemp("odata_clients")
    publish_shop(project, *records())
    with serving(project, shop.INSTANCE, "--only", "api") as found:
        yield found


def python() -> list[str]:
    environment = VENV / "odata-python" / "bin" / "python"
    assert environment.exists(), "run `make odata-clients`, as `make test` does"
    return [str(environment), str(HERE / "client.py")]


def node() -> list[str]:
    environment = VENV / "odata-node"
    found = node_of_tests(environment)
    if found is None:
        absent("@odata/client needs Node, and `make odata-clients`")
    return [found, shutil.copy(HERE / "client.mjs", environment)]


def java() -> list[str]:
    libraries = VENV / "odata-java" / "lib"
    if shutil.which("java") is None or not libraries.exists():
        absent("Apache Olingo needs Java, and `make odata-clients` with Maven")
    return ["java", "-cp", f"{libraries}/*", str(HERE / "Client.java")]


@pytest.mark.slow
@pytest.mark.parametrize("command", [python, node, java])
def test_a_client_reads_tables(served, command):
    url = f"{served.url}/v1/instances/{shop.INSTANCE}/data"
    words = [*command(), url + ("" if command is java else "/"), served.token or ""]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    with served.client() as client:
        sets = sorted(one["name"] for one in client.get("/data").json()["value"])
        everyone = [row["CustomerId"] for row in rows(client, "Customer")]
    assert (found["sets"], found["everyone"]) == (sets, everyone)
    assert (found["points"], found["titles"]) == ([12, 11, 10], ["Cup", "Pan"])
    assert [float(text) for text in found["spent"]] == [2.5]
