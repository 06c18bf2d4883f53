"""The commands that read, on a refreshed project: cards, timelines, SQL, `open`, `status`.

As text and as JSON.
"""

import json
import subprocess
import sys

import pytest

from tests import shop
from tests.command_line import Answer, call
from tests.shop import ACCOUNTS, CONTACTS

ANN = f"{CONTACTS}=1"


@pytest.fixture(scope="module")
def folder(refreshed_shop, tmp_path_factory):
    """A refreshed project with a live update of Ann's points, and a second run.

    In the second run she has more of them.
    """
    import shutil

    folder = shutil.copytree(refreshed_shop, tmp_path_factory.mktemp("reading") / "shop")
    shop.write_sources(
        folder,
        shop.sources(
            (
                CONTACTS,
                "1",
                {"EMail": "ann@x", "FullName": "Ann", "Points": 8, "Since": "2020-01-02"},
            ),
            (
                ACCOUNTS,
                "1",
                {"EMail": "ann@x", "FullName": "Ann A", "Spent": "12.50", "Member": True},
            ),
            (ACCOUNTS, "2", {"EMail": "ann@x"}),
            (CONTACTS, "2", {"EMail": "ben@x", "FullName": "Ben"}),
            (
                shop.ORDERS,
                "1",
                {
                    "AccountId": "1",
                    "PlacedAt": "2024-03-01T10:00:00Z",
                    "Item": "Cup",
                    "Amount": "3.00",
                },
            ),
        ),
    )
    assert call("-C", folder, "-q", "refresh").code == 0
    assert call("-C", folder, "update", "--key", ANN, "Points=99", "--caller", "desk").code == 0
    assert call("-C", folder, "stream", "--until-caught-up").code == 0
    return folder


@pytest.fixture
def asked(folder):
    """Ask the project something as JSON and return the document."""

    def ask(*words: str):
        answer = call("-C", folder, "--json", *words)
        assert (answer.code, answer.err) == (0, "")
        return answer.document

    return ask


@pytest.fixture
def shown(folder):
    """Ask the project something and return the text."""

    def show(*words: str) -> str:
        answer = call("-C", folder, *words)
        assert (answer.code, answer.err) == (0, "")
        return answer.out

    return show


def published(asked, run: int) -> str:
    """Return the instant at which a run was published."""
    return asked("sql", f"SELECT PublishedAt FROM runs WHERE Run = {run}")["rows"][0]["PublishedAt"]


def test_a_card_says_for_each_field_whether_it_is_live_the_base_value_and_the_expiry(asked):
    card = asked("get", "--key", ANN)
    points = card["fields"]["Points"]
    assert (points["value"], points["live"], points["baseValue"], points["caller"]) == (
        99,
        True,
        8,
        "desk",
    )
    assert points["validUntil"].endswith("Z")
    name = card["fields"]["FullName"]
    assert (name["value"], name["live"]) == ("Ann A", False)
    assert card["fields"]["Spent"]["value"] == "12.50"
    assert (card["run"], card["previous"]) == (2, [])


def test_a_card_is_found_by_its_id_and_by_every_record_losers_too(asked):
    keys = [ANN, f"{ACCOUNTS}=1", f"{ACCOUNTS}=2"]
    ids = {asked("get", "--key", key)["customerId"] for key in keys}
    assert len(ids) == 1
    assert asked("get", *ids)["customerId"] in ids
    records = asked("get", *ids)["records"]
    assert {(one["entity"], one["key"], one["winner"]) for one in records} == {
        (CONTACTS, "1", True),
        (ACCOUNTS, "1", True),
        (ACCOUNTS, "2", False),
    }


def test_base_leaves_real_time_changes_out(asked):
    card = asked("get", "--key", ANN, "--base")
    assert (card["fields"]["Points"]["value"], card["fields"]["Points"]["live"]) == (8, False)


def test_as_of_and_known_at_go_back_to_the_first_run(asked):
    first = published(asked, 1)
    card = asked("get", "--key", ANN, "--as-of", first)
    assert (card["asOf"], card["run"], card["fields"]["Points"]["value"]) == (first, 1, 7)
    now = asked("get", "--key", ANN, "--known-at", first)
    assert (now["knownAt"], now["run"], now["fields"]["Points"]["value"]) == (first, 1, 7)
    assert [
        one["Title"] for one in asked("timeline", "--key", ANN, "--as-of", first)["activities"]
    ] == ["Pot", "Cup"]
    assert [one["Title"] for one in asked("timeline", "--key", ANN)["activities"]] == ["Cup"]


