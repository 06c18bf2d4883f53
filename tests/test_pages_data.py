"""Data a person's way: entities and their profiles, relationships, and SQL for Admins."""

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect

from tests.people import somebody, token_of


def test_entities_are_listed_drawn_and_profiled(person):
    person.goes("/data")
    page = person.page
    expect(page.get_by_role("row", name="Customer Customers")).to_contain_text("5,003")
    expect(page.locator(".map svg g")).to_have_count(7)
    person.pictured("data")
    page.get_by_text("As a list").click()
    expect(page.get_by_text("UnifiedActivity.CustomerId → Customer.CustomerId")).to_be_visible()
    expect(page.get_by_text("data/Contact.txt")).to_be_visible()
    person.expect_accessible()
    page.get_by_role("link", name="Customer", exact=True).click()
    summary = page.locator("summary", has_text="Income")
    summary.focus()
    page.keyboard.press("Enter")
    profile = page.locator("details[open] .profile-of")
    expect(profile.get_by_text("Histogram")).to_be_visible()
    expect(profile.locator("meter")).to_have_count(10)
    person.expect_accessible()
    person.pictured("profile")


def test_sql_is_written_run_refused_and_downloaded(person):
    person.goes("/data/sql")
    page = person.page
    field = page.get_by_label("Statement")
    page.get_by_role("button", name="customer_as_of(t, k)").click()
    expect(field).to_have_value("customer_as_of(t, k)")
    expect(field).to_be_focused()
    query = (
        "SELECT FullName, '<b>{{ 7*7 }}' AS \"<i>\", NULL AS n\nFROM Customer ORDER BY CustomerId"
    )
    field.fill(query)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("The first rows: 200")).to_be_visible()
    expect(page.get_by_role("heading", name="Result")).to_be_focused()
    expect(page.get_by_role("cell", name="<b>{{ 7*7 }}").first).to_be_visible()
    person.expect_accessible()
    person.pictured("sql")
    for kind, read in (
        ("CSV", lambda path: path.read_bytes().count(b"\r\n") - 1),
        ("Parquet", lambda path: pq.read_metadata(path).num_rows),
    ):
        with page.expect_download() as download:
            page.get_by_role("button", name=kind).click()
        path = download.value.path()
        assert read(path) == 5003
    # The statement is in the address; it is shown again, and not run by itself.
    page.reload()
    expect(field).to_have_value(query)
    expect(page.get_by_text("The first rows: 200")).to_have_count(0)
    field.fill("SELECT 1,\n  nothing")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#result mark")).to_have_text("nothing")
    expect(page.locator("#result .code")).to_have_text("invalid_sql · line 2, column 3")
    person.expect_accessible()
    field.fill("DELETE FROM Customer")
    page.get_by_role("button", name="CSV").click()
    expect(page.get_by_text("sql_not_read_only")).to_be_visible()
    expect(field).to_have_value("DELETE FROM Customer")


def test_a_downloaded_file_has_no_formulas(person):
    person.goes("/data/sql")
    page = person.page
    page.get_by_label("Statement").fill(
        "SELECT '=1+1' AS \"=a\", '@x,\"y\"' AS b, -5 AS c, 'a,=b' AS d"
    )
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    expected = b'\'=a,b,c,d\r\n\'=1+1,"\'@x,""y""",-5,"a,=b"\r\n'
    assert download.value.path().read_bytes() == expected


@pytest.mark.parametrize("role", ["viewer", "contributor"])
def test_sql_is_not_for_others(browser, contoso_served, role):
    small = {"viewport": {"width": 320, "height": 700}, "color_scheme": "dark"}
    with somebody(browser, contoso_served, **small) as found:
        found.goes("/data")
        found.signs_in(token_of(contoso_served, role))
        expect(found.page.get_by_role("heading", name="Entities")).to_be_visible()
        assert found.page.get_by_role("link", name="SQL").count() == 0
        assert found.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found.expect_accessible()
        found.goes("/data/sql?q=SELECT%201")
        expect(found.page.get_by_text("Your role is too small")).to_be_visible()
        found.expect_accessible()
