"""Updates, withdrawals and the stream, with every option, on a project of the test's own."""

import json

import pytest

from tests.shop import ACCOUNTS, CONTACTS, ORDERS

ANN, BEN = f"{CONTACTS}=1", f"{CONTACTS}=2"
ORDER = {"AccountId": "1", "PlacedAt": "2026-01-01T10:00:00Z"}


def field(run, name: str, who: str = ANN, *options: str):
    return run("get", "--key", who, *options)["fields"][name]


def test_an_update_is_shown_at_once_and_its_answer_says_until_when(run):
    answer = run(
        "update",
        "--key",
        ANN,
        "Points=9",
        "FullName=Ann B",
        "Member:=null",
        "--valid-until",
        "90m",
        "--caller",
        "desk",
    )
    assert (answer["status"], answer["repeated"], answer["position"]) == (204, False, 0)
    assert answer["validFrom"] == answer["acceptedAt"] < answer["validUntil"]
    points = field(run, "Points")
    assert (points["value"], points["eventId"], points["caller"]) == (9, answer["eventId"], "desk")
    assert (field(run, "FullName")["value"], field(run, "Member")["value"]) == ("Ann B", None)
    assert field(run, "Member")["baseValue"] is True


def test_an_update_by_id(run):
    customer = run("get", "--key", f"{ACCOUNTS}=2")["customerId"]
    run("update", customer, "Points:=5")
    assert field(run, "Points")["value"] == 5


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("Points=-5", "Points", -5),
        ("Points:=12", "Points", 12),
        ("Spent=1.5", "Spent", "1.50"),
        ("Spent:=2", "Spent", "2.00"),
        ("Member=no", "Member", False),
        ("Member:=true", "Member", True),
        ("Score=1e3", "Score", 1000.0),
        ("Since=2026-02-28", "Since", "2026-02-28"),
        ("FullName=", "FullName", ""),
        ("FullName=a=b", "FullName", "a=b"),
        ('FullName:="x"', "FullName", "x"),
        ("FullName:=null", "FullName", None),
        ("FullName=Zoë 李", "FullName", "Zoë 李"),
    ],
)
def test_values_are_read_by_their_fields_type(run, word, name, value):
    run("update", "--key", ANN, word)
    assert field(run, name)["value"] == value


def test_an_update_as_text(text):
    assert text("update", "--key", ANN, "Points=9").startswith("accepted as event ")
    assert text("-q", "update", "--key", ANN, "Points=9") == ""


def test_an_event_time_in_the_past_changes_the_past(run):
    before = run("update", "--key", ANN, "Points=1")["acceptedAt"]
    run("update", "--key", ANN, "Points=2", "--event-time", before, "--valid-until", "1h")
    assert field(run, "Points", ANN, "--as-of", before)["value"] == 2


def test_the_same_idempotency_key_is_accepted_once(run, text):
    words = ("update", "--key", ANN, "Points=9", "--idempotency-key", "k", "--caller", "desk")
    first, again = run(*words), run(*words)
    assert (again["eventId"], again["repeated"], run("status")["log"]["position"]) == (
        first["eventId"],
        True,
        1,
    )
    assert text(*words).startswith("accepted before as event ")


def test_a_withdrawal_ends_one_field_or_all(run, text):
    run("update", "--key", ANN, "Points=9", "FullName=X")
    run("withdraw", "--key", ANN, "Points")
    assert (field(run, "Points")["value"], field(run, "FullName")["value"]) == (7, "X")
    assert text("withdraw", run("get", "--key", ANN)["customerId"]).startswith("accepted as event ")
    assert field(run, "FullName")["live"] is False
    words = ("withdraw", "--key", ANN, "--idempotency-key", "k", "--caller", "desk")
    assert (run(*words)["repeated"], run(*words)["repeated"]) == (False, True)


def test_a_withdrawal_with_an_event_time_leaves_later_updates(run):
    first = run("update", "--key", ANN, "Points=1")["acceptedAt"]
    run("update", "--key", ANN, "Points=2")
    run("withdraw", "--key", ANN, "Points", "--event-time", first)
    assert field(run, "Points")["value"] == 2


def test_the_stream_carries_events_into_sql_until_it_has_caught_up(run, text):
    run("update", "--key", ANN, "Points=9")
    run("post", ORDERS, given=json.dumps([ORDER | {"OrderId": "10"}, ORDER | {"OrderId": "11"}]))
    query = (
        "sql",
        (
            "SELECT (SELECT max(Points) FROM Customer_live) AS points, count(*) AS n FROM "
            "UnifiedActivity_live"
        ),
    )
    assert run(*query)["rows"] == [{"points": 7, "n": 2}]
    assert run("status")["stream"]["lagEvents"] == 3
    assert run("stream", "--until-caught-up") == {
        "position": 3,
        "events": 3,
        "ticks": 1,
        "late": 0,
    }
    assert run(*query)["rows"] == [{"points": 9, "n": 4}]
    assert text("stream", "--until-caught-up") == "Carried 0 events into the lake; position 3.\n"
    run("update", "--key", BEN, "Points=1")
    assert text("stream", "--until-caught-up") == "Carried 1 event into the lake; position 4.\n"
