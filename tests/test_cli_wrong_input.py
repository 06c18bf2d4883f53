"""Wrong input of every command.

One clear sentence, the right exit code and code, no traceback, nothing changed.
"""

import json
import shutil

import pytest

from tests.command_line import Answer, call, expect_refusal
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
        "invalid_json",
        "Score",
        "the number 1e400 is too large",
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
    "SQL as of an instant before history": (
        ["sql", "FROM customer_as_of('2020-01-01', now())"],
        "before_history",
        "The base of this",
        "400 days at most. Ask",
    ),
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
        "sql_failed",
        "Could not convert string 'a'",
    ),
}

WRITING = [
    "DELETE FROM Customer",
    "UPDATE Customer SET FullName = ''",
    "INSERT INTO Customer SELECT * FROM Customer",
    "DROP TABLE Customer",
    "DROP VIEW Customer_live",
    "ALTER TABLE Customer ADD COLUMN x INT",
    "CREATE TABLE x (a INT)",
    "CREATE VIEW x AS SELECT 1",
    "CREATE TABLE lake.main.x AS SELECT 1",
    "TRUNCATE Customer",
    "BEGIN; DELETE FROM Customer; COMMIT",
    "SELECT 1; DELETE FROM Customer",
    "EXPLAIN ANALYZE DELETE FROM Customer",
    "PREPARE x AS DELETE FROM Customer",
    "CALL ducklake_expire_snapshots('lake', older_than => now())",
    "VACUUM",
    "COPY Customer TO 'out.csv'",
    "EXPORT DATABASE 'out'",
    "ATTACH 'other.db'",
    "DETACH lake",
    "LOAD httpfs",
    "INSTALL httpfs",
    "CHECKPOINT lake",
    "FROM ducklake_expire_snapshots('lake', older_than => now())",
    "FROM ducklake_cleanup_old_files('lake', cleanup_all => true)",
]
OUTSIDE = [
    "FROM read_csv('/etc/passwd')",
    "FROM '/etc/passwd'",
    "FROM read_text('overtide.yaml')",
    "FROM glob('*')",
    "FROM sqlite_scan('log/events.sqlite', 'event')",
    "SELECT * FROM read_blob('/etc/hostname')",
    "FROM \"sqlite_scan\" /* x */ ('log/events.sqlite', 'event')",
    "FROM query('FROM glob(''*'')')",
    "IMPORT DATABASE '/'",
    "SET enable_external_access = true",
    "SET threads = 1",
    "FROM read_parquet('https://example.com/x.parquet')",
]


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
    expect_json(call("--json", *words, given=given), 2, code)


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
    expect_json(call("--json", *words, given=json.dumps(GOOD)), 1, code)


def expect_json(answer: Answer, exit_code: int, code: str) -> None:
    """Hold what a program gets to read: one document with the code, and nothing else."""
    assert (answer.code, answer.err) == (exit_code, "")
    assert answer.document["error"]["code"] == code
    assert answer.document["error"]["message"].endswith((".", "?"))


def test_nothing_of_all_that_changed_anything(folder):
    assert call("-C", folder, "--json", "status").document["log"] == {
        "position": 0,
        "acceptedAt": None,
    }


@pytest.mark.parametrize("query", WRITING)
def test_sql_that_writes_is_refused(folder, query):
    before = files(folder)
    answer = call("-C", folder, "--json", "sql", query)
    assert (answer.code, answer.document["error"]["code"]) == (1, "sql_not_read_only")
    assert files(folder) == before


@pytest.mark.parametrize("query", OUTSIDE)
def test_sql_reads_nothing_beside_the_lake_and_its_settings_are_locked(folder, query, monkeypatch):
    monkeypatch.chdir(folder)
    expect_refusal(call("sql", query), 1)


def files(folder) -> set[str]:
    return {str(path) for path in folder.rglob("*") if not path.name.endswith(("-shm", "-wal"))}


