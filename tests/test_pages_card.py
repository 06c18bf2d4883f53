"""The card of a customer, as people use it: read, change, watch, look back."""

import re
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.sync_api import expect

from tests.people import somebody, token_of

CONTACTS = "eCommerce_eCommerceContacts"
PURCHASES = "eCommerce_eCommercePurchases"


@pytest.fixture(scope="module")
def client(contoso_served):
    """Another system that changes customers."""
    with contoso_served.client() as found:
        yield found


def of_contact(client: httpx.Client, key: str) -> str:
    """Return the id of the customer that a contact is; each test has one of its own."""
    asked = {"dataSourceName": "eCommerce", "entityName": CONTACTS, "key": key}
    return client.get("/profile/keyring", params=asked).json()["customerId"]


def value(person, field: str):
    """Return where a field shows its value."""
    return person.page.locator(f"#part-{field} .value")


def opened(person, customer: str):
    """Open a card and wait for its stream."""
    with person.page.expect_response(lambda answer: answer.url.endswith("/live")):
        person.goes(f"/customers/{customer}")


def test_a_card_shows_what_is_known_with_what_is_live_and_why(person, client):
    page, customer = person.page, of_contact(client, "CNTID_1001")
    changed = {"EMail": "new@example.com", "Income": 12345.5, "Telephone": None}
    terms = {"caller": "call centre", "validUntil": "26h"}
    client.patch(f"/data/Customer/{customer}", json=changed, params=terms).raise_for_status()
    person.goes(f"/customers/{customer}")
    expect(page.locator("#customer-head")).to_contain_text("3 live values")
    expect(value(person, "Income")).to_have_text("12,345.5")
    live = page.locator("#part-EMail")
    expect(live.get_by_role("link", name="new@example.com")).to_have_attribute(
        "href", "mailto:new@example.com"
    )
    expect(live).to_contain_text("call centre")
    expect(live.locator(".beneath")).to_contain_text("kenneth_beraun@")
    expect(live.locator(".countdown")).to_have_text("1d 1h")
    expect(page.locator("#timeline .activity")).to_have_count(9)
    page.get_by_role("button", name="Why EMail shows this").click()
    expect(page.locator("#panel-EMail")).to_contain_text("A live change decides this value")
    page.get_by_text("Source records (2)").click()
    page.locator("#records").get_by_text("LOYID_1001").first.click()
    expect(page.locator("#records .record")).to_contain_text("RewardPoints")
    person.expect_accessible()
    page.keyboard.press("Escape")
    person.page.set_viewport_size({"width": 1280, "height": 960})
    person.page.evaluate("scrollTo(0, 0)")
    person.pictured("card", whole=False)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    person.expect_accessible()
    client.delete(f"/data/Customer/{customer}/overrides").raise_for_status()


def test_a_card_tells_by_keyboard_why_its_records_are_one_and_data_how_the_rules_fare(
    person, client
):
    page, customer = person.page, of_contact(client, "CNTID_1000")
    opened(person, customer)
    page.locator("#joined > summary").press("Enter")
    joined = page.locator("#joined .joined > li")
    expect(joined.first).to_contain_text("the chains begin here")
    expect(joined.last).to_contain_text(
        "LOYID_1000 joined to eCommerce_eCommerceContacts CNTID_1000, by the rule FullName, Email"
    )
    mail = joined.last.get_by_role("row", name="Email")
    expect(mail.get_by_role("cell").last).to_contain_text(re.compile("the same|% alike"))
    person.expect_accessible()
    joined.last.locator("summary").press("Enter")
    expect(mail).to_be_hidden()
    joined.last.locator("summary").press("Enter")
    page.locator("#joined").scroll_into_view_if_needed()
    person.pictured("why-these-records", whole=False)
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    person.goes("/data")
    page.get_by_role("link", name="Matching").press("Enter")
    rule = page.get_by_role("row", name="FullName, Email")
    expect(rule).to_contain_text("LoyaltyScheme_loyCustomers")
    expect(page.get_by_text("2 records", exact=True)).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    person.expect_accessible()
    page.set_viewport_size({"width": 1280, "height": 960})
    person.pictured("matching")


def test_a_field_is_changed_and_withdrawn_by_keyboard(person, client):
    page, customer = person.page, of_contact(client, "CNTID_1060")
    opened(person, customer)
    before = value(person, "EMail").text_content() or ""
    page.get_by_role("button", name="Edit EMail", exact=True).press("Enter")
    field = page.get_by_label("New value of EMail")
    expect(field).to_be_focused()
    field.fill("typed@example.com")
    page.get_by_label("How long").select_option("1 hour")
    person.expect_accessible()
    field.press("Enter")
    expect(value(person, "EMail")).to_have_text("typed@example.com")
    expect(page.locator("#part-EMail .countdown")).to_have_text(re.compile("^0:59:"))
    expect(page.get_by_role("button", name="Edit EMail", exact=True)).to_be_focused()
    expect(page.locator("#announcer")).to_contain_text("EMail: typed@example.com")
    page.get_by_role("button", name="Withdraw the change of EMail", exact=True).press("Enter")
    expect(value(person, "EMail")).to_have_text(before)
    page.get_by_role("button", name="Edit EMail", exact=True).press("Enter")
    page.get_by_label("New value of EMail").press("Escape")
    expect(page.get_by_label("New value of EMail")).to_have_count(0)


