"""Records and other input that cannot be read are refused; all that is right is answered."""

import json
import shutil

import pytest

from tests.command_line import call, expect_refusal
from tests.shop import ORDERS

GOOD = {"OrderId": "9", "AccountId": "1", "PlacedAt": "2026-01-01T10:00:00Z"}


@pytest.fixture(scope="module")
def folder(refreshed_shop, tmp_path_factory):
    """A refreshed project that no test changes."""
    return shutil.copytree(refreshed_shop, tmp_path_factory.mktemp("wrong") / "shop")


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
