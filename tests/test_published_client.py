"""The product's published client, PyPI customerinsights 1.0.8, works with the service unchanged."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import shop
from tests.command_line import call
from tests.served import serving
from tests.test_http import ACCOUNT, CONTACT, ORDER

HERE = Path(__file__).parent
CLIENT = HERE.parent / ".venv" / "client" / "bin" / "python"
"""Python with the client, in an environment of its own: its libraries are not ours."""
MODELS = {
    "instances": "InstanceInfo",
    "instance": "InstanceMetadata",
    "roles": "RoleDefinition",
    "my role": "RoleAssignment",
    "assignments": "RoleAssignment",
    "key ring": "KeyRingResponse",
    "types": "KeyRingResponse",
    "created": "CreatedResult",
    "held": "AcceptedResult",
    "conflict": "ODataError",
    "a dict": "ODataError",
    "updated": "NoneType",
    "unknown": "ODataError",
    "wrong field": "ODataError",
    "read": "ODataEntityPayload",
    "rows": "ODataEntityPayload",
    "within": "ODataEntityPayload",
    "expanded": "ODataEntityPayload",
    "searched": "ODataEntityPayload",
    "by key": "ODataError",
    "partitions": "ODataEntityPayload",
    "refused": "ODataError",
    "no entity": "ODataError",
    "entities": "IC360EntityModel",
    "entity": "IEntityMetadata",
    "size": "EntitySize",
    "profile": "EntityDataProfile",
    "attribute": "AttributeDataProfile",
    "sources": "DataSourceInfo",
    "source": "DataSourceInfo",
    "relationships": "RelationshipMetadata",
    "relationship": "RelationshipMetadata",
    "system": "RelationshipMetadata",
    "store": "ProfileStoreStateInfo",
    "renamed": "InstanceMetadata",
    "zones": "TimezoneDetail",
    "schedule": "WorkflowRefreshSchedule",
    "schedules made": "WorkflowRefreshSchedule",
    "schedules": "WorkflowRefreshSchedule",
    "no such workflow": "ApiErrorResult",
    "submitted": "GraphJobInfo",
    "submitted by body": "GraphJobInfo",
    "submitted by names": "GraphJobInfo",
    "jobs": "GraphJobInfo",
    "job": "GraphJobInfo",
    "no such job": "ApiErrorResult",
    "cancelled": "GraphJobInfo",
    "history": "GraphTaskInfo",
    "status": "GraphNodeInfo",
}
"""What the client makes of each answer."""


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, Any]:
    """What the client made of every answer."""
    assert CLIENT.exists(), "run `make .venv/client/.installed`, as `make test` does"
    project = tmp_path_factory.mktemp("client")
    (project / "overtide.yaml").write_text(json.dumps(shop.configuration()))
    records = [
        (shop.CONTACTS, "1", CONTACT),
        (shop.ACCOUNTS, "1", ACCOUNT),
        (shop.ORDERS, "1", ORDER),
    ]
    shop.write_sources(project, shop.sources(*records))
    job = call("-C", project, "--json", "jobs", "submit").document["id"]
    assert call("-q", "-C", project, "jobs", "run", job).code == 0
    with serving(project, shop.INSTANCE, "--only", "api") as served:
        done = subprocess.run(
            [
                CLIENT,
                "-W",
                "ignore",
                HERE / "published_client.py",
                f"{served.url}/v1",
                served.token or "",
                shop.INSTANCE,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.slow
def test_every_answer_is_read_by_the_client_s_own_models(found):
    made = {name: {kind for kind, _ in answers} for name, answers in found.items()}
    assert made == {name: {kind} for name, kind in MODELS.items()}
    assert found["instances"][0][1]["instanceId"] == shop.INSTANCE
    assert found["created"][0][1]["statusCode"] == 201
    assert [found[name][0][1]["errorCode"] for name in ("conflict", "unknown", "wrong field")] == [
        "activity_conflict",
        "customer_not_found",
        "unknown_field",
    ]
    kinds = {one["name"]: one["dataType"] for one in found["entity"][0][1]["attributes"]}
    assert kinds["PlacedAt"] == "Edm.DateTimeOffset"
    assert found["profile"][0][1]["rowCount"] > 0
    assert found["renamed"][0][1]["name"] == "Renamed"
    assert "JSON" in found["a dict"][0][1]["message"]
    assert found["schedule"][0][1]["timezoneId"] == "Pacific Standard Time"
    assert len(found["schedules"]) == 3
    assert found["submitted"][0][1]["shouldForceRunRequestedNodes"]
    assert found["submitted by body"] == found["submitted by names"] == found["submitted"]
    assert found["cancelled"][0][1]["jobStatus"] == "aborted"
    done = {one["friendlyName"]: one["taskStatus"] for _, one in found["status"]}
    assert done["publish"] == "successful"
    assert found["history"][0][1]["friendlyName"] == "publish"


@pytest.mark.slow
def test_tables_are_read_by_the_client(found):
    (ann,) = found["rows"][0][1]["value"]
    assert (ann["EMail"], ann["Points"]) == ("ann@x", 9)
    assert found["within"][0][1]["value"] == found["searched"][0][1]["value"] == [ann]
    (expanded,) = found["expanded"][0][1]["value"]
    assert (expanded["EMail"], len(expanded["UnifiedActivity"])) == ("ann@x", 2)
    codes = {name: found[name][0][1]["errorCode"] for name in ("by key", "refused", "no entity")}
    assert codes == {
        "by key": "entity_not_found",
        "refused": "invalid_query",
        "no entity": "unknown_entity",
    }
