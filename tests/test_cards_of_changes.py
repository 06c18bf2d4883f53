"""Cards and timelines show what was accepted, at once and for as long as it is valid."""

import shutil

from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import HOUR, SECOND
from overtide.schemas.values import Value
from tests import shop
from tests.published_people import (
    ANN,
    BEN,
    T0,
    code_of,
    make_project,
    own,
    people,
    publish,
    published,
)

__all__ = ["own", "published"]


def test_before_the_first_publish_there_is_nothing(tmp_path):
    with make_project(tmp_path / "new") as project:
        assert (
            code_of(project.get, key=ANN)
            == code_of(project.timeline, key=ANN)
            == "nothing_published"
        )
        assert code_of(project.update, key=ANN, fields={"Points": 1}) == "nothing_published"


def test_an_update_is_seen_by_the_next_read_until_its_exact_end(own):
    ann = own.get(key=ANN).customer_id
    until = own.update(
        ann, {"Points": 9, "FullName": None}, valid_until="1h", caller="me"
    ).event.valid_until
    own.clock.now += SECOND
    card = own.get(ann)
    assert (card["Points"], card["FullName"], card.fields["Points"].base_value) == (9, None, 3)
    assert (card.fields["Points"].valid_until, card.fields["Points"].caller) == (until, "me")
    assert own.get(ann, base=True)["Points"] == 3
    assert [own.get(ann, as_of=at)["Points"] for at in (until - 1, until)] == [9, 3]
    own.clock.now = until
    assert (own.get(ann)["Points"], own.get(ann, as_of=until - 1)["Points"]) == (3, 9)
    assert own.get(ann, as_of=until - 1, known_at=T0 + 3 * HOUR)["Points"] == 3


def test_a_withdrawal_ends_it_now_and_leaves_the_past(own):
    own.update(key=ANN, fields={"Points": 9, "Spent": "1"})
    own.clock.now += HOUR
    own.withdraw(key=ANN, field="Points")
    assert (own.get(key=ANN)["Points"], own.get(key=ANN)["Spent"]) == (3, "1.00")
    assert own.get(key=ANN, as_of=own.clock.now - 1)["Points"] == 9


def test_an_update_by_key_follows_its_record_and_one_by_id_its_profile(own):
    ann, ben = own.get(key=ANN).customer_id, own.get(key=BEN).customer_id
    own.update(ann, {"Points": 7})
    own.update(key=(shop.ACCOUNTS, "2"), fields={"Score": 0.5})
    assert [own.get(ann)[name] for name in ("Points", "Score")] == [7, 0.5]
    publish(own, own.clock.now + HOUR, people(5, same=True))
    assert [own.get(ann)[name] for name in ("Points", "Score")] == [7, 1.5]
    assert [own.get(ben)[name] for name in ("Points", "Score")] == [None, 0.5]


def test_a_new_publish_is_noticed_by_an_open_reader(own):
    assert own.get(key=ANN).run == 4
    publish(own, own.clock.now + HOUR, people(50, same=False))
    assert (own.get(key=ANN).run, own.get(key=ANN)["Points"]) == (5, 50)
    assert own.get(key=ANN, as_of=own.clock.now - 1)["Points"] == 3


def test_posted_activities_join_the_timeline_unless_the_base_has_them(own):
    order = {"OrderId": "7", "AccountId": "1", "PlacedAt": "2027-01-01T00:00:00Z", "Item": "Mug"}
    known = {
        "OrderId": "1",
        "AccountId": "1",
        "PlacedAt": "2026-01-01T00:00:00Z",
        "Item": "Cup",
        "Amount": "3.00",
    }
    elsewhere = known | {"AccountId": "0"}
    answers = own.post(shop.ORDERS, [order, known])
    assert [answer.status for answer in answers] == [201, 201]
    found = own.timeline(key=ANN)
    assert [(entry["Title"], entry.live) for entry in found.entries] == [
        ("Mug", True),
        ("Pot", False),
        ("Cup", False),
    ]
    assert own.timeline(key=ANN, base=True).entries == found.entries[1:]
    assert (
        code_of(lambda: [_raise(answer.refusal) for answer in own.post(shop.ORDERS, [elsewhere])])
        == "activity_conflict"
    )