def test_what_is_wrong_with_a_value_is_said_at_the_field(person, client):
    page, customer = person.page, of_contact(client, "CNTID_1061")
    opened(person, customer)
    page.get_by_role("button", name="Edit RewardPoints").click()
    page.get_by_label("New value of RewardPoints").fill("many")
    page.get_by_role("button", name="Save").click()
    panel = page.locator("#panel-RewardPoints")
    expect(panel.get_by_role("alert")).to_contain_text("no value of this field")
    expect(panel.get_by_label("New value")).to_have_value("many")
    person.expect_accessible()
    page.get_by_label("How long").select_option("Until …")
    # There is room for a date with its time, beside which nothing stands.
    width = "parts => parts.map(one => one.offsetWidth)"
    new, until = page.locator("#edit-RewardPoints, #edit-RewardPoints-until").evaluate_all(width)
    assert until == new
    page.get_by_label("New value of RewardPoints").fill("7")
    page.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("alert")).to_contain_text("Choose a day and a time")
    expect(panel.get_by_label("New value")).not_to_have_attribute("aria-invalid", "true")
    person.expect_accessible()
    page.get_by_label("Until", exact=True).fill("2020-01-01T10:00")
    page.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("alert")).to_contain_text("in the future")
    page.get_by_label("No value").check()
    page.get_by_label("How long").select_option("1 day")
    page.get_by_role("button", name="Save").click()
    expect(value(person, "RewardPoints")).to_contain_text("No value")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Withdraw all changes").click()
    expect(page.locator("#part-RewardPoints .live-line")).to_have_count(0)


def test_others_changes_and_expiries_show_within_a_second_and_leave_what_is_typed(person, client):
    page, customer = person.page, of_contact(client, "CNTID_1062")
    opened(person, customer)
    before = value(person, "Telephone").text_content() or ""
    activities = page.locator("[data-activity]")
    expect(activities.first).to_be_visible()
    count = activities.count()
    page.get_by_role("button", name="Edit EMail", exact=True).click()
    field = page.get_by_label("New value of EMail")
    field.fill("half typ")
    changed = {"EMail": "other@example.com", "Telephone": "555 0100"}
    client.patch(f"/data/Customer/{customer}", json=changed, params={"validUntil": "8s"})
    began = time.monotonic()
    expect(value(person, "Telephone")).to_have_text("555 0100", timeout=30_000)
    expect(value(person, "EMail")).to_have_text("other@example.com")
    assert field.input_value() == "half typ"
    record = {"PurchaseId": "seen", "ContactId": "CNTID_1062", "PurchasedOn": "01/02/2026"}
    client.post(f"/data/{PURCHASES}", json=record).raise_for_status()
    expect(activities).to_have_count(count + 1)
    expect(activities.first).to_contain_text("Real time")
    expect(value(person, "Telephone")).to_have_text(before, timeout=60_000)
    assert time.monotonic() - began > 7.5
    assert field.input_value() == "half typ"


def test_a_value_that_becomes_live_and_ends_moves_nothing(person, client):
    page, customer = person.page, of_contact(client, "CNTID_1069")
    opened(person, customer)
    expect(page.locator("#timeline .activity").first).to_be_visible()
    page.evaluate("""() => { window.moved = []; new PerformanceObserver(list => {
        for (const one of list.getEntries()) for (const source of one.sources)
            window.moved.push(source.node?.textContent ?? '');
    }).observe({type: 'layout-shift'}); }""")
    before = value(person, "LastName").text_content() or ""
    path, terms = f"/data/Customer/{customer}", {"validUntil": "6s", "caller": "call centre"}
    client.patch(path, json={"LastName": "Short"}, params=terms).raise_for_status()
    live = page.locator("#part-LastName.is-live")
    expect(live).to_contain_text("call centre")
    expect(page.get_by_role("button", name="Withdraw all changes")).to_be_visible()
    expect(live).to_have_count(0)
    expect(value(person, "LastName")).to_have_text(before)
    page.wait_for_timeout(200)
    assert page.evaluate("window.moved") == []


