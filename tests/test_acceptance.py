"""Which real-time requests are accepted, with which defaults, and how each refusal is answered."""

import json
import math
from itertools import count

import pytest

from overtide.eventlog.sqlite import SqliteEventLog
from overtide.lake.generation import Generation, Profile
from overtide.schemas.activities import COLUMNS
from overtide.schemas.configuration.activities import Activity
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import InvalidValueError, OvertideError
from overtide.schemas.events import activity_id, event_id
from overtide.schemas.instants import DAY, HOUR, MINUTE, format_instant
from overtide.schemas.strict_json import parse_json, parse_lines
from overtide.serving.acceptance import Acceptance, Target, Terms, answer_document
from tests.generations import write_generation

NOW = 1_795_514_400_000_000
ANN, BOB, OLD = "a" * 32, "b" * 32, "0" * 32
PROFILE = [
    ("CustomerId", "string", False),
    ("FullName", "string", True),
    ("Points", "integer", True),
    ("Income", "decimal(12,2)", True),
    ("Score", "double", True),
    ("Member", "boolean", True),
    ("Birthday", "date", True),
    ("SeenAt", "datetime", True),
    ("Shop_Contacts_Id", "string", False),
    ("PreviousCustomerId", "string", False),
]
PURCHASES = Entity(
    path="p.csv",
    primary_key="PurchaseId",
    time_zone="Europe/Berlin",
    attributes={
        "PurchaseId": "integer",
        "Buyer": "integer",
        "Day": {"type": "date", "format": "%m/%d/%Y"},
        "Total": "decimal(10,2)",
        "Weight": "double",
        "Paid": "boolean",
        "Note": "string",
        "Link": "string",
    },
)
PURCHASE = Activity(
    entity="Shop_Purchases",
    name="Purchases",
    relationship="buys",
    type="SalesOrder",
    timestamp="Day",
    title="Total",
    description="Note",
    url="Link",
    icon=None,
    semantic={
        "Total": "Total",
        "Paid": "Paid",
        "Note": "Note",
        "Weight": "Weight",
        "Order": "PurchaseId",
    },
)
REVIEWS = Entity(
    path="r.csv",
    primary_key="ReviewId",
    attributes={"ReviewId": "string", "Buyer": "integer", "At": "datetime", "Text": "string"},
)
REVIEW = Activity(
    entity="Shop_Reviews",
    name="Reviews",
    relationship="writes",
    timestamp="At",
    title="Text",
    type_display="Website review",
)
RECORD = {
    "PurchaseId": 7,
    "Buyer": "1",
    "Day": "7/1/2024",
    "Total": "12.5",
    "Weight": 0.25,
    "Paid": True,
    "Note": "great, 'really' great ✓",
    "Link": "",
}


def entity_document(entity):
    attributes = {
        name: entity.attribute(name).model_dump(include={"type", "format", "decimal_mark"})
        for name in entity.attributes
    }
    return {
        "attributes": attributes,
        "time_zone": entity.time_zone,
        "primary_key": entity.primary_key,
    }


CONTACTS = Entity(path="c.csv", primary_key="Id", attributes={"Id": "integer", "Name": "string"})
META = {
    "run": 1,
    "instance": "5d0f0f3c-1e1b-4f8e-9c53-3f6f0a6b9f10",
    "profile": [
        {"name": name, "type": kind, "updatable": updatable} for name, kind, updatable in PROFILE
    ],
    "entities": {
        "Shop_Contacts": entity_document(CONTACTS),
        "Shop_Purchases": entity_document(PURCHASES),
        "Shop_Reviews": entity_document(REVIEWS),
    },
    "activities": {
        activity.entity: {**activity.model_dump(), "foreign_key": "Buyer", "to": "Shop_Contacts"}
        for activity in (PURCHASE, REVIEW)
    },
    "real_time": {"update_ttl": "4h", "activity_ttl": "30d"},
}


@pytest.fixture
def clock():
    return [NOW]


@pytest.fixture
def log(tmp_path, clock):
    random_bits = count()
    log = SqliteEventLog(
        tmp_path / "events.sqlite", lambda: clock[0], lambda at: event_id(at, next(random_bits))
    )
    yield log
    log.close()


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "g.sqlite"
    write_generation(
        path,
        META,
        [Profile(ANN, {}), Profile(BOB, {})],
        [("Shop_Contacts", "1", ANN), ("Shop_Contacts", "2", BOB)],
        [(OLD, ANN)],
    )
    return [Generation(path)]


@pytest.fixture
def acceptance(log, base):
    return Acceptance(log, lambda: base[0])


def refusal(call, *arguments):
    with pytest.raises(OvertideError) as error:
        call(*arguments)
    return error.value


def body(answer):
    return json.loads(answer.event.body)


