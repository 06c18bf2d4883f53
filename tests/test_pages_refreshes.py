"""Refreshes a person's way: start one, watch it, find its rows, put them right, see one fail."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from overtide.lake.coordination import Lock, coordination
from overtide.schemas.paths import Paths
from tests import shop
from tests.people import Person, somebody, token_of
from tests.served import Served, serving

LONG = 120_000
"""Milliseconds that a refresh may take on a machine with much else to do."""
HOSTILE = "<script>alert(1)</script>{{ 7*7 }} \"'& ‮"
BAD = (
    (shop.CONTACTS, "bad1", {"EMail": "bad@x", "Points": HOSTILE, "Since": "2020-02-30"}),
    (shop.CONTACTS, "bad2", {"EMail": "worse@x", "Points": "seven"}),
)
GOOD = tuple((shop.CONTACTS, f"c{n}", {"EMail": f"c{n}@x", "Points": n}) for n in range(60))


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    """The shop before its first refresh, with rows that cannot be read whole; all of `serve`."""
    folder = tmp_path_factory.mktemp("refreshes")
    (folder / "overtide.yaml").write_text(json.dumps(shop.configuration()))
    write(folder, *GOOD, *BAD)
    with serving(folder, shop.INSTANCE) as found:
        yield found


def write(folder, *records) -> None:
    shop.write_sources(folder, shop.sources(*records))


@pytest.fixture(scope="module")
def tokens(served) -> dict[str, str]:
    """A token of each role."""
    return {role: token_of(served, role) for role in ("viewer", "contributor", "admin")}


def signed_in(found: Person, token: str, place: str) -> Person:
    found.goes(place)
    found.signs_in(token)
    return found


def test_a_refresh_is_started_watched_and_its_rows_are_put_right(browser, served, tokens):
    with somebody(browser, served) as found:
        page = signed_in(found, tokens["contributor"], "/refreshes").page
        # Nothing is there yet, and every page says so.
        expect(page.get_by_text("There was no refresh yet")).to_be_visible()
        found.expect_accessible()
        found.goes("/data")
        expect(page.get_by_text("Nothing is published yet")).to_be_visible()
        expect(page.get_by_role("link", name="SQL")).to_have_count(0)
        found.expect_accessible()
        found.goes("/refreshes")
        held = coordination(Paths.of(served.folder))
        with held.commit():  # so that it is not done before one looks
            page.get_by_role("button", name="Start a refresh").click()
            expect(page.locator("#now").get_by_text("Running")).to_be_visible()
        expect(page.locator("#list .state.successful")).to_be_visible(timeout=LONG)
        expect(page.locator("#now progress")).to_have_count(0)
        row = page.locator("#list tbody tr").first
        assert [one.strip() for one in row.locator("td").all_inner_texts()][2:10] == [
            "64", "64", "0", "0", "0", "0", "66", "0",
        ]  # fmt: skip
        # What did not come through leads to the rows themselves.
        page.get_by_role("link", name="Crm_Contacts: rows with values").click()
        expect(page.get_by_role("cell", name="bad1")).to_be_visible()
        assert page.get_by_text(HOSTILE).first.is_visible()
        expect(page.get_by_text("data/Crm_Contacts.csv").first).to_be_visible()
        expect(page.get_by_text("2020-02-30").first).to_be_visible()
        found.expect_accessible()
        found.pictured("corrupt-rows")
        page.get_by_label("Look for").fill("SEVEN")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Rows: 1 of 2")).to_be_visible()
        assert page.get_by_role("cell", name="bad1").count() == 0
        with page.expect_download() as download:
            page.get_by_role("link", name="Download as CSV").click()
        text = download.value.path().read_text("utf-8")
        assert (
            text.splitlines()[0] == "CorruptionDetails,PrimaryKey,IsKept,FileName,LineNumber,Record"
        )
        assert text.count("bad2") >= 1
        assert "bad1" not in text
        page.get_by_role("button", name="Nederlands").click()
        expect(page.get_by_text("verwacht werd een geheel getal, er staat").first).to_be_visible()
        expect(page.locator("main")).not_to_contain_text("expected")
        page.get_by_role("button", name="English").click()
        # The file is put right, and the rows are driven through again.
        write(served.folder, *GOOD)
        page.get_by_role("button", name="Start a refresh").click()
        expect(page.get_by_text("Rows before: 2, now: 0")).to_be_visible(timeout=LONG)
        found.expect_accessible()
        found.goes("/refreshes")
        found.pictured("refreshes")
        # Of one that runs, one sees how far it is.
        page.get_by_role("button", name="Start a refresh").click()
        progress = page.locator("#now progress")
        for _ in range(20):  # it commits twice, and its stages come between
            if not progress.count():
                with held.commit():
                    page.wait_for_timeout(1_500)
        expect(progress.first).to_be_visible()
        expect(page.locator("#list .state.successful")).to_have_count(3, timeout=LONG)
        expect(page.locator("#now progress")).to_have_count(0)


def test_a_refresh_that_fails_says_which_row_is_to_blame(browser, served, tokens):
    file = served.folder / "data" / "Crm_Contacts.csv"
    before = file.read_text()
    file.write_text(before + ",nobody@x,<b>Key</b>,1,\n" * 9)
    try:
        with somebody(browser, served, color_scheme="dark") as found:
            page = signed_in(found, tokens["contributor"], "/refreshes").page
            page.get_by_role("button", name="Start a refresh").click()
            expect(page.locator("#list .state.failed").first).to_be_visible(timeout=LONG)
            found.expect_accessible()
            page.locator("#list tbody tr th a").first.click()
            line = len(before.splitlines()) + 1
            expect(
                page.get_by_text(f"data/Crm_Contacts.csv, line {line}: ContactId").first
            ).to_be_visible()
            expect(page.get_by_text("<b>Key</b>").first).to_be_visible()
            expect(page.get_by_text("too_many_set_aside")).to_be_visible()
            found.expect_accessible()
            found.pictured("failed-refresh")
    finally:
        file.write_text(before)


def test_one_that_waits_can_be_cancelled_by_who_may_start_one(browser, served, tokens):
    held = coordination(Paths.of(served.folder)).hold(Lock.REFRESH, "a test", "now")
    with held, somebody(browser, served, viewport={"width": 320, "height": 700}) as found:
        page = signed_in(found, tokens["contributor"], "/refreshes").page
        page.get_by_role("button", name="Start a refresh").press("Enter")
        expect(page.locator("#now").get_by_text("Waiting")).to_be_visible()
        with somebody(browser, served) as other:
            signed_in(other, tokens["viewer"], "/refreshes")
            expect(other.page.locator("#now").get_by_text("Waiting")).to_be_visible()
            assert other.page.get_by_role("button", name="Cancel").count() == 0
            assert other.page.get_by_role("button", name="Start a refresh").count() == 0
        found.expect_accessible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Cancel").press("Enter")
        expect(page.locator("#list .state.aborted").first).to_be_visible()
        expect(page.locator("#news")).to_have_text("")


def test_a_schedule_is_made_changed_paused_and_deleted(browser, served, tokens):
    with somebody(browser, served) as found:
        page = signed_in(found, tokens["admin"], "/refreshes/schedules").page
        expect(page.get_by_text("Monday to Friday at 02:30")).to_be_visible()
        page.get_by_label("Cron expression").fill("0 3 1 1 x")
        expect(page.get_by_text("is no cron expression")).to_be_visible()
        page.get_by_role("button", name="Make the schedule").click()
        expect(page.get_by_role("alert").get_by_text("is no cron expression")).to_be_visible()
        found.expect_accessible()
        page.get_by_label("Cron expression").fill("0 3 1 1 *")
        page.get_by_label("Time zone").fill("W. Europe Standard Time")
        expect(page.locator("#preview li")).to_have_count(5)
        found.pictured("schedules")
        page.get_by_role("button", name="Make the schedule").click()
        row = page.get_by_role("row", name="on day 1 of the month in January at 03:00")
        expect(row).to_be_visible()
        expect(row.locator("time")).to_be_visible()
        found.expect_accessible()
        row.get_by_role("button", name="Pause").click()
        expect(row.get_by_text("Paused")).to_be_visible()
        row.get_by_role("button", name="Go on").click()
        expect(row.locator("time")).to_be_visible()
        row.get_by_role("button", name="Pause").click()
        row.get_by_role("link", name="Edit").click()
        expect(page.get_by_role("heading", name="Change the schedule")).to_be_visible()
        expect(page.get_by_label("Time zone")).to_have_value("W. Europe Standard Time")
        page.get_by_label("Cron expression").fill("0 4 1 1")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert").get_by_text("is no cron expression")).to_be_visible()
        page.get_by_label("Cron expression").fill("0 4 1 1 *")
        found.expect_accessible()
        page.get_by_role("button", name="Save").click()
        row = page.get_by_role("row", name="on day 1 of the month in January at 04:00")
        expect(row.get_by_text("Paused")).to_be_visible()
        expect(page.locator("tbody tr")).to_have_count(1)
        row.get_by_role("button", name="Go on").click()
        with somebody(browser, served, locale="nl-NL") as other:
            signed_in(other, tokens["viewer"], "/refreshes/schedules")
            expect(
                other.page.get_by_text("op dag 1 van de maand in januari om 04:00")
            ).to_be_visible()
            assert other.page.locator("#cron, main button").count() == 0
        page.on("dialog", lambda dialog: dialog.accept())
        row.get_by_role("button", name="Delete").click()
        expect(page.get_by_text("Nothing starts a refresh by itself")).to_be_visible()


def test_what_was_not_published_is_said_not_to_be_there(browser, served, tokens):
    with somebody(browser, served) as found:
        page = signed_in(found, tokens["viewer"], "/refreshes/runs/4711").page
        expect(page.get_by_text("unknown_run")).to_be_visible()
        found.goes("/refreshes/jobs/nothing")
        expect(page.get_by_text("unknown_job")).to_be_visible()
        found.goes("/refreshes/rows/Nothing_Here")
        expect(page.locator(".problem")).to_be_visible()
        found.expect_accessible()
