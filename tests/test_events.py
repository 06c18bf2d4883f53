"""What a draft becomes at its acceptance, and the ids of events and activities."""

import json
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overtide.schemas.errors import OvertideError
from overtide.schemas.events import (
    MAX_AHEAD,
    MAX_LIFE,
    ActivityBody,
    Draft,
    UndecodableError,
    UpdateBody,
    WithdrawalBody,
    activity_id,
    event_id,
    hash_of,
    id_source,
    resolve,
)
from overtide.schemas.instants import HOUR

NOW = 1_795_514_400_000_000


def draft(kind="update", **changes):
    return Draft(
        **{"kind": kind, "customer_id": "c", "entity": None, "key": None, "body": "{}", **changes}
    )


def refusal(wrong):
    with pytest.raises(OvertideError) as found:
        resolve(wrong, NOW, "e")
    return found.value.code


def test_a_duration_counts_from_acceptance():
    event = resolve(draft(ttl=4 * HOUR), NOW, "e", 7)
    assert (event.valid_from, event.valid_until, event.accepted_at, event.position) == (
        NOW,
        NOW + 4 * HOUR,
        NOW,
        7,
    )


def test_a_late_event_keeps_its_time():
    event = resolve(draft(event_time=NOW - 1000 * HOUR, valid_until=NOW + 1), NOW, "e")
    assert (event.valid_from, event.valid_until) == (NOW - 1000 * HOUR, NOW + 1)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"valid_until": NOW}, "expired"),
        ({"ttl": 0}, "expired"),
        ({"valid_until": NOW - 1}, "expired"),
        ({"valid_until": NOW + MAX_LIFE + 1}, "too_far"),
        ({"ttl": MAX_LIFE + 1}, "too_far"),
        ({"ttl": 10**30}, "too_far"),
        ({"event_time": NOW + MAX_AHEAD + 1, "ttl": HOUR}, "event_time_in_future"),
        ({"event_time": NOW + 10, "valid_until": NOW + 10}, "ends_before_start"),
    ],
)
def test_times_outside_the_limits_are_refused(changes, code):
    assert refusal(draft(**changes)) == code


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_until": NOW + 1},
        {"valid_until": NOW + MAX_LIFE},
        {"event_time": NOW + MAX_AHEAD, "ttl": HOUR},
        {"event_time": NOW + 10, "valid_until": NOW + 11},
    ],
)
def test_times_at_the_limits_are_accepted(changes):
    assert resolve(draft(**changes), NOW, "e").valid_until > NOW


def test_a_withdrawal_does_not_end():
    assert resolve(draft("withdrawal"), NOW, "e").valid_until is None


def test_an_activity_without_a_name_is_named_by_its_event():
    event = resolve(draft("activity", body='{"ActivityType":"Call"}', ttl=HOUR), NOW, "e-1")
    assert event.activity_id == activity_id("UnifiedActivity", "e-1")
    assert json.loads(event.body) == {
        "ActivityType": "Call",
        "SourceEntityName": "UnifiedActivity",
        "SourceActivityId": "e-1",
        "ActivityId": event.activity_id,
    }


def test_an_activity_with_an_id_keeps_its_body():
    event = resolve(
        draft("activity", body='{"ActivityId":"x"}', activity_id="x", ttl=HOUR), NOW, "e-1"
    )
    assert (event.activity_id, event.body) == ("x", '{"ActivityId":"x"}')


def test_an_activity_id_is_the_specified_hash():
    assert activity_id("Web_Reviews", "R1") == "6090f10a239160e1dcf2bed692623954"
    assert activity_id("ab", "c") != activity_id("a", "bc")


@given(st.integers(0, 2**48 * 1000 - 2), st.integers(0, 2**62 - 1), st.integers(0, 2**62 - 1))
def test_event_ids_are_uuids_of_version_7_that_increase_by_the_microsecond(instant, some, other):
    earlier, later = event_id(instant, some), event_id(instant + 1, other)
    assert earlier < later
    assert (UUID(earlier).version, UUID(earlier).variant, UUID(earlier).int >> 80) == (
        7,
        RFC_4122,
        instant // 1000,
    )


def test_an_id_source_is_deterministic_in_tests():
    assert id_source(lambda: 5)(NOW) == "01a20cff-7d00-7000-8000-000000000005"


def test_hashes_do_not_depend_on_the_order_of_keys():
    assert hash_of({"a": 1, "b": 2}) == hash_of({"b": 2, "a": 1}) != hash_of({"a": 1})


def test_bodies_are_read_as_they_were_written():
    record = {"ActivityId": "x", "ActivityTime": "2027-01-15T08:00:00.000001Z", "Title": "é"}
    event = resolve(draft(ttl=HOUR, activity_id="x"), NOW, "e")
    for body, text in (
        (UpdateBody({"City": "Oslo", "Points": None}), '{"fields":{"City":"Oslo","Points":null}}'),
        (WithdrawalBody("City"), '{"field":"City"}'),
        (WithdrawalBody(None), '{"field":null}'),
    ):
        assert body.text() == text
        assert type(body).read(event._replace(body=text)) == body
    read = ActivityBody.read(event._replace(body=ActivityBody(record).text()))
    assert {name: value for name, value in read.columns.items() if value} == record
    assert read.time == 1_800_000_000_000_001


@pytest.mark.parametrize("body", [UpdateBody, WithdrawalBody, ActivityBody])
def test_a_body_of_a_later_version_is_not_guessed_at(body):
    text = '{"fields":{},"field":null,"version":2}'
    event = resolve(draft(ttl=HOUR, activity_id="x"), NOW, "e")._replace(body=text)
    with pytest.raises(UndecodableError, match="its body has version 2, not 1"):
        body.read(event)
    body.read(event._replace(body=text.replace("2", "1")))
