"""The commands that change something, with every option, each on a project of the test's own."""

import json
from uuid import UUID

import pytest
import yaml

from overtide.schemas.paths import Paths
from tests.command_line import call
from tests.conftest import make_shop
from tests.shop import ACCOUNTS, CONTACTS, ORDERS

ANN, BEN = f"{CONTACTS}=1", f"{CONTACTS}=2"
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


@pytest.fixture
def run(project_folder):
    """Run a command on the project with --json, which must print nothing else.

    Return the document.
    """

    def run(*words: object, given: str = "", code: int = 0):
        answer = call("-q", "-C", project_folder, "--json", *words, given=given)
        assert (answer.code, answer.err) == (code, ""), answer
        return answer.document

    return run


@pytest.fixture
def text(project_folder):
    """Run a command on the project and return what it prints for people."""

    def text(*words: object, given: str = "", code: int = 0) -> str:
        answer = call("-C", project_folder, *words, given=given)
        assert (answer.code, answer.err) == (code, ""), answer
        return answer.out

    return text


def field(run, name: str, who: str = ANN, *options: str):
    return run("get", "--key", who, *options)["fields"][name]


def test_init_makes_a_project_with_an_id_of_its_own(tmp_path, monkeypatch):
    answers = [call("--json", "init", tmp_path / name).document for name in ("one", "two")]
    assert answers[0] == {"folder": str(tmp_path / "one"), "example": "blank", "files": 2}
    ids = {
        yaml.safe_load((tmp_path / name / "overtide.yaml").read_text())["instance"]["id"]
        for name in ("one", "two")
    }
    assert len({UUID(one) for one in ids}) == 2
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir("here")
    assert (
        call("init").out == "Made here from the example blank: 2 files. "
        "Next: overtide validate, then overtide refresh.\n"
    )


def test_init_says_how_to_go_on_in_a_folder_that_a_shell_would_split(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "overtide -C 'a b'\"'\"'c' validate" in call("init", "a b'c").out
    assert call("-q", "init", "quiet").out == ""
    assert (tmp_path / "quiet" / "overtide.yaml").exists()


@pytest.mark.parametrize(("example", "files"), [("contoso", 7), ("retail", 7), ("blank", 2)])
def test_init_copies_every_file_of_an_example(tmp_path, example, files):
    found = call("--json", "init", tmp_path / "new", "--example", example).document
    assert found["files"] == files == sum(path.is_file() for path in (tmp_path / "new").rglob("*"))


def test_validate_says_that_all_is_well(text, run):
    assert text("validate") == "The configuration is valid.\n"
    assert run("validate") == {"valid": True, "mistakes": []}
    assert json.loads(text("validate", "--schema")) == run("validate", "--schema")


def test_validate_lists_mistakes_and_notes_with_their_places(project_folder, text, run):
    path = project_folder / "overtide.yaml"
    document = yaml.safe_load(path.read_text())
    document["sources"]["Crm"]["Contacts"]["primary_kye"] = "ContactId"
    del document["sources"]["Crm"]["Contacts"]["attributes"]["Since"]
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    shown = text("validate", code=2).splitlines()
    assert shown[-1] == "2 mistakes."
    lines = path.read_text().splitlines()
    found = run("validate", code=2)
    assert found["valid"] is False
    assert [(one["code"], lines[one["line"] - 1].strip()) for one in found["mistakes"]] == [
        ("unknown_setting", "primary_kye: ContactId"),
        ("unknown_name", "- Crm_Contacts.Since"),
        ("new_column", "Contacts:"),
    ]
    assert [line.split(": ")[0] for line in shown[:-1]] == [
        f"overtide.yaml:{one['line']}" for one in found["mistakes"]
    ]
    assert shown[2].split(": ")[1] == "note"


def test_refresh_says_what_it_published(run, project_folder):
    found = run("refresh")
    assert (found["run"], found["generation"][:10], found["manifest"]["profiles"]) == (
        2,
        "run000002-",
        4,
    )
    assert found["publishedAt"].endswith("Z")
    assert run("status")["published"]["run"] == 2
    assert not Paths.of(project_folder).scratch.exists()


def test_refresh_as_text_shows_progress_on_standard_error(project_folder):
    answer = call("-C", project_folder, "refresh")
    assert answer.code == 0
    assert answer.out.startswith("Published run 2 at 2")
    assert "4 customers from 6 records" in answer.out
    stages = [line.split("  ")[0] for line in answer.err.splitlines()]
    assert {"ingest", "keys", "match", "identities", "serving generation", "publish"} <= set(stages)


def test_a_quiet_refresh_prints_nothing(project_folder):
    answer = call("-C", project_folder, "-q", "refresh")
    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_a_refresh_that_cannot_remove_what_is_old_has_published_and_says_so(project_folder):
    stuck = Paths.of(project_folder).serving / "run000000.sqlite"
    stuck.mkdir()
    answer = call("-C", project_folder, "refresh")
    assert (answer.code, answer.out.startswith("Published run 2 at ")) == (0, True)
    last = answer.err.splitlines()[-1]
    assert last.startswith(f"Run 2 is published; cleaning up failed: {stuck} cannot be used: ")
    assert last.endswith("; the next refresh tries again.")


def test_refresh_takes_a_runner_by_name_or_file(run, tmp_path):
    assert run("refresh", "--runner", "embedded")["manifest"]["runner"] == "FnApiRunner"
    (tmp_path / "mine.yaml").write_text("runner: FnApiRunner\nthreads: 1\n")
    assert run("refresh", "--runner", tmp_path / "mine.yaml")["run"] == 3


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


def test_the_stream_carries_events_into_sql_until_it_has_caught_up(run, text):
    run("update", "--key", ANN, "Points=9")
    run("post", ORDERS, given=LINES)
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


def test_a_moved_and_a_copied_project_still_work(project_folder, tmp_path):
    import shutil

    call("-C", project_folder, "update", "--key", ANN, "Points=9")
    moved = tmp_path / "moved to 'another' place, ü"
    shutil.copytree(project_folder, moved)
    shutil.rmtree(project_folder)
    assert (
        call("-C", moved, "--json", "get", "--key", ANN).document["fields"]["Points"]["value"] == 9
    )
    assert call("-C", moved, "stream", "--until-caught-up").code == 0
    found = call(
        "-C", moved, "--json", "sql", "SELECT max(Points) AS p FROM Customer_live"
    ).document
    assert found["rows"] == [{"p": 9}]
    assert call("-C", moved, "-q", "refresh").code == 0
    assert call("-C", moved, "--json", "timeline", "--key", ANN).document["run"] == 2


def test_a_project_in_the_current_folder_needs_no_option(tmp_path, monkeypatch):
    monkeypatch.chdir(make_shop(tmp_path / "shop"))
    assert call("validate").out == "The configuration is valid.\n"
