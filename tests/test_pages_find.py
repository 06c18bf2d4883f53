"""Find a customer, as a person does it in a browser."""

import re

import pytest
from playwright.sync_api import expect

from tests import shop
from tests.conftest import make_shop
from tests.people import somebody
from tests.served import serving

CONTACTS = "eCommerce_eCommerceContacts"


@pytest.fixture(scope="module")
def client(contoso_served):
    """A client of the API, to change what a person then finds."""
    with contoso_served.client() as found:
        yield found


def of_contact(client, key: str) -> str:
    """Return the id of the customer that a contact is."""
    asked = {"dataSourceName": "eCommerce", "entityName": CONTACTS, "key": key}
    return client.get("/profile/keyring", params=asked).json()["customerId"]


def test_words_find_as_one_types_and_the_address_keeps_them(person):
    page = person.page
    expect(page.locator(".tile")).to_have_count(24)
    page.get_by_label("Find a customer").press_sequentially("kenneth beraun")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q=kenneth\+beraun$"))
    expect(page.locator("#found-count")).to_have_text(re.compile("1 customer$"))
    page.reload()
    expect(page.locator(".tile")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Kenneth")


def test_an_arrow_that_is_faster_than_the_search_waits_for_it(person, client):
    page = person.page
    expect(page.locator(".tile")).to_have_count(24)
    page.get_by_label("Find a customer").fill("CNTID_1052")
    page.keyboard.press("ArrowDown")
    tile = page.locator(f".tile a[href='/customers/{of_contact(client, 'CNTID_1052')}']").first
    expect(tile).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()


def slowed(page) -> None:
    """Let every answer take a second longer."""
    slow = {"offline": False, "latency": 1_000, "downloadThroughput": -1, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)


def test_what_is_typed_before_the_first_list_is_there_is_what_is_found(person):
    page = person.page
    slowed(page)
    person.goes("/")
    expect(page.get_by_text("Searching …")).to_be_visible()
    page.get_by_label("Find a customer").fill("kenneth beraun")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".tile a:focus")).to_contain_text("Kenneth")
    expect(page.locator(".tile")).to_have_count(1)


def test_facets_narrow_what_is_found_and_back_widens_it(person):
    page = person.page
    expect(page.locator("#found-count")).to_have_text(re.compile("5,"))
    expect(page.locator(".facets h2")).to_contain_text(["Gender"])
    person.pictured("find", whole=False)
    person.expect_accessible()
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    person.expect_accessible()
    page.locator(".facets").get_by_role("link", name="Texas").click()
    expect(page).to_have_url(re.compile("facet=State%3ATexas"))
    expect(page.locator(".facets a[aria-current]")).to_contain_text("Texas")
    expect(page.locator(".tile")).to_have_count(24)
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 2")).to_be_visible()
    page.get_by_label("Find a customer").fill("beraun")
    expect(page).to_have_url(re.compile(r"\?q=beraun&facet=State%3ATexas$"))
    page.get_by_role("link", name="Without facets").first.click()
    expect(page).to_have_url(re.compile(r"\?q=beraun$"))
    page.go_back()
    expect(page.locator(".facets a[aria-current]")).to_contain_text("Texas")


@pytest.mark.parametrize("before", ["", f"{CONTACTS}/", f"{CONTACTS} "])
def test_the_key_of_a_source_record_finds_its_customer(person, client, before):
    person.page.get_by_label("Find a customer").fill(f"{before}CNTID_1050")
    tile = person.page.get_by_role("heading", name="Found by key").locator("+ ul .tile")
    expect(tile).to_contain_text("CNTID_1050")
    expect(tile.get_by_role("link")).to_have_attribute(
        "href", f"/customers/{of_contact(client, 'CNTID_1050')}"
    )
    if before.endswith("/"):
        # Beside one who was found nothing says that nobody was.
        expect(person.page.locator("#facets")).to_be_empty()


@pytest.mark.parametrize("number", ["(318) 555-0199", "3185550199", "318.555.0199"])
def test_a_telephone_number_is_found_however_it_is_written(person, client, number):
    customer = of_contact(client, "CNTID_1055")
    changed = {"Telephone": "318 555-0199x7"}
    client.patch(f"/data/Customer/{customer}", json=changed).raise_for_status()
    person.page.get_by_label("Find a customer").fill(number)
    expect(person.page.locator(".tile")).to_have_count(1)
    expect(person.page.locator(".tile a")).to_have_attribute("href", f"/customers/{customer}")
    expect(person.page.locator(".facets-count")).to_have_text("1 customer")


