"""The oracle by hand: each rule of the semantics with the smallest story that tells it."""

import pytest

from tests.oracle import DAY, HOUR, MINUTE, Request, Truth
from tests.shop import ACCOUNTS, CONTACTS, ORDERS, VISITORS, sources, world

ANN = (CONTACTS, "1", {"EMail": "ann@x", "FullName": "Ann", "Points": 7})
ACCOUNT = (ACCOUNTS, "1", {"EMail": "ann@x", "FullName": "Ann A."})
LONELY = (VISITORS, "1", {"EMail": "v@x", "Score": 1.5})
ORDER = (ORDERS, "1", {"AccountId": "1", "PlacedAt": "2026-01-01T00:00:00.000000Z", "Item": "Pen"})
ME = (CONTACTS, "1")
START = 1_000 * DAY


@pytest.fixture
def truth():
    truth = Truth(world())
    truth.publish(sources(ANN, ACCOUNT, LONELY, ORDER), START)
    return truth


def accept(truth, clock, kind="update", target=ME, **request):
    return truth.accept(Request(kind, target, **request), clock, f"event at {clock}")


def shown(truth, name, t, k=10**17, target=ME):
    return truth.card(target, t, k)[1][name]


def test_a_profile_merges_its_winners_by_importance(truth):
    customer, columns = truth.card(ME, START, START)
    assert (columns["FullName"], columns["Points"], columns["Spent"]) == ("Ann A.", 7, None)
    assert (columns[f"{CONTACTS}_ContactId"], columns[f"{VISITORS}_VisitorId"]) == ("1", None)
    assert (
        truth.card(customer, START, START)
        == truth.card((ACCOUNTS, "1"), START, START)
        == (customer, columns)
    )


def test_a_record_alone_whose_entity_does_not_include_all_is_no_customer(truth):
    assert truth.card((VISITORS, "1"), START, START) is None


def test_before_the_first_publish_there_is_no_profile(truth):
    assert truth.card(ME, START - 1, START) is None
    assert truth.card(ME, START, START - 1) is None


def test_an_update_holds_from_its_acceptance_to_its_end_exclusive(truth):
    accept(truth, START + 10, fields={"Points": 9}, ttl=5)
    assert [shown(truth, "Points", t) for t in (START + 9, START + 10, START + 14, START + 15)] == [
        7,
        9,
        9,
        7,
    ]
    assert shown(truth, "Points", START + 10, START + 9) == 7


def test_null_overrides_and_absent_does_not(truth):
    accept(truth, START + 1, fields={"Points": None})
    assert (shown(truth, "Points", START + 1), shown(truth, "FullName", START + 1)) == (
        None,
        "Ann A.",
    )


def test_the_latest_start_wins_then_the_latest_acceptance_and_the_older_shows_again(truth):
    accept(truth, START + 1, fields={"Points": 1}, ttl=HOUR)
    accept(truth, START + 2, fields={"Points": 2}, ttl=10)
    accept(truth, START + 3, fields={"Points": 3}, event_time=START + 1, ttl=HOUR)
    assert [shown(truth, "Points", t) for t in (START + 1, START + 2, START + 12)] == [3, 2, 3]


def test_a_withdrawal_ends_what_began_no_later(truth):
    accept(truth, START + 1, fields={"Points": 1, "FullName": "A"})
    accept(truth, START + 3, "withdrawal", only="Points")
    accept(truth, START + 5, fields={"Points": 2}, event_time=START + 3)
    accept(truth, START + 6, fields={"Points": 4}, event_time=START + 4)
    assert [shown(truth, "Points", t) for t in (START + 2, START + 3, START + 4)] == [1, 7, 4]
    assert shown(truth, "FullName", START + 4) == "A"
    assert shown(truth, "Points", START + 3, START + 2) == 1
    accept(truth, START + 7, "withdrawal")
    assert shown(truth, "FullName", START + 7) == "Ann A."


@pytest.mark.parametrize(
    ("times", "status"),
    [
        ({"ttl": 0}, 400),
        ({"until": START + 10}, 400),
        ({"until": START + 11}, 204),
        ({"event_time": START + 20, "until": START + 20}, 400),
        ({"event_time": START + 10 + 5 * MINUTE}, 204),
        ({"event_time": START + 11 + 5 * MINUTE}, 400),
        ({"ttl": 30 * DAY + 5 * MINUTE}, 204),
        ({"ttl": 30 * DAY + 5 * MINUTE + 1}, 400),
    ],
)
def test_times_have_limits(truth, times, status):
    assert accept(truth, START + 10, fields={"Points": 1}, **times).status == status


def test_a_clock_set_back_hides_nothing(truth):
    first = accept(truth, START + 100, fields={"Points": 1}).event
    second = accept(truth, START - DAY, fields={"Points": 2}).event
    assert second.accepted_at == first.accepted_at + 1
    assert truth.now(START - DAY) == truth.known(START - DAY) == second.accepted_at
    third = truth.publish(sources(ANN), START - DAY)
    assert third.published_at == second.accepted_at + 1
    assert (
        accept(truth, START - DAY, fields={"Points": 3}).event.accepted_at == third.published_at + 1
    )


def test_nothing_will_be_at_the_instant_that_is_known(truth):
    assert (truth.now(START + 9), truth.known(START + 9)) == (START + 9, START + 8)
    assert (
        accept(truth, START + 9, fields={"Points": 3}).event.accepted_at
        == truth.known(START + 9)
        == START + 9
    )