def test_an_instant_may_have_any_offset(asked):
    first = published(asked, 1)
    moved = first.replace("Z", "+00:00")
    assert asked("get", "--key", ANN, "--as-of", moved)["asOf"] == first


def test_a_card_as_text(shown):
    lines = shown("get", "--key", ANN).splitlines()
    assert lines[0].startswith("Customer ")
    assert lines[1].startswith("as of ")
    assert lines[3].split() == ["field", "value", "live", "until", "base", "value"]
    points = next(line.split() for line in lines if line.startswith("Points"))
    assert (points[1], points[-1]) == ("99", "8")
    assert f"{ACCOUNTS}=2" in lines[-1]


def test_a_timeline_as_text_and_json(shown, asked):
    text = shown("timeline", "--key", ANN)
    assert text.startswith("1 activity of customer ")
    assert "Cup" in text
    entry = asked("timeline", "--key", ANN)["activities"][0]
    assert entry["ActivityTime"] == "2024-03-01T10:00:00.000000Z"
    assert json.loads(entry["SemanticData"]) == {"Amount": "3.00"}
    assert entry["live"] is False


def test_an_empty_timeline_says_so(shown):
    assert shown("timeline", "--key", f"{CONTACTS}=2").startswith("0 activities of customer ")


def test_sql_as_text(shown):
    assert shown(
        "sql", "SELECT FullName, Points FROM Customer_live WHERE FullName = 'Ann A'"
    ).splitlines() == ["FullName  Points", "Ann A     99"]


def test_sql_from_standard_input(folder):
    assert call("-C", folder, "sql", "-", given="SELECT 'ü' AS x").out == "x\nü\n"


def test_sql_as_json_writes_every_type_so_that_nothing_is_lost(asked):
    found = asked(
        "sql",
        """
        SELECT 1 AS a, 2 AS a, 9007199254740992 AS exact, 9007199254740993 AS large,
          -9007199254740993 AS small,
            170141183460469231731687303715884105727 AS huge, 1.50::DECIMAL(9, 2) AS money,
              0.1::DOUBLE AS number,
            'nan'::DOUBLE AS nan, NULL AS nothing, true AS yes, TIMESTAMPTZ
              '2026-01-02T03:04:05.6+01:00' AS moment,
            TIMESTAMP '2026-01-02 03:04:05' AS clock, DATE '2026-01-02' AS day, TIME '10:00:00' AS
              hour,
            [1.5::DECIMAL(9, 2)] AS list, {'inner': 9007199254740993} AS record, MAP {'k': 1} AS
              map,
            BLOB '\\xAA' AS bytes, INTERVAL 90 MINUTE AS while, 'ü"' AS text""",
    )
    assert found == {
        "columns": [
            "a",
            "a_1",
            "exact",
            "large",
            "small",
            "huge",
            "money",
            "number",
            "nan",
            "nothing",
            "yes",
            "moment",
            "clock",
            "day",
            "hour",
            "list",
            "record",
            "map",
            "bytes",
            "while",
            "text",
        ],
        "rows": [
            {
                "a": 1,
                "a_1": 2,
                "exact": 9007199254740992,
                "large": "9007199254740993",
                "small": "-9007199254740993",
                "huge": "170141183460469231731687303715884105727",
                "money": "1.50",
                "number": 0.1,
                "nan": "nan",
                "nothing": None,
                "yes": True,
                "moment": "2026-01-02T02:04:05.600000Z",
                "clock": "2026-01-02T03:04:05.000000",
                "day": "2026-01-02",
                "hour": "10:00:00",
                "list": ["1.50"],
                "record": {"inner": "9007199254740993"},
                "map": {"k": 1},
                "bytes": "aa",
                "while": "1:30:00",
                "text": 'ü"',
            }
        ],
    }


def test_sql_without_rows(shown, asked):
    assert shown("sql", "SELECT 1 AS x WHERE false") == "x\n"
    assert asked("sql", "SELECT 1 AS x WHERE false") == {"columns": ["x"], "rows": []}


def test_sql_of_several_statements_gives_the_last(asked):
    assert asked("sql", "CREATE TEMP TABLE t AS SELECT 5 AS x; SELECT x FROM t;")["rows"] == [
        {"x": 5}
    ]


