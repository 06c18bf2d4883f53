"""Requests of several records: an answer each, all or none, and how their bodies are read."""

import json

import pytest

from overtide.lake.generation import Generation, Profile
from overtide.schemas.errors import InvalidValueError
from overtide.schemas.instants import DAY, format_instant
from overtide.schemas.strict_json import parse_json, parse_lines
from overtide.serving.acceptance import Target, Terms, answer_document
from tests.accepting import ANN, META, NOW, RECORD, UNIFIED, acceptance, base, clock, log, refusal
from tests.generations import write_generation

__all__ = ["acceptance", "base", "clock", "log"]


def test_every_record_has_its_answer_and_refused_ones_do_not_hinder(acceptance, log):
    answers = acceptance.post(
        "Shop_Purchases",
        [
            RECORD,
            "no json",
            RECORD | {"PurchaseId": 8},
            5,
            json.dumps(RECORD),
            InvalidValueError("invalid_json", "Line 6."),
        ],
    )
    assert [answer.refusal and answer.refusal.code for answer in answers] == [
        None,
        "invalid_json",
        None,
        "invalid_json",
        None,
        "invalid_json",
    ]
    assert ([answer.repeated for answer in answers], log.end()) == ([False] * 4 + [True, False], 2)


def test_an_atomic_request_is_accepted_whole_or_not_at_all(acceptance, log):
    for wrong in (RECORD | {"Day": None}, RECORD | {"Note": "another body"}):
        answers = acceptance.post("Shop_Purchases", [RECORD, wrong], atomic=True)
        assert (answers[0].refusal.code, log.end()) == ("batch_refused", 0)
    assert [
        answer.status for answer in acceptance.post("Shop_Purchases", [RECORD], atomic=True)
    ] == [201]


def test_an_idempotency_key_names_one_record(acceptance, log):
    error = refusal(acceptance.post, "UnifiedActivity", [UNIFIED] * 2, Terms(idempotency_key="k"))
    assert (error.code, error.target) == ("invalid_parameter", "idempotencyKey")
    answers = [
        acceptance.post("UnifiedActivity", [UNIFIED], Terms(idempotency_key="k"))[0]
        for _ in range(2)
    ]
    assert ([answer.repeated for answer in answers], log.end()) == ([False, True], 1)


@pytest.mark.parametrize("later", ["without an attribute", "without the entity", "not there"])
def test_a_posted_record_with_a_key_is_answered_again_whatever_the_base_has_become(
    acceptance, base, log, tmp_path, later
):
    terms = Terms("4h", idempotency_key="k", caller="till")
    (first,) = acceptance.post("Shop_Purchases", [RECORD], terms)
    meta = json.loads(json.dumps(META))
    del meta["entities"]["Shop_Purchases"]["attributes"]["Note"]
    if later == "without the entity":
        del meta["entities"]["Shop_Purchases"], meta["activities"]["Shop_Purchases"]
    write_generation(tmp_path / "later.sqlite", meta, [Profile(ANN, {})])
    base[0] = None if later == "not there" else Generation(tmp_path / "later.sqlite")
    for record in (RECORD, json.dumps(RECORD)):
        (again,) = acceptance.post("Shop_Purchases", [record], terms)
        assert (again.event, again.repeated, again.status) == (first.event, True, 201)
    (other,) = acceptance.post("Shop_Purchases", [RECORD | {"Paid": False}], terms)
    assert (other.refusal.code, log.end()) == ("idempotency_conflict", 1)


def test_answers_are_json_documents(acceptance):
    accepted, refused = acceptance.post(
        "UnifiedActivity", [UNIFIED | {"ActivityId": "x"}, UNIFIED | {"Tilte": "x"}]
    )
    assert answer_document(accepted, 0) == {
        "index": 0,
        "status": 201,
        "repeated": False,
        "eventId": accepted.event.event_id,
        "position": 0,
        "acceptedAt": format_instant(NOW),
        "validFrom": format_instant(NOW),
        "validUntil": format_instant(NOW + 30 * DAY),
        "activityId": "x",
    }
    assert answer_document(refused, 1) == {
        "index": 1,
        "status": 400,
        "error": {
            "code": "unknown_field",
            "message": "UnifiedActivity has no field 'Tilte'.",
            "target": "Tilte",
            "hint": "Did you mean Title?",
        },
    }
    assert "validUntil" not in answer_document(acceptance.withdraw(Target(ANN)))


def test_records_are_read_from_json_lines_an_array_or_one_object():
    assert parse_lines('{"a": 1}\n\n{"a": 2}\r\n') == [{"a": 1}, {"a": 2}]
    assert parse_lines('\ufeff[{"a": 1},\n{"a": 2}]') == [{"a": 1}, {"a": 2}]
    assert parse_lines('{"a":\n1}') == [{"a": 1}]
    first, second = parse_lines('{"a": 1}\n{"a": 1, "a": 2}')
    assert (first, second.code) == ({"a": 1}, "invalid_json")
    assert "'a' is given twice (line 2)" in second.message


def test_an_array_that_is_no_json_is_refused_whole_and_a_line_that_is_none_alone():
    (error,) = parse_lines('[\n{"a": oops},\n{"a": 1}\n]\n')
    assert error.message == "This is no JSON document: Expecting value (line 2, column 7)."
    first, second, third = parse_lines('{"a": 1}\n\n{"a": oops}\n{"a": 2}')
    assert (first, third) == ({"a": 1}, {"a": 2})
    assert second.message == "This is no JSON document: Expecting value (line 3, column 7)."


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1,]", "NaN", "-Infinity", '{"a":1,"a":1}', "[" * 100_000, b"\xff"],
)
def test_what_is_no_json_is_refused(text):
    assert refusal(parse_json, text).code == "invalid_json"
