"""A clock behind the last event or publish is said by every command.

It is said beside an answer that is right all the same.
"""

import shutil
import time

import pytest

from overtide.project import Project
from overtide.schemas.instants import DAY, HOUR, SECOND, format_instant, parse_instant
from tests import shop
from tests.command_line import call
from tests.served import serving
from tests.shop import CONTACTS

ANN = f"{CONTACTS}=1"
ORDER = '{"OrderId": "77", "AccountId": "1", "PlacedAt": "2024-03-01T10:00:00Z", "Item": "Mug"}'
COMMANDS = {
    "get": ["get", "--key", ANN],
    "timeline": ["timeline", "--key", ANN],
    "sql": ["sql", "SELECT 1 AS one"],
    "open": ["open"],
    "status": ["status"],
    "update": ["update", "--key", ANN, "Points=5"],
    "withdraw": ["withdraw", "--key", ANN],
    "post": ["post", shop.ORDERS, "-"],
    "refresh": ["refresh"],
    "stream": ["stream", "--until-caught-up"],
    "validate": ["validate"],
}


def ahead() -> int:
    """A clock that is nearly a day ahead of this machine's."""
    return time.time_ns() // 1000 + DAY - 10 * SECOND


@pytest.fixture(scope="module")
def folder(refreshed_shop, tmp_path_factory):
    """A project in which an update was accepted before the clock was set back by a day."""
    folder = shutil.copytree(refreshed_shop, tmp_path_factory.mktemp("behind") / "shop")
    with Project(folder, ahead) as project:
        project.update(key=ANN, fields={"Points": 99}, valid_until="20d")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_so(folder, tmp_path, command):
    own = shutil.copytree(folder, tmp_path / "own")
    given = ORDER if command == "post" else b""
    said = call("-C", own, "-q", *COMMANDS[command], given=given)
    assert said.code == 0
    assert said.err.count("overtide: clock_behind: The clock of this machine says ") == 1
    assert ", which is 23:5" in said.err
    answer = call("-C", own, "--json", "-q", *COMMANDS[command], given=given)
    assert answer.code == 0
    assert [one["code"] for one in answer.document["warnings"]] == ["clock_behind"]
    assert "Set it right." in answer.err


def test_an_error_comes_with_it_too(folder):
    answer = call("-C", folder, "--json", "get", "--key", f"{CONTACTS}=none")
    assert (answer.code, answer.document["error"]["code"]) == (1, "customer_not_found")
    assert [one["code"] for one in answer.document["warnings"]] == ["clock_behind"]


def test_status_as_text_names_it(folder):
    assert "\nclock_behind " in call("-C", folder, "status").out


def test_what_was_accepted_is_shown_all_the_same(folder):
    card = call("-C", folder, "--json", "-q", "get", "--key", ANN).document
    assert (card["fields"]["Points"]["value"], card["asOf"]) == (99, card["knownAt"])


def test_python_says_it_too_and_more_than_a_second_is_meant(folder, tmp_path):
    own = shutil.copytree(folder, tmp_path / "own")
    with Project(own) as project:
        last = project.log.tail().accepted_at
        assert project.clock_behind().code == "clock_behind"
        assert [one["code"] for one in project.status()["warnings"]] == ["clock_behind"]
    with Project(own, lambda: last - SECOND) as project:
        assert project.clock_behind() is None
        assert project.status()["warnings"] == []
    with Project(own, lambda: last - SECOND - 1) as project:
        assert project.clock_behind() is not None


def test_a_publish_may_be_what_the_clock_is_behind(refreshed_shop, tmp_path):
    own = shutil.copytree(refreshed_shop, tmp_path / "own")
    with Project(own, lambda: 0) as project:
        published = project.reader.published().published_at
        assert project.clock_behind() is not None
        answer = project.update(key=ANN, fields={"Points": 99})
        assert answer.event.accepted_at == published + 1
        assert project.refresh().publish.published_at == published + 2
        assert project.get(key=ANN).as_of == published + 2


def test_a_right_clock_is_not_mentioned(refreshed_shop):
    answer = call("-C", refreshed_shop, "--json", "status")
    assert (answer.err, answer.document["warnings"]) == ("", [])
    assert "warnings" not in call("-C", refreshed_shop, "--json", "get", "--key", ANN).document
    with Project(refreshed_shop, lambda: time.time_ns() // 1000 + HOUR) as project:
        assert project.clock_behind() is None


def test_over_http_a_change_comes_right_behind_what_was_accepted_before(folder, tmp_path):
    own = shutil.copytree(folder, tmp_path / "own")
    with serving(own, shop.INSTANCE, "--only", "api") as served, served.client() as client:
        asked = {"dataSourceName": "Crm", "entityName": "Contacts", "key": "1"}
        customer = client.get("/profile/keyring", params=asked).json()["customerId"]
        path = f"/data/Customer('{customer}')"
        before = client.get(path)
        assert before.json()["Points"] == 99
        changed = client.patch(f"/data/{CONTACTS}/1", json={"Points": 5})
        assert changed.status_code == 204
        shown = client.get(path)
        assert shown.json()["Points"] == 5
        accepted = parse_instant(changed.headers["Overtide-Accepted-At"])
        assert accepted > parse_instant(before.headers["Overtide-As-Of"])
        assert parse_instant(shown.headers["Overtide-As-Of"]) >= accepted
        over = format_instant(time.time_ns() // 1000 + HOUR)
        late = client.patch(f"/data/{CONTACTS}/1", json={"Points": 6}, params={"validUntil": over})
        assert (late.status_code, late.json()["errorCode"]) == (400, "expired")
        assert client.get(path).json()["Points"] == 5