def test_the_live_views_and_macros_are_there(asked):
    first = published(asked, 1)
    found = asked(
        "sql", f"SELECT Points FROM customer_as_of('{first}', '{first}') WHERE FullName = 'Ann A'"
    )
    assert found["rows"] == [{"Points": 7}]
    assert asked("sql", "SELECT Points FROM Customer WHERE FullName = 'Ann A'")["rows"] == [
        {"Points": 8}
    ]
    assert asked("sql", "SELECT count(*) AS n FROM lake_help")["rows"][0]["n"] > 5


def test_open_prints_statements_that_work_in_another_plain_duckdb(shown, asked):
    script = shown("open")
    assert [line[-1] for line in script.splitlines()] == [";"] * len(script.splitlines())
    assert asked("open")["statements"] == [line[:-1] for line in script.splitlines()]
    program = (
        f"import duckdb\nc = duckdb.connect()\nc.execute({script!r})\n"
        "print(c.execute('SELECT Points FROM lake.Customer_live ORDER BY ALL').fetchall())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[(99,), (None,), (None,), (None,)]\n"


def test_what_open_prints_cannot_change_the_lake(shown):
    program = (
        f"import duckdb\nc = duckdb.connect()\nc.execute({shown('open')!r})\n"
        "c.execute('DELETE FROM lake.Customer')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "read-only" in done.stderr


def test_status_says_what_is_published_and_how_far_the_stream_is(asked, folder):
    found = asked("status")
    assert found["project"] == str(folder)
    assert (found["published"]["run"], found["published"]["generation"][:10]) == (2, "run000002-")
    assert found["published"]["ageSeconds"] > 0
    assert found["locks"] == {"refresh": None, "stream": None, "job": None}
    assert (
        found["log"]["position"],
        found["stream"]["position"],
        found["stream"]["lagEvents"],
    ) == (1, 1, 0)
    assert (found["live"], found["held"], found["quarantined"]) == (
        {"updates": 1, "activities": 0},
        0,
        0,
    )


def test_status_as_text(shown):
    lines = dict(line.split(maxsplit=1) for line in shown("status").splitlines())
    assert lines["published"].startswith("run 2 at ")
    assert lines["stream"] in ("position 1", "lock   free")
    assert "lock" in lines["refresh"]


def test_version_and_help_need_no_project():
    assert call("version").out.startswith("overtide ")
    assert call("--version").out == call("--version", "status").out == call("version").out
    assert (
        call("--json", "version").document.keys()
        == call("--json", "--version").document.keys()
        == {"version"}
    )
    for words in (["--help"], ["-h"], ["get", "--help"], ["--json", "get", "-h"]):
        answer = call(*words)
        assert (answer.code, answer.err) == (0, "")
        assert answer.out.startswith("usage: overtide")


@pytest.mark.parametrize("option", ["-q", "--quiet", "-v", "--verbose"])
@pytest.mark.parametrize(
    "words",
    [
        ["version"],
        ["-C", "{folder}", "sql", "SELECT 1 AS x"],
        ["-C", "{folder}", "open"],
        ["-C", "{folder}", "get", "--key", ANN, "--base"],
    ],
)
def test_results_are_printed_however_loud(folder, option, words):
    places = [word.format(folder=folder) for word in words]
    plain, loud = (without_instants(call(*more, *places)) for more in ([], [option]))
    assert loud == plain != ""


def without_instants(answer: Answer) -> str:
    assert answer.code == 0
    return "\n".join(line for line in answer.out.splitlines() if not line.startswith("as of"))


def test_global_options_come_first_in_any_order(folder):
    for words in (
        ["--json", "-C", folder],
        ["-C", folder, "--json"],
        ["-q", "-C", folder, "--json"],
    ):
        assert call(*words, "sql", "SELECT 1 AS x").document == {
            "columns": ["x"],
            "rows": [{"x": 1}],
        }


def test_infinite_instants_are_said_as_such(asked):
    rows = asked(
        "sql",
        "SELECT 'infinity'::TIMESTAMPTZ AS a, '-infinity'::TIMESTAMPTZ AS b, "
        "'9999-12-31T23:59:59.999999Z'::TIMESTAMPTZ AS c",
    )["rows"]
    assert rows == [{"a": "infinity", "b": "-infinity", "c": "9999-12-31T23:59:59.999999Z"}]
