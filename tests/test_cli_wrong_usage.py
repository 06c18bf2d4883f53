"""Commands that are called wrongly: a sentence with a way out, exit code 2, nothing changed."""

import json
import shutil

import pytest

from tests.command_line import call, expect_error_document, expect_refusal
from tests.shop import CONTACTS, ORDERS

ANN = f"{CONTACTS}=1"
WHO = ["--key", ANN]
GOOD = {"OrderId": "9", "AccountId": "1", "PlacedAt": "2026-01-01T10:00:00Z"}
INSTANT = "Write RFC 3339 with an offset"


@pytest.fixture(scope="module")
def folder(refreshed_shop, tmp_path_factory):
    """A refreshed project that no test changes."""
    return shutil.copytree(refreshed_shop, tmp_path_factory.mktemp("wrong") / "shop")


WRONG_USAGE = {
    "no field": (["update", *WHO], "empty_update", "Name at least one field"),
    "a value that looks like an option": (
        ["update", *WHO, "Points=1", "--valid-until", "-1h"],
        "usage",
        "Write --valid-until=VALUE",
    ),
    "no command": ([], "usage", "`overtide --help` lists the commands"),
    "a misspelt command": (["refrsh"], "unknown_command", "Did you mean refresh?"),
    "an unknown command": (["xyz"], "unknown_command", "Known are init, validate, refresh"),
    "an unknown global option": (["--foo", "status"], "usage", "--foo"),
    "a misspelt option": (["get", *WHO, "--as-off", "x"], "usage", "Did you mean --as-of?"),
    "an abbreviated option": (["get", *WHO, "--as", "x"], "usage", "--as"),
    "a global option at the end": (
        ["status", "--json"],
        "usage",
        "--json is a global option: write it before",
    ),
    "the folder at the end": (
        ["status", "-C", "."],
        "usage",
        "-C is a global option: write it before",
    ),
    "quiet and verbose": (["-q", "-v", "status"], "usage", "not allowed with"),
    "an option without its value": (["get", "--key"], "usage", "--key: expected one argument"),
    "an empty folder": (
        ["-C", "", "status"],
        "usage",
        "-C: the name of a folder is expected but it is empty",
    ),
    "a folder without a name": (["-C"], "usage", "-C: expected one argument"),
    "a key twice": (
        ["get", *WHO, "--key", f"{CONTACTS}=2"],
        "usage",
        "--key: given more than once",
    ),
    "get nobody": (["get"], "usage", "Give a CUSTOMER_ID, or --key ENTITY=PK"),
    "get an empty id": (["get", ""], "usage", "No customer is named"),
    "get two": (["get", "a", "b"], "usage", "'b' is one argument too many"),
    "get by id and key": (["get", "a", *WHO], "usage", "not by both"),
    "a key without a value": (
        ["get", "--key", f"{CONTACTS}="],
        "invalid_target",
        "Write ENTITY=KEY",
    ),
    "a key without an entity": (["timeline", "--key", "=1"], "invalid_target", "Write ENTITY=KEY"),
    "a key that is none": (
        ["update", "--key", "1", "Points=1"],
        "invalid_target",
        "Write ENTITY=KEY",
    ),
    "timeline of nobody": (["timeline"], "usage", "No customer is named"),
    "a word as an instant": (
        ["get", *WHO, "--as-of", "yesterday"],
        "invalid_instant",
        "--as-of: 'yesterday'",
        INSTANT,
    ),
    "an instant without an offset": (
        ["timeline", *WHO, "--as-of", "2026-01-01T00:00:00"],
        "invalid_instant",
        "--as-of",
        INSTANT,
    ),
    "a date as an instant": (
        ["get", *WHO, "--known-at", "2026-01-01"],
        "invalid_instant",
        "--known-at",
        INSTANT,
    ),
    "a day that does not exist": (
        ["get", *WHO, "--as-of", "2026-02-30T00:00:00Z"],
        "invalid_instant",
        "2026-02-30",
    ),
    "a word as an event time": (
        ["update", *WHO, "Points=1", "--event-time", "now"],
        "invalid_instant",
        "--event-time",
    ),
    "a word as an end": (
        ["update", *WHO, "Points=1", "--valid-until", "soon"],
        "invalid_duration",
        "--valid-until",
        "such as 30d, 4h",
    ),
    "half a duration": (
        ["update", *WHO, "Points=1", "--valid-until", "1.5h"],
        "invalid_duration",
        "'1.5h'",
    ),
    "an instant as an end, without offset": (
        ["update", *WHO, "Points=1", "--valid-until", "2026-01-01T00:00"],
        "invalid_instant",
        "--valid-until",
    ),
    "a withdrawal at no instant": (
        ["withdraw", *WHO, "--event-time", "x"],
        "invalid_instant",
        "--event-time",
    ),
    "an end of a post": (
        ["post", ORDERS, "--valid-until", "x"],
        "invalid_duration",
        "--valid-until",
    ),
    "no caller": (
        ["update", *WHO, "Points=1", "--caller", ""],
        "invalid_parameter",
        "1 to 256 characters",
    ),
    "a long key": (
        ["update", *WHO, "Points=1", "--idempotency-key", "x" * 257],
        "invalid_parameter",
        "1 to 256 characters",
    ),
    "update nobody": (["update", "Points=1"], "usage", "No customer is named"),
    "a field without a value": (
        ["update", *WHO, "Points"],
        "usage",
        "'Points' sets no field. Write field=text",
    ),
    "a value without a field": (["update", *WHO, "=1"], "usage", "'=1' sets no field"),
    "JSON without a field": (["update", *WHO, ":=1"], "usage", "':=1' sets no field"),
    "a field twice": (["update", *WHO, "Points=1", "Points:=2"], "usage", "Points is given twice"),
    "withdraw two fields": (
        ["withdraw", *WHO, "Points", "EMail"],
        "usage",
        "'EMail' is one argument too many",
        "Withdraw one field at a time",
    ),
    "no port": (["serve", "--port", "x"], "invalid_value", "'x' is no port"),
    "a port of many digits": (["serve", "--port", "9" * 5000], "invalid_value", "is no port"),
    "a certificate alone": (["serve", "--tls-cert", "a"], "usage", "belong together"),
    "no certificate": (
        ["serve", "--port", "0", "--tls-cert", "overtide.yaml", "--tls-key", "overtide.yaml"],
        "invalid_value",
        "are no certificate with its key",
    ),
    "a certificate that is not there": (
        ["serve", "--port", "0", "--tls-cert", "a.pem", "--tls-key", "b.pem"],
        "invalid_value",
        "No such file",
    ),
    "no host": (
        ["serve", "--host", "nowhere.invalid", "--port", "0"],
        "address_in_use",
        "Name an address of this machine",
    ),
    "a token of no role": (["token", "create", "--name", "a"], "usage", "a role and a name"),
    "a token of an unknown role": (
        ["token", "create", "--role", "king", "--name", "a"],
        "unknown_role",
        "Known are viewer",
    ),
    "a token that ends at once": (
        ["token", "create", "--role", "viewer", "--name", "a", "--expires", "0s"],
        "invalid_duration",
        "--expires",
        "between one second and ten years",
    ),
    "a token that ends one day": (
        ["token", "create", "--role", "viewer", "--name", "a", "--expires", "tomorrow"],
        "invalid_duration",
        "'tomorrow' is not a duration",
    ),
    "a token for all eternity": (
        ["token", "create", "--role", "viewer", "--name", "a", "--expires", "999999999d"],
        "invalid_duration",
        "between one second and ten years",
    ),
    "a revoked token that ends": (
        ["token", "revoke", "a", "--expires", "1d"],
        "usage",
        "takes no expires",
    ),
    "a key without a name": (["key", "regenerate"], "usage", "No key is named"),
    "a third key": (["key", "regenerate", "third"], "usage", "third"),
    "the state of one key": (["key", "show-state", "primary"], "usage", "takes no key"),
    "a list of tokens of a role": (
        ["token", "list", "--role", "viewer"],
        "usage",
        "takes no role",
    ),
    "no token to revoke": (["token", "revoke"], "usage", "No token is named"),
    "withdraw by key and id": (["withdraw", *WHO, "0" * 32], "usage", "not by both"),
    "withdraw by id and key": (["withdraw", *WHO, "0" * 32, "EMail"], "usage", "not by both"),
    "sql without a query": (["sql"], "usage", "SQL"),
    "sql twice": (["sql", "a", "b"], "usage", "b"),
    "post nothing": (["post"], "usage", "ENTITY"),
    "post two files": (["post", ORDERS, "a", "b"], "usage", "b"),
    "post a file that is not there": (
        ["post", ORDERS, "/no/such/file"],
        "unreadable_file",
        "/no/such/file cannot be read: No such file or directory.",
    ),
    "post a folder": (
        ["post", ORDERS, "/"],
        "unreadable_file",
        "/ cannot be read: Is a directory.",
    ),
    "post empty standard input": (
        ["post", ORDERS],
        "empty_input",
        "Standard input is empty: there is nothing to post",
    ),
    "an unknown runner": (["refresh", "--runner", "embeded"], "unknown_runner", "embedded"),
    "a runner's file that is not there": (
        ["refresh", "--runner", "/no/such.yaml"],
        "unknown_runner",
        "/no/such.yaml",
    ),
    "refresh with a word": (["refresh", "now"], "usage", "now"),
    "stream with a word": (["stream", "now"], "usage", "now"),
    "open with a word": (["open", "x"], "usage", "x"),
    "status with a word": (["status", "x"], "usage", "x"),
    "validate with a word": (["validate", "x"], "usage", "x"),
    "version with a word": (["version", "x"], "usage", "x"),
    "init twice": (["init", "a", "b"], "usage", "b"),
    "a misspelt example": (
        ["init", "new", "--example", "retial"],
        "unknown_example",
        "Did you mean retail?",
    ),
    "an unknown example": (
        ["init", "new", "--example", "xyz"],
        "unknown_example",
        "There are contoso, retail, blank.",
    ),
    "demo twice": (["demo", "a", "b"], "usage", "b"),
    "a word that is not UTF-8": (["get", "\udcff"], "usage", "is not UTF-8"),
    "a folder that is not UTF-8": (["-C", "x\udcff", "status"], "usage", "is not UTF-8"),
}


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [(words, code, parts) for words, code, *parts in WRONG_USAGE.values()],
    ids=list(WRONG_USAGE),
)
def test_wrong_usage_is_explained_and_ends_with_exit_code_2(
    folder, words, code, parts, monkeypatch
):
    monkeypatch.chdir(folder)
    given = "" if code == "empty_input" else json.dumps(GOOD)
    expect_refusal(call(*words, given=given), 2, *parts)
    expect_error_document(call("--json", *words, given=given), 2, code)


def test_nothing_of_all_that_changed_anything(folder):
    assert call("-C", folder, "--json", "status").document["log"] == {
        "position": 0,
        "acceptedAt": None,
    }
