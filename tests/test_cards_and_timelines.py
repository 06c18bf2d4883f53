"""The rules of the merged view as pure functions.

Which update decides a field, which activities a timeline shows.
"""

import json

import pytest

from overtide.lake.cards_and_timelines import Card, TimelineEntry, card, live_activities
from overtide.lake.decide.updates import Overlay
from overtide.lake.generation import Profile
from overtide.schemas.activities import COLUMNS
from overtide.schemas.events import Event
from overtide.schemas.table import ProfileField
from overtide.schemas.values import canonical

FIELDS = {
    name: ProfileField(name, kind, updatable)
    for name, kind, updatable in (
        ("CustomerId", "string", False),
        ("City", "string", True),
        ("Points", "integer", True),
        ("Shop_Key", "string", False),
    )
}
PROFILE = Profile(
    "c" * 32, {"City": "Oslo", "Points": 1, "Shop_Key": "7"}, (("Shop", "7", True),), ("d" * 32,)
)


def event(
    kind: str,
    body: dict,
    accepted: int,
    start: int | None = None,
    until: int | None = None,
    event_id: str | None = None,
) -> Event:
    start = accepted if start is None else start
    return Event(
        accepted,
        event_id or f"{accepted:04d}",
        accepted,
        kind,
        PROFILE.customer_id,
        None,
        None,
        start,
        until,
        "someone",
        canonical(body),
        body.get("ActivityId"),
    )


def update(accepted: int, start: int | None = None, until: int = 100, **fields: object) -> Event:
    return event("update", {"fields": fields}, accepted, start, until)


def withdrawal(accepted: int, field: str | None = None, start: int | None = None) -> Event:
    return event("withdrawal", {"field": field}, accepted, start)


def shown(events: list[Event], t: int, k: int | None = None) -> dict[str, object]:
    return {
        name: change.value
        for name, change in Overlay(events, FIELDS, t if k is None else k).winners(t).items()
    }


def test_an_update_holds_from_its_start_until_just_before_its_end():
    one = update(10, until=20, City="Bergen")
    assert [shown([one], t).get("City") for t in (9, 10, 19, 20)] == [
        None,
        "Bergen",
        "Bergen",
        None,
    ]


def test_nothing_is_shown_before_it_was_known():
    late = update(30, start=10, until=40, City="Bergen")
    assert shown([late], 15, 29) == {}
    assert shown([late], 15, 30) == {"City": "Bergen"}


def test_the_later_start_wins_whatever_was_accepted_last():
    first, second = update(10, start=8, City="Bergen"), update(20, start=5, City="Bodø")
    assert shown([second, first], 30) == {"City": "Bergen"}


def test_of_equal_starts_the_later_acceptance_wins_then_the_greater_id():
    first, second = update(10, start=5, City="Bergen"), update(20, start=5, City="Bodø")
    assert shown([second, first], 30) == {"City": "Bodø"}
    tie = [event("update", {"fields": {"City": name}}, 10, 5, 90, name) for name in ("b", "a")]
    assert shown(tie, 30) == {"City": "b"}


def test_an_older_update_shows_again_when_a_newer_one_ends():
    assert [
        shown([update(1, until=50, City="Bergen"), update(2, until=20, City="Bodø")], t)["City"]
        for t in (10, 20)
    ] == ["Bodø", "Bergen"]


def test_each_field_is_decided_on_its_own_and_null_is_a_value():
    events = [update(1, City="Bergen", Points=5), update(2, City=None)]
    assert shown(events, 10) == {"City": None, "Points": 5}


@pytest.mark.parametrize(
    ("field", "left"), [("City", {"Points": 5}), (None, {}), ("Points", {"City": "Bergen"})]
)
def test_a_withdrawal_ends_the_updates_of_its_field_or_of_all(field, left):
    assert shown([update(1, City="Bergen", Points=5), withdrawal(2, field)], 10) == left


def test_a_withdrawal_ends_what_began_no_later_and_only_from_its_own_start():
    events = [update(1, City="Bergen"), withdrawal(2, start=5), update(3, start=6, City="Bodø")]
    assert [shown(events, t, 9).get("City") for t in (4, 5, 6)] == ["Bergen", None, "Bodø"]
    assert shown([withdrawal(2, start=5), update(8, start=5, City="Bergen")], 9) == {}
    assert shown([update(1, City="Bergen"), withdrawal(8, start=5)], 9, 7) == {"City": "Bergen"}


def test_fields_and_types_that_the_base_lacks_are_not_shown():
    assert shown([update(1, Hat="blue", Shop_Key="8", Points="many", City=3)], 10) == {}
    assert shown([update(1, City="Bergen"), update(2, City=3)], 10) == {"City": "Bergen"}


def test_an_unreadable_body_says_nothing():
    broken = Event(1, "1", 1, "update", PROFILE.customer_id, None, None, 1, 90, None, "{", None)
    wrong = Event(
        2, "2", 2, "update", PROFILE.customer_id, None, None, 1, 90, None, '{"fields": [1]}', None
    )
    assert shown([broken, wrong, update(3, City="Bergen")], 10) == {"City": "Bergen"}


def test_a_card_says_for_each_field_whether_it_is_live_and_what_lies_beneath():
    found = card(PROFILE, FIELDS, [update(10, until=20, City="Bergen")], 15, 16, 3)
    assert isinstance(found, Card)
    assert (found["City"], found["Points"]) == ("Bergen", 1)
    city = found.fields["City"]
    assert (city.live, city.base_value, city.valid_until, city.event_id, city.caller) == (
        True,
        "Oslo",
        20,
        "0010",
        "someone",
    )
    assert list(found.fields) == ["City", "Points", "Shop_Key"]
    document = found.as_json()
    assert document["asOf"] == "1970-01-01T00:00:00.000015Z"
    assert document["fields"]["City"]["validUntil"] == "1970-01-01T00:00:00.000020Z"
    assert document["records"] == [{"entity": "Shop", "key": "7", "winner": True}]
    assert json.loads(json.dumps(document)) == document


def activity(identity: str, time: str | None, **more: object) -> dict[str, object]:
    return dict.fromkeys(COLUMNS) | {"ActivityId": identity, "ActivityTime": time} | more


def test_real_time_activities_hold_like_updates_and_the_first_of_an_identity_stands():
    first, second = (
        event("activity", activity("a", "2026-01-01", Title=title), at, at, at + 20)
        for at, title in ((10, "first"), (15, "second"))
    )
    assert [
        [entry["Title"] for entry in live_activities([second, first], t, 40)]
        for t in (9, 12, 20, 30, 35)
    ] == [[], ["first"], ["first"], ["second"], []]
    assert live_activities([first], 12, 9) == []
    assert live_activities([update(10, City="Bergen"), withdrawal(11)], 12, 12) == []


def entry(identity: str, time: str | None) -> TimelineEntry:
    return TimelineEntry(activity(identity, time), True, 100, "e", "someone")


def test_an_entry_and_a_table_of_them():
    one = entry("a", "2026-01-01")
    assert one.as_json()["validUntil"] == "1970-01-01T00:00:00.000100Z"
