"""Which updates and withdrawals are accepted, with which defaults, and how each is refused."""

import math

import pytest

from overtide.lake.generation import Generation, Profile
from overtide.schemas.instants import DAY, HOUR, MINUTE, format_instant
from overtide.schemas.strict_json import parse_json
from overtide.serving.acceptance import Target, Terms
from tests.accepting import ANN, BOB, META, NOW, OLD, acceptance, base, body, clock, log, refusal
from tests.generations import write_generation

__all__ = ["acceptance", "base", "clock", "log"]


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