BAD_RECORDS = {
    "no JSON": (b"{", "invalid_json"),
    "a number": (b"1", "invalid_json"),
    "a text": (b'"hello"', "invalid_json"),
    "a text with half an object": (b'"{}x"', "invalid_json"),
    "null": (b"null", "invalid_json"),
    "nested deeply": (b"[" * 100_000, "invalid_json"),
    "a key twice": (b'{"OrderId": "1", "OrderId": "2"}', "invalid_json"),
    "infinity": (b'{"a": Infinity}', "invalid_json"),
    "CSV": (b"OrderId,AccountId", "invalid_json"),
    "an empty object": (b"{}", "invalid_fields"),
    "two documents in a line": (b'{"OrderId": "1"} {"OrderId": "2"}', "invalid_json"),
    "an unknown field": (json.dumps(GOOD | {"Itme": "x"}).encode(), "unknown_field"),
    "no time": (json.dumps(GOOD | {"PlacedAt": "soon"}).encode(), "invalid_value"),
    "no key": (json.dumps(GOOD | {"OrderId": None}).encode(), "missing_field"),
    "an empty key": (json.dumps(GOOD | {"OrderId": " "}).encode(), "missing_field"),
    "a list as a value": (json.dumps(GOOD | {"Item": [1]}).encode(), "invalid_value"),
    "half a letter": (json.dumps(GOOD | {"Item": "\ud800"}).encode(), "invalid_json"),
    "two megabytes": (json.dumps(GOOD | {"Item": "x" * 2_000_000}).encode(), "too_large"),
}


@pytest.mark.parametrize(("given", "code"), BAD_RECORDS.values(), ids=list(BAD_RECORDS))
def test_a_record_that_is_none_is_refused(folder, given, code):
    answer = call("-C", folder, "--json", "post", ORDERS, given=given)
    row = answer.document["rows"][0]
    assert (answer.code, answer.document["accepted"], row["error"]["code"]) == (1, 0, code)
    text = call("-C", folder, "post", ORDERS, given=given)
    assert (text.code, text.err) == (1, "")
    assert text.out.startswith(f"row 1: refused ({code}): ")
    assert text.out.endswith("0 accepted, 1 refused.\n")
    assert "recursion" not in text.out
    assert len(text.out) < 1000


BAD_BYTES = {
    "latin-1": b'{"OrderId": "\xe9"}',
    "UTF-16": '{"OrderId": "1"}'.encode("utf-16"),
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("given", BAD_BYTES.values(), ids=list(BAD_BYTES))
@pytest.mark.parametrize("words", [["post", ORDERS], ["sql", "-"]], ids=["post", "sql"])
def test_input_that_is_not_utf8_is_refused(folder, words, given):
    answer = call("-C", folder, *words, given=given)
    expect_refusal(answer, 2, "Standard input is not UTF-8 (byte ")


@pytest.mark.parametrize("given", [b"", b" \n\t\r\n", b"\xef\xbb\xbf"])
def test_empty_input_is_refused(folder, given, tmp_path):
    expect_refusal(call("-C", folder, "post", ORDERS, given=given), 2, "Standard input is empty")
    (tmp_path / "empty").write_bytes(given)
    expect_refusal(
        call("-C", folder, "post", ORDERS, tmp_path / "empty"), 2, f"{tmp_path / 'empty'} is empty"
    )


def test_an_unreadable_query_and_no_query(folder):
    expect_refusal(call("-C", folder, "sql", "-", given=b""), 1, "There is no SQL statement")


def test_an_idempotency_key_is_for_one_record(folder):
    two = json.dumps([GOOD, GOOD])
    expect_refusal(
        call("-C", folder, "post", ORDERS, "--idempotency-key", "k", given=two),
        2,
        "one record only",
    )


def test_a_unified_activity_needs_its_customer_type_and_time(folder):
    for given, code in (
        ({}, "invalid_fields"),
        (
            {"ActivityType": "x", "CustomerId": "f" * 32, "ActivityTime": "2026-01-01T00:00:00Z"},
            "customer_not_found",
        ),
    ):
        answer = call("-C", folder, "--json", "post", "UnifiedActivity", given=json.dumps(given))
        assert (answer.code, answer.document["rows"][0]["error"]["code"]) == (1, code)


def test_thousands_of_records_at_once_are_answered_row_by_row(refreshed_shop, tmp_path):
    folder = shutil.copytree(refreshed_shop, tmp_path / "shop")
    lines = "\n".join(
        json.dumps(GOOD | {"OrderId": str(number), "Item": "x" * 100}) for number in range(20_000)
    )
    answer = call("-C", folder, "--json", "post", ORDERS, given=lines)
    assert (answer.code, answer.document["accepted"], len(answer.document["rows"])) == (
        0,
        20_000,
        20_000,
    )