def test_who_is_found_by_a_key_and_by_words_is_listed_once(person, client):
    page, customer = person.page, of_contact(client, "CNTID_1053")
    other = of_contact(client, "CNTID_1054")
    for one in (customer, other):
        client.patch(f"/data/Customer/{one}", json={"City": "CNTID_1053"}).raise_for_status()
    field = page.get_by_label("Find a customer")
    field.fill("CNTID_1053")
    expect(page.locator(f".tile a[href='/customers/{other}']")).to_be_visible()
    expect(page.locator(f".tile a[href='/customers/{customer}']")).to_have_count(1)
    expect(page.locator("#found-count")).to_have_text("1 customer")
    expect(page.locator(".facets-count")).to_have_text("2 customers")
    client.delete(f"/data/Customer/{other}/overrides").raise_for_status()
    field.fill("")
    expect(page.locator(".tile")).to_have_count(24)
    field.fill("CNTID_1053")
    expect(page.locator(".tile")).to_have_count(1)
    client.delete(f"/data/Customer/{customer}/overrides").raise_for_status()


def test_an_id_and_a_value_that_is_live_find_their_customer(person, client):
    customer = of_contact(client, "CNTID_1051")
    changed = {"EMail": "zaphod.unheard@example.com"}
    client.patch(f"/data/Customer/{customer}", json=changed).raise_for_status()
    person.page.get_by_label("Find a customer").fill("zaphod unheard")
    tile = person.page.locator(".tile")
    expect(tile).to_have_count(1)
    expect(tile).to_contain_text("1 live value")
    expect(tile.locator(".is-live")).to_contain_text("zaphod.unheard@example.com")
    person.page.get_by_label("Find a customer").fill(customer.upper())
    expect(person.page.get_by_role("heading", name="Found by key")).to_be_visible()
    expect(tile.first).to_contain_text("By its CustomerId")


def test_who_finds_nobody_is_told_what_to_do(person):
    page = person.page
    page.get_by_label("Find a customer").fill('<script>alert(1)</script> "{{ 7*7 }}" \\ OR )')
    expect(page.get_by_text("Nobody was found.")).to_be_visible()
    expect(page.get_by_text("Check the spelling")).to_be_visible()
    person.expect_accessible()
    person.goes("/?facet=Nope%3A1")
    expect(page.locator(".results .problem")).to_contain_text("Customers have no field 'Nope'")
    expect(page.get_by_role("link", name="Without facets")).to_be_visible()
    person.expect_accessible()


def test_a_slow_service_shows_what_was_asked_for_last(person):
    page, tiles = person.page, person.page.locator(".tile")
    expect(tiles).to_have_count(24)
    slowed(page)
    field = page.get_by_label("Find a customer")
    field.fill("kenneth")
    page.wait_for_timeout(400)
    field.fill("nobody at all")
    expect(page.get_by_text("Nobody was found.")).to_be_visible()
    expect(page).to_have_url(re.compile("nobody"))
    expect(tiles).to_have_count(0)


def test_a_telephone_in_dutch_shows_it_all(browser, contoso_served):
    size = {"width": 320, "height": 640}
    with somebody(browser, contoso_served, locale="nl-NL", viewport=size) as found:
        found.goes("/")
        found.page.get_by_label("Token").fill(contoso_served.token)
        found.page.keyboard.press("Enter")
        expect(found.page.locator(".tile")).to_have_count(24)
        expect(found.page.locator("#found-count")).to_have_text(re.compile(r"5\.\d+ klanten"))
        assert found.page.evaluate("document.scrollingElement.scrollWidth") == 320
        found.expect_accessible()


def test_an_empty_project_says_what_to_do(browser, tmp_path):
    folder = make_shop(tmp_path / "shop")
    with (
        serving(folder, shop.INSTANCE, "--only", "api") as served,
        somebody(browser, served) as found,
    ):
        found.goes("/")
        found.signs_in(served.token)
        expect(found.page.get_by_text("Nothing is published yet")).to_be_visible()
        link = found.page.locator(".results").get_by_role("link", name="Refreshes")
        expect(link).to_be_visible()
        found.expect_accessible()
