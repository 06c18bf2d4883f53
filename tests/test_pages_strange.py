"""A customer with hostile values, 200 fields, 10,000 activities; and a service that goes away."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests import shop
from tests.command_line import call
from tests.people import somebody
from tests.served import Served, serving

HOSTILE = (
    "<script>alert(1)</script> \"'> {{ 7*7 }} {% raw %} \u202eevil\u202c שלום 👩‍👩‍👧 " + "x" * 400
)
EXTRA = [f"Extra field {number} <b>" for number in range(200)]
ACTIVITIES = 10_000


def configuration() -> dict[str, object]:
    """Return the shop with many more fields of contacts, and links of orders."""
    document = shop.configuration()
    contacts = document["sources"]["Crm"]["Contacts"]
    contacts["attributes"] |= dict.fromkeys(EXTRA, "string")
    contacts["attributes"]["FullName"] = {"type": "string", "semantic_type": "Person.FullName"}
    contacts["attributes"]["EMail"] = {"type": "string", "semantic_type": "Identity.Service.Email"}
    merged = document["unification"]["merge"]["fields"]
    merged[:] = [one for one in merged if one["name"] != "FullName"]
    merged += [{"name": "FullName", "from": [f"{shop.CONTACTS}.FullName"]}]
    merged += [{"name": name, "from": [f"{shop.CONTACTS}.{name}"]} for name in EXTRA]
    document["activities"][0]["url"] = "Note"
    return document


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """That project, refreshed."""
    folder: Path = tmp_path_factory.mktemp("strange")
    (folder / "overtide.yaml").write_text(json.dumps(configuration()))
    contact = {"EMail": "ann@x", "FullName": HOSTILE, **dict.fromkeys(EXTRA, HOSTILE[:60])}
    orders = (
        (
            shop.ORDERS,
            f"o{number}",
            {
                "AccountId": "1",
                "PlacedAt": f"20{10 + number % 10}-0{1 + number % 9}-01T10:00:00Z",
                "Item": HOSTILE if number == 8 else f"Item {number}",
                "Note": "javascript:alert(1)" if number % 2 else "https://example.com/?a=<b>",
            },
        )
        for number in range(ACTIVITIES)
    )
    found = shop.sources(
        (shop.CONTACTS, "1", contact), (shop.ACCOUNTS, "1", {"EMail": "ann@x"}), *orders
    )
    names = dict(shop.NAMES)
    shop.NAMES[shop.CONTACTS] = (*names[shop.CONTACTS], *EXTRA)
    try:
        shop.write_sources(folder, found)
    finally:
        shop.NAMES.update(names)
    assert call("-q", "-C", folder, "refresh").code == 0
    return folder


@pytest.fixture(scope="module")
def served(folder) -> Iterator[Served]:
    with serving(folder, shop.INSTANCE, "--only", "api") as found:
        yield found


def customer_of(served: Served) -> str:
    asked = {"dataSourceName": "Crm", "entityName": "Contacts", "key": "1"}
    with served.client() as client:
        return client.get("/profile/keyring", params=asked).json()["customerId"]


def test_hostile_values_are_texts_and_nothing_else(browser, served):
    customer = customer_of(served)
    with somebody(browser, served) as found, served.client() as client:
        terms = {"caller": HOSTILE[:100]}
        client.patch(f"/data/Customer/{customer}", json={"EMail": HOSTILE}, params=terms)
        found.goes(f"/customers/{customer}")
        found.signs_in(str(served.token))
        page = found.page
        page.on("dialog", lambda dialog: found.faults.append(dialog.message))
        expect(page.get_by_role("heading", level=1)).to_contain_text("<script>alert(1)</script>")
        expect(page.locator("[data-field]")).to_have_count(200 + 10)
        expect(page.locator(".activity").first).to_be_visible()
        links = page.locator(".activity a")
        for place in links.evaluate_all("links => links.map(one => one.getAttribute('href'))"):
            assert place.startswith("https://example.com/")
        page.get_by_role("button", name="Why EMail shows this").click()
        expect(page.locator("#panel-EMail")).to_contain_text("{{ 7*7 }}")
        page.get_by_role("button", name=f"Edit {EXTRA[7]}", exact=True).click()
        page.get_by_label(f"New value of {EXTRA[7]}").fill(HOSTILE)
        page.keyboard.press("Enter")
        expect(page.locator(".is-live .value")).to_contain_text([HOSTILE[:40], HOSTILE[:40]])
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
        found.goes("/?q=%3Cscript%3E")
        expect(page.locator(".tile")).to_contain_text("{{ 7*7 }}")
        client.delete(f"/data/Customer/{customer}/overrides").raise_for_status()


def test_many_activities_come_as_one_scrolls(browser, served):
    customer = customer_of(served)
    with somebody(browser, served) as found:
        found.goes(f"/customers/{customer}")
        found.signs_in(str(served.token))
        page = found.page
        expect(page.locator("#timeline .count")).to_have_text("10,000")
        expect(page.locator("[data-activity]")).to_have_count(100)
        for count in (200, 300):
            page.locator(".more").scroll_into_view_if_needed()
            expect(page.locator("[data-activity]")).to_have_count(count)
        names = page.locator("[data-activity]").evaluate_all(
            "all => all.map(one => one.dataset.activity)"
        )
        assert len(set(names)) == 300
        months = page.locator(".month h3").all_text_contents()
        assert len(set(months)) == len(months)


def test_a_card_is_right_again_after_the_service_was_away(browser, folder):
    with (
        serving(folder, shop.INSTANCE, "--only", "api") as first,
        somebody(browser, first) as found,
    ):
        customer, port = customer_of(first), int(first.url.rpartition(":")[2])
        with found.page.expect_response(lambda answer: answer.url.endswith("/live")):
            found.goes(f"/customers/{customer}")
            found.signs_in(str(first.token))
        points = found.page.locator("#part-Points .value")
        expect(points).to_contain_text("No value")
        first.stop()
        expect(found.page.get_by_text("The connection is lost.")).to_be_visible()
        assert call("-C", folder, "update", customer, "Points=7").code == 0
        with serving(folder, shop.INSTANCE, "--only", "api", port=port):
            expect(points).to_have_text("7")
            expect(found.page.get_by_text("The connection is lost.")).to_be_hidden()
        assert call("-C", folder, "withdraw", customer).code == 0
        found.faults[:] = [
            one for one in found.faults if not re.search("ERR_|Failed to fetch", one)
        ]


def test_a_slow_answer_of_an_older_search_is_not_shown(browser, served):
    def slowly(route: Route) -> None:
        if "q=evil" in route.request.url:
            found.page.wait_for_timeout(1_000)
        route.continue_()

    with somebody(browser, served) as found:
        found.goes("/")
        found.signs_in(str(served.token))
        expect(found.page.locator(".tile").first).to_be_visible()
        found.page.route("**/?q=*", slowly)
        field = found.page.get_by_label("Find a customer")
        field.fill("evil")
        found.page.wait_for_timeout(400)
        field.fill("nobody at all")
        expect(found.page.get_by_text("Nobody was found.")).to_be_visible()
        found.page.wait_for_timeout(1_200)
        expect(found.page.get_by_text("Nobody was found.")).to_be_visible()