def test_an_update_holds_for_four_hours_from_its_acceptance(acceptance):
    answer = acceptance.update(Target(ANN), {"FullName": "Ann"})
    event = answer.event
    assert (event.kind, event.customer_id, event.valid_from, event.valid_until) == (
        "update",
        ANN,
        NOW,
        NOW + 4 * HOUR,
    )
    assert (body(answer), answer.status, event.caller) == (
        {"fields": {"FullName": "Ann"}},
        204,
        None,
    )


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("90m", NOW + 90 * MINUTE),
        (format_instant(NOW + 7), NOW + 7),
        ("2026-11-24T11:00:01+01:00", NOW + 1_000_000),
        ("30d", NOW + 30 * DAY),
    ],
)
def test_an_end_is_an_instant_or_a_duration(acceptance, text, end):
    assert acceptance.update(Target(ANN), {"Points": 1}, Terms(text)).event.valid_until == end


@pytest.mark.parametrize(
    ("terms", "code", "target"),
    [
        (Terms("soon"), "invalid_duration", "validUntil"),
        (Terms("2026-11-24"), "invalid_instant", "validUntil"),
        (Terms(""), "invalid_duration", "validUntil"),
        (Terms("0s"), "expired", "validUntil"),
        (Terms("31d"), "too_far", "validUntil"),
        (Terms(format_instant(NOW)), "expired", "validUntil"),
        (Terms(event_time="2026-11-24T10:00:00"), "invalid_instant", "eventTime"),
        (Terms(event_time=format_instant(NOW + 6 * MINUTE)), "event_time_in_future", "eventTime"),
        (Terms(caller=""), "invalid_parameter", "caller"),
        (Terms(caller="x" * 300), "invalid_parameter", "caller"),
        (Terms(idempotency_key="\0"), "invalid_parameter", "idempotencyKey"),
    ],
)
def test_wrong_terms_are_refused_by_name(acceptance, log, terms, code, target):
    error = refusal(acceptance.update, Target(ANN), {"Points": 1}, terms)
    assert (error.code, error.target, error.status, log.end()) == (code, target, 400, 0)


def test_a_late_update_begins_at_its_event_time(acceptance):
    terms = Terms(event_time=format_instant(NOW - DAY), caller="app")
    event = acceptance.update(Target(ANN), {"Points": 1}, terms).event
    assert (event.valid_from, event.valid_until, event.caller) == (NOW - DAY, NOW + 4 * HOUR, "app")


def test_a_target_is_kept_as_posted(acceptance):
    assert acceptance.update(Target(OLD), {"Points": 1}).event.customer_id == OLD
    event = acceptance.update(Target(entity="Shop_Contacts", key="002"), {"Points": 1}).event
    assert (event.customer_id, event.entity, event.key) == (None, "Shop_Contacts", "2")


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (Target("c" * 32), "customer_not_found"),
        (Target(entity="Shop_Contacts", key="3"), "customer_not_found"),
        (Target(), "customer_not_found"),
        (Target(entity="Shop_Contcts", key="1"), "unknown_entity"),
    ],
)
def test_customers_that_do_not_exist_are_not_found(acceptance, target, code):
    assert (
        refusal(acceptance.update, target, {"Points": 1}).code,
        refusal(acceptance.withdraw, target).status,
    ) == (code, 404)


def test_before_the_first_publish_nothing_exists(acceptance, base):
    base[0] = None
    for error in (
        refusal(acceptance.update, Target(ANN), {"Points": 1}),
        refusal(acceptance.withdraw, Target(ANN)),
        refusal(acceptance.post, "UnifiedActivity", [{}]),
    ):
        assert (error.code, error.status) == ("nothing_published", 404)
        assert "overtide refresh" in error.hint


@pytest.mark.parametrize(
    ("fields", "code", "target"),
    [
        ({"CustomerId": "x"}, "field_not_updatable", "CustomerId"),
        ({"PreviousCustomerId": None}, "field_not_updatable", "PreviousCustomerId"),
        ({"Shop_Contacts_Id": "1"}, "field_not_updatable", "Shop_Contacts_Id"),
        ({"fullname": "x"}, "unknown_field", "fullname"),
        ({"FirstRun": 1}, "unknown_field", "FirstRun"),
        ({"Points": "many"}, "invalid_value", "Points"),
        ({"Points": 1.5}, "invalid_value", "Points"),
        ({"FullName": 5}, "invalid_value", "FullName"),
        ({"SeenAt": "2026-01-01"}, "invalid_value", "SeenAt"),
        ({}, "empty_update", None),
        ([], "invalid_json", None),
        ("not json", "invalid_json", None),
        ({"Score": math.nan}, "invalid_json", None),
        ({"Score": object()}, "invalid_json", None),
        ({"FullName": "\ud800"}, "invalid_json", None),
        ({"FullName": "a\0"}, "invalid_value", "FullName"),
        ('{"Points": 1, "Points": 2}', "invalid_json", None),
        ('{"Score": NaN}', "invalid_json", None),
        ({"Points": 1, "Nmae": 2, "CustomerId": 3}, "invalid_fields", None),
    ],
)
def test_wrong_fields_are_refused_by_name(acceptance, log, fields, code, target):
    error = refusal(acceptance.update, Target(ANN), fields)
    assert (error.code, error.target, error.status, log.end()) == (code, target, 400, 0)


