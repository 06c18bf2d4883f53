"""API usage a person's way: choose a span, open an operation's history, group it."""

from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.people import somebody, token_of

HOSTILE = "<script>alert(1)</script> {{ 7*7 }} ‮ '\""


@pytest.fixture(scope="module")
def called(contoso_served):
    """The example, after calls of several kinds by a caller with a hostile name."""
    with contoso_served.client() as client:
        for _ in range(3):
            client.get("/runs").raise_for_status()
        client.get("/runs/4711")
        caller = {"caller": HOSTILE}
        path = "/data/Customer/00000000000000000000000000000000"
        assert client.patch(path, params=caller, json={"FullName": "x"}).status_code == 404
    return contoso_served


@pytest.mark.usefixtures("called")
def test_usage_shows_calls_bytes_and_operations_of_a_span(person):
    person.goes("/usage")
    page = person.page
    calls = page.locator("dl.figures dd").first
    expect(calls).not_to_have_text("0")
    expect(page.locator(".chart canvas")).to_have_count(2)
    person.expect_accessible()
    page.get_by_role("link", name="30 days").click()
    expect(page.get_by_role("link", name="30 days")).to_have_attribute("aria-current", "true")
    page.get_by_text("As a table").first.click()
    rows = page.locator("details[open] tbody tr")
    assert 30 <= rows.count() <= 32
    # The drill-down opens without leaving the page, has the focus, and an address of its own.
    page.get_by_role("link", name="Get-a-run: History").click()
    heading = page.get_by_role("heading", name="History: Get-a-run")
    expect(heading).to_be_focused()
    assert "operation=Get-a-run" in page.url
    page.get_by_role("link", name="Error code").click()
    expect(page.get_by_role("rowheader", name="unknown_run")).to_be_visible()
    expect(page.locator("#drill canvas")).to_have_count(1)
    person.expect_accessible()
    page.get_by_text("As a table").first.click()
    person.pictured("usage")
    page.reload()
    expect(page.get_by_role("rowheader", name="unknown_run")).to_be_visible()


@pytest.mark.usefixtures("called")
def test_a_hostile_caller_is_shown_as_text(person):
    operation = quote("Update-an-instance-of-the-specified-entity-type")
    person.goes("/usage?by=caller")
    page = person.page
    name = page.locator("th a", has_text="Update").first.inner_text().split(":")[0].strip()
    person.goes(f"/usage?operation={quote(name) or operation}&by=caller")
    expect(page.locator("#drill tbody th", has_text="<script>")).to_be_visible()
    person.expect_accessible()


def test_a_range_of_ones_own_is_in_ones_own_zone(person):
    person.goes("/usage?span=own&from=2020-01-01T10:00&to=2020-01-02T10:00")
    page = person.page
    expect(page.get_by_text("Nobody called in this time").first).to_be_visible()
    assert page.locator("time").first.get_attribute("datetime") == "2020-01-01T09:00:00.000000Z"
    person.expect_accessible()
    person.goes("/usage?span=own&from=yesterday&to=")
    expect(page.get_by_text("is no date with a time")).to_be_visible()


def test_usage_is_for_admins_and_fits_a_telephone(browser, called):
    small = {"viewport": {"width": 320, "height": 700}, "color_scheme": "dark", "locale": "nl-NL"}
    with somebody(browser, called, **small) as found:
        found.goes("/usage")
        found.signs_in(token_of(called, "contributor"))
        expect(found.page.get_by_text("Uw rol is hiervoor te klein")).to_be_visible()
        found.expect_accessible()
        found.page.get_by_role("button", name="Afmelden").click()
        found.goes("/usage")
        found.signs_in(token_of(called, "admin"))
        expect(found.page.locator(".chart canvas")).to_have_count(2)
        assert found.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found.expect_accessible()