def test_the_past_is_shown_as_it_was_and_as_it_was_known(person, client):
    page, customer = person.page, of_contact(client, "CNTID_1063")
    path = f"/data/Customer/{customer}"
    client.patch(path, json={"City": "Old Town"}, params={"validUntil": "30d"})
    asked = client.get(f"/data/Customer('{customer}')").headers["Overtide-As-Of"]
    client.patch(path, json={"City": "New Town"}, params={"eventTime": asked, "validUntil": "29d"})
    opened(person, customer)
    expect(value(person, "City")).to_have_text("New Town")
    expect(page.locator("#timeline .activity").first).to_be_visible()
    person.goes(f"/customers/{customer}?asOf={asked}&knownAt={asked}")
    expect(value(person, "City")).to_have_text("Old Town")
    expect(page.get_by_role("status").filter(has_text="You look at the past")).to_contain_text(
        "as it was known at"
    )
    expect(page.get_by_role("button", name="Edit City")).to_have_count(0)
    expect(page.get_by_label("What was known")).to_have_value("then")
    person.expect_accessible()
    person.pictured("card-in-the-past", whole=False)
    person.goes(f"/customers/{customer}?asOf={asked}")
    expect(value(person, "City")).to_have_text("New Town")
    person.goes(f"/customers/{customer}?asOf=2099-01-01T00:00:00Z")
    expect(page.get_by_text("You look ahead")).to_be_visible()
    expect(value(person, "City")).not_to_have_text("New Town")
    page.get_by_role("link", name="Back to now").click()
    expect(page).to_have_url(re.compile(rf"/customers/{customer}$"))
    expect(page.get_by_text("Look back")).to_be_focused()
    page.get_by_label("The last 30 days").press("PageDown")
    expect(page.get_by_role("alert").first).to_contain_text("Nothing was published at that time")
    expect(page.locator("#time-shown")).to_have_text("Now")
    client.delete(f"{path}/overrides").raise_for_status()


def test_the_slider_goes_to_an_instant_and_back(person, client):
    page, customer = person.page, of_contact(client, "CNTID_1064")
    opened(person, customer)
    page.get_by_text("Look back").click()
    moment = client.get(f"/data/Customer('{customer}')").headers["Overtide-As-Of"]
    there = datetime.fromisoformat(moment).astimezone(ZoneInfo("Europe/Amsterdam"))
    page.get_by_label("As of").fill(f"{there:%Y-%m-%d}T23:59:00")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?asOf=[0-9T:.-]+Z$"))
    looks = page.get_by_text(re.compile("You look (at the past|ahead)"))
    expect(looks).to_be_visible()
    page.get_by_label("The last 30 days").press("End")
    expect(looks).to_have_count(0)
    expect(page).to_have_url(re.compile(rf"/customers/{customer}$"))
    expect(page.get_by_role("button", name="Edit City")).to_be_visible()


def test_who_may_only_read_is_shown_no_changes(browser, contoso_served, client):
    customer = of_contact(client, "CNTID_1065")
    client.patch(f"/data/Customer/{customer}", json={"City": "Rome"}).raise_for_status()
    with somebody(browser, contoso_served) as viewer:
        viewer.goes(f"/customers/{customer}")
        viewer.signs_in(token_of(contoso_served, "viewer"))
        expect(value(viewer, "City")).to_have_text("Rome")
        expect(viewer.page.get_by_role("button", name=re.compile("^Why"))).not_to_have_count(0)
        expect(viewer.page.get_by_role("button", name=re.compile("Edit|Withdraw"))).to_have_count(0)
        expect(viewer.page.get_by_text("Held activities")).to_have_count(0)
        proof = viewer.page.locator("body").get_attribute("data-csrf")
        posted = viewer.page.request.post(
            f"{contoso_served.url}/customers/{customer}/withdraw",
            headers={"X-CSRF-Token": proof or "", "Origin": contoso_served.url},
        )
        assert posted.status == 403
    client.delete(f"/data/Customer/{customer}/overrides").raise_for_status()


def test_an_open_card_ends_with_its_session(person, client):
    customer = of_contact(client, "CNTID_1066")
    opened(person, customer)
    other = person.page.context.new_page()
    other.goto(f"{person.url}/")
    other.get_by_role("button", name="Sign out").click()
    person.page.wait_for_url(re.compile("/sign-in"))


def test_held_activities_are_listed_for_admins(person, client):
    record = {"PurchaseId": "held", "ContactId": "CNTID_NEW", "PurchasedOn": "01/02/2026"}
    client.post(f"/data/{PURCHASES}", json=record).raise_for_status()
    person.goes(f"/customers/{of_contact(client, 'CNTID_1067')}")
    person.page.get_by_text("Held activities").click()
    expect(person.page.locator(".held-list")).to_contain_text("CNTID_NEW")
    person.expect_accessible()