def test_a_misspelt_field_gets_a_suggestion(acceptance):
    assert "FullName" in refusal(acceptance.update, Target(ANN), {"fullname": "x"}).hint


def test_every_wrong_field_is_told(acceptance):
    details = refusal(
        acceptance.update, Target(ANN), {"Nmae": 2, "CustomerId": 3, "Points": "x"}
    ).details
    assert [(detail.code, detail.target) for detail in details] == [
        ("unknown_field", "Nmae"),
        ("field_not_updatable", "CustomerId"),
        ("invalid_value", "Points"),
    ]


def test_an_event_of_more_than_a_mebibyte_is_too_large(acceptance):
    error = refusal(acceptance.update, Target(ANN), {"FullName": "x" * 2**20})
    assert (error.code, error.status) == ("too_large", 413)
    assert acceptance.update(Target(ANN), {"FullName": "x" * (2**20 - 100)}).status == 204


def test_values_are_kept_canonical_and_null_overrides(acceptance):
    sent = parse_json(
        '{"Income": 10, "Points": 9007199254740993, "Birthday": "2000-02-29", "Member": false, '
        '"Score": 2, "SeenAt": "2026-11-24T11:00:00+01:00", "FullName": null}'
    )
    assert body(acceptance.update(Target(ANN), sent))["fields"] == {
        "Income": "10.00",
        "Points": "9007199254740993",
        "Birthday": "2000-02-29",
        "Member": False,
        "Score": 2.0,
        "SeenAt": "2026-11-24T10:00:00.000000Z",
        "FullName": None,
    }


def test_a_json_text_that_holds_an_object_is_taken_for_it(acceptance):
    assert body(acceptance.update(Target(ANN), '{"FullName": "Ann"}')) == {
        "fields": {"FullName": "Ann"}
    }


def test_a_repeated_request_is_answered_as_the_first_time_on_any_base(
    acceptance, base, clock, tmp_path
):
    terms = Terms("4h", idempotency_key="k", caller="app")
    first = acceptance.update(Target(BOB), {"Points": 1}, terms)
    write_generation(tmp_path / "later.sqlite", META, [Profile(ANN, {})])
    base[0], clock[0] = Generation(tmp_path / "later.sqlite"), NOW + DAY
    second = acceptance.update(Target(BOB), {"Points": 1}, terms)
    assert (second.event, second.repeated, second.status) == (first.event, True, 204)


@pytest.mark.parametrize(
    ("target", "fields", "until"),
    [
        (Target(BOB), {"Points": 1}, "4h"),
        (Target(ANN), {"Points": 2}, "4h"),
        (Target(ANN), {"Points": 1}, None),
        (Target(ANN), {"Points": "1"}, "4h"),
    ],
)
def test_a_key_used_for_another_request_conflicts(acceptance, target, fields, until):
    acceptance.update(Target(ANN), {"Points": 1}, Terms("4h", idempotency_key="k"))
    error = refusal(acceptance.update, target, fields, Terms(until, idempotency_key="k"))
    assert (error.code, error.status) == ("idempotency_conflict", 409)


def test_a_withdrawal_is_an_event_of_its_own(acceptance):
    answer = acceptance.withdraw(
        Target(ANN), "FullName", Terms(event_time=format_instant(NOW - 5), caller="app")
    )
    assert (
        answer.event.kind,
        answer.event.valid_from,
        answer.event.valid_until,
        answer.status,
    ) == ("withdrawal", NOW - 5, None, 204)
    assert (body(answer), body(acceptance.withdraw(Target(ANN)))) == (
        {"field": "FullName"},
        {"field": None},
    )


def test_a_withdrawal_names_a_field_that_can_be_updated_and_no_end(acceptance):
    assert refusal(acceptance.withdraw, Target(ANN), "FullNam").code == "unknown_field"
    assert refusal(acceptance.withdraw, Target(ANN), "CustomerId").code == "field_not_updatable"
    assert refusal(acceptance.withdraw, Target(ANN), None, Terms("4h")).code == "invalid_parameter"


def test_a_repeated_withdrawal_is_one_event(acceptance, log):
    answers = [acceptance.withdraw(Target(ANN), None, Terms(idempotency_key="k")) for _ in range(2)]
    assert [answer.repeated for answer in answers] == [False, True]
    assert (
        refusal(acceptance.update, Target(ANN), {"Points": 1}, Terms(idempotency_key="k")).status
        == 409
    )
    assert log.end() == 1


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


UNIFIED = {"CustomerId": ANN, "ActivityType": "Call", "ActivityTime": "2026-11-24T11:00:00+01:00"}


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
