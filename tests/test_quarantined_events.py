"""Real-time events that a later refresh has no place for: over HTTP, and on their page."""

import html
import json

import httpx
import pytest

from tests import shop
from tests.command_line import call
from tests.served import publish_shop, serving

VALUE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A project whose last refresh took a field away that two events had changed."""
    folder = tmp_path_factory.mktemp("quarantined")
    contact = (shop.CONTACTS, "1", {"EMail": "ann@x", "FullName": "Ann", "Points": 1})
    publish_shop(folder, contact)
    key = f"{shop.CONTACTS}=1"
    assert call("-q", "-C", folder, "update", "--key", key, f"FullName={VALUE}").code == 0
    assert call("-q", "-C", folder, "update", "--key", key, "FullName=Anne", "Points=2").code == 0
    document = shop.configuration()
    merged = document["unification"]["merge"]["fields"]
    merged[:] = [one for one in merged if one["name"] != "FullName"]
    (folder / "overtide.yaml").write_text(json.dumps(document))
    assert call("-q", "-C", folder, "refresh").code == 0
    assert call("-q", "-C", folder, "stream", "--until-caught-up").code == 0
    with serving(folder, shop.INSTANCE, "--only", "api") as found:
        yield found


def test_what_has_no_place_is_listed_with_its_reason_the_latest_first(served):
    with served.client() as client:
        found = client.get("/manage/quarantinedevents").raise_for_status().json()
        assert found["count"] == 2
        told = [(one["position"], one["field"], json.loads(one["value"])) for one in found["value"]]
        assert told == [(1, "FullName", "Anne"), (0, "FullName", VALUE)]
        assert all(one["code"] and one["reason"] for one in found["value"])
        page = client.get("/manage/quarantinedevents", params={"$top": "1", "$skip": "1"}).json()
        assert page == {"count": 2, "value": found["value"][1:]}
        # The other field of the same event is shown, and the state counts both.
        card = client.get("/data/Customer", params={"$search": "ann@x"}).json()["value"]
        assert [one["Points"] for one in card] == [2]
        assert client.get("/status").json()["quarantined"] == 2
        wrong = client.get("/manage/quarantinedevents", params={"$top": "many"})
        assert (wrong.status_code, wrong.json()["name"]) == (400, "$top")


def test_an_admin_finds_them_from_the_state_of_the_data(served):
    with httpx.Client(base_url=served.url.partition("/v1")[0], timeout=60) as browser:
        browser.post("/sign-in", data={"token": served.token})
        assert 'href="/data/quarantined"' in browser.get("/data").raise_for_status().text
        page = browser.get("/data/quarantined").raise_for_status().text
        assert html.escape(VALUE) in page
        assert VALUE not in page
        assert page.index("Anne") < page.index(html.escape(VALUE))
        empty = browser.get("/data/quarantined?page=7").raise_for_status().text
        assert "Anne" not in empty
