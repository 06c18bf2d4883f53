"""Requests that come again are answered as the first time, or refused; all or none of many."""

import pytest

from overtide.schemas.events import Outcome
from overtide.schemas.instants import HOUR
from tests.small_log import NOW, activity, again, clock, log, update

__all__ = ["clock", "log"]


def test_the_same_request_is_answered_as_the_first_time(log, clock):
    first = log.append([update(idempotency_key="k", request_hash="h", caller="app")])[0]
    clock[0] += 50 * 24 * HOUR
    second = log.append(
        [update(idempotency_key="k", request_hash="h", caller="app", outcome=Outcome.HELD)]
    )[0]
    assert (second.event, second.repeated, second.outcome) == (
        first.event,
        True,
        Outcome.CHANGED,
    )
    assert log.end() == 1
    assert log.decided_before(update(idempotency_key="k", request_hash="h", caller="app")) == second


def test_a_key_used_for_another_request_conflicts(log):
    log.append([update(idempotency_key="k", request_hash="h")])
    draft = update(idempotency_key="k", request_hash="other")
    assert [log.append([draft])[0].refusal.code, log.decided_before(draft).refusal.status] == [
        "idempotency_conflict",
        409,
    ]


def test_keys_belong_to_their_caller(log):
    drafts = [
        update(idempotency_key="k", request_hash=str(caller), caller=caller)
        for caller in (None, "a", "b")
    ]
    assert [answer.event.position for answer in log.append(drafts)] == [0, 1, 2]


def test_the_same_activity_is_answered_as_the_first_time_and_another_body_conflicts(log):
    first = log.append([activity(outcome=Outcome.HELD)])[0]
    second, third = log.append([activity(), activity(body_hash="other")])
    assert (second.event, second.repeated, second.outcome) == (first.event, True, Outcome.HELD)
    assert (third.refusal.code, third.refusal.status) == ("activity_conflict", 409)


def test_a_key_that_was_answered_with_an_activity_that_was_there_conflicts_with_another_request(
    log, clock
):
    first = log.append([activity("a1", idempotency_key="own", request_hash="1")])[0].event
    named = {"idempotency_key": "k", "caller": "till"}
    answers = log.append(
        [activity("a1", request_hash="1", **named), activity("a2", request_hash="2", **named)]
    )
    assert (answers[0].event, answers[0].repeated) == (first, True)
    for one in (log, again(log, clock)):
        for asked in (one.decided_before, lambda draft, one=one: one.append([draft])[0]):
            assert (
                asked(activity("a2", request_hash="2", **named)).refusal.code
                == "idempotency_conflict"
            )
            assert asked(update(request_hash="1", **named)).event == first
        assert (
            one.append([activity("a2", request_hash="2", idempotency_key="k")])[0].refusal is None
        )
    assert answers[1].refusal.code == "idempotency_conflict"


def test_a_key_is_remembered_as_long_as_the_event_that_answered_it(log):
    named = {"idempotency_key": "k", "request_hash": "h"}
    log.append([activity(ttl=10), activity(**named)])
    log.append(
        [activity("a2", idempotency_key="k", request_hash="x"), update(ttl=HOUR)], atomic=True
    )
    assert log.decided_before(update(**named)).repeated
    assert log.forget(NOW + 10, 1) == 1
    assert log.decided_before(update(**named)) is None
    assert log.append([update(idempotency_key="k", request_hash="other")])[0].event.position == 1


@pytest.mark.parametrize("atomic", [False, True])
def test_a_conflict_within_a_request_names_no_event_that_may_never_be(log, atomic):
    refused = log.append([activity("a1"), activity("a1", "other")], atomic=atomic)[1]
    assert (
        refused.refusal.message
        == "The activity a1 exists with another content in another row of this request."
    )
    first = log.append([activity("a1")])[0].event
    refused = log.append([activity("a2"), activity("a1", "other")], atomic=atomic)[1]
    assert (
        refused.refusal.message
        == f"The activity a1 exists with another content (event {first.event_id})."
    )


def test_an_atomic_batch_that_is_refused_uses_no_key(log):
    log.append([activity()])
    named = {"idempotency_key": "k", "request_hash": "h"}
    refused = log.append([activity(**named), activity("a1", "other")], atomic=True)
    assert [answer.refusal.code for answer in refused] == ["batch_refused", "activity_conflict"]
    assert log.append([update(idempotency_key="k", request_hash="other")])[0].refusal is None


def test_repetitions_within_one_batch_are_seen(log):
    answers = log.append(
        [
            activity("a"),
            activity("a"),
            activity("a", "other"),
            update(idempotency_key="k", request_hash="h"),
            update(idempotency_key="k", request_hash="h"),
            update(idempotency_key="k", request_hash="x"),
        ]
    )
    assert [(answer.repeated, answer.refusal and answer.refusal.code) for answer in answers] == [
        (False, None),
        (True, None),
        (False, "activity_conflict"),
        (False, None),
        (True, None),
        (False, "idempotency_conflict"),
    ]
    assert log.end() == 2


def test_a_refused_draft_does_not_hinder_the_others(log):
    answers = log.append([update(ttl=0), update()])
    assert (answers[0].refusal.code, answers[1].event.position) == ("expired", 0)


def test_an_atomic_batch_is_accepted_whole_or_not_at_all(log):
    refused = log.append(
        [activity("a"), update(idempotency_key="k", request_hash="h"), update(ttl=0)], atomic=True
    )
    assert [answer.refusal.code for answer in refused] == [
        "batch_refused",
        "batch_refused",
        "expired",
    ]
    assert log.end() == 0
    accepted = log.append(
        [activity("a", "other"), update(idempotency_key="k", request_hash="other")], atomic=True
    )
    assert [answer.event.position for answer in accepted] == [0, 1]
