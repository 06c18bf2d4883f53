"""Which activities are accepted, as source records and as UnifiedActivity, and what is refused."""

import pytest

from overtide.lake.generation import Generation, Profile
from overtide.schemas.activities import COLUMNS
from overtide.schemas.events import activity_id
from overtide.schemas.instants import DAY
from overtide.serving.acceptance import Terms
from tests.accepting import (
    ANN,
    BOB,
    META,
    NOW,
    RECORD,
    UNIFIED,
    acceptance,
    base,
    body,
    clock,
    log,
    refusal,
)
from tests.generations import write_generation

__all__ = ["acceptance", "base", "clock", "log"]


def test_a_source_record_becomes_a_unified_activity(acceptance):
    (answer,) = acceptance.post("Shop_Purchases", [RECORD], Terms(caller="till"))
    event = answer.event
    assert (event.customer_id, event.entity, event.key) == (None, "Shop_Contacts", "1")
    assert (event.valid_from, event.valid_until) == (NOW, NOW + 30 * DAY)
    assert (answer.status, event.activity_id) == (201, activity_id("Shop_Purchases", "7"))
    assert body(answer) == {
        "ActivityId": event.activity_id,
        "ActivityType": "SalesOrder",
        "ActivityTypeDisplay": "SalesOrder",
        "ActivityName": "Purchases",
        "ActivityTime": "2024-06-30T22:00:00.000000Z",
        "Title": "12.50",
        "Description": RECORD["Note"],
        "URL": None,
        "Icon": None,
        "SourceEntityName": "Shop_Purchases",
        "SourceActivityId": "7",
        "RangeIndex": "1719784800",
        "SemanticData": (
            '{"Note":"great, \'really\' great '
            '✓","Order":7,"Paid":true,"Total":"12.50","Weight":0.25}'
        ),
    }


def test_a_record_whose_customer_is_still_to_come_is_held(acceptance):
    first, again = acceptance.post("Shop_Purchases", [RECORD | {"Buyer": 99}] * 2)
    assert (first.status, first.event.key, again.status, again.repeated) == (202, "99", 202, True)


@pytest.mark.parametrize(
    ("changes", "code", "target"),
    [
        ({"PurchaseId": None}, "missing_field", "PurchaseId"),
        ({"Buyer": ""}, "missing_field", "Buyer"),
        ({"Day": None}, "missing_field", "Day"),
        ({"Day": "2024-07-01"}, "invalid_value", "Day"),
        ({"Total": "a lot"}, "invalid_value", "Total"),
        ({"Totl": 1}, "unknown_field", "Totl"),
        ({"Note": {}}, "invalid_value", "Note"),
        ({"Total": "x", "Totl": 1}, "invalid_fields", None),
    ],
)
def test_a_wrong_source_record_is_refused_by_name(acceptance, log, changes, code, target):
    (answer,) = acceptance.post("Shop_Purchases", [RECORD | changes])
    assert (answer.refusal.code, answer.refusal.target, answer.refusal.status, log.end()) == (
        code,
        target,
        400,
        0,
    )


@pytest.mark.parametrize(
    ("entity", "code"),
    [
        ("Shop_Contacts", "no_activity_configuration"),
        ("Shop_Purchase", "unknown_entity"),
        ("Customer", "unknown_entity"),
    ],
)
def test_an_entity_that_takes_no_activities_is_refused(acceptance, entity, code):
    assert refusal(acceptance.post, entity, [RECORD]).code == code


def test_a_unified_activity_is_named_by_its_event_unless_it_has_a_name(acceptance):
    (answer,) = acceptance.post(
        "UnifiedActivity", [UNIFIED | {"SemanticData": {"b": 1, "a": None}}]
    )
    event = answer.event
    assert (event.customer_id, answer.status, event.activity_id) == (
        ANN,
        201,
        activity_id("UnifiedActivity", event.event_id),
    )
    assert body(answer) == dict.fromkeys(COLUMNS) | {
        "ActivityId": event.activity_id,
        "ActivityType": "Call",
        "ActivityTypeDisplay": "Call",
        "ActivityTime": "2026-11-24T10:00:00.000000Z",
        "SourceEntityName": "UnifiedActivity",
        "SourceActivityId": event.event_id,
        "SemanticData": '{"a":null,"b":1}',
        "RangeIndex": "1795514400",
    }


def test_a_unified_activity_keeps_the_name_that_it_has(acceptance):
    named, kept = acceptance.post(
        "UnifiedActivity",
        [
            UNIFIED | {"SourceEntityName": "Shop_Purchases", "SourceActivityId": "7"},
            UNIFIED | {"ActivityId": "call 1"},
        ],
    )
    assert (
        named.event.activity_id == activity_id("Shop_Purchases", "7") == body(named)["ActivityId"]
    )
    assert (kept.event.activity_id, body(kept)["SourceEntityName"]) == ("call 1", None)


@pytest.mark.parametrize(
    ("changes", "code", "target"),
    [
        ({"CustomerId": None}, "missing_field", "CustomerId"),
        ({"CustomerId": "c" * 32}, "customer_not_found", "CustomerId"),
        ({"ActivityType": ""}, "missing_field", "ActivityType"),
        ({"ActivityTime": None}, "missing_field", "ActivityTime"),
        ({"ActivityTime": "2026-11-24"}, "invalid_value", "ActivityTime"),
        ({"Tilte": "x"}, "unknown_field", "Tilte"),
        ({"FirstRun": 1}, "unknown_field", "FirstRun"),
        ({"SourceActivityId": "1"}, "missing_field", "SourceEntityName"),
        ({"SemanticData": "[]"}, "invalid_value", "SemanticData"),
        ({"SemanticData": "{"}, "invalid_json", "SemanticData"),
        (
            {"ActivityId": "x", "SourceEntityName": "a", "SourceActivityId": "1"},
            "invalid_value",
            "ActivityId",
        ),
    ],
)
def test_a_wrong_unified_activity_is_refused_by_name(acceptance, log, changes, code, target):
    (answer,) = acceptance.post("UnifiedActivity", [UNIFIED | changes])
    assert (answer.refusal.code, answer.refusal.target, answer.refusal.status, log.end()) == (
        code,
        target,
        400,
        0,
    )


def test_the_same_activity_again_is_one_and_another_body_conflicts(acceptance, log):
    record = UNIFIED | {"ActivityId": "x", "Title": "a"}
    answers = acceptance.post(
        "UnifiedActivity",
        [
            record,
            dict(reversed(record.items())),
            record | {"Title": "b"},
            record | {"CustomerId": BOB},
        ],
    )
    assert [(answer.repeated, answer.refusal and answer.refusal.code) for answer in answers] == [
        (False, None),
        (True, None),
        (False, "activity_conflict"),
        (False, "activity_conflict"),
    ]
    (again,) = acceptance.post("UnifiedActivity", [record], Terms("1h", caller="other"))
    assert (again.repeated, log.end()) == (True, 1)


def test_a_posted_activity_is_answered_again_when_its_customer_is_gone(acceptance, base, tmp_path):
    (first,) = acceptance.post(
        "UnifiedActivity", [UNIFIED | {"CustomerId": BOB, "ActivityId": "x"}]
    )
    write_generation(tmp_path / "later.sqlite", META, [Profile(ANN, {})])
    base[0] = Generation(tmp_path / "later.sqlite")
    records = [UNIFIED | {"CustomerId": BOB, "ActivityId": name} for name in "xy"]
    same, other = acceptance.post("UnifiedActivity", records)
    assert (same.event, same.repeated, other.refusal.code) == (
        first.event,
        True,
        "customer_not_found",
    )
