"""Which operation a path means, and what stands in it."""

import pytest

from overtide.schemas.errors import OvertideError
from overtide.serving.http.routes import Routes
from overtide.serving.operations.registered import OPERATIONS

ROUTES = Routes(OPERATIONS)
I = b"/v1/instances/i"  # noqa: E741 - short for many paths


@pytest.mark.parametrize(
    ("method", "path", "name", "parameters"),
    [
        ("GET", b"/v1/instances", "Get-all-instances", {}),
        ("GET", b"/api/instances/", "Get-all-instances", {}),
        ("HEAD", b"/v1/instances", "Get-all-instances", {}),
        (
            "PATCH",
            I + b"/data/Customer/x",
            "Update-an-entity",
            {"entityName": "Customer", "entityId": "x"},
        ),
        (
            "PATCH",
            I + b"/data/Customer/a%2Fb%20%25%C3%A9",
            "Update-an-entity",
            {"entityName": "Customer", "entityId": "a/b %é"},
        ),
        ("GET", I + b"/data/Customer('x')", "Get-a-customer", {"entityId": "x"}),
        ("GET", I + b"/data/Customer%28'O''Neil'%29", "Get-a-customer", {"entityId": "O'Neil"}),
        ("GET", I + b"/data/Customer('a%2Fb')", "Get-a-customer", {"entityId": "a/b"}),
        (
            "DELETE",
            I + b"/data/Customer/x/overrides/E%2FMail",
            "Withdraw-an-override",
            {"entityId": "x", "field": "E/Mail"},
        ),
    ],
)
def test_a_path_is_split_before_it_is_decoded(method, path, name, parameters):
    operation, found = ROUTES.find(method, path)
    assert operation.name == name
    assert {**found, "instanceId": "i"} == {**parameters, "instanceId": "i"}


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", b"/", "unknown_path"),
        ("GET", b"/v2/instances", "unknown_path"),
        ("GET", b"/v1", "unknown_path"),
        ("GET", I + b"/data/Customer/x/overrides/a/b", "unknown_path"),
        ("TRACE", b"/v1/instances", "wrong_method"),
        ("GET", b"/v1/\xc3\xa9", "invalid_path"),
        ("GET", b"/v1/%FF", "invalid_path"),
    ],
)
def test_other_paths_are_refused(method, path, code):
    with pytest.raises(OvertideError) as refused:
        ROUTES.find(method, path)
    assert refused.value.code == code


def test_no_two_operations_have_one_name_or_one_path():
    assert len({one.name for one in OPERATIONS}) == len(OPERATIONS)
    assert len({(one.method, one.path) for one in OPERATIONS}) == len(OPERATIONS)
