"""The command `post`: records as JSON, lines or an array, and what becomes of each row."""

import json

import pytest

from tests.command_line import call
from tests.shop import CONTACTS, ORDERS

ANN = f"{CONTACTS}=1"

NEW = {
    "OrderId": "9",
    "AccountId": "1",
    "PlacedAt": "2026-01-01T10:00:00Z",
    "Item": "Jug",
    "Amount": "4.00",
}
ACTIVITY = {
    "ActivityType": "Call",
    "ActivityTime": "2026-01-02T10:00:00Z",
    "Title": "Asked for a jug",
}
LINES = "\n".join(json.dumps(NEW | {"OrderId": str(number)}) for number in (10, 11)) + "\n\n"


@pytest.mark.parametrize(
    "given",
    [
        json.dumps(NEW),
        json.dumps(NEW, indent=2),
        json.dumps([NEW]),
        json.dumps(NEW) + "\n",
        "\ufeff" + json.dumps(NEW),
    ],
)
def test_one_record_is_posted_as_json_however_it_is_laid_out(run, given):
    answer = run("post", ORDERS, given=given)
    assert (answer["accepted"], answer["refused"], answer["rows"][0]["status"]) == (1, 0, 201)
    assert [one["Title"] for one in run("timeline", "--key", ANN)["activities"]] == [
        "Jug",
        "Pot",
        "Cup",
    ]


@pytest.mark.parametrize(
    "given",
    [
        LINES,
        LINES.replace("\n", "\r\n"),
        json.dumps([NEW | {"OrderId": "10"}, NEW | {"OrderId": "11"}]),
    ],
)
def test_many_records_are_posted_as_lines_or_as_an_array(run, given):
    answer = run("post", ORDERS, "-", given=given)
    assert (answer["accepted"], [row["index"] for row in answer["rows"]]) == (2, [0, 1])


def test_records_are_posted_from_a_file(run, tmp_path):
    file = tmp_path / "new orders.jsonl"
    file.write_text(LINES)
    assert run("post", ORDERS, file)["accepted"] == 2


def test_an_empty_list_posts_nothing(run, text):
    assert run("post", ORDERS, given="[]") == {"accepted": 0, "refused": 0, "rows": []}
    assert text("post", ORDERS, given="[]") == "0 accepted, 0 refused.\n"


def test_unified_activities_are_posted(run):
    customer = run("get", "--key", ANN)["customerId"]
    answer = run(
        "post",
        "UnifiedActivity",
        "--valid-until",
        "1h",
        "--caller",
        "phone",
        given=json.dumps(ACTIVITY | {"CustomerId": customer, "SemanticData": {"Minutes": 3}}),
    )
    entry = run("timeline", "--key", ANN)["activities"][0]
    assert (entry["Title"], entry["live"], entry["caller"], entry["eventId"]) == (
        "Asked for a jug",
        True,
        "phone",
        answer["rows"][0]["eventId"],
    )
    assert json.loads(entry["SemanticData"]) == {"Minutes": 3}
    assert run("timeline", "--key", ANN, "--base")["activities"][0]["Title"] == "Pot"


def test_a_record_of_an_unknown_customer_is_held(run, text):
    answer = run("post", ORDERS, given=json.dumps(NEW | {"AccountId": "nobody yet"}))
    assert (answer["rows"][0]["status"], answer["refused"]) == (202, 0)
    assert "accepted, held until its customer is known as event " in text(
        "post", ORDERS, given=json.dumps(NEW | {"OrderId": "8", "AccountId": "nobody yet"})
    )
    run("stream", "--until-caught-up")
    assert run("status")["held"] == 2


MIXED = "\n".join(
    [
        json.dumps(NEW),
        json.dumps(NEW | {"OrderId": "10", "Amount": "much"}),
        "no json",
        json.dumps(NEW | {"OrderId": "11", "Itme": "x", "PlacedAt": "soon"}),
    ]
)


def test_a_refused_row_does_not_hinder_the_others_and_gives_exit_code_1(run):
    answer = run("post", ORDERS, given=MIXED, code=1)
    assert (answer["accepted"], answer["refused"]) == (1, 3)
    assert [row.get("error", {}).get("code") for row in answer["rows"]] == [
        None,
        "invalid_value",
        "invalid_json",
        "invalid_fields",
    ]
    assert [one["target"] for one in answer["rows"][3]["error"]["details"]] == ["Itme", "PlacedAt"]
    assert run("status")["log"]["position"] == 1


def test_refused_rows_as_text(text):
    lines = text("post", ORDERS, given=MIXED, code=1).splitlines()
    assert lines[0].startswith("row 1: accepted as event ")
    assert lines[1].startswith('row 2: refused (invalid_value): Amount: "much" is not ')
    assert lines[2].startswith("row 3: refused (invalid_json): ")
    assert lines[3] == "row 4: refused (invalid_fields): 2 fields were refused: Itme, PlacedAt."
    assert [line[:2] for line in lines[4:6]] == ["  ", "  "]
    assert lines[-1] == "1 accepted, 3 refused."


def test_a_quiet_post_still_tells_what_was_refused(project_folder):
    answer = call("-C", project_folder, "-q", "post", ORDERS, given=MIXED)
    assert (answer.code, answer.out) == (1, "")
    assert [line[:14] for line in answer.err.splitlines() if not line.startswith(" ")] == [
        "row 2: refused",
        "row 3: refused",
        "row 4: refused",
    ]


def test_an_atomic_post_accepts_all_or_none(run):
    answer = run("post", "--atomic", ORDERS, given=MIXED, code=1)
    assert (answer["accepted"], answer["refused"], answer["rows"][0]["error"]["code"]) == (
        0,
        4,
        "batch_refused",
    )
    assert run("status")["log"]["position"] == 0
    assert run("post", "--atomic", ORDERS, given=LINES)["accepted"] == 2


def test_the_same_record_posted_again_is_one_activity(run):
    first, again = (run("post", ORDERS, given=json.dumps(NEW))["rows"][0] for _ in range(2))
    assert (again["eventId"], again["repeated"]) == (first["eventId"], True)
    conflict = run("post", ORDERS, given=json.dumps(NEW | {"Item": "Mug"}), code=1)
    assert conflict["rows"][0]["error"]["code"] == "activity_conflict"