def test_the_timeline_is_filtered_by_type_and_date(person, client):
    page = person.page
    person.goes(f"/customers/{of_contact(client, 'CNTID_1003')}")
    expect(page.locator(".activity").first).to_be_visible()
    everything = page.locator(".activity").count()
    page.get_by_label("Type").focus()
    page.keyboard.press("F")
    expect(page.locator(".activity")).not_to_have_count(everything)
    expect(page.get_by_label("Type")).to_be_focused()
    expect(page.get_by_label("Type")).to_have_value("Feedback")
    expect(page.locator(".activity").first).to_contain_text("Website review")
    # Typed digit by digit, each of which changes the date.
    page.locator("#timeline-to").focus()
    page.keyboard.type("01012001", delay=100)
    expect(page.get_by_text("No activity fits.")).to_be_visible()
    expect(page.locator("#timeline-to")).to_have_value("2001-01-01")
    expect(page.locator("#timeline-count")).to_have_text("0")
    expect(page.get_by_label("Type")).to_have_value("Feedback")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(".activity")).to_have_count(everything)
    page.locator(".activity summary").first.click()
    expect(page.locator(".activity .record").first).to_be_visible()


def test_a_customer_that_is_not_there_is_said_to_be_none(person):
    person.goes("/customers/nobody")
    expect(person.page.get_by_text("There is no such customer.")).to_be_visible()
    person.expect_accessible()


def test_a_telephone_shows_the_whole_card_in_dutch(browser, contoso_served, client):
    size = {"width": 320, "height": 640}
    with somebody(browser, contoso_served, locale="nl-NL", viewport=size) as found:
        found.goes(f"/customers/{of_contact(client, 'CNTID_1068')}")
        found.page.get_by_label("Token").fill(contoso_served.token)
        found.page.keyboard.press("Enter")
        expect(found.page.get_by_role("heading", name="Tijdlijn")).to_be_visible()
        found.page.get_by_role("button", name="City wijzigen").click()
        expect(found.page.get_by_label("Nieuwe waarde van City")).to_be_focused()
        assert found.page.evaluate("document.scrollingElement.scrollWidth") == 320
        found.expect_accessible()
        found.pictured("card-on-a-telephone", whole=False)
        found.page.get_by_label("Nieuwe waarde van City").fill("Utrecht")
        found.page.keyboard.press("Enter")
        found.page.get_by_text("English").click()
        expect(found.page.get_by_role("button", name="Withdraw all changes")).to_be_visible()
        assert found.page.evaluate("document.scrollingElement.scrollWidth") == 320


@pytest.mark.parametrize(
    ("zone", "hour"), [("America/New_York", "16:00"), ("Pacific/Kiritimati", "10:00")]
)
def test_a_date_is_that_date_wherever_one_looks(browser, contoso_served, client, zone, hour):
    key = "CNTID_1070" if zone.startswith("America") else "CNTID_1071"
    customer = of_contact(client, key)
    bought = {"PurchaseId": f"dated {key}", "ContactId": key, "PurchasedOn": "12/01/2029"}
    client.post(f"/data/{PURCHASES}", json=bought | {"Subject": "Grinder"}).raise_for_status()
    told = client.get(f"/data/Customer('{customer}')/UnifiedActivity", params={"$top": 1})
    assert told.json()["value"][0]["ActivityTime@overtide.date"] == "2029-12-01"
    timed = {
        "CustomerId": customer,
        "ActivityType": "Call",
        "ActivityTime": "2029-11-30T21:00:00Z" if zone.startswith("A") else "2029-11-30T20:00:00Z",
        "Title": "A call",
    }
    client.post("/data/UnifiedActivity", json=timed).raise_for_status()
    with somebody(browser, contoso_served, timezone_id=zone) as found:
        page = found.page
        found.goes(f"/customers/{customer}")
        found.signs_in(token_of(contoso_served, "viewer"))
        grinder = page.locator(".activity", has_text="Grinder")
        expect(grinder.locator("time").first).to_have_text("1 Dec 2029")
        call = page.locator(".activity", has_text="A call")
        expect(call.locator("time").first).to_contain_text(hour)
        # Days follow each other, and each month is there once, with its own.
        months = page.locator("#activities .month h3").all_text_contents()
        assert len(set(months)) == len(months)
        count = "1" if zone.startswith("A") else "2"
        december = page.locator("#activities .month", has_text="December 2029")
        expect(december.locator(".count")).to_have_text(count)
        page.locator("#timeline-from").fill("2029-12-01")
        page.locator("#timeline-to").fill("2029-12-01")
        expect(page.locator(".activity", has_text="Grinder")).to_be_visible()
        expect(page.locator(".activity")).to_have_count(int(count))
        page.locator("#timeline-from").fill("2029-12-02")
        page.locator("#timeline-to").fill("2029-12-02")
        expect(page.get_by_text("No activity fits.")).to_be_visible()