def _raise(error: OvertideError | None) -> None:
    if error is not None:
        raise error


def lose(folder):
    shutil.rmtree(folder)


def damage(folder):
    file = folder / "rows.arrow"
    whole = file.read_bytes()
    assert b"PotCup" in whole or b"CupPot" in whole
    file.write_bytes(whole.replace(b"Pot", b"Pit"))


def test_timelines_ask_the_lake_only_where_their_files_are_lost_or_damaged(own):
    def shown() -> list[Value]:
        return [entry["Title"] for entry in own.timeline(key=ANN).entries]

    assert shown() == ["Pot", "Cup"]
    assert own.reader._lake._connection is None
    (folder,) = own.paths.serving.glob("activities1-*")  # the last two runs changed none
    for harm in (damage, lose):
        harm(folder)
        assert shown() == ["Pot", "Cup"]
        assert own.reader._lake._connection is not None


def test_an_activity_that_the_base_has_for_another_customer_is_not_shown_twice(own):
    own.post(
        shop.ORDERS,
        [{"OrderId": "2", "AccountId": "0", "PlacedAt": "2026-01-02T00:00:00Z", "Item": "Pot"}],
    )
    assert own.timeline(key=(shop.ACCOUNTS, "0")).entries == ()


def test_an_activity_is_the_base_s_whether_its_id_or_its_source_names_it(own):
    pot, one = own.timeline(key=ANN).entries[0]["ActivityId"], own.get(key=BEN).customer_id
    call = {"CustomerId": one, "ActivityType": "Call", "ActivityTime": "2026-01-02T00:00:00Z"}
    named = {"SourceEntityName": shop.ORDERS, "SourceActivityId": "1"}
    answers = own.post(
        "UnifiedActivity",
        [
            call | {"ActivityId": pot},
            call | named,
            call,
            call
            | {
                "SourceEntityName": "Desk_Calls",
                "SourceActivityId": "1",
                "Title": "from elsewhere",
            },
        ],
    )
    shown = [answer.event.activity_id for answer in answers[2:]]
    for _ in range(2):
        assert sorted(entry["ActivityId"] for entry in own.timeline(one).entries) == sorted(shown)


def test_a_held_activity_is_shown_once_a_refresh_brings_its_customer(own):
    order = {"OrderId": "8", "AccountId": "new", "PlacedAt": "2027-01-01T00:00:00Z", "Item": "Mug"}
    assert own.post(shop.ORDERS, [order])[0].status == 202
    sources = people(3, same=False)
    sources[shop.ACCOUNTS]["new"] = shop.record(shop.ACCOUNTS, "new", EMail="ann@x")
    publish(own, own.clock.now + HOUR, sources)
    assert "Mug" in [entry["Title"] for entry in own.timeline(key=ANN).entries]


def test_a_timeline_is_a_table_too(own):
    own.post(
        shop.ORDERS,
        [{"OrderId": "7", "AccountId": "1", "PlacedAt": "2027-01-01T00:00:00Z", "Item": "Mug"}],
    )
    table = own.timeline(key=ANN).as_arrow()
    assert table.column("Title").to_pylist() == ["Mug", "Pot", "Cup"]
    assert table.column("live").to_pylist() == [True, False, False]


def test_a_clock_set_back_hides_nothing(own):
    own.update(key=ANN, fields={"Points": 9})
    accepted = own.log.tail().accepted_at
    own.clock.now = T0
    card = own.get(key=ANN)
    assert (card["Points"], card.as_of, card.run) == (9, accepted, 4)
