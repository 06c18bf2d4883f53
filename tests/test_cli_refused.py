"""What is well written and yet refused: a sentence with a way out, exit code 1, no change."""

import json
import shutil

import pytest

from tests.command_line import call, expect_error_document, expect_refusal
from tests.shop import CONTACTS, ORDERS

ANN = f"{CONTACTS}=1"
WHO = ["--key", ANN]
GOOD = {"OrderId": "9", "AccountId": "1", "PlacedAt": "2026-01-01T10:00:00Z"}


@pytest.fixture(scope="module")
def folder(refreshed_shop, tmp_path_factory):
    """A refreshed project that no test changes."""
    return shutil.copytree(refreshed_shop, tmp_path_factory.mktemp("wrong") / "shop")


REFUSED = {
    "an unknown id": (["get", "f" * 32], "customer_not_found", "There is no customer " + "f" * 32),
    "no id at all": (
        ["timeline", "'; DROP TABLE x; --"],
        "customer_not_found",
        "There is no customer",
    ),
    "an unknown key": (
        ["get", "--key", f"{CONTACTS}=99"],
        "customer_not_found",
        "No customer has the record '99'",
    ),
    "a misspelt entity": (
        ["get", "--key", "Crm_Contact=1"],
        "unknown_entity",
        f"Did you mean {CONTACTS}?",
    ),
    "an instant before the first publish": (
        ["get", *WHO, "--as-of", "2020-01-01T00:00:00Z"],
        "before_first_publish",
        "Nothing was published at 2020",
    ),
    "an entity that is not unified": (
        ["get", "--key", f"{ORDERS}=1"],
        "entity_not_unified",
        f"Records of {ORDERS} make up no customers",
        f"a record of {CONTACTS}, ",
    ),
    "an update of what is not unified": (
        ["update", "--key", f"{ORDERS}=1", "Points=1"],
        "entity_not_unified",
        f"Records of {ORDERS} make up no customers",
    ),
    "an unknown field": (
        ["update", *WHO, "Pionts=1"],
        "unknown_field",
        "'Pionts'",
        "Did you mean Points?",
    ),
    "a field unlike all": (["update", *WHO, "Xyz=1"], "unknown_field", "Known are EMail, FullName"),
    "a key column": (["update", *WHO, "CustomerId=x"], "field_not_updatable", "CustomerId"),
    "no number": (["update", *WHO, "Points=many"], "invalid_value", 'Points: "many" is not'),
    "a fraction": (["update", *WHO, "Points=1.5"], "invalid_value", "Points"),
    "no date": (["update", *WHO, "Since=1/2/2026"], "invalid_value", "Since", "YYYY-MM-DD"),
    "no boolean": (
        ["update", *WHO, "Member=maybe"],
        "invalid_value",
        'Member: "maybe" is not true or false.',
    ),
    "a number too large": (
        ["update", *WHO, "Score:=1e400"],
        "invalid_value",
        "Score",
        "1e400 is not a finite number",
    ),
    "no JSON": (["update", *WHO, "Points:=nine"], "invalid_json", "Points", "Points=text"),
    "NaN": (["update", *WHO, "Score:=NaN"], "invalid_json", "NaN"),
    "an object": (["update", *WHO, 'FullName:={"a": 1}'], "invalid_value", "FullName"),
    "several wrong fields": (
        ["update", *WHO, "Points=x", "Foo=1"],
        "invalid_fields",
        "2 fields were refused: Points, Foo.",
        'Points: "x" is not',
        "no field 'Foo'",
    ),
    "a wrong boolean among others": (
        ["update", *WHO, "Member=maybe", "Foo=1"],
        "invalid_fields",
        "Member",
        "Foo",
    ),
    "an end that is past": (
        ["update", *WHO, "Points=1", "--valid-until", "2020-01-01T00:00:00Z"],
        "expired",
        "2020",
    ),
    "no duration at all": (
        ["update", *WHO, "Points=1", "--valid-until", "0h"],
        "expired",
        "in the future",
    ),
    "an end too far": (["update", *WHO, "Points=1", "--valid-until", "31d"], "too_far", "30 days"),
    "an event time in the future": (
        ["update", *WHO, "Points=1", "--event-time", "2999-01-01T00:00:00Z"],
        "event_time_in_future",
        "clock",
    ),
    "withdraw an unknown field": (
        ["withdraw", *WHO, "Pionts"],
        "unknown_field",
        "Did you mean Points?",
    ),
    "withdraw of nobody": (["withdraw", "nobody"], "customer_not_found", "nobody"),
    "post to a misspelt entity": (
        ["post", "Shop_Order"],
        "unknown_entity",
        f"Did you mean {ORDERS}?",
    ),
    "post to an entity that is no activity": (
        ["post", CONTACTS],
        "no_activity_configuration",
        "UnifiedActivity",
    ),
    "no SQL": (["sql", " "], "invalid_sql", "There is no SQL statement"),
    "misspelt SQL": (["sql", "selec 1"], "invalid_sql", "selec"),
    "a misspelt table": (["sql", "FROM Custmer"], "invalid_sql", "Custmer", "Customer"),
    "a misspelt column": (
        ["sql", "SELECT FullNme FROM Customer"],
        "invalid_sql",
        "FullNme",
        "FullName",
    ),
    "SQL with a parameter": (["sql", "SELECT ?"], "invalid_sql", "parameter"),
    "SQL that fails": (
        ["sql", "SELECT 'a'::INT FROM Customer"],
        "invalid_sql",
        "Could not convert string 'a'",
    ),
}


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [(words, code, parts) for words, code, *parts in REFUSED.values()],
    ids=list(REFUSED),
)
def test_what_is_refused_is_explained_and_ends_with_exit_code_1(
    folder, words, code, parts, monkeypatch
):
    monkeypatch.chdir(folder)
    expect_refusal(call(*words, given=json.dumps(GOOD)), 1, *parts)
    expect_error_document(call("--json", *words, given=json.dumps(GOOD)), 1, code)


def test_nothing_of_all_that_changed_anything(folder):
    assert call("-C", folder, "--json", "status").document["log"] == {
        "position": 0,
        "acceptedAt": None,
    }
