"""Hostile values, 200 fields, 10,000 activities; and a service that goes away."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests import shop
from tests.certificates import write_certificate
from tests.command_line import call
from tests.people import somebody, token_of
from tests.served import Served, serving

HOSTILE = (
    "<script>alert(1)</script> \"'> {{ 7*7 }} {% raw %} \u202eevil\u202c שלום 👩‍👩‍👧 " + "x" * 400
)
EXTRA = [f"Extra{number}" for number in range(200)]
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
    names = dict(shop.NAMES)
    shop.NAMES[shop.CONTACTS] = (*names[shop.CONTACTS], *EXTRA)
    try:
        account = (shop.ACCOUNTS, "1", {"EMail": "ann@x"})
        found = shop.sources((shop.CONTACTS, "1", contact), account, *orders)
        shop.write_sources(folder, found)
    finally:
        shop.NAMES.update(names)
    assert call("-q", "-C", folder, "refresh").code == 0
    return folder


@pytest.fixture(scope="module")
def served(folder) -> Iterator[Served]:
    with serving(folder, shop.INSTANCE, "--only", "api") as found:
        yield found


TO_MORE = "document.querySelector('.more').scrollIntoView()"
"""Scrolls at once: Playwright waits until nothing moves, and by then the next page has come."""


def customer_of(served: Served, token: str | None = None) -> str:
    asked = {"dataSourceName": "Crm", "entityName": "Contacts", "key": "1"}
    with served.client(token) as client:
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
        expect(page.locator(".is-live .value")).to_contain_text(["{{ 7*7 }}"] * 2)
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
        found.goes("/?q=%3Cscript%3E")
        expect(page.locator(".tile")).to_contain_text("{{ 7*7 }}")
        client.delete(f"/data/Customer/{customer}/overrides").raise_for_status()


def shown_ids(page) -> list[str]:
    all_ids = "all => all.map(one => one.dataset.activity)"
    return page.locator("[data-activity]").evaluate_all(all_ids)


def ordered(client, customer: str, number: int) -> list[str]:
    path, asked = f"/data/Customer('{customer}')/UnifiedActivity", {"$top": number}
    found = client.get(path, params=asked).raise_for_status().json()["value"]
    return [one["ActivityId"] for one in found]


def bought(client, key: str, at: str) -> None:
    record = {"OrderId": key, "AccountId": "1", "PlacedAt": at, "Item": key}
    client.post(f"/data/{shop.ORDERS}", json=record).raise_for_status()


def test_ten_thousand_activities_come_a_page_at_a_time_and_stay_right(browser, served):
    customer = customer_of(served)
    with somebody(browser, served) as found, served.client() as client:
        asked: list[str] = []
        found.page.on("request", lambda one: "/timeline" in one.url and asked.append(one.url))
        found.goes(f"/customers/{customer}")
        found.signs_in(str(served.token))
        page = found.page
        rows = page.locator("[data-activity]")
        expect(page.locator("#timeline .count").first).to_have_text("10,000")
        expect(rows).to_have_count(100)
        for count in (200, 300, 400):
            page.evaluate(TO_MORE)
            expect(rows).to_have_count(count)
        assert len(asked) == 4  # a request a page, which brings what follows the last row
        assert shown_ids(page) == ordered(client, customer, 400)
        # What arrives at the top and far below takes its place; no row is there twice or missing.
        middle = page.locator(".activity time").nth(250).get_attribute("datetime")
        page.locator("[data-activity] summary").nth(120).click()
        opened = shown_ids(page)[120]
        bought(client, "late", middle)
        bought(client, "new", "2026-11-28T10:00:00Z")
        expect(page.locator("#timeline .count").first).to_have_text("10,002")
        expect(rows.first).to_contain_text("new")
        page.evaluate(TO_MORE)
        expect(rows).to_have_count(500)
        assert shown_ids(page) == ordered(client, customer, 500)
        expect(page.locator(f'[data-activity="{opened}"] details')).to_have_attribute("open", "")
        expect(page.locator(".month h3").first).to_contain_text("November 2026 1")
        months = page.locator(".month h3").all_text_contents()
        assert len(set(months)) == len(months)
        counted = {one.split()[-1] for one in months[1:]}
        assert counted <= {"111", "112"}, months


def test_pages_of_ten_thousand_activities_have_each_of_them_once(served):
    customer = customer_of(served)
    names: list[str] = []
    with httpx.Client(base_url=served.url, timeout=60) as browser:
        browser.post("/sign-in", data={"token": served.token})
        place: str | None = f"/customers/{customer}/timeline?type="
        while place:
            answer = browser.get(f"{place}&top=1000", headers={"HX-Request": "true"})
            names += re.findall(r'data-activity="([^"]+)"', answer.raise_for_status().text)
            more = re.search(r'class="more" hx-get="([^"]+)"', answer.text)
            place = more and html.unescape(more[1])
    with served.client() as client:
        path, asked = f"/data/Customer('{customer}')/UnifiedActivity", {"$count": "true"}
        count = client.get(path, params=asked).json()["@odata.count"]
        assert names[:1000] == ordered(client, customer, 1000)
    assert len(names) == len(set(names)) == count >= ACTIVITIES


def test_behind_tls_the_cookie_of_a_session_is_the_hosts_own(browser, folder, tmp_path):
    certificate, key = write_certificate(tmp_path)
    words = ("--only", "api", "--tls-cert", str(certificate), "--tls-key", str(key))
    with (
        serving(folder, shop.INSTANCE, *words) as served,
        somebody(browser, served, ignore_https_errors=True) as found,
    ):
        assert served.url.startswith("https://")
        token = token_of(served, "contributor")
        found.goes("/")
        found.signs_in(token)
        tile = found.page.locator(".tile a").first
        tile.click()
        found.page.get_by_role("button", name="Edit Points", exact=True).click()
        found.page.get_by_label("New value of Points").fill("5")
        found.page.keyboard.press("Enter")  # a change needs the cookie and its proof
        expect(found.page.locator("#part-Points .value")).to_have_text("5")
        found.page.get_by_role("button", name="Withdraw the change of Points").click()
        expect(found.page.locator("#part-Points .value")).to_contain_text("No value")
        kept = {one["name"]: one for one in found.page.context.cookies()}
        assert "overtide_session" not in kept
        session = kept["__Host-overtide_session"]
        assert (session["secure"], session["httpOnly"], session["path"]) == (True, True, "/")
        assert session["domain"] == "127.0.0.1"
        assert "session" not in found.page.evaluate("document.cookie")
        found.page.get_by_role("button", name="Sign out").click()
        expect(found.page.get_by_label("Token")).to_be_visible()
        assert "__Host-overtide_session" not in {
            one["name"] for one in found.page.context.cookies()
        }


def test_a_card_is_right_again_after_the_service_was_away(browser, folder):
    with (
        serving(folder, shop.INSTANCE, "--only", "api") as first,
        somebody(browser, first) as found,
    ):
        token, port = token_of(first, "owner"), int(first.url.rpartition(":")[2])
        customer = customer_of(first, token)
        with found.page.expect_response(lambda answer: answer.url.endswith("/live")):
            found.goes(f"/customers/{customer}")
            found.signs_in(token)
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