def test_a_repeated_request_is_answered_as_the_first_time(truth):
    first = accept(truth, START + 1, fields={"Points": 1}, idempotency_key="a")
    again = accept(truth, START + 9, fields={"Points": 1}, idempotency_key="a")
    assert (again.event, again.repeated) == (first.event, True)
    assert accept(truth, START + 9, fields={"Points": 2}, idempotency_key="a").status == 409
    assert (
        accept(truth, START + 9, fields={"Points": 2}, idempotency_key="a", caller="b").status
        == 204
    )


def test_only_known_profiles_are_updated(truth):
    assert accept(truth, START, target="f" * 32, fields={"Points": 1}).status == 404
    assert accept(truth, START, target=(VISITORS, "1"), fields={"Points": 1}).status == 404


def post(truth, clock, key="9", account="1", **request):
    record = {
        "OrderId": key,
        "AccountId": account,
        "PlacedAt": "2026-02-01T00:00:00.000000Z",
        "Item": "Ink",
    }
    return truth.accept(Request("activity", entity=ORDERS, record=record, **request), clock, "")


def test_a_key_names_its_request_also_where_the_activity_was_there_before(truth):
    first = post(truth, START + 1)
    again = post(truth, START + 2, idempotency_key="a")
    assert (again.event, again.repeated) == (first.event, True)
    assert accept(truth, START + 3, fields={"Points": 1}, idempotency_key="a").status == 409
    assert post(truth, START + 4, idempotency_key="a").event == first.event


def titles(truth, t, k=10**17, target=ME):
    return [row["Title"] for row in truth.timeline(target, t, k)]


def test_a_posted_record_joins_the_timeline_while_it_is_valid(truth):
    assert post(truth, START + 1, ttl=10).status == 201
    assert [titles(truth, t) for t in (START, START + 1, START + 11)] == [
        ["Pen"],
        ["Ink", "Pen"],
        ["Pen"],
    ]


def test_an_activity_is_told_once(truth):
    first = post(truth, START + 1)
    assert post(truth, START + 2).event == first.event
    assert post(truth, START + 2, account="2").status == 409


def test_the_row_of_the_base_stands_before_the_posted_one(truth):
    assert post(truth, START + 1, key="1").status == 201
    assert titles(truth, START + 1) == ["Pen"]


def test_an_activity_of_an_unknown_record_is_held_until_a_refresh_brings_it(truth):
    assert post(truth, START + 1, account="2").status == 202
    assert len(truth.held(START + 1)) == 1
    truth.publish(sources(ANN, ACCOUNT, (ACCOUNTS, "2", {"EMail": "ann@x"})), START + 5)
    assert titles(truth, START + 5) == ["Ink"]
    assert truth.held(START + 5) == []


def test_a_unified_activity_is_named_by_its_event(truth):
    customer, _ = truth.card(ME, START, START)
    record = {
        "CustomerId": customer,
        "ActivityType": "Call",
        "ActivityTime": "2026-02-01T00:00:00.000000Z",
    }
    call = Request("activity", entity="UnifiedActivity", record=record)
    assert truth.accept(call, START, "e1").status == truth.accept(call, START, "e2").status == 201
    row = truth.timeline(ME, START + 1, START + 1)[0]
    assert (row["SourceEntityName"], row["ActivityTypeDisplay"], row["RangeIndex"]) == (
        "UnifiedActivity",
        "Call",
        "1769904000",
    )


def test_updates_follow_ids_through_merges_and_records_through_splits(truth):
    truth.publish(
        sources(ANN, (ACCOUNTS, "1", {"EMail": "other@x", "FullName": "Other"})), START + 1
    )
    one, _ = truth.card(ME, START + 1, START + 1)
    other, _ = truth.card((ACCOUNTS, "1"), START + 1, START + 1)
    accept(truth, START + 2, target=other, fields={"Points": 1})
    accept(truth, START + 3, target=(ACCOUNTS, "1"), fields={"FullName": "By record"})
    truth.publish(sources(ANN, ACCOUNT), START + 10)
    assert truth.card(other, START + 10, START + 10)[0] == one
    assert (shown(truth, "Points", START + 10), shown(truth, "FullName", START + 10)) == (
        1,
        "By record",
    )
    assert shown(truth, "PreviousCustomerId", START + 10) == other
    assert shown(truth, "Points", START + 9) == 7
    truth.publish(sources(ANN, (ACCOUNTS, "1", {"EMail": "new@x"})), START + 20)
    assert truth.card((ACCOUNTS, "1"), START + 20, START + 20)[0] == other
    assert (shown(truth, "Points", START + 20), shown(truth, "FullName", START + 20)) == (7, "Ann")


def test_an_orphaned_event_is_held_and_returns_with_its_profile(truth):
    accept(truth, START + 1, fields={"Points": 1}, ttl=DAY)
    truth.publish(sources((CONTACTS, "2", {"EMail": "b@x"})), START + 2)
    assert truth.card(ME, START + 2, START + 2) is None
    truth.publish(sources(ANN, ACCOUNT), START + 3)
    assert shown(truth, "Points", START + 3) == 1


def test_a_field_falls_back_when_its_last_update_ends_and_no_source_took_it_over(truth):
    customer, _ = truth.card(ME, START, START)
    accept(truth, START + 1, fields={"Points": 9, "FullName": "Ann A."}, ttl=10)
    assert truth.flap_backs(START + 5) == set()
    assert truth.flap_backs(START + 11) == {(customer, "Points", 0)}
    accept(truth, START + 12, fields={"Points": 8}, ttl=10)
    assert (truth.flap_backs(START + 13), truth.flap_backs(START + 22)) == (
        set(),
        {(customer, "Points", 1)},
    )
    truth.publish(
        sources((CONTACTS, "1", {"EMail": "ann@x", "FullName": "Ann", "Points": 1}), ACCOUNT),
        START + 30,
    )
    assert truth.flap_backs(START + 30) == set()
